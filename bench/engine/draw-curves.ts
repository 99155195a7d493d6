import type { CurvePoint } from "./curves.js";
import type { Line, Panel } from "./picture.js";
import { drawPicture } from "./picture.js";

/** Draws the curves, by file name; none where they weren't measured. */
export function drawCurves(points: readonly CurvePoint[]): Readonly<Record<string, string>> {
  const panel = (
    curve: CurvePoint["curve"],
    title: string,
    xTitle: string,
    value: (point: CurvePoint) => number | undefined,
  ): Panel => {
    const lines = new Map<string, [number, number][]>();
    for (const point of points) {
      const y = value(point);
      if (point.curve !== curve || y === undefined) continue;
      lines.set(point.engine, [...(lines.get(point.engine) ?? []), [point.at, y]]);
    }
    return { title, xTitle, lines: [...lines].map(([name, found]): Line => ({ name, points: found })) };
  };
  if (points.length === 0) return {};
  return {
    "engine-rules.svg": drawPicture("Cost of an evaluation over the number of rules", [
      panel("rules", "µs of CPU per evaluation", "rules", ({ us }) => us),
      panel("rules", "ms to compile, elapsed", "rules", ({ buildMs }) => buildMs),
    ]),
    "engine-data.svg": drawPicture("Cost over the size of the data", [
      panel("data", "µs of CPU per evaluation", "MB of JSON", ({ us }) => us),
      panel("data", "ms of CPU to load", "MB of JSON", ({ loadMs }) => loadMs),
      panel("data", "MB resident at most", "MB of JSON", ({ peakMb }) => peakMb),
    ]),
  };
}
