/** The control plane's routes of fences: set, list, lift, and see what one would cut. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FenceMatch, Json, Refusal } from "../contract.js";
import { Fields, Problems, refuse } from "../contract.js";
import type { OperatorAction, OperatorSubject } from "../operator/operator.js";
import type { FenceEntry } from "../record/fence.js";
import type { Fence, FenceResult } from "../state/fences/fences.js";
import type { ReadMatch } from "../state/fences/match.js";
import type { OpenedFences } from "../state/fences/open.js";
import { sendJson, sendRefusal } from "./http.js";
import type { Asking, OperatingParts, OperatorDoor, RefusedOperator } from "./operating.js";
import {
  createOperatorDoor,
  readJsonBody,
  readReason,
  recordOf,
  refusedFields,
  refusedTo,
  sendReasons,
} from "./operating.js";

export interface FencesDoorParts extends OperatingParts {
  readonly fences: OpenedFences;
  readonly readMatch: (value: Json | undefined) => ReadMatch;
  /** Records what was asked; in strict mode it rejects where that can't be. */
  readonly record: (entry: FenceEntry) => void | Promise<void>;
}

const path = "/v1/fences";
/** Bytes of the largest body. */
const largest = 65_536;
/** Seconds of the longest fence that ends. */
const mostSeconds = 366 * 86_400;
/** Epoch milliseconds of the year 9999: what is more isn't a time. */
const latest = 253_402_300_799_000;

/** Creates the door. INVARIANT: nothing is done, told or counted for whom the operator policy doesn't allow it. */
export function createFencesDoor(parts: FencesDoorParts): OperatorDoor {
  const { fences, record } = parts;

  /** Asks the operator policy; records a refusal. */
  const refusedBy = async (
    asking: Asking,
    action: OperatorAction,
    about: OperatorSubject,
    entry: Pick<FenceEntry, "action"> & Partial<FenceEntry>,
  ): Promise<RefusedOperator | undefined> => {
    const refused = await refusedTo(asking, fences, action, about);
    if (refused !== undefined) await tell(asking, { ...entry, ...recordOf(asking.operator, refused) });
    return refused;
  };

  const tell = async (
    { operator }: Asking,
    entry: Pick<FenceEntry, "action" | "result"> & Partial<FenceEntry>,
  ): Promise<boolean> => {
    try {
      await record({ ...entry, ...recordOf(operator) });
      return true;
    } catch {
      return false;
    }
  };

  const add = async (req: IncomingMessage, res: ServerResponse, asking: Asking): Promise<void> => {
    const body = await readJsonBody(req, largest);
    if (body.kind === "refusal") return sendRefusal(res, body);
    const asked = readAdd(body.value, parts.readMatch);
    if (asked.kind === "refusal") return sendRefusal(res, asked);
    const { match, reason, seconds, issuedBefore, dryRun } = asked;
    const since = issuedBefore === undefined ? {} : { issued_before: issuedBefore };
    const action = dryRun ? "dry_run" : "add";
    const about = { match, ...since, ...(seconds === undefined ? {} : { seconds }) };
    const refused = await refusedBy(asking, "fence.add", about, { action, match, reason });
    if (refused !== undefined) return sendReasons(res, refused);
    if (dryRun) {
      await tell(asking, { action, result: "done", match, reason });
      const census = await fences.census(match, issuedBefore);
      return sendJson(res, 200, JSON.stringify({ dry_run: true, match, ...census }));
    }
    // it protects: it is set also where it can't be recorded
    const result = await fences.add({
      ...{ match, reason, by: asking.operator.person },
      ...(seconds === undefined ? {} : { seconds }),
      ...since,
    });
    await tell(asking, { action, match, reason, ...outcomeOf(result) });
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
      await tell(asking, { action: "list", result: "refused", code: some.code });
      return sendRefusal(res, some);
    }
    await tell(asking, { action: "list", result: "done" });
    sendJson(res, 200, JSON.stringify({ fences: some.map(shown), status: fences.status() }));
  };

  const lift = async (res: ServerResponse, asking: Asking, id: string): Promise<void> => {
    const some = await visible(asking);
    const fence = "kind" in some ? undefined : some.find((one) => one.id === id);
    if (fence === undefined) {
      const code = "kind" in some ? some.code : "unknown_fence";
      await tell(asking, { action: "lift", result: "refused", code, fence: id });
      return sendRefusal(res, refuse(code));
    }
    const { match, by } = fence;
    const entry = { action: "lift", fence: id, match } as const;
    const refused = await refusedBy(asking, "fence.lift", { match, by }, entry);
    if (refused !== undefined) return sendReasons(res, refused);
    // INVARIANT: what can't be recorded isn't lifted
    if (!(await tell(asking, { ...entry, result: "attempted" })))
      return sendRefusal(res, refuse("record_failed"));
    const result = await fences.lift(id, asking.operator.person);
    await tell(asking, { ...entry, ...outcomeOf(result) });
    answer(res, result, 200);
  };

  return createOperatorDoor(parts, (req, res) => {
    const [at = ""] = (req.url ?? "").split("?");
    if (at !== path && !at.startsWith(`${path}/`)) return undefined;
    const id = at === path ? undefined : at.slice(path.length + 1);
    return (asking) => {
      if (id !== undefined && req.method === "DELETE") return lift(res, asking, id);
      if (id === undefined && req.method === "POST") return add(req, res, asking);
      if (id === undefined && req.method === "GET") return list(res, asking);
      return sendRefusal(res, refuse("method_not_allowed"));
    };
  });
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
  const reason = readReason(fields, problems, dryRun ? "dry run" : undefined);
  const seconds = fields.integer("seconds", 1, mostSeconds);
  const issuedBefore = fields.integer("issued_before", 1, latest);
  fields.end();
  const wrong = refusedFields(problems);
  if (wrong !== undefined || read.kind === "wrong") return wrong ?? refuse("invalid_request");
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
