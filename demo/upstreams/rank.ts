/** Ranks texts against a query by BM25 (Robertson and Zaragoza, 2009), k1 = 1.2, b = 0.75. */
const K1 = 1.2;
const B = 0.75;

export type Scored<T> = T & { readonly score: number };

/**
 * Returns the `topK` best documents, best first, ties in their given order. Those that share no word
 * with the query are left out, unless that leaves none: then the first `topK` come with score 0.
 */
export function rank<T extends { readonly text: string }>(
  documents: readonly T[],
  query: string,
  topK: number,
): Scored<T>[] {
  const words = documents.map(({ text }) => wordsOf(text));
  const mean = words.reduce((sum, list) => sum + list.length, 0) / Math.max(1, words.length);
  const weights = new Map<string, number>();
  for (const term of wordsOf(query)) {
    const holding = words.filter((list) => list.includes(term)).length;
    weights.set(term, Math.log(1 + (documents.length - holding + 0.5) / (holding + 0.5)));
  }
  const scored = documents.map((document, at) => {
    const list = words[at] ?? [];
    let score = 0;
    for (const [term, weight] of weights) {
      const count = list.filter((word) => word === term).length;
      score += (weight * count * (K1 + 1)) / (count + K1 * (1 - B + (B * list.length) / mean));
    }
    return { ...document, score: Math.round(score * 1e4) / 1e4 };
  });
  const matching = scored.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score);
  return (matching.length > 0 ? matching : scored).slice(0, topK);
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}
