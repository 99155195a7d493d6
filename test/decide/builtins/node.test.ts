import { describe, expect, test } from "@jest/globals";
import { JsonNumber } from "../../../sidecar/contract.js";
import { BuiltinFault } from "../../../sidecar/decide/builtins/builtin.js";
import { BuiltinLimit } from "../../../sidecar/decide/builtins/limit.js";
import { nodeBuiltins } from "../../../sidecar/decide/builtins/node/node.js";
import type { NodeContext } from "../../../sidecar/decide/builtins/node/to-go.js";
import { toGo } from "../../../sidecar/decide/builtins/node/to-go.js";
import type { RegoValue } from "../../../sidecar/decide/engine/value.js";
import { objectOf, RegoSet, setOf } from "../../../sidecar/decide/engine/value.js";
import type { Case } from "./cases.js";
import { readCases } from "./cases.js";
import type { Tagged } from "./tagged.js";
import { fromTagged, toTagged } from "./tagged.js";

const cases = readCases();

function contextOf(parts: Partial<NodeContext> = {}): NodeContext {
  return {
    nowNs: 1_763_705_268_123_456_789n,
    seed: () => new Uint8Array(32),
    kept: new Map<string, RegoValue>(),
    isUtf8: () => true,
    ...parts,
  };
}

function call(name: string, args: readonly RegoValue[], context = contextOf()) {
  const builtin = nodeBuiltins.get(name);
  if (builtin === undefined) throw new Error(`no such built-in: ${name}`);
  return builtin(context, ...args);
}

function answerOf(name: string, args: readonly Tagged[]) {
  try {
    const value = call(name, args.map(fromTagged));
    if (value === toGo) return ["go"];
    return value === undefined ? ["u"] : ["v", toTagged(value)];
  } catch (error) {
    if (error instanceof BuiltinFault) return ["e", error.code, error.message];
    throw error;
  }
}

const isBytes = (expected: Case[2]): boolean =>
  expected[0] === "v" && JSON.stringify(expected[1]).includes('{"x":');

describe("OPA's answers", () => {
  /** Their results are no more than well-formed, or the clock's. */
  const drawn = ["uuid.rfc4122", "rand.intn", "time.now_ns"];

  test.each([...nodeBuiltins.keys()].filter((name) => !drawn.includes(name)))("%s", (name) => {
    const own = cases.filter(([of]) => of === name);
    expect(own.length).toBeGreaterThanOrEqual(5);
    for (const [, args, expected] of own) {
      // what is no UTF-8 can't be a string in JavaScript
      expect({ args, answer: answerOf(name, args) }).toEqual({
        args,
        answer: isBytes(expected) ? ["go"] : expected,
      });
    }
  });
});

describe("what a decision keeps", () => {
  test("time.now_ns is the decision's instant, to the nanosecond", () => {
    expect(toTagged(call("time.now_ns", []) as RegoValue)).toEqual({ n: "1763705268123456789" });
  });

  test("uuid.rfc4122 and rand.intn are the same for the same key, and others for another key or seed", () => {
    const context = contextOf();
    const other = contextOf({ seed: () => new Uint8Array(32).fill(1) });
    for (const [name, args, next] of [
      ["uuid.rfc4122", ["a"], ["b"]],
      ["uuid.rfc4122", [[1, setOf(["a"])]], [1]],
      ["rand.intn", ["a", 2 ** 40], ["b", 2 ** 40]],
    ] as const) {
      const first = call(name, args, context);
      expect(call(name, next, context)).not.toEqual(first);
      expect(call(name, args, context)).toEqual(first);
      expect(call(name, args, contextOf())).toEqual(first);
      expect(call(name, args, other)).not.toEqual(first);
    }
  });

  test("a UUID is of version 4", () => {
    for (let i = 0; i < 50; i++) {
      expect(call("uuid.rfc4122", [i])).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
    }
  });

  test("a random number lies in its range, and reaches both ends", () => {
    const seen = new Set<unknown>();
    for (let i = 0; i < 200; i++) seen.add(call("rand.intn", [String(i), i % 2 === 0 ? 3 : -3]));
    expect([...seen].sort()).toEqual([0, 1, 2]);
    expect(call("rand.intn", ["x", 0])).toBe(0);
    expect(() => call("rand.intn", ["x", 1.5])).toThrow(
      "rand.intn: operand 2 must be integer number but got floating-point number",
    );
  });
});

describe("texts that may have been other bytes", () => {
  const args = (text: string): readonly (readonly [string, readonly RegoValue[]])[] => [
    ["crypto.sha256", [text]],
    ["sprintf", ["%s", [text]]],
    ["sprintf", ["%v", [objectOf([["a", setOf([text])]])]]],
    ["strings.any_prefix_match", ["a", ["b", text]]],
    ["urlquery.encode_object", [objectOf([[text, "a"]])]],
  ];

  test("are left to Go where nobody tells that the arguments are UTF-8", () => {
    for (const [name, values] of args("a\ufffd")) {
      expect(call(name, values, contextOf({ isUtf8: () => false }))).toBe(toGo);
      expect(call(name, values)).not.toBe(toGo);
    }
  });

  test("are looked for only where a sign of them stands", () => {
    const isUtf8 = (): boolean => {
      throw new Error("needn't be asked");
    };
    for (const [name, values] of args("aé😀")) call(name, values, contextOf({ isUtf8 }));
  });
});

describe("zones", () => {
  test.each(["time.clock", "time.date", "time.weekday", "time.diff", "time.add_date"])(
    "%s leaves them to Go",
    (name) => {
      expect(call(name, [[0, "Europe/Berlin"], 0, 0, 0])).toBe(toGo);
      expect(call(name, [[0, "UTC"], 0, 0, 0])).not.toBe(toGo);
    },
  );
});

describe("limits", () => {
  const long = "x".repeat(2 ** 20 + 1);
  const name = "1".repeat(2 ** 16 + 1);
  const numbers = Array.from({ length: 10_000 }, (_, i) => i % 2);
  const nested = (depth: number): RegoValue => (depth === 0 ? numbers : [nested(depth - 1)]);
  const everyone = Array.from({ length: 12 }, (_, i) => i);

  test.each<readonly [string, readonly RegoValue[]]>([
    ["crypto.sha256", [long]],
    ["sprintf", [name, []]],
    ["sprintf", ["%1000000d".repeat(5), Array.from({ length: 5 }, () => 1)]],
    ["sprintf", ["%.1000000f".repeat(5), Array.from({ length: 5 }, () => 1.5)]],
    ["sprintf", ["%9999999d", [1]]],
    ["sprintf", ["%v", [new JsonNumber("1".repeat(10_001))]]],
    ["sprintf", ["%x", ["x".repeat(3 * 2 ** 20)]]],
    ["sprintf", ["%q", ["x".repeat(3 * 2 ** 20)]]],
    ["sprintf", ["%s", ["x".repeat(5 * 2 ** 20)]]],
    ["strings.count", [long, "x"]],
    ["strings.split_n", ["x".repeat(200_000), "", 200_000]],
    ["indexof_n", ["x".repeat(200_000), "x"]],
    [
      "strings.any_prefix_match",
      [
        ["a", "x".repeat(5 * 2 ** 20)],
        ["b", "c"],
      ],
    ],
    ["urlquery.encode_object", [objectOf([["a", "&".repeat(2 ** 21)]])]],
    ["uri.parse", [name]],
    ["uri.is_valid", [name]],
    ["semver.is_valid", [name]],
    ["time.parse_duration_ns", [name]],
    ["time.date", [new JsonNumber("1e999999999")]],
    ["numbers.range_step", [0, 1_000_000_000, 1]],
    ["net.cidr_expand", ["10.0.0.0/8"]],
    ["net.cidr_expand", ["::/0"]],
    [
      "net.cidr_contains_matches",
      [new RegoSet(numbers.map(() => "10.0.0.0/8")), numbers.map(() => "10.0.0.1")],
    ],
    ["graph.reachable_paths", [objectOf(everyone.map((node) => [node, everyone])), [0]]],
    ["json.marshal_with_options", [nested(1_000), objectOf([["indent", " "]])]],
    ["units.parse", ["1e99999"]],
    ["units.parse", ["1e-99999"]],
    ["units.parse_bytes", [`${"9".repeat(20_000)}k`]],
  ])("%s %#", (name, args) => {
    expect(() => call(name, args)).toThrow(BuiltinLimit);
  });

  test("leave room for what policies do", () => {
    expect((call("numbers.range_step", [0, 199_998, 2]) as readonly RegoValue[]).length).toBe(100_000);
    expect((call("net.cidr_expand", ["10.0.0.0/16"]) as RegoSet).items.length).toBe(65_536);
    expect((call("sprintf", ["%1000000d", [1]]) as string).length).toBe(1_000_000);
  });

  test("aren't needed where the work grows with the text", () => {
    // each of these would take minutes if the lengths were multiplied
    const text = "a".repeat(2 ** 19);
    const part = `b${"a".repeat(2 ** 18)}`;
    expect(call("strings.count", [text, part])).toBe(0);
    expect(call("indexof_n", [text, part])).toEqual([]);
    expect(call("strings.split_n", [text, part, 5])).toEqual([text]);
    expect(call("object.subset", [numbers, [...numbers.slice(0, 5_000), 2]])).toBe(false);
    expect(call("sprintf", ["%[".repeat(2 ** 15), []]) === "%[".repeat(2 ** 14)).toBe(true);
    const texts = Array.from({ length: 2_000 }, (_, i) => "a".repeat(i));
    expect(call("strings.any_prefix_match", [texts, texts.map((one) => `${one}b`)])).toBe(false);
    expect(call("strings.any_suffix_match", [texts, texts.map((one) => `b${one}`)])).toBe(false);
  });
});
