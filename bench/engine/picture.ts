/** Draws lines on logarithmic axes as SVG that is legible on light and on dark ground. */

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  readonly title: string;
  readonly xTitle: string;
  readonly lines: readonly Line[];
}

const width = 420;
const height = 330;
const inner = { left: 62, right: 28, top: 46, bottom: 46 };
const legendHeight = 34;
/** Told apart by dash and mark, too, not by colour alone. */
const styles = [
  { light: "#1667c2", dark: "#6db3ff", dash: "", mark: "circle" },
  { light: "#b3420a", dark: "#ff9e5e", dash: "7 4", mark: "square" },
  { light: "#1b7f4b", dark: "#5fd39a", dash: "2 3", mark: "diamond" },
  { light: "#7a3fa8", dark: "#c99bf0", dash: "9 3 2 3", mark: "triangle" },
] as const;

/** Draws panels side by side below one legend; a line of the same name looks the same in each. */
export function drawPicture(title: string, panels: readonly Panel[]): string {
  const names = [...new Set(panels.flatMap(({ lines }) => lines.map(({ name }) => name)))];
  const total = width * panels.length;
  const legend = names.map((name, i) => {
    const x = inner.left + i * Math.min(190, (total - inner.left) / names.length);
    return `<g class="s${i}"><path d="M${x} 17h28"/>${mark(i, x + 14, 17)}</g><text x="${x + 34}" y="21">${escape(name)}</text>`;
  });
  const rules = styles.map(
    ({ light, dash }, i) =>
      `.s${i}{stroke:${light};color:${light}}.s${i} path.line,.s${i}>path{stroke-dasharray:${dash === "" ? "none" : dash}}`,
  );
  const darkRules = styles.map(({ dark }, i) => `.s${i}{stroke:${dark};color:${dark}}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total} ${height + legendHeight}" role="img" font-family="system-ui, sans-serif" font-size="12">
<title>${escape(title)}</title>
<style>
text{fill:#24292f}.grid{stroke:#d0d7de}.axis{stroke:#57606a}[class^="s"]{fill:none;stroke-width:2}.mark{fill:currentColor;stroke:none}
${rules.join("")}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#30363d}.axis{stroke:#8b949e}${darkRules.join("")}}
</style>
${legend.join("\n")}
${panels.map((panel, i) => `<g transform="translate(${i * width} ${legendHeight})">${drawPanel(panel, names)}</g>`).join("\n")}
</svg>
`;
}

function drawPanel({ title, xTitle, lines }: Panel, names: readonly string[]): string {
  const all = lines.flatMap(({ points }) => points);
  const x = scale(
    all.map(([at]) => at),
    inner.left,
    width - inner.right,
    false,
  );
  const y = scale(
    all.map(([, at]) => at),
    height - inner.bottom,
    inner.top,
    true,
  );
  const xs = [...new Set(all.map(([at]) => at))];
  const grid = [
    ...xs.map(
      (at) =>
        `<path class="grid" d="M${x.at(at)} ${inner.top}V${height - inner.bottom}"/><text x="${x.at(at)}" y="${height - inner.bottom + 17}" text-anchor="middle">${number(at)}</text>`,
    ),
    ...y.ticks.map(
      (at) =>
        `<path class="grid" d="M${inner.left} ${y.at(at)}H${width - inner.right}"/><text x="${inner.left - 7}" y="${y.at(at) + 4}" text-anchor="end">${number(at)}</text>`,
    ),
  ];
  const drawn = lines.map(({ name, points }) => {
    const i = names.indexOf(name);
    const path = points.map(([a, b], n) => `${n === 0 ? "M" : "L"}${x.at(a)} ${y.at(b)}`).join("");
    return `<g class="s${i}"><path class="line" d="${path}"/>${points.map(([a, b]) => mark(i, x.at(a), y.at(b))).join("")}</g>`;
  });
  return `<text x="${inner.left}" y="${inner.top - 14}" font-weight="600">${escape(title)}</text>
${grid.join("\n")}
<path class="axis" fill="none" d="M${inner.left} ${inner.top}V${height - inner.bottom}H${width - inner.right}"/>
<text x="${(inner.left + width - inner.right) / 2}" y="${height - 10}" text-anchor="middle">${escape(xTitle)}</text>
${drawn.join("\n")}`;
}

/** Maps values to places by their logarithm. @param whole widen to whole powers of ten, with a tick at each */
function scale(values: readonly number[], from: number, to: number, whole: boolean) {
  const logs = values.map((value) => Math.log10(value));
  const low = whole ? Math.floor(Math.min(...logs)) : Math.min(...logs);
  const high = whole ? Math.max(low + 1, Math.ceil(Math.max(...logs))) : Math.max(...logs);
  return {
    at: (value: number): number =>
      Math.round((from + ((Math.log10(value) - low) / (high - low || 1)) * (to - from)) * 10) / 10,
    ticks: whole ? Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) : [],
  };
}

function mark(i: number, x: number, y: number): string {
  const shape = styles[i % styles.length]?.mark;
  if (shape === "circle") return `<circle class="mark" cx="${x}" cy="${y}" r="4"/>`;
  if (shape === "square") return `<rect class="mark" x="${x - 3.5}" y="${y - 3.5}" width="7" height="7"/>`;
  if (shape === "diamond") return `<path class="mark" d="M${x} ${y - 5}l5 5l-5 5l-5-5z"/>`;
  return `<path class="mark" d="M${x} ${y - 5}l5 9h-10z"/>`;
}

function number(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 3 });
}

function escape(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
