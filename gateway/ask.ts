import { randomUUID } from "node:crypto";
import type {
  Allowance,
  Assertion,
  CacheLevel,
  Decision,
  DecisionRequest,
  ErrorCode,
  Extended,
  Extension,
  FencePoint,
  IssuedTask,
  Json,
  LimitState,
  Obligation,
  Outcome,
  Reason,
} from "../sidecar/contract.js";
import {
  denied,
  errorTable,
  inTime,
  isObject,
  limitUnits,
  maxCalls,
  parseJson,
  readChallenge,
  stringifyJson,
} from "../sidecar/contract.js";
import type { Link } from "./link.js";

/** Asks the decision point; gives one decision per call. Never rejects: any failure is a deny. */
export type Ask = (request: DecisionRequest) => Promise<Decision[]>;

export interface AskParts {
  readonly link: Link;
  /** Longest wait for the whole answer, milliseconds. */
  readonly deadlineMs: number;
}

/** Creates the question to the sidecar. */
export function createAsk({ link, deadlineMs }: AskParts): Ask {
  return async (request) => {
    const count = request.calls?.length ?? 1;
    try {
      const answered = await link.ask(stringifyJson(request as unknown as Json), deadlineMs);
      if (typeof answered === "string") return failed(count, answered);
      const answer = parseJson(answered);
      const list = isObject(answer)
        ? request.calls === undefined
          ? [answer]
          : answer["decisions"]
        : undefined;
      if (!Array.isArray(list) || list.length !== count) return failed(count, "pdp_unavailable");
      const decisions: Decision[] = [];
      for (const one of list) {
        const decision = readDecision(one);
        if (decision === undefined) return failed(count, "pdp_unavailable");
        decisions.push(meetable(decision, request));
      }
      return decisions;
    } catch {
      return failed(count, "pdp_unavailable");
    }
  };
}

/** A sidecar in the same process: what `POST /v1/decisions` and `POST /v1/outcomes` do, without the way there. */
export interface OwnSidecar {
  /** What is asked must not change any more. */
  decide(request: DecisionRequest): Promise<Decision[]>;
  record(outcome: Outcome): void;
  /** Gives a call under way more than its allowance. */
  extend?(extension: Extension): Promise<Extended>;
  /** Takes the gateway in as an enforcement point that is told of fences; gives what lets it go. */
  attach?(point: FencePoint): () => void;
}

/** Creates the question to a sidecar in the same process. */
export function createOwnAsk(sidecar: OwnSidecar, deadlineMs: number): Ask {
  return async (request) => {
    const count = request.calls?.length ?? 1;
    if (count > maxCalls) return failed(count, "pdp_unavailable");
    try {
      const decisions = await inTime(sidecar.decide(request), deadlineMs, "late" as const);
      if (decisions === "late") return failed(count, "pdp_timeout");
      if (decisions.length !== count) return failed(count, "pdp_unavailable");
      return decisions.map((decision) => meetable(decision, request));
    } catch {
      return failed(count, "pdp_unavailable");
    }
  };
}

function failed(count: number, code: ErrorCode): Decision[] {
  const reason = { code, message: errorTable[code][1] };
  return Array.from({ length: count }, () => denied(randomUUID(), reason, new Date()));
}

const levels: readonly CacheLevel[] = ["none", "l1", "l2"];

/**
 * INVARIANT: an allow under a duty that was not declared for this request, or without the assertion or the task that its
 * upstream is to get, never gets further than here.
 */
function meetable(decision: Decision, { obligations: declared, assertion, task }: DecisionRequest): Decision {
  const lacks = decision.allow && assertion !== undefined && decision.assertion === undefined;
  const dutiful = decision.obligations.every(({ type }) => declared.includes(type));
  const alone = decision.allow && task?.exchange !== undefined && decision.task_handed === undefined;
  if (dutiful && !lacks && !alone) return decision;
  const code = !dutiful ? "obligation_unsatisfiable" : lacks ? "assertion_unavailable" : "state_unavailable";
  const reason = { code, message: errorTable[code][1] };
  return { ...decision, allow: false, obligations: [], reasons: [reason] };
}

/** INVARIANT: an answer that isn't a whole decision is no decision; only literal true allows. */
function readDecision(value: Json): Decision | undefined {
  if (!isObject(value)) return undefined;
  const {
    decision_id,
    allow,
    reasons,
    obligations,
    labels,
    ttl,
    rules,
    cache,
    expires_at,
    bundles,
    subject,
    assertion,
    dpop_nonce,
    task,
    task_token,
    task_handed,
    task_facts,
    limits,
    allowance,
    retry_after,
    reusable,
  } = value;
  const level = levels.find((known) => known === cache);
  // the id becomes a header
  if (typeof decision_id !== "string" || !/^[\w.:-]{1,128}$/.test(decision_id)) return undefined;
  if (typeof allow !== "boolean" || typeof ttl !== "number") return undefined;
  if (!Array.isArray(reasons) || !reasons.every(isReason)) return undefined;
  if (!Array.isArray(obligations) || !obligations.every(isObligation)) return undefined;
  if (!isStrings(labels) || !isStrings(rules)) return undefined;
  if (typeof expires_at !== "string" || !isObject(bundles) || level === undefined) return undefined;
  // both become headers
  if (assertion !== undefined && !isAssertion(assertion)) return undefined;
  if (dpop_nonce !== undefined && !(typeof dpop_nonce === "string" && /^[\w.~+/=-]{1,256}$/.test(dpop_nonce)))
    return undefined;
  if (task !== undefined && !isTask(task)) return undefined;
  if (task_token !== undefined && !isIssued(task_token)) return undefined;
  if (task_handed !== undefined && !isIssued(task_handed)) return undefined;
  if (task_facts !== undefined && !isObject(task_facts)) return undefined;
  if (limits !== undefined && !(Array.isArray(limits) && limits.every(isLimit))) return undefined;
  if (allowance !== undefined && !isAllowance(allowance)) return undefined;
  if (retry_after !== undefined && !(typeof retry_after === "number" && retry_after >= 0)) return undefined;
  // an allow is for somebody
  if (allow && !isSubject(subject)) return undefined;
  return {
    ...{ decision_id, allow, reasons: reasons as unknown as Reason[] },
    ...{ obligations: obligations as unknown as Obligation[], labels, ttl, rules, cache: level, expires_at },
    bundles: bundles as Decision["bundles"],
    ...(dpop_nonce === undefined ? {} : { dpop_nonce }),
    ...(assertion === undefined ? {} : { assertion: assertion as unknown as Assertion }),
    ...(task === undefined ? {} : { task: task as unknown as NonNullable<Decision["task"]> }),
    ...(task_token === undefined ? {} : { task_token: task_token as unknown as IssuedTask }),
    ...(task_handed === undefined ? {} : { task_handed: task_handed as unknown as IssuedTask }),
    ...(task_facts === undefined ? {} : { task_facts }),
    ...(limits === undefined ? {} : { limits: limits as unknown as LimitState[] }),
    ...(allowance === undefined ? {} : { allowance: allowance as Allowance }),
    ...(retry_after === undefined ? {} : { retry_after: retry_after as number }),
    ...(reusable === true ? { reusable } : {}),
    ...(isSubject(subject) ? { subject: subject as unknown as NonNullable<Decision["subject"]> } : {}),
  };
}

function isReason(value: Json): boolean {
  if (!isObject(value) || typeof value["message"] !== "string") return false;
  return typeof value["code"] === "string" && isChallenge(value["code"], value["properties"]);
}

/** What asks for more says what; the sidecar's own refusals under these codes need not. */
function isChallenge(code: string, properties: Json | undefined): boolean {
  return properties === undefined || readChallenge(code, properties) !== undefined;
}

function isAssertion(value: Json): boolean {
  if (!isObject(value)) return false;
  const { token, id } = value;
  return typeof token === "string" && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) && typeof id === "string";
}

function isObligation(value: Json): boolean {
  return isObject(value) && typeof value["type"] === "string" && isObject(value["properties"]);
}

function isSubject(value: Json | undefined): boolean {
  if (!isObject(value) || !["type", "id", "tenant"].every((name) => typeof value[name] === "string"))
    return false;
  const { chain, handles } = value;
  if (handles !== undefined && !isStrings(handles)) return false;
  return chain === undefined || typeof chain === "string";
}

function isTask(value: Json): boolean {
  if (!isObject(value)) return false;
  const { id, lineage, proven } = value;
  return typeof id === "string" && isStrings(lineage) && typeof proven === "boolean";
}

/** It becomes a header. */
function isIssued(value: Json): boolean {
  if (!isObject(value)) return false;
  const { token, expires_at } = value;
  return typeof token === "string" && /^[\w.-]{1,8192}$/.test(token) && typeof expires_at === "string";
}

function isLimit(value: Json): boolean {
  if (!isObject(value)) return false;
  const { name, unit, limit, remaining } = value;
  return (
    typeof name === "string" &&
    limitUnits.some((known) => known === unit) &&
    typeof limit === "number" &&
    typeof remaining === "number"
  );
}

function isAllowance(value: Json): boolean {
  return isObject(value) && Object.values(value).every((most) => typeof most === "number" && most >= 0);
}

function isStrings(value: Json | undefined): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
