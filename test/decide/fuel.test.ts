import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import * as opaWasm from "@open-policy-agent/opa-wasm";
import { parseJson } from "../../sidecar/contract.js";
import { addFuel, fuelExport } from "../../sidecar/decide/fuel.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { bytesOf, concat, createReader, unsigned } from "../../sidecar/decide/wasm-binary.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { endlessLoop, endlessRecursion, magic, moduleOf, name, sectionOf, vector } from "./modules.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

/** Uses much of what OPA compiles to: loops, calls, tables of functions, sets, strings, numbers, regular expressions. */
const policy = `package p

r := {
	"else": e,
	"sum": sum([n | some n in input.xs; is_number(n)]),
	"names": sort([lower(s) | some s in input.xs; is_string(s)]),
	"set": sort({x | some x in input.xs}),
	"split": split(object.get(input, "path", "a/b"), "/"),
	"match": regex.match("^[a-c]+$", object.get(input, "path", "")),
	"found": contains(object.get(input, "path", ""), data.needle),
	"every": every_small,
	"walk": count([v | walk(input, [_, v])]),
	"keys": sort({k | some k, _ in object.get(input, "o", {})}),
}

e := "none" if not input.a else := "one" if input.a == 1 else := f(input.a)

default f(_) := "other"
f(x) := "text" if is_string(x)

default every_small := false
every_small if every n in input.xs { n < 100 }
`;

interface Bare {
  loadPolicySync(
    wasm: Uint8Array,
    memory: WebAssembly.MemoryDescriptor,
  ): { setData(data: object): void; evaluate(input: unknown, entrypoint: string): { result: unknown }[] };
}
const opa = (opaWasm as unknown as { default: Bare }).default;
let wasm: Uint8Array;
beforeAll(async () => {
  const built = await toolchain.build({
    files: { "p.rego": policy, "data.json": '{"needle":"b"}' },
    entrypoints: ["p/r"],
  });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  wasm = new Uint8Array(Buffer.from(built.result.wasm, "base64"));
});

const inputs = fc.record(
  {
    a: fc.oneof(fc.constantFrom(1, 2, "x", false, null), fc.string()),
    xs: fc.array(fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null)), { maxLength: 8 }),
    path: fc.stringMatching(/^[a-d/]{0,12}$/),
    o: fc.jsonValue({ maxDepth: 3 }),
  },
  { requiredKeys: [] },
);

describe("fuel", () => {
  test("changes no result over 300 inputs", () => {
    const bare = opa.loadPolicySync(wasm, { initial: 8, maximum: 256 });
    bare.setData({ needle: "b" });
    const fuelled = loadPolicy({ wasm, data: '{"needle":"b"}', budget: 10_000_000, maxPages: 256 });
    let values = 0;
    for (const input of fc.sample(inputs, { numRuns: 300, seed: 3 })) {
      const text = JSON.stringify(input);
      const [expected] = bare.evaluate(JSON.parse(text), "p/r");
      const own = fuelled.evaluate("p/r", parseJson(text));
      if (own.kind === "value") values++;
      expect({ text, value: own.kind === "value" ? own.value : own.kind }).toEqual({
        text,
        value: expected === undefined ? "undefined" : expected.result,
      });
    }
    expect(values).toBeGreaterThan(100);
  });

  test("is taken in the same amount by the same work", () => {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(addFuel(moduleOf(endlessLoop))));
    const fuel = instance.exports[fuelExport] as WebAssembly.Global;
    const run = instance.exports["run"] as () => void;
    for (const amount of [0n, 1n, 1000n]) {
      fuel.value = amount;
      expect(run).toThrow(WebAssembly.RuntimeError);
      expect(fuel.value).toBe(-1n);
    }
  });

  test.each([
    ["a loop", endlessLoop],
    ["recursion", endlessRecursion],
    [
      "a loop in a block in a branch",
      concat([bytesOf(0x02, 0x40, 0x41, 0x01, 0x04, 0x40), endlessLoop, bytesOf(0x0b, 0x0b)]),
    ],
    [
      "a loop behind constants that look like instructions",
      concat([bytesOf(0x42, 0x83, 0x80, 0x01, 0x1a, 0x43, 3, 3, 3, 3, 0x1a), endlessLoop]),
    ],
    ["a branch table", bytesOf(0x03, 0x40, 0x41, 0x00, 0x0e, 0x02, 0x00, 0x00, 0x00, 0x0b)],
  ])("ends %s", (_, code) => {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(addFuel(moduleOf(code))));
    const fuel = instance.exports[fuelExport] as WebAssembly.Global;
    fuel.value = 500n;
    expect(instance.exports["run"]).toThrow(WebAssembly.RuntimeError);
    expect(fuel.value).toBe(-1n);
  });

  test("counts beside globals that the module brings and imports", () => {
    const imported = sectionOf(2, vector(concat([name("m"), name("g"), bytesOf(0x03, 0x7f, 0x00)])));
    const own = sectionOf(6, vector(bytesOf(0x7f, 0x01, 0x41, 0x07, 0x0b)));
    const whole = moduleOf(endlessLoop, own);
    // imports stand between types and functions
    const types = sectionOf(1, vector(bytesOf(0x60, 0x00, 0x00))).byteLength;
    const at = magic.byteLength + types;
    const module = addFuel(concat([whole.subarray(0, at), imported, whole.subarray(at)]));
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module), {
      m: { g: 5 },
    } as unknown as WebAssembly.Imports);
    const fuel = instance.exports[fuelExport] as WebAssembly.Global;
    fuel.value = 9n;
    expect(instance.exports["run"]).toThrow(WebAssembly.RuntimeError);
    expect(fuel.value).toBe(-1n);
  });

  test.each([
    ["a module without sections", magic],
    ["a module of types only", concat([magic, sectionOf(1, vector())])],
    ["a module that ends in a custom section", concat([magic, sectionOf(0, name("x"))])],
  ])("is there in %s", (_, module) => {
    expect(WebAssembly.Module.exports(new WebAssembly.Module(addFuel(module)))).toEqual([
      { name: fuelExport, kind: "global" },
    ]);
  });

  test("a policy's rewriting is valid and twice is refused", () => {
    const once = addFuel(wasm);
    expect(WebAssembly.validate(once)).toBe(true);
    expect(() => addFuel(once)).toThrow("itself");
  });
});

const code = (...bytes: number[]): Uint8Array => moduleOf(bytesOf(...bytes));

describe("modules that aren't taken", () => {
  test.each<[string, () => Uint8Array, string]>([
    ["nothing", () => new Uint8Array(), "not a WebAssembly"],
    ["text", () => new TextEncoder().encode("not a module at all"), "not a WebAssembly"],
    ["another version", () => bytesOf(0x00, 0x61, 0x73, 0x6d, 0x02, 0x00, 0x00, 0x00), "not a WebAssembly"],
    ["a section past the end", () => concat([magic, bytesOf(0x01, 0x7f, 0x00)]), "ends early"],
    [
      "an endless number",
      () => concat([magic, bytesOf(0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)]),
      "too long",
    ],
    [
      "a section twice",
      () => concat([magic, sectionOf(1, vector()), sectionOf(1, vector())]),
      "out of place",
    ],
    [
      "sections out of order",
      () => concat([magic, sectionOf(3, vector()), sectionOf(1, vector())]),
      "out of place",
    ],
    ["an unknown section", () => concat([magic, sectionOf(13, vector())]), "out of place"],
    ["an unknown instruction", () => code(0xfd, 0x0c), "unknown instruction"],
    ["an unknown prefixed instruction", () => code(0xfc, 0x7f), "unknown instruction"],
    ["threads", () => code(0xfe, 0x03, 0x00), "unknown instruction"],
    ["a tail call", () => code(0x12, 0x00), "unknown instruction"],
    ["exceptions", () => code(0x06, 0x40), "unknown instruction"],
    [
      "a global of fuel's name",
      () => {
        const globals = sectionOf(6, vector(bytesOf(0x7e, 0x01, 0x42, 0x00, 0x0b)));
        const exported = sectionOf(7, vector(concat([name(fuelExport), bytesOf(0x03, 0x00)])));
        return concat([magic, globals, exported]);
      },
      "itself",
    ],
    [
      "a shared memory",
      () => {
        const memory = concat([name("env"), name("memory"), bytesOf(0x02, 0x03, 0x01, 0x02)]);
        return concat([magic, sectionOf(2, vector(memory))]);
      },
      "shared",
    ],
  ])("%s", (_, module, reason) => {
    expect(() => addFuel(module())).toThrow(reason);
  });

  test("cut or changed policies are refused or still hold fuel; nothing else is thrown", () => {
    fc.assert(
      fc.property(
        fc.nat(wasm.byteLength - 1),
        fc.integer({ min: 0, max: 255 }),
        fc.boolean(),
        (at, byte, cut) => {
          const spoilt = cut ? wasm.slice(0, at) : Uint8Array.from(wasm);
          if (!cut) spoilt[at] = byte;
          let out: Uint8Array;
          try {
            out = addFuel(spoilt);
          } catch (error) {
            expect((error as Error).name).toBe("WasmRefused");
            return;
          }
          if (!WebAssembly.validate(out)) return;
          const exported = WebAssembly.Module.exports(new WebAssembly.Module(out));
          expect(exported).toContainEqual(expect.objectContaining({ name: fuelExport, kind: "global" }));
        },
      ),
      { numRuns: 40, seed: 5 },
    );
  });

  test("numbers are written as they are read", () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (value) => {
        const reader = createReader(unsigned(value));
        expect(reader.unsigned()).toBe(value);
        expect(reader.done()).toBe(true);
      }),
    );
  });
});
