import type { Fields, Problems, TaskExchange, TaskPlan } from "../../sidecar/contract.js";
import { parsePlan } from "../../sidecar/contract.js";

/** What a sub-agent's part of a task may be. */
export interface HandingConfig {
  readonly plan: Omit<TaskPlan, "deadline">;
  /** Identities that may hold the token; absent: whoever acts for the same user. */
  readonly holders?: readonly string[];
  /** Seconds that it has; absent: as long as the caller's. */
  readonly deadlineSeconds?: number;
}

/** Reads `tasks` of an agent; undefined where nothing is handed to it. */
export function readHanding(fields: Fields, problems: Problems): HandingConfig | undefined {
  const exchange = fields.boolean("exchange") ?? false;
  const holders = fields.strings("holders");
  const deadlineSeconds = fields.integer("deadline_seconds", 1, 30 * 86_400);
  if (fields.has("deadline")) problems.add(fields.at("deadline"), "is a time: give deadline_seconds");
  if (holders?.length === 0) problems.add(fields.at("holders"), "must name somebody");
  const plan = parsePlan(fields, problems);
  if (!exchange) return undefined;
  return {
    plan,
    ...(holders === undefined ? {} : { holders }),
    ...(deadlineSeconds === undefined ? {} : { deadlineSeconds }),
  };
}

/** Says what a sub-agent is to be given. */
export function exchangeFor(
  agent: string,
  { plan, holders, deadlineSeconds }: HandingConfig,
  now: number,
): TaskExchange {
  return {
    audience: agent,
    ...plan,
    ...(holders === undefined ? {} : { holders }),
    ...(deadlineSeconds === undefined
      ? {}
      : { deadline: new Date(now + deadlineSeconds * 1_000).toISOString() }),
  };
}
