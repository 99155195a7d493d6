import type { Answer } from "../decide/answer.js";
import type { Policy } from "../decide/policy.js";

/** A loaded module of a bundle. */
export interface Member {
  readonly policy: Policy;
  /** What it answers, of all that are in it. */
  readonly entrypoints: readonly string[];
  /** Index of its first rule among those of the bundle. */
  readonly firstRule: number;
}

const halfChanged: Answer = {
  kind: "failed",
  code: "evaluation_error",
  detail: "the policy must be loaded again",
};

/**
 * Makes one policy of a bundle's modules. Each has its own memory, its own fuel and its own copy of the data.
 *
 * INVARIANT: after a change that one of them took and another one did not, all answer with failures.
 */
export function joinPolicies(first: Member, more: readonly Member[]): Policy {
  const members = [first, ...more];
  const byEntrypoint = new Map(
    members.flatMap((member) => member.entrypoints.map((path) => [path, member] as const)),
  );
  let broken = false;
  return {
    entrypoints: [...byEntrypoint.keys()],
    evaluate(entrypoint, input, options) {
      const member = byEntrypoint.get(entrypoint);
      if (member === undefined) return { kind: "undefined", rules: [] };
      if (broken) return halfChanged;
      const evaluation = member.policy.evaluate(entrypoint, input, options);
      if (evaluation.kind !== "pending") return renumbered(evaluation, member);
      // the change may come while the network is asked
      const settle = (answer: Answer): Answer => (broken ? halfChanged : renumbered(answer, member));
      return { kind: "pending", settled: evaluation.settled.then(settle) };
    },
    read: first.policy.read,
    kind: first.policy.kind,
    patch(patches) {
      try {
        for (const { policy } of members) policy.patch(patches);
      } catch (error) {
        broken = true;
        throw error;
      }
    },
    memoryBytes: () => members.reduce((sum, { policy }) => sum + policy.memoryBytes(), 0),
  };
}

function renumbered(answer: Answer, { firstRule }: Member): Answer {
  if (answer.kind === "failed" || firstRule === 0 || answer.rules.length === 0) return answer;
  return { ...answer, rules: answer.rules.map((index) => index + firstRule) };
}
