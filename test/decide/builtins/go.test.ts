import { describe, expect, test } from "@jest/globals";
import { fc } from "../../properties.js";
import type { GoAnswer, GoContext } from "../../../sidecar/decide/builtins/go/go.js";
import { createGoBuiltins } from "../../../sidecar/decide/builtins/go/go.js";
import { servedBy } from "../../../sidecar/decide/builtins/table.js";
import { JsonNumber } from "../../../sidecar/contract.js";
import type { RegoValue } from "../../../sidecar/decide/engine/value.js";
import { objectOf, RegoObject, RegoSet, setOf } from "../../../sidecar/decide/engine/value.js";
import { makeCertificate } from "./http-certificate.js";
import { attacks, faults, garbage, nowNs, refused, values } from "./go.cases.js";

const runtime = '{"env": {"A": "b"}, "version": "1.22.0"}';
const go = createGoBuiltins({ runtime });
const seedOf = (byte: number) => () => new Uint8Array(32).fill(byte);
const context: GoContext = { nowNs, seed: seedOf(7), decision: 1, fuel: 20_000_000 };

const call = (name: string, args: string, in_: GoContext = context): GoAnswer =>
  go.call(name, Buffer.from(args), in_);
/** The value's text, or the answer. */
const shown = (answer: GoAnswer): unknown =>
  answer.kind === "value" ? Buffer.from(answer.text).toString() : answer;

describe("OPA's Go built-ins", () => {
  test.each(values)("%s(%s)", (name, args, result) => {
    expect(shown(call(name, args))).toBe(result);
  });

  test.each(faults)("%s(%s) is a fault", (name, args, code, message) => {
    expect(call(name, args)).toEqual({ kind: "error", code, message: expect.stringContaining(message) });
  });

  test("every one of OPA's built-ins is there, save those listed", () => {
    const missing = [...servedBy.keys()].filter((name) => {
      const answer = call(name, "[1, 2, 3, 4, 5, 6, 7]");
      return answer.kind === "error" && answer.message.startsWith("unsupported");
    });
    expect(servedBy.size).toBeGreaterThanOrEqual(206);
    expect(missing.sort()).toEqual(refused.filter((name) => servedBy.has(name)).sort());
  });

  test.each([["walk"], ["no.such"], [""], ["__proto__"], ["é\u0000"]])("%j isn't served", (name) => {
    expect(call(name, "[1]")).toMatchObject({ kind: "error", code: "eval_internal_error" });
  });

  test.each([["[]"], ["[1]"], ["[1, 2, 3]"]])("plus%s has another number of arguments", (args) => {
    expect(call("plus", args)).toEqual({ kind: "failed", code: "evaluation_error" });
  });

  test("undefined is no error", () => {
    expect(call("uuid.parse", '["x"]')).toEqual({ kind: "undefined" });
  });

  test("the runtime is the one given, the environment's values left out as OPA does", () => {
    expect(shown(call("opa.runtime", "[]"))).toContain('"version":"1.22.0"');
  });

  test("a string that is no UTF-8 is given in bytes, too", () => {
    const answer = call("hex.decode", '["61ff00"]');
    expect(shown(answer)).toBe('"a\ufffd\\u0000"');
    expect(answer).toMatchObject({ bytes: Uint8Array.of(0x61, 0xff, 0x00) });
    // and comes in as bytes
    const raw = Buffer.concat([Buffer.from('["a'), Buffer.of(0xff), Buffer.from('"]')]);
    expect(shown(go.call("hex.encode", raw, context))).toBe('"61ff"');
  });

  test("certificates are checked at the decision's time", () => {
    const { cert } = makeCertificate(["localhost"]);
    const [at2023, at2055] = [nowNs, 2_700_000_000_000_000_000n].map((time) =>
      shown(
        call("crypto.x509.parse_and_verify_certificates", JSON.stringify([cert + cert]), {
          ...context,
          nowNs: time,
        }),
      ),
    );
    expect(at2023).toMatch(/^\[true,/);
    expect(at2055).toBe("[false,[]]");
  });
});

describe("a decision", () => {
  const ask = (in_: GoContext): unknown[] =>
    [
      ["uuid.rfc4122", '["a"]'],
      ["uuid.rfc4122", '["b"]'],
      ["rand.intn", '["a", 1000000000]'],
      ["uuid.rfc4122", '["a"]'],
      ["rand.intn", '["a", 1000000000]'],
    ].map(([name = "", args = ""]) => shown(call(name, args, in_)));

  test("draws the same numbers again by the same names, others by others", () => {
    const [a, b, n, again, nAgain] = ask(context);
    expect([again, nAgain]).toEqual([a, n]);
    expect(b).not.toBe(a);
  });

  test("depends on its seed alone", () => {
    const first = ask({ ...context, decision: 2, seed: seedOf(1) });
    expect(ask({ ...context, decision: 3, seed: seedOf(1) })).toEqual(first);
    expect(ask({ ...context, decision: 4, seed: seedOf(2) })).not.toEqual(first);
  });

  test("isn't taken for another policy's of the same number", () => {
    const first = ask({ ...context, decision: 5, seed: seedOf(3) });
    expect(ask({ ...context, decision: 5, seed: seedOf(4) })).not.toEqual(first);
  });
});

describe("limits", () => {
  test.each(attacks)("%s ends, and the next call works", (_, name, args) => {
    expect(call(name, args())).toEqual({ kind: "failed", code: "evaluation_budget_exceeded" });
    expect(shown(call("plus", "[1, 2]"))).toBe("3");
  });

  test("the same call on the same state takes the same fuel", () => {
    const fresh = createGoBuiltins();
    const least = (): number => {
      for (let fuel = 1_000; ; fuel += 50) {
        const { kind } = fresh.call("plus", Buffer.from("[1, 2]"), { ...context, fuel });
        if (kind === "value") return fuel;
        if (fuel > 1_000_000) throw new Error("no end");
      }
    };
    // a failing call puts the state back, so that the search meets the same state each time
    const first = least();
    fresh.call("plus", Buffer.from("[1, 2]"), { ...context, fuel: 0 });
    expect(least()).toBe(first);
  });

  test.each([[0], [1], [-5], [Number.NaN], [100], [1_000]])("fuel %d gives no answer", (fuel) => {
    expect(call("sprintf", '["%v", [{1, 2}]]', { ...context, fuel }).kind).toBe("failed");
    expect(shown(call("plus", "[1, 2]"))).toBe("3");
  });

  test("memory has a maximum, and is given back", () => {
    const small = createGoBuiltins({ maxMemoryPages: 1_024 });
    const asked = (name: string, args: string): GoAnswer =>
      small.call(name, Buffer.from(args), { ...context, fuel: 1_000_000_000 });
    for (let n = 0; n < 3; n++) {
      expect(asked("replace", JSON.stringify(["a".repeat(1 << 20), "a", "b".repeat(1_000)]))).toEqual({
        kind: "failed",
        code: "evaluation_budget_exceeded",
      });
      expect(small.usedBytes()).toBeLessThanOrEqual(1_024 * 65_536);
      expect(asked("plus", "[1, 2]").kind).toBe("value");
      expect(small.usedBytes()).toBeLessThan(32 << 20);
    }
  });

  test("memory doesn't grow over 10,000 calls", () => {
    const rows = values.map(([name, args]) => [name, Buffer.from(args)] as const);
    const run = (times: number): number => {
      for (let n = 0; n < times; n++) {
        const [name, args] = rows[n % rows.length] as (typeof rows)[number];
        go.call(name, args, { ...context, decision: 10 + (n >> 2) });
      }
      return go.usedBytes();
    };
    const before = run(5_000);
    expect(run(5_000)).toBeLessThanOrEqual(before + (8 << 20));
  }, 120_000);

  test("a seed that throws fails the call, and no more", () => {
    const seed = (): Uint8Array => {
      throw new Error("no seed");
    };
    expect(call("uuid.rfc4122", '["x"]', { ...context, decision: 9, seed })).toEqual({
      kind: "failed",
      code: "evaluation_error",
    });
    expect(call("uuid.rfc4122", '["x"]').kind).toBe("value");
  });
});

describe("values", () => {
  const number = fc.oneof(
    fc.integer().map((n) => new JsonNumber(String(n))),
    fc.bigInt().map((n) => new JsonNumber(String(n))),
    fc.tuple(fc.integer(), fc.integer({ min: 1, max: 9 })).map(([n, d]) => new JsonNumber(`${n}.${d}`)),
  );
  const text = fc.string({ unit: fc.oneof(fc.string({ unit: "binary" }), fc.string()), maxLength: 6 });
  const { value } = fc.letrec<{ value: RegoValue; list: readonly RegoValue[] }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom(null, true, false),
      number,
      text,
      tie("list"),
      tie("list").map((items) => setOf(items)),
      fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map((entries) => objectOf(entries)),
    ),
    list: fc.array(tie("value"), { maxLength: 4 }),
  }));

  test("come back as they went, whatever they hold", () => {
    fc.assert(
      fc.property(value, (one) => {
        const spaced = write(one, ", ", ": ");
        expect(shown(call("array.concat", `[[${spaced}], []]`))).toBe(`[${write(one, ",", ":")}]`);
      }),
      { numRuns: 300, seed: 11 },
    );
  });

  test("sets and objects are OPA's: order and repetition don't count", () => {
    expect(shown(call("array.concat", "[[{3, 1, 2, 1}, {{2}, {1}}], []]"))).toBe("[{1,2,3},{{1},{2}}]");
    expect(shown(call("equal", '[{"b": 1, "a": {2, 1}}, {"a": {1, 2}, "b": 1}]'))).toBe("true");
  });

  test.each([[100], [1_000], [5_000], [9_000]])("nest %d levels deep", (levels) => {
    const deep = "[".repeat(levels) + "]".repeat(levels);
    expect(shown(call("array.concat", `[${deep}, [1]]`))).toBe(`${deep.slice(0, -1)},1]`);
  });

  test("nest no deeper than 10,000", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    expect(call("count", `[${deep}]`)).toEqual({ kind: "failed", code: "evaluation_budget_exceeded" });
  });

  test.each(garbage.map((one) => [one]))("%j isn't one", (args) => {
    expect(call("count", args)).toEqual({ kind: "failed", code: "evaluation_error" });
  });

  test("no text brings down more than its own call", () => {
    const names = fc.constantFrom(
      "count",
      "sprintf",
      "json.patch",
      "numbers.range",
      "io.jwt.decode",
      "to_number",
    );
    const piece = fc.constantFrom(...'[]{},:"\\u0eE-.19 ', "set()", "null", "true", '"a"', "1e999999999");
    fc.assert(
      fc.property(names, fc.array(piece, { maxLength: 20 }), (name, pieces) => {
        expect(call(name, `[${pieces.join("")}]`).kind).toMatch(/^(value|undefined|error|failed)$/);
      }),
      { numRuns: 500, seed: 13 },
    );
    expect(shown(call("plus", "[1, 2]"))).toBe("3");
  });
});

/** As `opa_value_dump` writes it with spaces, and as the Go code does without. */
function write(value: RegoValue, comma: string, colon: string): string {
  const of = (item: RegoValue): string => write(item, comma, colon);
  if (value instanceof JsonNumber) return value.text;
  if (value instanceof RegoSet) {
    return value.items.length === 0 ? "set()" : `{${value.items.map(of).join(comma)}}`;
  }
  if (value instanceof RegoObject) {
    return `{${value.entries.map(([key, member]) => of(key) + colon + of(member)).join(comma)}}`;
  }
  if (Array.isArray(value)) return `[${(value as readonly RegoValue[]).map(of).join(comma)}]`;
  if (typeof value === "string") {
    const escaped = value.replace(/["\\]|[\u0000-\u001f]/g, (c) =>
      c === '"' || c === "\\" ? `\\${c}` : `\\u00${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
    );
    return `"${escaped}"`;
  }
  return String(value);
}
