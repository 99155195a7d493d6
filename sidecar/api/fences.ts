/** The control plane's routes of fences: set, list, lift, and see what one would cut. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ErrorCode, FenceMatch, Json, Reason, Refusal } from "../contract.js";
import {
  Fields,
  parseJson,
  peerCertificates,
  Problems,
  reachesBack,
  readCredentials,
  refuse,
} from "../contract.js";
import type { Operator, OperatorAction, OperatorSubject } from "../operator/operator.js";
import type { Operators } from "../operator/open.js";
import type { FenceEntry } from "../record/fence.js";
import type { Fence, FenceResult } from "../state/fences/fences.js";
import type { ReadMatch } from "../state/fences/match.js";
import type { OpenedFences } from "../state/fences/open.js";
import { readBody, sendJson, sendRefusal } from "./http.js";
import { refusedJson } from "./decisions.js";

export interface FencesDoorParts {
  readonly fences: OpenedFences;
  /** Absent: nobody is an operator here. */
  readonly operators?: Operators;
  readonly readMatch: (value: Json | undefined) => ReadMatch;
  /** Records what was asked; in strict mode it rejects where that can't be. */
  readonly record: (entry: FenceEntry) => void | Promise<void>;
  /** Told of a bug, by its name. */
  readonly onFault: (error: unknown) => void;
  readonly publicUrl?: string;
}

/** Answers requests about fences; false: it isn't one. */
export type FencesDoor = (req: IncomingMessage, res: ServerResponse) => boolean;

const path = "/v1/fences";
/** Bytes of the largest body. */
const largest = 65_536;
/** Seconds of the longest fence that ends. */
const mostSeconds = 366 * 86_400;
/** Epoch milliseconds of the year 9999: what is more isn't a time. */
const latest = 253_402_300_799_000;
/** Text that can be shown as it is. */
const plainText = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]{1,500}$/u;

interface Asking {
  readonly operator: Operator;
  readonly operators: Operators;
}

/** Creates the door. INVARIANT: nothing is done, told or counted for whom the operator policy doesn't allow it. */
export function createFencesDoor(parts: FencesDoorParts): FencesDoor {
  const { fences, record } = parts;

  /** Asks the operator policy; records a refusal. */
  const refusedBy = async (
    { operator, operators }: Asking,
    action: OperatorAction,
    about: OperatorSubject,
    entry: Pick<FenceEntry, "action"> & Partial<FenceEntry>,
  ): Promise<(Refusal & { readonly reasons?: readonly Reason[] }) | undefined> => {
    const fenced = fences.list().some((one) => isNamed(one, operator));
    const { allow, reasons } = await operators.decide(operator, action, about);
    if (allow && !fenced) return undefined;
    const code: ErrorCode = fenced ? "fenced" : "operator_refused";
    await tell(operator, { ...entry, result: "refused", code, rules: rulesOf(reasons) });
    return fenced ? refuse(code) : { ...refuse(code), reasons };
  };

  const tell = async (
    { person, id }: Operator,
    entry: Pick<FenceEntry, "action" | "result"> & Partial<FenceEntry>,
  ): Promise<boolean> => {
    try {
      await record({ ...entry, by: person, credential: id });
      return true;
    } catch {
      return false;
    }
  };

  const add = async (req: IncomingMessage, res: ServerResponse, asking: Asking): Promise<void> => {
    const body = await readBody(req, largest);
    if ("kind" in body) return sendRefusal(res, body);
    let value: Json;
    try {
      value = parseJson(body);
    } catch (error) {
      return sendRefusal(res, refusedJson(error));
    }
    const asked = readAdd(value, parts.readMatch);
    if (asked.kind === "refusal") return sendRefusal(res, asked);
    const { match, reason, seconds, issuedBefore, dryRun } = asked;
    const since = issuedBefore === undefined ? {} : { issued_before: issuedBefore };
    const action = dryRun ? "dry_run" : "add";
    const about = { match, ...since, ...(seconds === undefined ? {} : { seconds }) };
    const refused = await refusedBy(asking, "fence.add", about, { action, match, reason });
    if (refused !== undefined) return sendReasons(res, refused);
    if (dryRun) {
      await tell(asking.operator, { action, result: "done", match, reason });
      const census = await fences.census(match, issuedBefore);
      return sendJson(res, 200, JSON.stringify({ dry_run: true, match, ...census }));
    }
    // it protects: it is set also where it can't be recorded
    const result = await fences.add({
      ...{ match, reason, by: asking.operator.person },
      ...(seconds === undefined ? {} : { seconds }),
      ...since,
    });
    await tell(asking.operator, { action, match, reason, ...outcomeOf(result) });
    answer(res, result, 201);
  };

  const visible = async ({ operator, operators }: Asking): Promise<readonly Fence[] | Refusal> => {
    const everywhere = await operators.decide(operator, "fence.list", { match: {} });
    if (everywhere.allow) return fences.list();
    const { tenant } = operator;
    if (tenant !== undefined) {
      const own = await operators.decide(operator, "fence.list", { match: { tenant } });
      if (own.allow) return fences.list().filter(({ match }) => match.tenant === tenant);
    }
    return refuse("operator_refused");
  };

  const list = async (res: ServerResponse, asking: Asking): Promise<void> => {
    const some = await visible(asking);
    if ("kind" in some) {
      await tell(asking.operator, { action: "list", result: "refused", code: some.code });
      return sendRefusal(res, some);
    }
    await tell(asking.operator, { action: "list", result: "done" });
    sendJson(res, 200, JSON.stringify({ fences: some.map(shown), status: fences.status() }));
  };

  const lift = async (res: ServerResponse, asking: Asking, id: string): Promise<void> => {
    const some = await visible(asking);
    const fence = "kind" in some ? undefined : some.find((one) => one.id === id);
    if (fence === undefined) {
      const code = "kind" in some ? some.code : "unknown_fence";
      await tell(asking.operator, { action: "lift", result: "refused", code, fence: id });
      return sendRefusal(res, refuse(code));
    }
    const { match, by } = fence;
    const entry = { action: "lift", fence: id, match } as const;
    const refused = await refusedBy(asking, "fence.lift", { match, by }, entry);
    if (refused !== undefined) return sendReasons(res, refused);
    // INVARIANT: what can't be recorded isn't lifted
    if (!(await tell(asking.operator, { ...entry, result: "attempted" })))
      return sendRefusal(res, refuse("record_failed"));
    const result = await fences.lift(id, asking.operator.person);
    await tell(asking.operator, { ...entry, ...outcomeOf(result) });
    answer(res, result, 200);
  };

  const serve = async (req: IncomingMessage, res: ServerResponse, id: string | undefined): Promise<void> => {
    const { operators } = parts;
    if (operators === undefined) return sendRefusal(res, refuse("operator_unauthenticated"));
    const certificates = peerCertificates(req.socket);
    const known = await operators.know(req.headers.authorization, () =>
      readCredentials(req, {
        publicUrl: parts.publicUrl,
        ...(certificates === undefined ? {} : { certificates }),
      }),
    );
    if (known.kind === "refusal") return sendRefusal(res, refuse("operator_unauthenticated"));
    const asking = { operator: known.operator, operators };
    if (id !== undefined) {
      if (req.method !== "DELETE") return sendRefusal(res, refuse("method_not_allowed"));
      return lift(res, asking, id);
    }
    if (req.method === "POST") return add(req, res, asking);
    if (req.method === "GET") return list(res, asking);
    return sendRefusal(res, refuse("method_not_allowed"));
  };

  return (req, res) => {
    const [at = ""] = (req.url ?? "").split("?");
    if (at !== path && !at.startsWith(`${path}/`)) return false;
    const id = at === path ? undefined : at.slice(path.length + 1);
    serve(req, res, id).catch((error: unknown) => {
      parts.onFault(error);
      sendRefusal(res, refuse("internal_error"));
    });
    return true;
  };
}

type ReadAdd =
  | {
      readonly kind: "add";
      readonly match: FenceMatch;
      readonly reason: string;
      readonly seconds?: number;
      readonly issuedBefore?: number;
      readonly dryRun: boolean;
    }
  | Refusal;

function readAdd(value: Json, readMatch: FencesDoorParts["readMatch"]): ReadAdd {
  const problems = new Problems();
  const fields = new Fields(value, "", problems);
  const read = readMatch(fields.raw("match"));
  if (read.kind === "wrong") problems.add("match", read.problem.replace(/^match /, ""));
  const dryRun = fields.boolean("dry_run") ?? false;
  const reason = dryRun ? (fields.string("reason") ?? "dry run") : fields.required("reason");
  if (!plainText.test(reason))
    problems.add("reason", "must be 1 to 500 characters that can be seen, on one line");
  const seconds = fields.integer("seconds", 1, mostSeconds);
  const issuedBefore = fields.integer("issued_before", 1, latest);
  fields.end();
  if (problems.list.length > 0 || read.kind === "wrong")
    return refuse("invalid_request", problems.list.slice(0, 5).join("; "));
  return {
    kind: "add",
    match: read.match,
    reason,
    dryRun,
    ...(seconds === undefined ? {} : { seconds }),
    ...(issuedBefore === undefined ? {} : { issuedBefore }),
  };
}

function answer(res: ServerResponse, result: FenceResult, status: number): void {
  if (result.kind === "refused") return sendRefusal(res, refuse(result.code));
  const waits = result.kind === "waits" ? 202 : status;
  const unwritten = result.kind === "unwritten";
  sendJson(
    res,
    waits,
    JSON.stringify({
      fence: shown(result.fence),
      ...(result.kind === "waits" ? { waits: "another person must agree" } : {}),
      ...(unwritten ? { unwritten: "in force here only: it could not be written, and is tried again" } : {}),
    }),
  );
}

/** Writes a fence for people: times as RFC 3339. */
function shown({ id, state, match, reason, by, at, expires, issued_before, lift }: Fence): unknown {
  const time = (ms: number): string => new Date(ms).toISOString();
  return {
    ...{ id, state, match, reason, by, at: time(at) },
    ...(expires === undefined ? {} : { expires: time(expires) }),
    ...(issued_before === undefined ? {} : { issued_before: time(issued_before) }),
    ...(lift === undefined ? {} : { lift: { ...lift, at: time(lift.at) } }),
  };
}

function outcomeOf(result: FenceResult): Pick<FenceEntry, "result"> & Partial<FenceEntry> {
  if (result.kind === "refused") return { result: "refused", code: result.code };
  const { id, expires, issued_before, lift } = result.fence;
  return {
    result: result.kind,
    fence: id,
    ...(expires === undefined ? {} : { expires }),
    ...(issued_before === undefined ? {} : { issued_before }),
    ...(lift?.agreed === undefined ? {} : { agreed: lift.agreed }),
  };
}

/** Tells whether a fence cuts off this operator themselves: not what they use, nor their tenant. */
export function isNamed({ match, issued_before }: Fence, { handles }: Operator): boolean {
  const kinds = Object.entries(match);
  return (
    kinds.every(([kind, value]) => handles.includes(`${kind}:${value}`)) &&
    kinds.some(([kind]) => kind !== "tenant") &&
    reachesBack(issued_before, handles)
  );
}

export function rulesOf(reasons: readonly Reason[]): string[] {
  return reasons.flatMap(({ rule }) => (rule === undefined ? [] : [rule]));
}

export function sendReasons(
  res: ServerResponse,
  refusal: Refusal & { readonly reasons?: readonly Reason[] },
): void {
  const { code, message, fix, status, reasons } = refusal;
  if (reasons === undefined) return sendRefusal(res, refusal);
  sendJson(res, status, JSON.stringify({ code, message, fix, reasons }));
}
