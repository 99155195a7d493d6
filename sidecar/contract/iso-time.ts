/** The last seconds that were written: a decision is made now, and ends a little later. */
const slots = 8;
const seconds = new Array<number>(slots).fill(NaN);
const texts = new Array<string>(slots).fill("");

/**
 * Writes epoch milliseconds as `Date.prototype.toISOString` does, for times that come again and again.
 * @throws RangeError where that does
 */
export function isoTime(at: number): string {
  const whole = Math.trunc(at);
  const second = Math.floor(whole / 1_000);
  const slot = ((second % slots) + slots) % slots;
  if (seconds[slot] !== second) {
    texts[slot] = new Date(second * 1_000).toISOString().slice(0, -4);
    seconds[slot] = second;
  }
  const ms = whole - second * 1_000;
  return `${texts[slot] ?? ""}${ms < 10 ? "00" : ms < 100 ? "0" : ""}${ms}Z`;
}
