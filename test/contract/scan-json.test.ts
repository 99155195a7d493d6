/** The projecting scanner: what it accepts, parseJson accepts, and reads in the same way. */
import { describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { createScanner, isObject, JsonRefused, parseJson, stringifyJson } from "../../sidecar/contract.js";

type Paths = readonly (readonly string[])[];

/** What the scanner should find, by way of the whole document. */
function expected(text: Buffer, paths: Paths): Json | undefined {
  let document: Json;
  try {
    document = parseJson(text);
  } catch (error) {
    if (error instanceof JsonRefused) return undefined;
    throw error;
  }
  const input = isObject(document) ? document["input"] : undefined;
  return input === undefined ? undefined : project(input, paths);
}

function project(value: Json, paths: Paths): Json {
  if (!isObject(value) || paths.some(({ length }) => length === 0)) return value;
  const out = Object.create(null) as JsonObject;
  for (const name of new Set(paths.map(([first]) => first ?? ""))) {
    const member = value[name];
    if (member === undefined) continue;
    out[name] = project(
      member,
      paths.filter(([first]) => first === name).map((path) => path.slice(1)),
    );
  }
  return out;
}

/** The same whatever the order of names. */
function sorted(value: Json): string {
  return stringifyJson(sort(value));
}

function sort(value: Json): Json {
  if (Array.isArray(value)) return value.map(sort);
  if (!isObject(value)) return value;
  const out = Object.create(null) as JsonObject;
  for (const name of Object.keys(value).sort()) out[name] = sort(value[name] ?? null);
  return out;
}

/** Holds one document against parseJson; tells whether the scanner took it. */
function hold(text: Buffer | string, paths: Paths): boolean {
  const body = Buffer.from(text);
  const found = createScanner(paths)(body);
  if (found === undefined) return false;
  const whole = expected(body, paths);
  expect(whole === undefined ? "refused" : sorted(found.read)).toBe(whole === undefined ? "" : sorted(whole));
  const input = (parseJson(body) as JsonObject)["input"] ?? null;
  expect(stringifyJson(found.value())).toBe(stringifyJson(input));
  const told = found.text();
  expect(stringifyJson(parseJson(told))).toBe(stringifyJson(input));
  expect(told.toString()).not.toMatch(/(?<!\\)(?:\\\\)*\\(?:u(?!2028|2029|0085)|\/)/);
  holdBare(found.bytes(), paths, input);
  if (found.isPlain) expect(found.bytes().toString()).toBe(stringifyJson(input));
  return true;
}

/** The same input, by itself. */
function holdBare(text: Buffer, paths: Paths, input: Json): void {
  const found = createScanner(paths, { bare: true })(text);
  expect(found === undefined).toBe(!isObject(input));
  if (found === undefined) return;
  expect(sorted(found.read)).toBe(sorted(project(input, paths)));
  expect(stringifyJson(found.value())).toBe(stringifyJson(input));
}

const names = [
  "a",
  "b",
  "ab",
  "input",
  "user",
  "é",
  "__proto__",
  "constructor",
  "1",
  "",
  "a b",
  '"',
  "\\",
  "\u2028",
];
const name = fc.constantFrom(...names);
const pathList = fc.array(fc.array(name, { maxLength: 3 }), { maxLength: 4 });
const leaf = fc.oneof(
  fc.constantFrom(
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "12",
    "1.0",
    "1e3",
    "-1.5E-7",
    "9007199254740993",
    "123456789012345",
  ),
  fc.string({ unit: "grapheme" }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '"\\u0041"',
    '"\\/"',
    '"\\ud83d\\ude00"',
    '"\\n\\t\\"\\\\"',
    '"\\u2028"',
    '"\u2028"',
    '"\u0085"',
  ),
);
const space = fc.constantFrom("", "", "", " ", "\n", "\t ", "\r\n");
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.array(tie("value"), { maxLength: 4 }), space)
      .map(([items, s]) => `[${s}${items.join(`${s},`)}${s}]`),
    fc
      .tuple(fc.array(fc.tuple(name, tie("value")), { maxLength: 5 }), space)
      .map(
        ([all, s]) =>
          `{${s}${all.map(([key, one]) => `${JSON.stringify(key)}${s}:${s}${one}`).join(`,${s}`)}${s}}`,
      ),
  ),
}));
const document = fc
  .tuple(
    fc.array(fc.tuple(name, value), { maxLength: 2 }),
    value,
    fc.array(fc.tuple(name, value), { maxLength: 1 }),
    space,
  )
  .map(([before, input, after, s]) => {
    const one = ([key, text]: [string, string]): string => `${JSON.stringify(key)}:${text}`;
    return `${s}{${[...before.map(one), `"input"${s}:${s}${input}`, ...after.map(one)].join(",")}${s}}${s}`;
  });

describe("whatever a document is", () => {
  test("it is read as parseJson reads it, or left to it", () => {
    let taken = 0;
    fc.assert(
      fc.property(document, pathList, (text, paths) => {
        if (hold(text, paths)) taken++;
      }),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(500);
  });

  test("one byte changed, lost or added makes it no other document", () => {
    const bytes = [
      0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x2c, 0x3a, 0x30, 0x2e, 0x65, 0x2d, 0x2b, 0x20, 0x00, 0x1f, 0x80,
      0xc3, 0xed, 0xff,
    ];
    fc.assert(
      fc.property(
        document,
        pathList,
        fc.nat(),
        fc.constantFrom(...bytes),
        fc.nat(2),
        (text, paths, at, byte, how) => {
          const body = Buffer.from(text);
          const place = at % body.length;
          const middle = how === 0 ? [byte] : how === 1 ? [] : [byte, body[place] ?? 0];
          hold(
            Buffer.concat([body.subarray(0, place), Buffer.from(middle), body.subarray(place + 1)]),
            paths,
          );
        },
      ),
      { numRuns: 6_000 },
    );
  });
});

/** Each is refused by parseJson, and must be by the scanner. */
const refused: readonly [string, string | Buffer][] = [
  ["a name twice", '{"input":{"a":1,"a":1}}'],
  ["a name twice, once by escapes", '{"input":{"a":1,"\\u0061":1}}'],
  ["a name twice in what isn't read", '{"input":{},"x":[{"deep":{"k":1,"k":2}}]}'],
  ["input twice", '{"input":{},"input":{}}'],
  [
    "a name twice among many",
    `{"input":{${Array.from({ length: 100 }, (_, i) => `"k${i}":0`).join()},"k7":0}}`,
  ],
  ["a name twice around an object", '{"input":{"a":{"b":1},"c":{"a":2},"a":3}}'],
  ["129 levels", `{"input":${"[".repeat(128)}${"]".repeat(128)}}`],
  ["text after the end", '{"input":{}} }'],
  ["a second document", '{"input":{}}{"input":{}}'],
  ["a byte order mark", '\ufeff{"input":{}}'],
  ["no UTF-8", Buffer.from('{"input":"\xff"}', "latin1")],
  ["an overlong form", Buffer.from('{"input":"\xc0\xaf"}', "latin1")],
  ["a surrogate in UTF-8", Buffer.from('{"input":"\xed\xa0\x80"}', "latin1")],
  ["a lone surrogate", '{"input":"\\ud800"}'],
  ["two surrogates the wrong way round", '{"input":"\\udc00\\ud800"}'],
  ["a zero before a number", '{"input":01}'],
  ["a plus", '{"input":+1}'],
  ["no digit after the point", '{"input":1.}'],
  ["no digit before it", '{"input":.1}'],
  ["no exponent", '{"input":1e}'],
  ["a minus alone", '{"input":-}'],
  ["a word cut off", '{"input":tru}'],
  ["another word", '{"input":nulL}'],
  ["a comma too many", '{"input":[1,]}'],
  ["a comma too many in an object", '{"input":{"a":1,}}'],
  ["no comma", '{"input":[1 2]}'],
  ["no colon", '{"input" {}}'],
  ["the wrong bracket", '{"input":[1}}'],
  ["a control character", '{"input":"\n"}'],
  ["NUL", '{"input":"\0"}'],
  ["an unknown escape", '{"input":"\\x41"}'],
  ["an escape of three digits", '{"input":"\\u041"}'],
  ["an open string", '{"input":"}'],
  ["an escaped end", '{"input":"\\"}'],
  ["an open object", '{"input":{}'],
  ["a space of another kind", '{"input":\u00a01}'],
  ["form feed for space", '{"input":\f1}'],
  ["a single quote", "{'input':1}"],
  ["a comment", '{"input":1/**/}'],
];

test.each(refused)("%s isn't taken", (_name, text) => {
  expect(() => parseJson(Buffer.from(text))).toThrow(JsonRefused);
  for (const paths of [[], [[]], [["a"]], [["a", "b"]]])
    expect(createScanner(paths)(Buffer.from(text))).toBeUndefined();
});

/** Each is taken. */
const accepted: readonly [string, string][] = [
  ["128 levels", `{"input":${"[".repeat(127)}${"]".repeat(127)}}`],
  ["an empty object", '{"input":{}}'],
  ["null", '{"input":null}'],
  ["space everywhere", ' { "input" : { "a" : [ 1 , { } , [ ] ] } } \r\n'],
  ["escapes", '{"input":{"a":"\\n\\u00e9\\/"}}'],
  ["what isn't ASCII", '{"input":{"é":"日本"}}'],
  ["other members", '{"more":1,"input":{"a":1},"and":[]}'],
];

test.each(accepted)("%s is taken", (_name, text) => {
  for (const paths of [[], [[]], [["a"]], [["a", "b"], ["é"]]]) expect(hold(text, paths)).toBe(true);
});

test("a path that ends early ends in the same way", () => {
  const scan = createScanner([["a", "b", "c"]]);
  const read = (text: string): string =>
    stringifyJson(scan(Buffer.from(`{"input":${text}}`))?.read ?? "none");
  expect(
    ["{}", '{"a":1}', '{"a":{}}', '{"a":{"b":[{"c":1}],"x":1}}', '{"a":{"b":{"x":1}}}', "[1]"].map(read),
  ).toEqual([...["{}", '{"a":1}', '{"a":{}}', '{"a":{"b":[{"c":1}]}}', '{"a":{"b":{}}}', "[1]"]]);
});

test("many members in one object are left to the parser, and what comes after is read as before", () => {
  const scan = createScanner([["a"]]);
  const many = `{"input":{${Array.from({ length: 200 }, (_, i) => `"k${i}":0`).join()},"a":1}}`;
  expect(scan(Buffer.from(many))).toBeUndefined();
  expect(scan(Buffer.from("{"))).toBeUndefined();
  expect(scan(Buffer.from('{"input":{"a":1}}'))?.read).toEqual({ a: 1 });
});
