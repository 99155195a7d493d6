import type { BuiltinFault } from "../builtin.js";
import type { Scope, Served } from "../host.js";
import { HostBudgetExceeded, Waiting } from "../host.js";

/** What a call came to. */
export type Outcome =
  | Extract<Served, { readonly kind: "value" | "text" }>
  | { readonly kind: "fault"; readonly fault: BuiltinFault }
  /** The evaluation ends with a deny: there was no room, or a fault of ours. */
  | { readonly kind: "halt" };

export interface KeptParts {
  /** Requests of one decision. */
  readonly mostCalls: number;
  /** Characters that one decision may have as answers. */
  readonly mostText: number;
}

interface Decision {
  readonly outcomes: Map<string, Outcome>;
  calls: number;
  text: number;
}

/**
 * Serves a call: with what the same call came to before in this decision, else by starting it.
 * @throws BuiltinFault, HostBudgetExceeded, Waiting
 */
export type ServeKept = (
  scope: Scope,
  name: string,
  key: string,
  start: () => Outcome | Promise<Outcome>,
) => Served;

/**
 * Creates OPA's intra-query cache, which also is where an evaluation that is made again finds its answers.
 *
 * INVARIANT: within a decision the same call has one outcome, a failure included; OPA asks again where the status is
 * one that can't be cached.
 */
export function createKept({ mostCalls, mostText }: KeptParts): ServeKept {
  const decisions = new WeakMap<Scope, Decision>();

  return (scope, name, key, start) => {
    const decision = decisions.get(scope) ?? { outcomes: new Map<string, Outcome>(), calls: 0, text: 0 };
    decisions.set(scope, decision);
    const found = decision.outcomes.get(`${name} ${key}`);
    if (found !== undefined) return serve(name, found);

    const keep = (outcome: Outcome): Outcome => {
      if (outcome.kind === "text") decision.text += outcome.text.length;
      const kept: Outcome = decision.text > mostText ? { kind: "halt" } : outcome;
      decision.outcomes.set(`${name} ${key}`, kept);
      return kept;
    };
    decision.calls++;
    if (decision.calls > mostCalls) throw new HostBudgetExceeded(name);
    const started = start();
    if (!(started instanceof Promise)) return serve(name, keep(started));
    throw new Waiting(
      started.then(
        (outcome) => void keep(outcome),
        () => void keep({ kind: "halt" }),
      ),
    );
  };
}

function serve(name: string, outcome: Outcome): Served {
  switch (outcome.kind) {
    case "value":
    case "text":
      return outcome;
    case "fault":
      throw outcome.fault;
    case "halt":
      throw new HostBudgetExceeded(name);
  }
}
