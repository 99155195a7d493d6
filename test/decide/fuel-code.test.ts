import { describe, expect, test } from "@jest/globals";
import { addFuel, fuelExport, hasFuel, variableExport } from "../../sidecar/decide/fuel.js";
import { withMemoryLimit } from "../../sidecar/decide/limit-memory.js";
import { bytesOf, concat, signed, unsigned } from "../../sidecar/decide/wasm-binary.js";
import { endlessLoop, magic, moduleOf, name, sectionOf, vector } from "./modules.js";

/** From one page up. */
const memory = sectionOf(5, vector(bytesOf(0x00, 0x01)));
const i32 = (value: number): Uint8Array => concat([bytesOf(0x41), signed(value)]);
const drop = bytesOf(0x1a);
const fill = bytesOf(0xfc, 0x0b, 0x00);
const copy = bytesOf(0xfc, 0x0a, 0x00, 0x00);
const grow = bytesOf(0x40, 0x00);
const fillOf = (size: number): Uint8Array => concat([i32(0), i32(1), i32(size), fill]);
const nops = (count: number): Uint8Array => new Uint8Array(count).fill(0x01);

function instanceOf(module: Uint8Array): { run: () => void; fuel: WebAssembly.Global } {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module));
  return { run: exports["run"] as () => void, fuel: exports[fuelExport] as WebAssembly.Global };
}

describe("what work costs", () => {
  test.each<[string, number, Uint8Array]>([
    ["nothing", 1, nops(0)],
    ["some code", 1, nops(900)],
    ["ten kilobytes of code", 11, nops(10 * 1024)],
    ["a fill of a page", 1 + 1024, fillOf(65_536)],
    ["a fill of nothing", 1, fillOf(0)],
    [
      "two copies of a kilobyte",
      1 + 2 * 16,
      concat([1, 2].map(() => concat([i32(0), i32(9), i32(1024), copy]))),
    ],
    ["growth", 1 + 1000, concat([i32(1), grow, drop])],
    ["growth by nothing", 1 + 1000, concat([i32(0), grow, drop])],
    [
      "a loop of two kilobytes that ends after its first turn",
      // the function's code and the loop's
      3 + 3,
      concat([nops(1), bytesOf(0x03, 0x40), nops(2048), bytesOf(0x0b)]),
    ],
    [
      "a loop that the function begins with: it burns once",
      2,
      concat([bytesOf(0x03, 0x40), nops(1024), bytesOf(0x0b)]),
    ],
  ])("%s: %d", (_, cost, code) => {
    const { run, fuel } = instanceOf(addFuel(moduleOf(code, memory)));
    fuel.value = 1_000_000n;
    run();
    expect(fuel.value).toBe(BigInt(1_000_000 - cost));
  });

  test.each([
    ["fills", fillOf(65_536), 1025],
    ["failing growth", concat([i32(65_536), grow, drop]), 1001],
    ["long code", nops(102_400), 101],
  ])("a loop of %s ends after as many turns as its work allows", (_, work, cost) => {
    const loop = concat([bytesOf(0x03, 0x40), work, bytesOf(0x0c, 0x00, 0x0b)]);
    const { run, fuel } = instanceOf(addFuel(moduleOf(loop, memory)));
    fuel.value = 100_000n;
    expect(run).toThrow(WebAssembly.RuntimeError);
    expect(-Number(fuel.value)).toBeLessThanOrEqual(cost);
  });

  test("a copy's local stands behind the function's own", () => {
    // (local i64 i32): sets the second, fills, and traps unless the second still holds it
    const body = concat([
      ...[bytesOf(0x02, 0x01, 0x7e, 0x01, 0x7f), i32(7), bytesOf(0x21, 0x01), fillOf(640)],
      ...[bytesOf(0x20, 0x01), i32(7), bytesOf(0x47, 0x04, 0x40, 0x00, 0x0b, 0x0b)],
    ]);
    const module = concat([
      ...[
        magic,
        sectionOf(1, vector(bytesOf(0x60, 0x02, 0x7f, 0x7f, 0x00))),
        sectionOf(3, vector(bytesOf(0))),
      ],
      ...[memory, sectionOf(7, vector(concat([name("run"), bytesOf(0x00, 0x00)])))],
      // with two parameters, the locals are 2 and 3
      sectionOf(10, vector(concat([unsigned(body.byteLength), shifted(body)]))),
    ]);
    const { run, fuel } = instanceOf(addFuel(module));
    fuel.value = 100n;
    run();
    expect(fuel.value).toBe(100n - 1n - 10n);
  });
});

/** Names local 1 as 3: behind two parameters. */
function shifted(body: Uint8Array): Uint8Array {
  const out = Uint8Array.from(body);
  for (let at = 5; at + 1 < out.length; at++) {
    if ((out[at] === 0x20 || out[at] === 0x21) && out[at + 1] === 0x01) out[at + 1] = 0x03;
  }
  return out;
}

describe("a new instance", () => {
  const start = concat([sectionOf(8, unsigned(0))]);
  const starting = (code: Uint8Array): Uint8Array => {
    const whole = moduleOf(code);
    // the start section stands between exports and code
    const at =
      whole.byteLength -
      sectionOf(10, vector(concat([unsigned(code.byteLength + 2), bytesOf(0x00), code, bytesOf(0x0b)])))
        .byteLength;
    return concat([whole.subarray(0, at), start, whole.subarray(at)]);
  };

  test("has fuel for its start, but no more than is given", () => {
    const once = starting(fillOf(0).subarray(0, 0));
    expect(instanceOf(addFuel(once, { initial: 5n })).fuel.value).toBe(4n);
    const endless = new WebAssembly.Module(addFuel(starting(endlessLoop)));
    expect(() => new WebAssembly.Instance(endless)).toThrow(WebAssembly.RuntimeError);
  });

  test.each([[0n], [63n], [64n], [-1n], [1n << 62n]])("starts with %d", (initial) => {
    expect(instanceOf(addFuel(moduleOf(nops(1)), { initial })).fuel.value).toBe(initial);
  });
});

describe("a module's own memory", () => {
  const growBy = (pages: number): Uint8Array =>
    concat([i32(pages), grow, i32(-1), bytesOf(0x46, 0x04, 0x40, 0x00, 0x0b)]);
  test("has the maximum that is asked for, at build and later", () => {
    const module = addFuel(moduleOf(growBy(8), memory), { maxPages: 8 });
    expect(instanceOf(module).run).toThrow(WebAssembly.RuntimeError);
    expect(instanceOf(withMemoryLimit(module, 9)).run).toThrow(WebAssembly.RuntimeError);
    expect(instanceOf(addFuel(moduleOf(growBy(7), memory), { maxPages: 8 })).run).not.toThrow();
    expect(instanceOf(withMemoryLimit(addFuel(moduleOf(growBy(7), memory)), 4)).run).toThrow();
  });
  test("isn't larger than that from its start", () => {
    const large = sectionOf(5, vector(bytesOf(0x00, 0x09)));
    expect(() => addFuel(moduleOf(nops(1), large), { maxPages: 8 })).toThrow("larger");
  });
  test("isn't a second one", () => {
    const two = sectionOf(5, vector(bytesOf(0x00, 0x01), bytesOf(0x00, 0x01)));
    expect(() => addFuel(moduleOf(nops(1), two))).toThrow("more than one memory");
  });
  test("isn't of 64 bits", () => {
    expect(() => addFuel(moduleOf(nops(1), sectionOf(5, vector(bytesOf(0x04, 0x01)))))).toThrow("64-bit");
  });
});

describe("variables", () => {
  // (mut i32) 7, i64 1, (mut i64) 9
  const globals = sectionOf(
    6,
    vector(
      bytesOf(0x7f, 0x01, 0x41, 0x07, 0x0b),
      bytesOf(0x7e, 0x00, 0x42, 0x01, 0x0b),
      bytesOf(0x7e, 0x01, 0x42, 0x09, 0x0b),
    ),
  );
  test("are exported where that is asked for, constants aren't", () => {
    const module = moduleOf(nops(1), globals);
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(addFuel(module, { variables: true })),
    );
    const found = Object.entries(exports)
      .filter(([key]) => key.startsWith(variableExport))
      .map(([key, global]) => [key.slice(variableExport.length), (global as WebAssembly.Global).value]);
    expect(found).toEqual([
      ["0", 7],
      ["2", 9n],
    ]);
    expect(Object.keys(new WebAssembly.Instance(new WebAssembly.Module(addFuel(module))).exports)).toEqual([
      "run",
      fuelExport,
    ]);
  });
  test("tell a module that has fuel", () => {
    expect(hasFuel(moduleOf(nops(1)))).toBe(false);
    expect(hasFuel(addFuel(moduleOf(nops(1))))).toBe(true);
    expect(hasFuel(magic)).toBe(false);
  });
});

describe("a module's own code", () => {
  const refill = concat([bytesOf(0x42, 0xff, 0x00, 0x24, 0x00)]);
  test.each([
    ["sets no fuel", moduleOf(refill)],
    ["reads no fuel", moduleOf(bytesOf(0x23, 0x00, 0x1a))],
    ["exports no fuel", concat([magic, sectionOf(7, vector(concat([name("mine"), bytesOf(0x03, 0x00)])))])],
  ])("%s", (_, module) => {
    expect(() => addFuel(module)).toThrow("a global that isn't there");
  });
  test("sets its own", () => {
    const own = sectionOf(6, vector(bytesOf(0x7e, 0x01, 0x42, 0x00, 0x0b)));
    expect(instanceOf(addFuel(moduleOf(refill, own))).run).not.toThrow();
  });
});

// each hides a loop from a reader that takes the type, or the index, for one byte
describe("instructions of newer engines, behind which others could hide", () => {
  test.each<[string, Uint8Array, string]>([
    ["a typed reference in select", bytesOf(0x1c, 0x01, 0x63, 0x41, 0x03), "unknown type 0x63"],
    ["a block of a typed reference", bytesOf(0x02, 0x63, 0x41, 0x03, 0x0b), "unknown type 0x63"],
    ["a block of a long negative type", bytesOf(0x02, 0xe4, 0x7f, 0x0b), "unknown type"],
    ["a loop of a vector", bytesOf(0x03, 0x7b, 0x0b), "unknown type 0x7b"],
    [
      "a load of another memory",
      concat([i32(0), bytesOf(0x28, 0x42, 0x01, 0x00), drop]),
      "more than one memory",
    ],
    ["growth of another memory", concat([i32(0), bytesOf(0x40, 0x01), drop]), "more than one memory"],
    ["the size of another memory", concat([bytesOf(0x3f, 0x01), drop]), "more than one memory"],
    ["a block that ends twice", bytesOf(0x0b, 0x0b), "ends twice"],
    ["a block without end", bytesOf(0x02, 0x40), "ends early"],
    ["a call by reference", bytesOf(0x14, 0x00), "unknown instruction"],
    ["exceptions", bytesOf(0x1f, 0x40, 0x00, 0x0b), "unknown instruction"],
    ["structures", bytesOf(0xfb, 0x00, 0x00), "unknown instruction"],
    ["a null reference", bytesOf(0xd0, 0x70, 0x1a), "unknown instruction"],
  ])("%s", (_, code, reason) => {
    expect(() => addFuel(moduleOf(code, memory))).toThrow(reason);
  });

  test("a local of a typed reference", () => {
    const body = bytesOf(0x01, 0x01, 0x63, 0x00, 0x0b);
    const module = concat([
      ...[magic, sectionOf(1, vector(bytesOf(0x60, 0x00, 0x00))), sectionOf(3, vector(bytesOf(0x00)))],
      sectionOf(10, vector(concat([unsigned(body.byteLength), body]))),
    ]);
    expect(() => addFuel(module)).toThrow("unknown type 0x63");
  });
});
