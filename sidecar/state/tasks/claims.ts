/** What a task token says: a transaction token (draft-ietf-oauth-transaction-tokens-08) whose `tctx` is the task. */
import type { Identity, Json, JsonObject, TaskBudget } from "../../contract.js";
import { Fields, isObject, parsePlan, Problems } from "../../contract.js";
import type { OwnTask } from "./own-task.js";

/** As in the draft; the fleet's other tokens have other types. */
export const tokenType = "txntoken+jwt";

/** Whom a token is bound to. */
export type Bound =
  /** One caller, by {@link Holder.binding}. */
  | { readonly kind: "holder"; readonly digest: string }
  /** Whoever is of these, in the tenant: of an exchange, until the first answer to its holder. */
  | { readonly kind: "named"; readonly ids: readonly string[] }
  /** Whoever acts for whom the chain began with, by {@link Holder.origin}. */
  | { readonly kind: "origin"; readonly digest: string };

/** A token's claims. INVARIANT: believed only once its signature has been verified. */
export interface TokenClaims {
  readonly id: string;
  readonly tenant: string;
  readonly lineage: readonly string[];
  readonly born: OwnTask["born"];
  /** Epoch milliseconds, as all times here. */
  readonly bornAt: number;
  readonly until: number;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly purpose?: string;
  readonly scopes?: readonly string[];
  readonly budgets: readonly { readonly task: string; readonly budget: TaskBudget }[];
  readonly deadline?: number;
  readonly chain: readonly string[];
  readonly bound: Bound;
  readonly tokenId: string;
}

/** Writes the claims of a task's token; `expiresAt` is epoch seconds. */
export function writeTokenClaims(
  task: OwnTask,
  identity: Identity,
  bound: Bound,
  { trustDomain, issuer, tokenId, issuedAt, expiresAt }: Stamp,
): JsonObject {
  const context: JsonObject = {
    tenant: task.keys.tenant,
    task: task.id,
    lineage: [...task.lineage],
    depth: task.lineage.length - 1,
    born: task.born,
    born_at: task.bornAt,
    until: task.until,
    chain: [...task.chain],
    ...(task.purpose === undefined ? {} : { purpose: task.purpose }),
    ...(task.scopes === undefined ? {} : { scopes: [...task.scopes] }),
    ...(task.deadline === undefined ? {} : { deadline: task.deadline }),
    budgets: task.budgets.map(({ task: of, budget }) => ({ task: of, budget: budget as unknown as Json })),
  };
  return {
    ...(issuer === undefined ? {} : { iss: issuer }),
    ...{ aud: trustDomain, iat: issuedAt, exp: expiresAt, jti: tokenId },
    txn: task.lineage[0] ?? task.id,
    sub: identity.chain[0]?.id ?? identity.id,
    // the draft asks for one: of a task whose scopes aren't limited, that it is a task
    scope: task.scopes === undefined || task.scopes.length === 0 ? "task" : task.scopes.join(" "),
    req_wl: identity.workload?.id ?? identity.id,
    tctx: context,
    rctx: { bound: bound as unknown as Json },
  };
}

export interface Stamp {
  readonly trustDomain: string;
  readonly issuer?: string | undefined;
  readonly tokenId: string;
  /** Epoch seconds. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

const taskId = /^[\w.-]{1,64}$/;
const births = ["request", "created", "exchanged", "hint"] as const;

/** Reads the claims of a token of ours; undefined where one is missing or of another shape. */
export function readTokenClaims(payload: JsonObject, trustDomain: string): TokenClaims | undefined {
  const { aud, iat, exp, jti, txn, tctx, rctx } = payload;
  // exactly this fleet: a list could name others besides
  if (aud !== trustDomain || !isTime(iat) || !isTime(exp) || typeof jti !== "string") return undefined;
  if (!isObject(tctx) || !isObject(rctx)) return undefined;
  const { tenant, task: id, lineage, born, born_at, until, chain, purpose, scopes, deadline, budgets } = tctx;
  const bound = readBound(rctx["bound"]);
  const birth = births.find((one) => one === born);
  if (typeof tenant !== "string" || typeof id !== "string" || birth === undefined || bound === undefined)
    return undefined;
  if (!isNames(lineage) || !lineage.every((one) => taskId.test(one)) || !isNames(chain)) return undefined;
  if (lineage.at(-1) !== id || lineage[0] !== txn) return undefined;
  if (!isTime(born_at) || !isTime(until) || (deadline !== undefined && !isTime(deadline))) return undefined;
  if (purpose !== undefined && typeof purpose !== "string") return undefined;
  if (scopes !== undefined && !(Array.isArray(scopes) && scopes.every((one) => typeof one === "string")))
    return undefined;
  const read = readBudgets(budgets);
  if (read === undefined) return undefined;
  return {
    ...{
      id,
      tenant,
      lineage,
      born: birth,
      bornAt: born_at,
      until,
      chain,
      bound,
      tokenId: jti,
      budgets: read,
    },
    ...{ issuedAt: iat * 1_000, expiresAt: exp * 1_000 },
    ...(purpose === undefined ? {} : { purpose }),
    ...(scopes === undefined ? {} : { scopes: scopes as string[] }),
    ...(deadline === undefined ? {} : { deadline }),
  };
}

function readBudgets(value: Json | undefined): TokenClaims["budgets"] | undefined {
  if (!Array.isArray(value)) return undefined;
  const budgets: { task: string; budget: TaskBudget }[] = [];
  for (const one of value) {
    if (!isObject(one) || typeof one["task"] !== "string" || !isObject(one["budget"])) return undefined;
    const problems = new Problems();
    const { budget } = parsePlan(new Fields({ budget: one["budget"] }, "", problems), problems);
    if (problems.list.length > 0 || budget === undefined) return undefined;
    budgets.push({ task: one["task"], budget });
  }
  return budgets;
}

function readBound(value: Json | undefined): Bound | undefined {
  if (!isObject(value)) return undefined;
  const { kind, digest, ids } = value;
  if (kind === "named") return isNames(ids) ? { kind, ids } : undefined;
  if (kind !== "holder" && kind !== "origin") return undefined;
  return typeof digest === "string" && digest !== "" ? { kind, digest } : undefined;
}

function isTime(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function isNames(value: Json | undefined): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");
}
