export const longestName = 128;

/** What MCP says that names should be made of, and `/`, which servers of earlier revisions use between their parts. */
const form = /^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*$/;

/** Whether a tool may be called so: ASCII of MCP's own alphabet, `/` between parts, no part `.` or `..`. */
export function isToolName(name: string): boolean {
  return (
    name.length <= longestName && form.test(name) && !name.split("/").some((part) => /^\.{1,2}$/.test(part))
  );
}

/** Whether a name is of the alphabet that every client takes. */
export function isPlainName(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(name);
}

/**
 * Gives what two names have in common that look alike: case, letters that fonts draw alike (UTS 39's table for ASCII), after
 * the compatibility forms and without what can't be seen.
 */
export function skeleton(name: string): string {
  return name
    .normalize("NFKC")
    .replace(/[\p{Cf}\p{Cc}\p{Mn}\u115F\u1160\u3164\uFFA0]/gu, "")
    .replace(/\p{L}/gu, (letter) => foreign.get(letter) ?? letter)
    .toLowerCase()
    .replace(/[i1|]/g, "l")
    .replaceAll("0", "o")
    .replaceAll("rn", "m")
    .replaceAll("vv", "w");
}

/** Letters of other scripts that look like Latin ones, for the names of servers and for texts. Source: UTS 39, confusables. */
const foreign: ReadonlyMap<string, string> = new Map(
  [
    ["AΑА", "A"],
    ["BΒВ", "B"],
    ["CСϹ", "C"],
    ["EΕЕ", "E"],
    ["HΗН", "H"],
    ["IΙІӀ", "I"],
    ["JЈ", "J"],
    ["KΚК", "K"],
    ["MΜМ", "M"],
    ["NΝ", "N"],
    ["OΟО", "O"],
    ["PΡР", "P"],
    ["SЅ", "S"],
    ["TΤТ", "T"],
    ["XΧХ", "X"],
    ["YΥУҮ", "Y"],
    ["ZΖ", "Z"],
    ["aαа", "a"],
    ["cсϲ", "c"],
    ["dԁ", "d"],
    ["eе", "e"],
    ["hһ", "h"],
    ["iіι", "i"],
    ["jјϳ", "j"],
    ["kκ", "k"],
    ["lӏ", "l"],
    ["oοо", "o"],
    ["pρр", "p"],
    ["qԛ", "q"],
    ["sѕ", "s"],
    ["uυ", "u"],
    ["vν", "v"],
    ["wԝ", "w"],
    ["xхχ", "x"],
    ["yуγ", "y"],
  ].flatMap(([letters = "", latin = ""]) => [...letters].map((letter): [string, string] => [letter, latin])),
);

/** Gives the Latin letter that a letter of another script looks like. */
export function latinOf(letter: string): string | undefined {
  return foreign.get(letter);
}
