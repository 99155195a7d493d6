import type { BarPanel } from "./bars.js";
import { drawBars } from "./bars.js";
import type { SystemMeasured, TurnMeasured } from "./measure.js";
import { medianOf, mostMemory } from "./targets.js";

/** Draws requests, streams, added time and memory of each system. */
export function drawGateway(measured: readonly SystemMeasured[]): string {
  const direct = measured.find(({ name }) => name.startsWith("direct"));
  const panel = (
    title: string,
    scale: BarPanel["scale"],
    value: (system: SystemMeasured) => number,
  ): BarPanel => ({
    ...{ title, scale },
    bars: measured
      .map((system) => ({ name: system.name, value: value(system), own: system.recorded !== undefined }))
      .filter((bar) => Number.isFinite(bar.value) && bar.value > 0),
  });
  const rate = (turn: TurnMeasured): number => turn.perSecond;
  const p50 = (turn: TurnMeasured): number => turn.p50;
  const single = "plain, one connection";
  const floor = direct === undefined ? 0 : medianOf(direct, single, p50);
  return drawBars("Countersign beside other gateways", [
    panel("requests per second", "log", (system) => medianOf(system, "plain", rate)),
    panel("streams of 50 chunks per second", "log", (system) => medianOf(system, "streams", rate)),
    panel("ms added at the median, one connection", "log", (system) =>
      system === direct ? NaN : medianOf(system, single, p50) - floor,
    ),
    panel("MB resident at most", "linear", (system) => (system === direct ? NaN : mostMemory(system))),
  ]);
}
