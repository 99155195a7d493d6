/** Writes JSON documents as nobody should: rare forms of all that may stand there, and some that must be refused. */
import type { Json } from "../../../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../../../sidecar/contract.js";
import type { Random } from "../../../filters/policies.js";

const huge = `1${"0".repeat(400)}`;
const spaces = ["", "", "", "", " ", "\n", "\t", "\r\n", "  "];
/** Byte for byte what may come in the place of a value; many of them must be refused. */
const odd = [
  ...[
    "1e400",
    "-1e-400",
    huge,
    "-0",
    "0.0",
    "1E+0",
    "01",
    "+1",
    "1.",
    ".5",
    "0x1",
    "NaN",
    "Infinity",
    "-",
    "1e",
  ],
  ...[
    '"\\ud83d\\ude00"',
    '"\\ud83d"',
    '"\\ude00\\ud83d"',
    '"\\u0000"',
    '"\\x41"',
    '"\\u12"',
    '"\t"',
    "'a'",
    '"\\',
  ],
  ...[
    "tru",
    "nulll",
    "True",
    "undefined",
    "[1,]",
    "{,}",
    '{"a":1,}',
    "[1 2]",
    '{"a" 1}',
    "{a:1}",
    "// a\n1",
    "[]]",
  ],
  ...[
    `${"[".repeat(127)}${"]".repeat(127)}`,
    `${"[".repeat(140)}${"]".repeat(140)}`,
    `${'{"a":'.repeat(130)}1${"}".repeat(130)}`,
  ],
];
const bytes = [
  0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x2c, 0x3a, 0x00, 0x1f, 0x7f, 0x80, 0xc0, 0xed, 0xf5, 0xff, 0x30, 0x2e,
  0x65,
];

/** A document `{"input": …}` with the value; about half of them are ones that a strict parser takes. */
export function hostile(random: Random, input: Json): Buffer {
  const harm = random.once(2);
  const body = write(random, { more: "x", input } as unknown as Json, harm ? 12 : 0, 0);
  const around = harm && random.once(6) ? random.of(["\ufeff", "", "\0", "\u00a0", "x", "}", "{}", ","]) : "";
  const text = Buffer.from(random.once(2) ? `${around}${body}` : `${body}${around}`);
  if (!harm || random.once(3)) return text;
  const at = random.below(text.length);
  const middle = random.of([
    [random.of(bytes)],
    [],
    [text[at] ?? 0, random.of(bytes)],
    [text[at] ?? 0, text[at] ?? 0],
  ]);
  const changed = Buffer.concat([text.subarray(0, at), Buffer.from(middle), text.subarray(at + 1)]);
  return random.once(12) ? changed.subarray(0, random.below(changed.length)) : changed;
}

/** `harm`: about one of so many values is no good; 0: none. */
function write(random: Random, value: Json, harm: number, depth: number): string {
  const s = (): string => random.of(spaces);
  if (harm > 0 && depth > 0 && random.once(harm * 4)) return random.of(odd);
  if (typeof value === "string") return quote(random, value);
  if (Array.isArray(value)) {
    return `[${s()}${value.map((item) => `${write(random, item, harm, depth + 1)}${s()}`).join(`,${s()}`)}]`;
  }
  if (!isObject(value)) return stringifyJson(value);
  const entries = Object.entries(value);
  if (random.once(2)) entries.reverse();
  const [first] = entries;
  if (harm > 0 && first !== undefined && random.once(harm))
    entries.push(random.once(2) ? first : [first[0], null]);
  const all = entries.map(
    ([name, member]) => `${quote(random, name)}${s()}:${s()}${write(random, member, harm, depth + 1)}`,
  );
  return `{${s()}${all.join(`${s()},${s()}`)}${s()}}`;
}

/** Escapes that nobody needs, in names, too. */
function quote(random: Random, text: string): string {
  if (!random.once(4)) return JSON.stringify(text);
  let out = "";
  for (const sign of JSON.stringify(text).slice(1, -1)) {
    const isPlain = sign !== "\\" && !out.endsWith("\\");
    out += isPlain && sign !== '"' && random.once(3) ? escaped(random, sign) : sign;
  }
  return `"${out}"`;
}

function escaped(random: Random, sign: string): string {
  if (sign === "/") return "\\/";
  return Array.from({ length: sign.length }, (_, i) => {
    const hex = sign.charCodeAt(i).toString(16).padStart(4, "0");
    return `\\u${random.once(2) ? hex.toUpperCase() : hex}`;
  }).join("");
}
