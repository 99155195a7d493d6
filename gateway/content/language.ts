import type { Detector } from "./detector.js";

/** What is used of eld (Apache-2.0), a detector by n-grams: https://github.com/nitotm/efficient-language-detector-js */
interface Eld {
  detect(text: string): { readonly language: string; isReliable(): boolean };
}

/** Shorter texts are in any language, characters. */
const least = 24;

/** Loads the language detector: 60 languages by ISO 639-1 code, `und` where the text doesn't tell. Takes 90 MB of memory. */
export async function loadLanguage(): Promise<Detector> {
  const name: string = "eld/extrasmall";
  const { eld } = (await import(name)) as { eld: Eld };
  return {
    name: "language",
    version: "eld-2.1.0-xs60",
    kinds: [],
    sample: 512,
    scan(text, from, to) {
      if (from > 0 || text.length < least) return { counts: {}, next: to };
      const said = eld.detect(text.slice(0, to));
      const code = /^[a-z]{2,3}$/.test(said.language) && said.isReliable() ? said.language : "und";
      return { counts: { [code]: 1 }, next: to };
    },
  };
}
