const nanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const piece = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/** Reads nanoseconds, or a duration as Go writes it (`1m30.5s`), as nanoseconds; undefined where it is neither. */
export function parseDuration(text: string): number | undefined {
  if (/^[-+]?\d{1,18}$/.test(text)) return Number(text);
  const [sign = ""] = /^[-+]/.exec(text) ?? [];
  let total = 0;
  piece.lastIndex = sign.length;
  for (let at = sign.length; at < text.length; at = piece.lastIndex) {
    const match = piece.exec(text);
    if (match === null) return undefined;
    total += Number(match[1]) * (nanoseconds[match[2] ?? ""] ?? Number.NaN);
  }
  if (text.length === sign.length || !(total < 2 ** 63)) return undefined;
  return sign === "-" ? -total : total;
}
