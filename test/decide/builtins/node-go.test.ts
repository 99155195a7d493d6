/** Node's built-ins beside OPA's Go code, on arguments made of the cases' own. */
import { describe, expect, test } from "@jest/globals";
import { fc } from "../../properties.js";
import { BuiltinFault } from "../../../sidecar/decide/builtins/builtin.js";
import { BuiltinLimit } from "../../../sidecar/decide/builtins/limit.js";
import { createGoBuiltins } from "../../../sidecar/decide/builtins/go/go.js";
import { nodeBuiltins } from "../../../sidecar/decide/builtins/node/node.js";
import { termText, writeValue } from "../../../sidecar/decide/builtins/text.js";
import { toGo } from "../../../sidecar/decide/builtins/node/to-go.js";
import type { RegoValue } from "../../../sidecar/decide/engine/value.js";
import { readCases } from "./cases.js";
import { fromTagged } from "./tagged.js";

const runs = 150;
const go = createGoBuiltins();
const nowNs = 1_763_705_268_123_456_789n;
const seed = (): Uint8Array => new Uint8Array(32);
const cases = readCases();

function askGo(name: string, args: string) {
  return go.call(name, Buffer.from(args), { nowNs, seed, decision: 1, fuel: 500_000_000 });
}

/** What Go's code answers, as text that keeps the digits of numbers. */
function answerOfGo(name: string, args: readonly RegoValue[]): string {
  const answer = askGo(name, writeValue(args));
  switch (answer.kind) {
    case "value": {
      if (answer.bytes !== undefined) return "other bytes";
      const printed = askGo("sprintf", `["%s", [[${Buffer.from(answer.text).toString()}]]]`);
      return printed.kind === "value"
        ? (JSON.parse(Buffer.from(printed.text).toString()) as string)
        : printed.kind;
    }
    case "error":
      return `${answer.code} ${answer.message}`;
    default:
      return answer.kind;
  }
}

function answerOfNode(name: string, args: readonly RegoValue[]): string | undefined {
  const builtin = nodeBuiltins.get(name);
  if (builtin === undefined) throw new Error(`no such built-in: ${name}`);
  try {
    const value = builtin({ nowNs, seed, kept: new Map(), isUtf8: () => true }, ...args);
    // passed on, or beyond what one call may cost
    if (value === toGo) return undefined;
    return value === undefined ? "undefined" : termText([value]);
  } catch (error) {
    if (error instanceof BuiltinLimit) return undefined;
    if (error instanceof BuiltinFault) return `${error.code} ${error.message}`;
    throw error;
  }
}

const scraps = ["", "a", "é", "😀", "%", "-", ".", ":", "/", "0", "1", "\n", '"', "\\", "\ufffd"];

/** A text with a scrap put in, or in the place of a character. */
function disturbed(text: string): fc.Arbitrary<string> {
  const signs = [...text];
  return fc
    .tuple(fc.nat(signs.length), fc.constantFrom(...scraps), fc.nat(1))
    .map(([at, scrap, cut]) => [...signs.slice(0, at), scrap, ...signs.slice(at + cut)].join(""));
}

/** What stands at one place of any case, as it is or, if it is a text, disturbed. */
function argumentAt(pool: readonly RegoValue[]): fc.Arbitrary<RegoValue> {
  const drawn = fc.constantFrom(...pool);
  return fc.oneof<fc.Arbitrary<RegoValue>[]>(
    drawn,
    drawn.chain((value): fc.Arbitrary<RegoValue> =>
      typeof value === "string" ? disturbed(value) : fc.constant(value),
    ),
  );
}

describe("Node answers as Go does", () => {
  const names = [...new Set(cases.map(([name]) => name))];

  test.each(names)("%s", (name) => {
    const own = cases.filter(([of]) => of === name).map(([, args]) => args.map(fromTagged));
    const places = (own[0] ?? []).map((_, i) => argumentAt(own.map((args) => args[i] ?? null)));
    fc.assert(
      fc.property(fc.tuple(...places), (args) => {
        const answer = answerOfNode(name, args);
        if (answer !== undefined) expect(answer).toBe(answerOfGo(name, args));
      }),
      { numRuns: runs },
    );
  });
});
