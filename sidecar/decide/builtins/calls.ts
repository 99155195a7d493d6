import type { CallBuiltin } from "../engine/abi.js";
import { PolicyRefused } from "../engine/abi.js";
import type { Engine } from "../engine/engine.js";
import { BuiltinFault } from "./builtin.js";
import type { HostBuiltin, ResolveBuiltin, Scope } from "./host.js";
import { writeValue } from "./text.js";

/** What belongs to the evaluation that runs. */
export interface Turn {
  /** Indexes of the annotated rules that held so far. */
  rules: number[];
  /** An error of a built-in ends the evaluation. */
  strict: boolean;
  /** Made when the first built-in needs it. */
  scope: Scope | undefined;
}

export interface HostCallParts {
  readonly engine: () => Engine;
  readonly turn: Turn;
  readonly newScope: () => Scope;
  readonly resolve?: ResolveBuiltin;
}

/** Appended by the toolchain to each annotated rule body. */
const ruleHeld = "countersign.rule_held";

/** Serves the built-ins that a module imports from its host. */
export function createHostCalls({ engine, turn, newScope, resolve }: HostCallParts): {
  readonly call: CallBuiltin;
  /** @throws PolicyRefused where nobody serves one of the names (by their id); names them */
  bind(builtins: ReadonlyMap<number, string>): void;
} {
  const served = new Map<number, HostBuiltin>();
  let marksId = -1;

  const noteRule = ([argument = 0]: readonly number[]): number => {
    const index = engine().read.integer(argument);
    if (index !== undefined && !turn.rules.includes(index)) turn.rules.push(index);
    // any value but false holds
    return argument;
  };

  return {
    call(id, args) {
      if (id === marksId) return noteRule(args);
      const builtin = served.get(id);
      if (builtin === undefined) throw new PolicyRefused("a built-in that isn't here");
      const { read, burn, dump, write } = engine();
      burn(builtin.cost);
      const scope = (turn.scope ??= newScope());
      try {
        const result = builtin.call(scope, {
          values: () => args.map((address) => read.value(address)),
          text: () => listOf(args.map((address) => dump(address).slice())),
        });
        if (result.kind === "undefined") return 0;
        return write(result.kind === "text" ? result.text : writeValue(result.value));
      } catch (error) {
        if (error instanceof BuiltinFault && !turn.strict) return 0;
        throw error;
      }
    },
    bind(builtins) {
      const missing: string[] = [];
      for (const [id, name] of builtins) {
        const found = resolve?.(name);
        if (name === ruleHeld) marksId = id;
        else if (found === undefined) missing.push(name);
        else served.set(id, found);
      }
      if (missing.length > 0) {
        throw new PolicyRefused(
          `the policy needs built-ins that are not available: ${missing.sort().join(", ")}`,
        );
      }
    },
  };
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
