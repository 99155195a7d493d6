import type { Allowance, LimitState, LimitUnit } from "../../contract.js";
import type { Reservation } from "../engine/engine.js";
import { actualOf } from "./actual.js";
import { budgetsOf } from "./budgets.js";
import type { ConfiguredLimit } from "./config.js";
import { counts } from "./config.js";
import { toldEarly } from "./dimensions.js";
import { createLastSeen } from "./last-seen.js";
import type { Asked, Limits } from "./limits.js";
import { limitType, readObligation } from "./obligation.js";
import { codeOf, retryAfterOf } from "./refusal.js";
import type { Reserved } from "./reserve.js";
import { keyOf, reserve } from "./reserve.js";
import { isCounted } from "./units.js";

/** What became of counting a call against a limit. */
export type LimitResult = "held" | "warned" | "exceeded" | "refused";

export interface LimitsParts {
  readonly config: readonly ConfiguredLimit[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Told once for each limit that a call counted against. Names come from configuration and policy, never from callers. */
  readonly onCounted?: (name: string, unit: LimitUnit, result: LimitResult) => void;
}

/** Limits that one decision may ask for. */
const mostObligations = 32;
const mostSeen = 10_000;
const bounded = ["input_tokens", "output_tokens", "tokens", "cost"] as const;

/** Creates what tells which limits a call counts against. It holds nothing itself: that is the engine's. */
export function createLimits({ config, now, onCounted }: LimitsParts): Limits {
  const lastSeen = createLastSeen(mostSeen, now);
  const warnings = new Map(
    config.flatMap(({ name, warnAt }) => (warnAt === undefined ? [] : [[name, warnAt]])),
  );
  const tell = ({ name, unit }: LimitState | Reservation, result: LimitResult): void =>
    onCounted?.(name, unit, result);
  return {
    ask(counted, obligations) {
      const duties = obligations.filter(({ type }) => type === limitType);
      const others = duties.length === 0 ? obligations : obligations.filter(({ type }) => type !== limitType);
      const policies = duties.map(readObligation);
      if (policies.length > mostObligations || policies.includes(undefined))
        return { kind: "refused", code: "obligation_unsatisfiable" };
      const { call } = counted;
      // INVARIANT: whoever is sent to another model asks about that one before anything is done
      const elsewhere = others.some(
        ({ type, properties }) => type === "select_model" && properties["model"] !== call.resource.id,
      );
      if (!isCounted(call) || elsewhere) return { kind: "asked", reserve: [], obligations: others };
      const reserved: Reserved[] = [];
      for (const limit of config)
        if (counts(limit, counted)) reserved.push(reserve("configuration", limit, counted));
      for (const policy of policies)
        if (policy !== undefined) reserved.push(reserve("policy", policy.rule, counted, policy.key));
      // making another task uses nothing of this one's
      if (call.kind !== "task") {
        for (const { rule, task } of budgetsOf(counted.task))
          reserved.push(reserve("task", rule, { ...counted, task: { ...counted.task, lineage: [task] } }));
      }
      return join(reserved, others);
    },
    allowance(reserved) {
      const least: { -readonly [Unit in keyof Allowance]: number } = {};
      for (const { unit, take, soft } of reserved) {
        const name = bounded.find((one) => one === unit);
        if (name === undefined || soft === true) continue;
        least[name] = Math.min(least[name] ?? take, take);
      }
      return Object.keys(least).length === 0 ? undefined : least;
    },
    refusal(over, limits) {
      const state = limits.find(({ name, unit }) => name === over.name && unit === over.unit);
      const retryAfter = retryAfterOf(over, state);
      tell(over, "refused");
      return {
        code: codeOf(over.unit, over.window),
        ...(retryAfter === undefined ? {} : { retryAfter }),
      };
    },
    actual: actualOf,
    known(counted) {
      if (config.length === 0 || !isCounted(counted.call)) return undefined;
      const out: Record<string, unknown> = {};
      for (const limit of config) {
        if (!limit.per.every(toldEarly) || !counts(limit, counted)) continue;
        const { name, amount } = limit;
        const state = lastSeen.get(keyOf("configuration", limit, counted, undefined));
        out[name] =
          state === undefined
            ? { remaining: amount, limit: amount }
            : {
                ...{ remaining: state.remaining, limit: state.limit },
                ...(state.reset === undefined ? {} : { reset: state.reset }),
              };
      }
      return out;
    },
    seen(reserved, limits, held = true) {
      return limits.map((state, i) => {
        const reservation = reserved[i];
        if (reservation !== undefined) lastSeen.note(reservation.key, state);
        const warnAt = warnings.get(state.name) ?? 1;
        const warns = state.exceeded !== true && state.limit - state.remaining > state.limit * warnAt;
        if (held) tell(state, state.exceeded === true ? "exceeded" : warns ? "warned" : "held");
        return warns ? { ...state, warns } : state;
      });
    },
  };
}

/** Joins reservations: of those under one key, asked for twice, the strictest holds. */
function join(
  reserved: readonly Reserved[],
  obligations: Extract<Asked, { kind: "asked" }>["obligations"],
): Asked {
  const byKey = new Map<string, Reservation>();
  for (const one of reserved) {
    // what nobody can count can't be held
    if (one.kind === "unknown") return { kind: "refused", code: "limits_unavailable" };
    if (one.kind === "none") continue;
    const { reservation } = one;
    const before = byKey.get(reservation.key);
    byKey.set(reservation.key, before === undefined ? reservation : stricter(before, reservation));
  }
  return { kind: "asked", reserve: [...byKey.values()], obligations };
}

function stricter(one: Reservation, other: Reservation): Reservation {
  const hard = [one, other].filter(({ soft }) => soft !== true);
  if (hard.length === 1) return hard[0] ?? one;
  return one.amount <= other.amount ? one : other;
}
