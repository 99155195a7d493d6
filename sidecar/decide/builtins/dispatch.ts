import { isUtf8 } from "node:buffer";
import type { RegoValue } from "../engine/value.js";
import { RegoSet } from "../engine/value.js";
import { BuiltinFault } from "./builtin.js";
import { calendarNames, createCalendar } from "./clock/calendar.js";
import { createZones } from "./clock/zones.js";
import type { GoBuiltins } from "./go/go.js";
import type { Call, HostBuiltin, ResolveBuiltin, Scope, Served } from "./host.js";
import { EvaluationHalted, HostBudgetExceeded } from "./host.js";
import { termText, writeValue } from "./text.js";
import type { NodeBuiltin } from "./node/to-go.js";
import { toGo } from "./node/to-go.js";

export interface ResolverParts {
  /** Served in JavaScript. */
  readonly node: ReadonlyMap<string, NodeBuiltin>;
  /** Loads the Go code; called once, when the first bundle needs it. */
  readonly go: () => GoBuiltins;
  /** Names that Go serves. */
  readonly goNames: ReadonlySet<string>;
  /** Result of `opa.runtime()`. */
  readonly runtime: RegoValue;
  /** Takes a line that a policy printed. */
  readonly print: (line: string) => void;
  /** `http.send` and `net.lookup_ip_addr`, where the configuration lists hosts. */
  readonly network?: ReadonlyMap<string, HostBuiltin>;
}

/** How the toolchain names a built-in that the host must serve though the module has it: for `strict-builtin-errors`. */
const aliasPrefix = "countersign.host.";
const cost = { node: 50, go: 2_000 } as const;
/** Fuel of the Go code for one call, in its own units: some 0.2 s. */
const goFuel = 50_000_000;

/** Creates the resolver of the built-ins that the host serves. */
export function createResolver(parts: ResolverParts): ResolveBuiltin {
  let loaded: GoBuiltins | undefined;
  const callGo = (name: string, { nowNs, seed, decision }: Scope, call: Call): Served => {
    loaded ??= parts.go();
    const answer = loaded.call(name, call.text(), { nowNs, seed, decision, fuel: goFuel });
    switch (answer.kind) {
      case "value":
        return answer.bytes === undefined
          ? { kind: "text", text: answer.text }
          : { kind: "bytes", bytes: answer.bytes };
      case "undefined":
        return answer;
      case "error":
        if (answer.code === "eval_type_error" || answer.code === "eval_builtin_error") {
          throw new BuiltinFault(answer.code, answer.message);
        }
        // INVARIANT: what ends an evaluation in OPA ends it here: undefined would let a deny rule pass
        throw new EvaluationHalted(answer.code, answer.message);
      case "failed":
        throw new HostBudgetExceeded(name);
    }
  };
  /** An evaluation that is made again prints what it printed before: only what is new is passed on. */
  const turns = new WeakMap<object, { attempt: number; seen: number; passed: number }>();
  const printOnce = (decision: object, attempt: number, line: string): void => {
    const turn = turns.get(decision) ?? { attempt, seen: 0, passed: 0 };
    if (turn.attempt !== attempt) Object.assign(turn, { attempt, seen: 0 });
    turn.seen++;
    if (turn.seen > turn.passed) {
      turn.passed = turn.seen;
      parts.print(line);
    }
    turns.set(decision, turn);
  };
  const own: ReadonlyMap<string, NodeBuiltin> = new Map<string, NodeBuiltin>([
    ["opa.runtime", () => parts.runtime],
    ["trace", () => true],
    [
      "internal.print",
      (context, sets) => {
        for (const line of printed(sets)) printOnce(context.kept, context.attempt ?? 0, line);
        return true;
      },
    ],
  ]);
  const byNode = (name: string, builtin: NodeBuiltin): HostBuiltin => ({
    cost: cost.node,
    call(scope, call) {
      const { nowNs, seed, kept, attempt } = scope;
      const context = { nowNs, seed, kept, attempt, isUtf8: () => isUtf8(call.text()) };
      const value = builtin(context, ...call.values());
      if (value === toGo) return callGo(name, scope, call);
      return value === undefined ? { kind: "undefined" } : { kind: "value", value };
    },
  });
  const byGo = (name: string): HostBuiltin => {
    // at activation, so that no decision waits for it
    loaded ??= parts.go();
    return { cost: cost.go, call: (scope, call) => callGo(name, scope, call) };
  };

  const zones = createZones({
    offset(scope, zone, ns) {
      const text = () => Buffer.from(`[[${ns}, ${writeValue(zone)}, "-07:00:00"]]`);
      return offsetOf(callGo("time.format", scope, { values: () => [], text }));
    },
  });

  const resolve: ResolveBuiltin = (asked) => {
    const observed = calendarNames.get(asked);
    if (observed !== undefined) {
      const served = resolve(observed);
      return served === undefined ? undefined : createCalendar(served, zones);
    }
    const name = asked.startsWith(aliasPrefix) ? asked.slice(aliasPrefix.length) : asked;
    const network = parts.network?.get(name);
    if (network !== undefined) return network;
    const builtin = own.get(name) ?? parts.node.get(name);
    if (builtin !== undefined) return byNode(name, builtin);
    return parts.goNames.has(name) || asked !== name ? byGo(name) : undefined;
  };
  return resolve;
}

/** Reads `"+01:00:00"`, as nanoseconds. */
function offsetOf(served: Served): bigint {
  const match = served.kind === "text" ? /^"([-+])(\d\d):(\d\d):(\d\d)"$/.exec(textOf(served.text)) : null;
  if (match === null) throw new EvaluationHalted("eval_internal_error", "a zone without an offset");
  const [, sign, hours, minutes, seconds] = match;
  const size = BigInt(Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000_000_000n;
  return sign === "-" ? -size : size;
}

function textOf(text: Uint8Array | string): string {
  return typeof text === "string" ? text : Buffer.from(text).toString();
}

/** One line for each combination of the arguments' values, as OPA prints them: each argument is a set of them. */
function printed(sets: RegoValue | undefined): string[] {
  let lines: string[][] = [[]];
  for (const set of Array.isArray(sets) ? (sets as readonly RegoValue[]) : []) {
    const values = set instanceof RegoSet && set.items.length > 0 ? set.items : undefined;
    const texts = values?.map((value) => (typeof value === "string" ? value : termText(value))) ?? [
      "<undefined>",
    ];
    lines = lines.flatMap((line) => texts.map((text) => [...line, text])).slice(0, 1_000);
  }
  return lines.map((line) => line.join(" "));
}
