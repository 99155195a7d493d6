/** The control plane's routes of epochs: bump one, and list those that were bumped. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { EpochMatch, FenceMatch, Json, Reason, Refusal } from "../contract.js";
import { Fields, parseJson, peerCertificates, Problems, readCredentials, refuse } from "../contract.js";
import type { Operator, OperatorAction } from "../operator/operator.js";
import type { Operators } from "../operator/open.js";
import type { EpochEntry } from "../record/epoch.js";
import type { Bump, Epochs } from "../state/epochs/epochs.js";
import type { OpenedFences } from "../state/fences/open.js";
import { refusedJson } from "./decisions.js";
import { isNamed, rulesOf, sendReasons } from "./fences.js";
import { readBody, sendJson, sendRefusal } from "./http.js";

export interface EpochsDoorParts {
  readonly epochs: Epochs;
  /** An operator who is fenced off does nothing here. */
  readonly fences: Pick<OpenedFences, "list">;
  /** Absent: nobody is an operator here. */
  readonly operators?: Operators;
  readonly readMatch: (value: Json) => EpochMatch | undefined;
  /** Records what was asked; in strict mode it rejects where that can't be. */
  readonly record: (entry: EpochEntry) => void | Promise<void>;
  /** Told of a bug, by its name. */
  readonly onFault: (error: unknown) => void;
  readonly publicUrl?: string;
}

/** Answers requests about epochs; false: it isn't one. */
export type EpochsDoor = (req: IncomingMessage, res: ServerResponse) => boolean;

const path = "/v1/epochs";
/** Bytes of the largest body. */
const largest = 16_384;
/** What can be named; a tenant also beside another. */
const kinds = ["tenant", "subject", "workload", "task"] as const;
/** Text that can be shown as it is. */
const plainText = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]{1,500}$/u;

interface Asking {
  readonly operator: Operator;
  readonly operators: Operators;
}

/** Creates the door. INVARIANT: nothing is done or told for whom the operator policy doesn't allow it. */
export function createEpochsDoor(parts: EpochsDoorParts): EpochsDoor {
  const { epochs, fences, record } = parts;

  const tell = async (
    { person, id }: Operator,
    entry: Pick<EpochEntry, "action" | "result"> & Partial<EpochEntry>,
  ): Promise<void> => {
    try {
      await record({ ...entry, by: person, credential: id });
    } catch {
      // it takes nothing from anybody but time: it is done also where it can't be recorded
    }
  };

  const allows = async (
    { operator, operators }: Asking,
    action: OperatorAction,
    match: FenceMatch,
  ): Promise<undefined | (Refusal & { readonly reasons?: readonly Reason[] })> => {
    if (fences.list().some((one) => isNamed(one, operator))) return refuse("fenced");
    const { allow, reasons } = await operators.decide(operator, action, { match });
    return allow ? undefined : { ...refuse("operator_refused"), reasons };
  };

  const bump = async (req: IncomingMessage, res: ServerResponse, asking: Asking): Promise<void> => {
    const body = await readBody(req, largest);
    if ("kind" in body) return sendRefusal(res, body);
    let value: Json;
    try {
      value = parseJson(body);
    } catch (error) {
      return sendRefusal(res, refusedJson(error));
    }
    const asked = readBump(value, parts.readMatch);
    if (asked.kind === "refusal") return sendRefusal(res, asked);
    const { match, reason } = asked;
    const { operator } = asking;
    const refused = await allows(asking, "epoch.bump", match as FenceMatch);
    if (refused !== undefined) {
      const { code, reasons = [] } = refused;
      await tell(operator, {
        action: "bump",
        result: "refused",
        code,
        match,
        reason,
        rules: rulesOf(reasons),
      });
      return sendReasons(res, refused);
    }
    const result = await epochs.bump(match, reason, operator.person);
    const { number } = result.bump;
    await tell(operator, { action: "bump", result: result.kind, match, reason, epoch: number });
    const unwritten = "holds here only: it could not be written, and is tried again";
    sendJson(
      res,
      201,
      JSON.stringify({ epoch: shown(result.bump), ...(result.kind === "done" ? {} : { unwritten }) }),
    );
  };

  const list = async (res: ServerResponse, asking: Asking): Promise<void> => {
    const { operator } = asking;
    const { tenant } = operator;
    const everywhere = await allows(asking, "epoch.list", {});
    const own =
      everywhere !== undefined && tenant !== undefined && (await allows(asking, "epoch.list", { tenant }));
    if (everywhere !== undefined && own !== undefined) {
      await tell(operator, { action: "list", result: "refused", code: everywhere.code });
      return sendReasons(res, everywhere);
    }
    await tell(operator, { action: "list", result: "done" });
    const some = epochs.list().filter(({ match }) => everywhere === undefined || match.tenant === tenant);
    const newest = [...some].sort((one, other) => other.number - one.number);
    sendJson(
      res,
      200,
      JSON.stringify({ epochs: newest.map(shown), status: { listening: epochs.listening() } }),
    );
  };

  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
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
    if (req.method === "POST") return bump(req, res, asking);
    if (req.method === "GET") return list(res, asking);
    return sendRefusal(res, refuse("method_not_allowed"));
  };

  return (req, res) => {
    const [at = ""] = (req.url ?? "").split("?");
    if (at !== path) return false;
    serve(req, res).catch((error: unknown) => {
      parts.onFault(error);
      sendRefusal(res, refuse("internal_error"));
    });
    return true;
  };
}

type ReadBump = { readonly kind: "bump"; readonly match: EpochMatch; readonly reason: string } | Refusal;

function readBump(value: Json, readMatch: EpochsDoorParts["readMatch"]): ReadBump {
  const problems = new Problems();
  const fields = new Fields(value, "", problems);
  const named: Partial<Record<(typeof kinds)[number] | "everything", string>> = {};
  for (const kind of kinds) {
    const said = fields.string(kind);
    if (said !== undefined) named[kind] = said;
  }
  if (fields.boolean("everything") === true) named.everything = "*";
  const reason = fields.required("reason");
  if (!plainText.test(reason))
    problems.add("reason", "must be 1 to 500 characters that can be seen, on one line");
  fields.end();
  const match = readMatch(named);
  if (match === undefined && problems.list.length === 0)
    problems.add(
      "tenant",
      "name one of tenant, subject, workload, task, everything; a tenant also beside another",
    );
  if (match === undefined || problems.list.length > 0)
    return refuse("invalid_request", problems.list.slice(0, 5).join("; "));
  return { kind: "bump", match, reason };
}

/** Writes a bump for people: times as RFC 3339. */
function shown({ number, match, reason, by, at }: Bump): unknown {
  return { number, match, reason, by, at: new Date(at).toISOString() };
}
