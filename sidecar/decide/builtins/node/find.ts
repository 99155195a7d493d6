/** Finds a text in another in time that grows with their sum: the runtime's own search multiplies them at worst. */

/** Up to this length, the runtime's search is quicker, and can't be made slow. */
const short = 16;

/** Yields where the part stands, in code units. @param overlapping also within the one before */
export function* placesOf(text: string, part: string, overlapping: boolean): Generator<number> {
  if (part.length <= short) {
    const step = overlapping ? 1 : part.length;
    for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + step)) yield at;
    return;
  }
  // Knuth, Morris and Pratt: for each prefix, the longest one that also ends it
  const borders = new Int32Array(part.length);
  for (let i = 1, k = 0; i < part.length; i++) {
    while (k > 0 && part.charCodeAt(i) !== part.charCodeAt(k)) k = borders[k - 1] ?? 0;
    if (part.charCodeAt(i) === part.charCodeAt(k)) k++;
    borders[i] = k;
  }
  for (let i = 0, k = 0; i < text.length; i++) {
    while (k > 0 && text.charCodeAt(i) !== part.charCodeAt(k)) k = borders[k - 1] ?? 0;
    if (text.charCodeAt(i) === part.charCodeAt(k)) k++;
    if (k === part.length) {
      yield i - k + 1;
      k = overlapping ? (borders[k - 1] ?? 0) : 0;
    }
  }
}

/** Counts characters, not code units. INVARIANT: no lone surrogates. */
export function charactersIn(text: string, from = 0, to = text.length): number {
  let count = 0;
  for (let i = from; i < to; i++) if ((text.charCodeAt(i) & 0xfc00) !== 0xdc00) count++;
  return count;
}
