/** Draws bars as SVG that is legible on light and on dark ground. */

export interface BarPanel {
  readonly title: string;
  /** `log` where values differ by powers of ten: lengths then show the order, and not how many times. */
  readonly scale: "linear" | "log";
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** Drawn apart from the others. */
  readonly own: boolean;
}

const panel = { width: 400, left: 12, right: 64, top: 40 };
const row = { height: 36, bar: 13 };

/** Draws panels two by two. Each bar's value stands beside it. */
export function drawBars(title: string, panels: readonly BarPanel[]): string {
  const rows = Math.max(...panels.map(({ bars }) => bars.length));
  const height = panel.top + rows * row.height + 12;
  const lines = Math.ceil(panels.length / 2);
  const drawn = panels.map(
    (one, i) =>
      `<g transform="translate(${(i % 2) * panel.width} ${Math.floor(i / 2) * height})">${drawPanel(one)}</g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${panel.width * Math.min(2, panels.length)} ${lines * height}" role="img" font-family="system-ui, sans-serif" font-size="12">
<title>${escape(title)}</title>
<style>
text{fill:#24292f}.own{fill:#1667c2}.other{fill:#8c959f}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.own{fill:#6db3ff}.other{fill:#6e7681}}
</style>
${drawn.join("\n")}
</svg>
`;
}

function drawPanel({ title, scale, bars }: BarPanel): string {
  const values = bars.map(({ value }) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  // on a logarithmic scale the shortest bar is a sixth of the longest, whatever the unit
  const share = (value: number): number =>
    scale === "linear"
      ? value / most
      : 1 / 6 + (Math.log(value / least) / (Math.log(most / least) || 1)) * (5 / 6);
  const length = (value: number): number =>
    Math.round((panel.width - panel.left - panel.right) * share(value) * 10) / 10;
  const drawn = bars.map(({ name, value, own }, i) => {
    const y = panel.top + i * row.height;
    return `<text x="${panel.left}" y="${y + 10}"${own ? ' font-weight="600"' : ""}>${escape(name)}</text>
<rect class="${own ? "own" : "other"}" x="${panel.left}" y="${y + 15}" width="${length(value)}" height="${row.bar}" rx="2"/>
<text x="${panel.left + length(value) + 6}" y="${y + 26}">${number(value)}</text>`;
  });
  return `<text x="${panel.left}" y="20" font-weight="600">${escape(title)}${scale === "log" ? " (log scale)" : ""}</text>
${drawn.join("\n")}`;
}

function number(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
}

function escape(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
