/** Answers a call under way that nears its allowance: more, or that it is over. */
import type { Allowance, Extended, Extension, LimitState } from "../../contract.js";
import type { Engine } from "../engine/engine.js";
import { heldAs } from "../engine/engine.js";
import type { ConfiguredLimit } from "./config.js";
import { codeOf } from "./refusal.js";

/** @param by who asks: only whose call it is gets more */
export type Extend = (extension: Extension, by: string) => Promise<Extended>;

export interface ExtendParts {
  readonly engine: Pick<Engine, "extend">;
  readonly config: readonly ConfiguredLimit[];
}

const units = ["input_tokens", "output_tokens", "tokens", "cost"] as const;

type Units = { -readonly [Unit in keyof Allowance]: number };

/** Others may take what is left between one question and the next. */
const mostTries = 3;

/** Creates what answers. Never rejects: whatever isn't a yes ends the call. What is left is given, where it is less than asked for. */
export function createExtend({ engine, config }: ExtendParts): Extend {
  const known = new Map(config.map((limit) => [limit.name, limit]));
  const hard = (limits: readonly LimitState[]): LimitState[] =>
    limits.filter(({ name, exceeded }) => exceeded !== true && known.get(name)?.soft !== true);
  const codeFor = (limits: readonly LimitState[], more: Allowance): NonNullable<Extended["code"]> => {
    const codes = hard(limits).flatMap(({ name, unit, remaining, reset }) => {
      const one = units.find((same) => same === unit);
      if (one === undefined || remaining >= (more[one] ?? 0)) return [];
      // a policy's limit isn't known here by its window: one that time brings back is a rate
      return [codeOf(unit, known.get(name)?.window ?? { kind: reset === undefined ? "lifetime" : "fixed" })];
    });
    const isRate = codes.includes("rate_limited") && !codes.includes("budget_exceeded");
    return isRate ? "rate_limited" : "budget_exceeded";
  };
  return async ({ decision_id: decisionId, held, need }, by) => {
    const wanted = beyond(held, need);
    let more = wanted;
    try {
      for (let tries = 0; tries < mostTries; tries++) {
        if (Object.keys(more).length === 0) return { allowance: held };
        const { kind, limits } = await engine.extend(heldAs(decisionId, by), more);
        if (kind === "extended") return { allowance: sum(held, more) };
        if (kind !== "over") return { code: "limits_unavailable" };
        const less = within(more, hard(limits));
        if (less === undefined || tries === mostTries - 1) return { code: codeFor(limits, wanted) };
        more = less;
      }
    } catch {
      // unknown is no
    }
    return { code: "limits_unavailable" };
  };
}

function beyond(held: Allowance, need: Allowance): Units {
  const more: Units = {};
  for (const unit of units) {
    const [has, wants] = [held[unit], need[unit]];
    if (has !== undefined && wants !== undefined && wants > has) more[unit] = wants - has;
  }
  return more;
}

function sum(held: Allowance, more: Allowance): Allowance {
  const all: Units = { ...held };
  for (const unit of units) if (more[unit] !== undefined) all[unit] = (held[unit] ?? 0) + more[unit];
  return all;
}

/** Gives what is left of what is asked for; undefined where that is nothing, or isn't less. */
function within(more: Allowance, limits: readonly LimitState[]): Units | undefined {
  const less: Units = { ...more };
  for (const { unit, remaining } of limits) {
    const name = units.find((one) => one === unit);
    if (name !== undefined && less[name] !== undefined) less[name] = Math.min(less[name], remaining);
  }
  const given = units.filter((unit) => less[unit] !== undefined);
  if (given.some((unit) => less[unit] === 0) || given.every((unit) => less[unit] === more[unit]))
    return undefined;
  return less;
}
