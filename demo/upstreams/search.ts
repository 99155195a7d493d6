import type { Document } from "./documents.js";

/** Ranks documents by BM25 (k1 1.2, b 0.75), best first; the best ones even where no word matches. */
export function search(
  documents: readonly Document[],
  query: string,
  most: number,
): (Document & { score: number })[] {
  const bags = documents.map(({ text }) => words(text));
  const mean = bags.reduce((sum, bag) => sum + bag.length, 0) / Math.max(1, bags.length);
  const asked = new Set(words(query));
  return documents
    .map((document, i) => {
      const bag = bags[i] ?? [];
      let score = 0;
      for (const word of asked) {
        const here = bag.filter((other) => other === word).length;
        if (here === 0) continue;
        const holders = bags.filter((other) => other.includes(word)).length;
        const rarity = Math.log(1 + (documents.length - holders + 0.5) / (holders + 0.5));
        score += (rarity * here * 2.2) / (here + 1.2 * (0.25 + (0.75 * bag.length) / mean));
      }
      return { ...document, score };
    })
    .sort((a, b) => b.score - a.score)
    .slice(0, most);
}

function words(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}
