import type { CallBuiltin } from "../engine/abi.js";
import { PolicyRefused } from "../engine/abi.js";
import type { Engine } from "../engine/engine.js";
import { firstInsteadId, insteadNames, moduleGoesOn } from "../engine/instead.js";
import { BuiltinFault } from "./builtin.js";
import { comparisons, orderNoted } from "./clock/compare.js";
import { boundsOf } from "./clock/scope.js";
import type { HostBuiltin, ResolveBuiltin, Scope } from "./host.js";
import { HostBudgetExceeded } from "./host.js";
import { instead } from "./instead/functions.js";
import { moduleIsRight, RawString } from "./instead/instead.js";
import { servedBy } from "./table.js";
import { writeValue } from "./text.js";

/** What belongs to the evaluation that runs. */
export interface Turn {
  /** Indexes of the annotated rules that held so far. */
  rules: number[];
  /** Units of the budget that calls of built-ins took. */
  spent: number;
  /** Made when the first built-in needs it. */
  scope: Scope | undefined;
}

export interface HostCallParts {
  readonly engine: () => Engine;
  readonly turn: Turn;
  readonly newScope: () => Scope;
  readonly resolve?: ResolveBuiltin;
  /** Units for all calls of one evaluation. */
  readonly budget: number;
  /** An error of a built-in ends the evaluation; what the module has itself is served here, too. */
  readonly strict: boolean;
}

/** Asks the resolver for a built-in that the module has itself. */
const alias = (name: string): string => `countersign.host.${name}`;
/** Units for a call that is served instead of the module's own code. */
const insteadCost = 20;
/** Appended by the toolchain to each annotated rule body. */
const ruleHeld = "countersign.rule_held";
/** Units for a comparison with the clock. */
const comparisonCost = 10;

/** Serves the built-ins that a module imports from its host. */
export function createHostCalls({ engine, turn, newScope, resolve, budget, strict }: HostCallParts): {
  readonly call: CallBuiltin;
  /** @throws PolicyRefused where nobody serves one of the names (by their id); names them */
  bind(builtins: ReadonlyMap<number, string>): void;
} {
  const served = new Map<number, HostBuiltin>();
  /** Comparisons with the clock, by their id. */
  const compared = new Map<number, (order: number) => boolean>();
  let marksId = -1;

  const noteRule = ([argument = 0]: readonly number[]): number => {
    const index = engine().read.integer(argument);
    if (index !== undefined && !turn.rules.includes(index)) turn.rules.push(index);
    // any value but false holds
    return argument;
  };

  const compare = (
    holds: (order: number) => boolean,
    [rates = 0, x = 0, y = 0]: readonly number[],
  ): number => {
    burn(comparisonCost);
    const { read, writeBoolean } = engine();
    const scope = (turn.scope ??= newScope());
    return writeBoolean(
      holds(orderNoted(read, read.integer(rates) ?? 0, x, y, boundsOf(scope), scope.nowNs)),
    );
  };

  /** INVARIANT: work outside of the module counts, too, so that a loop of calls ends. */
  const burn = (units: number): void => {
    turn.spent += units;
    if (turn.spent > budget) throw new HostBudgetExceeded("the calls of built-ins");
  };
  const place = (value: null | boolean | number): number => {
    const { write, writeBoolean, writeInteger } = engine();
    if (typeof value === "boolean") return writeBoolean(value);
    // OPA's C code cuts an integer that lies as one to 32 bits when it meets a fraction; what lies as text it reads whole
    return typeof value === "number" && (value | 0) === value && !Object.is(value, -0)
      ? writeInteger(value)
      : write(writeValue(value));
  };

  /** Serves what the module has itself; -1 lets the module go on. */
  const callInstead = (id: number, args: readonly number[]): number => {
    const name = insteadNames.get(id) ?? "";
    const builtin = instead.get(name);
    const { read, write, writeString } = engine();
    if (builtin !== undefined) {
      burn(insteadCost);
      const scope = (turn.scope ??= newScope());
      const result = named(name, () => builtin(scope, ...args.map((address) => read.value(address))));
      if (result === undefined) return 0;
      if (result instanceof RawString) return writeString(result.bytes);
      if (typeof result === "object" || typeof result === "string") return write(writeValue(result));
      if (result !== moduleIsRight) return place(result);
    }
    // the module's own code tells no errors
    return strict ? callHost(resolve?.(alias(name)), args) : moduleGoesOn;
  };
  const callHost = (builtin: HostBuiltin | undefined, args: readonly number[]): number => {
    if (builtin === undefined) throw new PolicyRefused("a built-in that isn't here");
    const { read, dump, write, writeString } = engine();
    burn(builtin.cost);
    const result = builtin.call((turn.scope ??= newScope()), {
      values: () => args.map((address) => read.value(address)),
      text: () => listOf(args.map((address) => dump(address).slice())),
    });
    switch (result.kind) {
      case "undefined":
        return 0;
      case "bytes":
        return writeString(result.bytes);
      case "text":
        return write(result.text);
      case "value":
        return typeof result.value === "object" || typeof result.value === "string"
          ? write(writeValue(result.value))
          : place(result.value);
    }
  };

  return {
    call(id, args) {
      if (id === marksId) return noteRule(args);
      const holds = compared.get(id);
      if (holds !== undefined) return compare(holds, args);
      try {
        return id >= firstInsteadId ? callInstead(id, args) : callHost(served.get(id), args);
      } catch (error) {
        if (error instanceof BuiltinFault && !strict) return 0;
        throw error;
      }
    },
    bind(builtins) {
      const missing: string[] = [];
      for (const [id, name] of builtins) {
        const comparison = comparisons.get(name);
        const found = resolve?.(name);
        if (name === ruleHeld) marksId = id;
        else if (comparison !== undefined) compared.set(id, comparison);
        else if (found === undefined) missing.push(name);
        else served.set(id, found);
      }
      if (missing.length > 0) {
        const hint = missing.some((name) => servedBy.get(name) === "network")
          ? " (the network's need decision.allow_net)"
          : "";
        const names = missing.sort().join(", ");
        throw new PolicyRefused(
          `the policy needs built-ins that are not available: ${names}${hint}`,
          missing,
        );
      }
    },
  };
}

/** OPA's errors begin with the built-in's name. */
function named<T>(name: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw error instanceof BuiltinFault ? new BuiltinFault(error.code, `${name}: ${error.message}`) : error;
  }
}

/** `[a, b]` of the texts. */
function listOf(texts: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from("[")];
  texts.forEach((text, i) => {
    if (i > 0) parts.push(Buffer.from(", "));
    parts.push(text);
  });
  return Buffer.concat([...parts, Buffer.from("]")]);
}
