/** Refusals in PostgreSQL's words (PostgreSQL manual, 55.8 and appendix A). */
import type { Decision, Refusal } from "../../../sidecar/contract.js";
import { sayRefusal } from "../../models/refuse.js";
import { readFields, writeFields } from "./wire/messages.js";

export interface Failure {
  readonly refusal: Refusal;
  readonly decision?: Decision | undefined;
  /** SQLSTATE; by the refusal unless given. */
  readonly state?: string | undefined;
  /** In PostgreSQL's own words. */
  readonly said?: string | undefined;
}

const states: Readonly<Record<string, string>> = {
  unknown_collection: "42P01",
  filter_refused: "42601",
  field_hidden: "42501",
  retrieval_limit: "54000",
  rate_limited: "53400",
  upstream_unavailable: "08006",
  upstream_timeout: "57014",
  upstream_invalid: "58000",
  pdp_unavailable: "58000",
  pdp_timeout: "58000",
  internal_error: "XX000",
};

/** Gives the SQLSTATE of a refusal. */
export function stateOf({ code, status }: Refusal): string {
  const own = Object.hasOwn(states, code) ? states[code] : undefined;
  if (own !== undefined) return own;
  if (status === 401) return "28000";
  if (status === 429) return "53400";
  return status >= 500 ? "58000" : "42501";
}

/** Writes an error: what it is by its SQLSTATE, why by the gateway's own code in the detail. */
export function writeFailure({ refusal, decision, state, said }: Failure, severity = "ERROR"): Buffer {
  const codes = decision?.reasons.map(({ code }) => code).filter((one) => /^[\w.:-]{1,128}$/.test(one)) ?? [];
  const message = said ?? sayRefusal(refusal, decision);
  const detail = [
    `code: ${refusal.code}`,
    ...(codes.length === 0 ? [] : [`reasons: ${codes.join(", ")}`]),
    ...(decision === undefined ? [] : [`decision: ${decision.decision_id}`]),
  ].join("; ");
  return writeFields("E", {
    ...{ S: severity, V: severity, C: state ?? stateOf(refusal) },
    ...{ M: message.slice(0, 1_000), D: detail, H: refusal.fix },
  });
}

export interface DatabaseError {
  readonly state: string;
  readonly said: string;
}

/**
 * Reads an error of the database. INVARIANT: its words are given on only where they are of the statement itself (class
 * 42: names and types); anything else could hold values of rows, and nothing but the first line is ever given.
 */
export function readDatabaseError(body: Buffer): DatabaseError {
  const fields = readFields(body);
  const state = /^[0-9A-Z]{5}$/.test(fields.get("C") ?? "") ? (fields.get("C") ?? "XX000") : "XX000";
  const own = state.startsWith("42") ? (fields.get("M") ?? "").slice(0, 300) : "";
  const said =
    own.includes("cs$") || own === "" ? (words[state] ?? words[state.slice(0, 2)] ?? "error") : own;
  return { state, said };
}

const words: Readonly<Record<string, string>> = {
  "08": "connection exception",
  "21": "cardinality violation",
  "22": "data exception",
  "22003": "a number is out of range",
  "22007": "invalid date or time",
  "22008": "a date or time is out of range",
  "22012": "division by zero",
  "22P02": "invalid input syntax",
  "23": "integrity constraint violation",
  "23502": "a column that may not be null is",
  "23503": "a foreign key is not there",
  "23505": "a row with this key is there already",
  "23514": "a check constraint is violated",
  "25": "invalid transaction state",
  "25006": "the transaction is read-only",
  "25P02": "current transaction is aborted, commands ignored until end of transaction block",
  "28": "the database doesn't let the gateway in",
  "40": "transaction rollback",
  "40001": "could not serialize access due to concurrent update",
  "40P01": "deadlock detected",
  "42": "the statement doesn't fit the database",
  "53": "insufficient resources",
  "54": "program limit exceeded",
  "55": "object not in prerequisite state",
  "57": "operator intervention",
  "57014": "canceling statement due to statement timeout or user request",
};
