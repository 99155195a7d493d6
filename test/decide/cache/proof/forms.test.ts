/** One value in many forms: what is one to every policy may have one key, and what any policy tells apart never has. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { createScanner, JsonRefused, parseJson, stringifyJson } from "../../../../sidecar/contract.js";
import type { Scan } from "../../../../sidecar/contract.js";
import { createToolchain } from "../../../../sidecar/rego/toolchain.js";
import { createRandom } from "../../../filters/policies.js";
import { hostile } from "./hostile.js";
import { asker } from "./prove.js";
import { anyOf, anyValue } from "./values.js";
import { inputShape } from "./vocabulary.js";
import { weaker } from "./weaken.js";
import type { World } from "./world.js";
import { createWorld } from "./world.js";

/** Each asks another thing of `input.v`, by all that can tell values apart. */
const rego = `package forms

is_one if input.v == 1
is_null if input.v == null
is_text if input.v == "é"
itself := input.v
marshalled := json.marshal(input.v)
printed := sprintf("%v", [input.v])
members := {x | some x in input.v}
counted := count({x | some x in input.v})
typed := type_name(input.v)
places contains path if walk(input.v, [path, _])
table := data.t[input.v]
listed if not data.t[input.v]
member := data.t[input.v].x
sorted := sort([input.v, 1, 1.0])
summed := input.v + 0
either := input.w if input.v == 1
null_guards := input.w if input.v == null
true_guards := input.w if input.v == true
text_guards := input.w if input.v == "é"
deep := input.o.a.b.c
not_deep if not input.o.a.b.c
alias if { o := input.o; not o.a.b }
all_of_it := json.marshal(input)
`;
const data =
  '{"t":{"1":{"x":1},"1.0":{"x":2},"é":{"x":1},"e\\u0301":{"x":1},"k":null,"true":{"x":1},"":{"x":3}}}';

const toolchain = createToolchain({});
let world: World;
let scans: ReadonlyMap<string, Scan>;
const random = createRandom(11);

beforeAll(async () => {
  const files = { "forms/p.rego": rego };
  world = await createWorld(toolchain, [{ name: "forms", files, mentioned: [] }], "v1", data);
  scans = new Map(
    [...world.bundle.entrypoints.values()].map(({ facts }) => [facts.path, createScanner(facts.input)]),
  );
}, 60_000);
afterAll(() => toolchain.close());

interface Told {
  readonly key: string;
  readonly decision: string;
}

/** What all entrypoints say of an input, and under which keys. */
function ask(input: Json): Map<string, Told> {
  return new Map(
    [...world.bundle.entrypoints.values()].map(({ facts: { path }, key }) => [
      path,
      { key: key?.(input, asker) ?? "", decision: world.decide(path, input) },
    ]),
  );
}

function askText(v: string): Map<string, Told> {
  return ask(parseJson(`{"v":${v},"w":2}`));
}

function resultOf(told: Map<string, Told>, name: string): Json | undefined {
  return (parseJson(told.get(`forms/${name}`)?.decision ?? "null") as JsonObject)["value"];
}

/** Forms of one value each; the policy takes all of a line for equal. */
const equalForms: readonly (readonly [name: string, forms: readonly string[]])[] = [
  ["one", ["1", "1.0", "1e0", "1E+0", "10e-1", "0.1e1", "1.000"]],
  ["nothing", ["0", "-0", "0.0", "0e0", "-0.0", "0e400"]],
  ["a thousand", ["1000", "1e3", "1E3", "1000.0"]],
  ["a fraction", ["0.1", "0.10", "1e-1", "1E-01"]],
  ["a great number", ["100000000000000000000", "1e20", "1E+20", "100000000000000000000.0"]],
  ["a text", ['"a"', '"\\u0061"', ' "a" ']],
  ["a sign beyond", ['"😀"', '"\\ud83d\\ude00"', '"\\uD83D\\uDE00"']],
  ["an object", ['{"a":1,"b":2}', '{"b":2,"a":1}', '{ "b" : 2 , "\\u0061" : 1 }']],
  ["objects in it", ['{"a":{"x":1,"y":[{"p":1,"q":2}]}}', '{"a":{"y":[{"q":2,"p":1}],"x":1}}']],
];
/** Values that somebody might take for one another, and no policy does. */
const different: readonly (readonly [name: string, values: readonly string[]])[] = [
  ["number, text, truth", ["1", '"1"', "true", "[1]", '{"1":1}']],
  ["nothing at all", ["null", "false", "0", '""', "[]", "{}", '"null"']],
  ["normal forms", ['"é"', '"e\\u0301"']],
  ["the Kelvin sign", ['"K"', '"\\u212a"', '"k"']],
  ["signs beyond and their replacement", ['"😀"', '"\\ufffd"', '"\\ufffd\\ufffd"']],
  ["neighbours among great numbers", ["9007199254740992", "9007199254740993", "9007199254740991"]],
  ["beyond 64 bits", ["9223372036854775807", "9223372036854775808", "-9223372036854775808"]],
  ["a list and an object", ['["a"]', '{"0":"a"}', '"a"']],
  ["an order", ["[1,2]", "[2,1]", "[1,2,2]"]],
  [
    "names that every object seems to have",
    ["{}", '{"__proto__":null}', '{"constructor":null}', '{"toString":1}'],
  ],
  ["members that look like ends", ['{"a":"}"}', '{"a":"u"}', '["u"]', '["a\\"u"]']],
  ["lengths that run on", ['["a","b"]', '["ab"]', '["a,b"]', '["a\\",\\"b"]']],
];

describe("what is one to every policy", () => {
  test.each(equalForms)(
    "%s: equal wherever the policy compares, and right wherever it shows it",
    (name, forms) => {
      const told = forms.map(askText);
      for (const one of told) {
        for (const entrypoint of [
          "is_one",
          "is_null",
          "is_text",
          "typed",
          "counted",
          "either",
          "null_guards",
          "true_guards",
        ]) {
          expect([name, entrypoint, resultOf(one, entrypoint)]).toEqual([
            name,
            entrypoint,
            resultOf(told[0] ?? one, entrypoint),
          ]);
        }
      }
      hold(told);
    },
  );

  test.each(equalForms.filter(([, forms]) => !/^-?\d/.test(forms[0] ?? "")))(
    "%s has one key",
    (_name, forms) => {
      // where a table is looked up by it, an object's key keeps the order: nothing can lie there
      const tables = ["forms/table", "forms/listed", "forms/member", "forms"];
      const keys = forms.map((form) =>
        JSON.stringify([...askText(form)].map(([path, { key }]) => (tables.includes(path) ? path : key))),
      );
      expect(new Set(keys).size).toBe(1);
    },
  );
});

test.each(different)("%s: told apart, by keys, too", (_name, values) => {
  const told = values.map(askText);
  expect(new Set(told.map((one) => one.get("forms/itself")?.key)).size).toBe(values.length);
  expect(new Set(told.map((one) => one.get("forms/itself")?.decision)).size).toBe(values.length);
  hold(told);
});

test("sets out of lists: order and repeats make no other set, and never a wrong one", () => {
  const told = [
    "[1,2]",
    "[2,1]",
    "[1,2,1]",
    "[1.0,2,1]",
    '["1",1,2]',
    "[[1],[1.0]]",
    '[{"a":1},{"a":1.0}]',
  ].map(askText);
  expect(told.slice(0, 4).map((one) => resultOf(one, "counted"))).toEqual([2, 2, 2, 2]);
  hold(told);
});

test("paths that end early end in different ways", () => {
  const ends = [
    "{}",
    '{"o":null}',
    '{"o":{}}',
    '{"o":[]}',
    '{"o":{"a":null}}',
    '{"o":{"a":{}}}',
    '{"o":{"a":{"b":{}}}}',
  ];
  const told = [
    ...ends,
    '{"o":{"a":{"b":{"c":null}}}}',
    '{"o":{"a":{"b":{"c":false}}}}',
    "[]",
    "null",
    '"o"',
  ].map((text) => ask(parseJson(text)));
  expect(new Set(told.map((one) => one.get("forms/deep")?.key)).size).toBe(told.length);
  hold(told);
});

test.each([...weaker])("a key that takes %s would be wrong", (_name, blur) => {
  const { key } = world.bundle.entrypoints.get("forms/itself") ?? {};
  const texts = [...[...equalForms, ...different].flatMap(([, all]) => all), '"a "', "[1,1]", "[1]"];
  const told = [parseJson("{}"), ...texts.map((v) => parseJson(`{"v":${v}}`))].map((input) => ({
    named: key?.(blur(input), asker),
    decision: world.decide("forms/itself", input),
  }));
  const wrong = told.some((one) =>
    told.some((other) => one.named === other.named && one.decision !== other.decision),
  );
  expect(wrong).toBe(true);
});

test.each([
  '"\\ud800"',
  '"\\udc00"',
  '"\\ud83dx"',
  '{"\\ud800":1}',
  '{"a":1,"\\u0061":2}',
  "01",
  "1.",
  "NaN",
])("%s comes through no door", (text) => {
  const body = Buffer.from(`{"input":{"v":${text}}}`);
  expect(() => parseJson(body)).toThrow(JsonRefused);
  for (const scan of scans.values()) expect(scan(body)).toBeUndefined();
});

describe("a key that is made of bytes", () => {
  test.each([...equalForms, ...different])(
    "%s: is the one that is made of the value, and so is the decision",
    (_name, texts) => {
      for (const text of texts)
        expect(holdScan(Buffer.from(`{"input":{"w":2,"v":${text}}}`))).toBeGreaterThanOrEqual(0);
    },
  );

  test("whoever wrote the bytes", () => {
    const seen = { taken: 0, refused: 0 };
    for (let n = 0; n < 3_000; n++) {
      const v = anyValue(random);
      const input = random.once(3)
        ? anyValue(random)
        : random.once(2)
          ? (anyOf(random, inputShape) ?? null)
          : ({ v, w: anyValue(random), o: { a: { b: v } } } as Json);
      const body = hostile(random, input);
      if (holdScan(body, 1 + random.below(5)) > 0) seen.taken++;
      else if (parsed(body) === undefined) seen.refused++;
    }
    expect(seen.taken).toBeGreaterThan(500);
    expect(seen.refused).toBeGreaterThan(500);
  });
});

/** One key is one decision, for any two of them. */
function hold(all: readonly Map<string, Told>[]): void {
  for (const one of all) {
    for (const other of all) {
      for (const [path, { key, decision }] of one) {
        const second = other.get(path);
        if (second?.key === key) expect([path, decision]).toEqual([path, second.decision]);
      }
    }
  }
}

function parsed(body: Buffer): Json | undefined {
  try {
    const document = parseJson(body);
    return typeof document === "object" && document !== null && "input" in document
      ? (document as JsonObject)["input"]
      : undefined;
  } catch (error) {
    if (error instanceof JsonRefused) return undefined;
    throw error;
  }
}

/** Asks by bytes and by value; gives how many entrypoints' scanners took the bytes. */
function holdScan(body: Buffer, every = 1): number {
  const input = parsed(body);
  let taken = 0;
  let n = body.length;
  for (const [path, scan] of scans) {
    const found = scan(body);
    if (found === undefined) continue;
    taken++;
    if (input === undefined) throw new Error(`taken, and refused by the parser: ${body.toString("latin1")}`);
    const { key } = world.bundle.entrypoints.get(path) ?? {};
    const named = key?.(found.read, asker);
    if (named !== key?.(input, asker)) throw new Error(`${path} has two keys for ${body.toString("latin1")}`);
    if (n++ % every !== 0) continue;
    const told = stringifyJson(world.bundle.policy.evaluate(path, found) as unknown as Json);
    const known = world.decide(path, input);
    if (told !== known)
      throw new Error(`${path}: ${told} by bytes, ${known} by value: ${body.toString("latin1")}`);
  }
  return taken;
}
