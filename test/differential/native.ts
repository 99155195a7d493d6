/** Calls of the built-ins that OPA's WASM has itself, with arguments that tell one implementation from another. */
import { fc } from "../properties.js";

/** JSON text of one argument; `set`: the policy makes a set of the array. */
export type Kind = keyof typeof kinds;

const number = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -20, max: 20 }).map(String) },
  { weight: 2, arbitrary: fc.integer().map(String) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.integer({ min: -999, max: 999 }), fc.integer({ min: 0, max: 99 }))
      .map(([a, b]) => `${a}.${b}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("0.1", "0.2", "1e3", "1.50", "2.5", "-2.5", "3.0", "9007199254740993", "1e-7"),
  },
);
const integer = fc.oneof(fc.integer({ min: -10, max: 70 }), fc.integer()).map(String);
const word = fc.constantFrom(
  "",
  "a",
  "b",
  "ab",
  "abc",
  "aXbXc",
  " a b ",
  "ä€😀",
  "A-Z",
  "x,y,,z",
  "\n\t",
  "<&>",
  "\u2028",
  "0",
  "é",
);
const string = fc
  .oneof(word, fc.string({ maxLength: 12 }), fc.string({ unit: "binary", maxLength: 6 }))
  .map((text) => JSON.stringify(text));
const list = (item: fc.Arbitrary<string>, maxLength = 6): fc.Arbitrary<string> =>
  fc.array(item, { maxLength }).map((items) => `[${items.join()}]`);
const key = fc.constantFrom("a", "b", "c", "10", "9", "ä", "");
const objectOf = (member: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .uniqueArray(fc.tuple(key, member), { maxLength: 4, selector: ([name]) => name })
    .map((members) => `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join()}}`);
const scalar = fc.oneof(number, string, fc.constantFrom("null", "true", "false"));
const value = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof({ depthSize: "small" }, scalar, list(tie("value"), 4), objectOf(tie("value"))),
})).value;
const object = objectOf(value);
const base64 = fc.oneof(
  fc.uint8Array({ maxLength: 12 }).map((bytes) => JSON.stringify(Buffer.from(bytes).toString("base64"))),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => JSON.stringify(Buffer.from(bytes).toString("base64url"))),
  fc.string({ maxLength: 12 }).map((text) => JSON.stringify(Buffer.from(text).toString("base64"))),
  string,
);
const cidr = fc
  .constantFrom(
    ...[
      "10.0.0.0/8",
      "10.1.0.0/16",
      "10.1.2.3",
      "192.168.0.0/24",
      "192.168.0.7",
      "0.0.0.0/0",
      "fd00::/8",
      "fd00::1",
    ],
    ...[
      "::1",
      "::ffff:10.0.0.1",
      "10.0.0.1/33",
      "nonsense",
      "",
      "10.0.0.0/31",
      "2001:db8::/32",
      "2001:db8::1/64",
    ],
  )
  .map((text) => JSON.stringify(text));
const pattern = fc
  .constantFrom(
    ...[
      "a",
      "^a.*c$",
      "[a-z]+",
      "(a)(b)?",
      "a|b",
      "\\d+",
      "(?i)AB",
      "x*",
      "(",
      "[",
      "\\pL+",
      "^$",
      ".",
      "(?P<n>a)b",
      "\\bab\\b",
    ],
  )
  .map((text) => JSON.stringify(text));
const glob = fc
  .constantFrom(
    ...[
      "*",
      "**",
      "a*",
      "*.b",
      "a.*.c",
      "{a,b}",
      "[a-c]",
      "[!a]",
      "?",
      "a?c",
      "*.*",
      "{*.a,b.*}",
      "[",
      "api.**",
      "\\*",
    ],
  )
  .map((text) => JSON.stringify(text));
const dotted = fc
  .constantFrom("a", "a.b", "a.b.c", "b", "api.example.com", "", ".", "a:b", "ab", "a/b/c")
  .map((text) => JSON.stringify(text));
const pointer = fc
  .constantFrom("a", "b", "a/b", "a/0", "c/a/b", "", "/a", "a/", "10", "~1")
  .map((text) => JSON.stringify(text));
const jsonText = fc
  .oneof(
    value,
    fc.constantFrom('{"a":1,}', "", "nul", "1 2", '"\\ud800"', "[1e2,1.0,-0]", '{"a":1,"a":2}', " 7 "),
  )
  .map((text) => JSON.stringify(text));
const numeric = fc.oneof(
  number.map((text) => JSON.stringify(text)),
  fc.constantFrom('"1e5"', '"0x10"', '""', '"abc"', '" 1"', '"+1"', '"1_000"', "true", "null"),
  number,
);
const graph = fc
  .uniqueArray(
    fc.tuple(
      key,
      list(
        key.map((name) => JSON.stringify(name)),
        3,
      ),
    ),
    { maxLength: 6, selector: ([name]) => name },
  )
  .map((members) => `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join()}}`);

export const kinds = {
  number,
  integer,
  string,
  value,
  object,
  base64,
  cidr,
  pattern,
  glob,
  dotted,
  jsonText,
  numeric,
  graph,
  small: fc.integer({ min: -3, max: 12 }).map(String),
  numbers: list(number),
  numberSet: list(number),
  strings: list(string),
  stringSet: list(string),
  values: list(value),
  set: list(value),
  sets: list(list(scalar), 4),
  setOfSets: list(list(scalar), 4),
  arrays: list(fc.oneof(list(value, 3), value), 4),
  objects: list(object, 4),
  keys: list(
    key.map((name) => JSON.stringify(name)),
    4,
  ),
  pointers: list(pointer, 4),
  bools: list(fc.constantFrom("true", "false"), 5),
  separators: list(fc.constantFrom('"."', '":"', '"/"'), 2),
  base: fc.constantFrom("2", "8", "10", "16", "7"),
  replacements: objectOf(string),
} as const;

/** `$1`, `$2`: the arguments; those of the set kinds are made sets. */
export const calls: readonly (readonly [call: string, ...kinds: Kind[]])[] = [
  ...(["+", "-", "*", "/", "%"] as const).map((sign) => [`$1 ${sign} $2`, "number", "number"] as const),
  ["$1 % $2", "integer", "integer"],
  ["abs($1)", "number"],
  ["round($1)", "number"],
  ["ceil($1)", "number"],
  ["floor($1)", "number"],
  ...(["==", "!=", "<", "<=", ">", ">="] as const).map(
    (sign) => [`$1 ${sign} $2`, "value", "value"] as const,
  ),
  ...(["==", "<"] as const).map((sign) => [`$1 ${sign} $2`, "number", "number"] as const),
  ["$1 & $2", "set", "set"],
  ["$1 | $2", "set", "set"],
  ["$1 - $2", "set", "set"],
  ["union($1)", "setOfSets"],
  ["intersection($1)", "setOfSets"],
  ["array.concat($1, $2)", "values", "values"],
  ["array.flatten($1)", "arrays"],
  ["array.reverse($1)", "values"],
  ["array.slice($1, $2, $3)", "values", "small", "small"],
  ["count($1)", "value"],
  ["sum($1)", "numbers"],
  ["sum($1)", "numberSet"],
  ["product($1)", "numbers"],
  ["max($1)", "values"],
  ["min($1)", "set"],
  ["sort($1)", "values"],
  ["sort($1)", "set"],
  ["all($1)", "bools"],
  ["any($1)", "bools"],
  ["base64.encode($1)", "string"],
  ["base64.decode($1)", "base64"],
  ["base64.is_valid($1)", "base64"],
  ["base64url.encode($1)", "string"],
  ["base64url.decode($1)", "base64"],
  ...(["and", "or", "xor"] as const).map((name) => [`bits.${name}($1, $2)`, "integer", "integer"] as const),
  ["bits.lsh($1, $2)", "integer", "small"],
  ["bits.rsh($1, $2)", "integer", "small"],
  ["bits.negate($1)", "integer"],
  ["net.cidr_contains($1, $2)", "cidr", "cidr"],
  ["net.cidr_intersects($1, $2)", "cidr", "cidr"],
  ["glob.match($1, $2, $3)", "glob", "separators", "dotted"],
  ["glob.match($1, null, $2)", "glob", "dotted"],
  ["json.marshal($1)", "value"],
  ["json.marshal($1)", "set"],
  ["json.unmarshal($1)", "jsonText"],
  ["json.is_valid($1)", "jsonText"],
  ["json.filter($1, $2)", "object", "pointers"],
  ["json.remove($1, $2)", "object", "pointers"],
  ["object.filter($1, $2)", "object", "keys"],
  ["object.remove($1, $2)", "object", "keys"],
  ['object.get($1, $2, "none")', "object", "string"],
  ['object.get($1, $2, "none")', "object", "keys"],
  ["object.keys($1)", "object"],
  ["object.union($1, $2)", "object", "object"],
  ["object.union_n($1)", "objects"],
  ["concat($1, $2)", "string", "strings"],
  ["concat($1, $2)", "string", "stringSet"],
  ["contains($1, $2)", "string", "string"],
  ["startswith($1, $2)", "string", "string"],
  ["endswith($1, $2)", "string", "strings"],
  ["endswith($1, $2)", "string", "string"],
  ["format_int($1, $2)", "number", "base"],
  ["indexof($1, $2)", "string", "string"],
  ["substring($1, $2, $3)", "string", "small", "small"],
  ["lower($1)", "string"],
  ["upper($1)", "string"],
  ["strings.reverse($1)", "string"],
  ["split($1, $2)", "string", "string"],
  ["replace($1, $2, $3)", "string", "string", "string"],
  ["strings.replace_n($1, $2)", "replacements", "string"],
  ...(["trim", "trim_left", "trim_right", "trim_prefix", "trim_suffix"] as const).map(
    (name) => [`${name}($1, $2)`, "string", "string"] as const,
  ),
  ["trim_space($1)", "string"],
  ["numbers.range($1, $2)", "small", "small"],
  ["to_number($1)", "numeric"],
  ["regex.match($1, $2)", "pattern", "string"],
  ["regex.is_valid($1)", "pattern"],
  ["regex.find_all_string_submatch_n($1, $2, $3)", "pattern", "string", "small"],
  ["graph.reachable($1, $2)", "graph", "keys"],
  ["type_name($1)", "value"],
  ["type_name($1)", "set"],
  [
    "[is_number($1), is_string($1), is_boolean($1), is_array($1), is_object($1), is_null($1), is_set($1)]",
    "value",
  ],
  ["[p | walk($1, p)]", "value"],
  ["$1 in $2", "value", "values"],
  ["$1 in $2", "value", "set"],
  ["($1, $2 in $3)", "string", "value", "object"],
  ['$"a {$1} b {$2}"', "value", "string"],
  ["[x | some x in $1]", "value"],
  ["[[k, v] | some k, v in $1]", "value"],
  ["{k: v | some k, v in $1}", "value"],
  ["{v: k | some k, v in $1}", "object"],
  ["$1[_]", "bools"],
];

/** A policy whose rule `r` makes the call with `input[0]`, `input[1]` … */
export function policyOf([call, ...argumentKinds]: (typeof calls)[number]): string {
  const text = argumentKinds.reduce(
    (body, kind, i) => body.replaceAll(`$${i + 1}`, argumentOf(kind, `input[${i}]`)),
    call,
  );
  return `package p\n\nr := ${text}\n`;
}

function argumentOf(kind: Kind, value: string): string {
  if (kind === "setOfSets") return `{s | some xs in ${value}; s := {x | some x in xs}}`;
  return kind === "set" || kind === "stringSet" || kind === "numberSet" ? `{x | some x in ${value}}` : value;
}

export function inputsOf([, ...argumentKinds]: (typeof calls)[number]): fc.Arbitrary<string> {
  return fc.tuple(...argumentKinds.map((kind) => kinds[kind])).map((texts) => `[${texts.join()}]`);
}
