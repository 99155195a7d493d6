/** The control plane's routes of epochs: bump one, and list those that were bumped. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { EpochMatch, FenceMatch, Json, Refusal } from "../contract.js";
import { Fields, Problems, refuse } from "../contract.js";
import type { EpochEntry } from "../record/epoch.js";
import type { Bump, Epochs } from "../state/epochs/epochs.js";
import { sendJson, sendRefusal } from "./http.js";
import type { Asking, OperatingParts, OperatorDoor } from "./operating.js";
import {
  createOperatorDoor,
  readJsonBody,
  readReason,
  recordOf,
  refusedFields,
  refusedTo,
  sendReasons,
} from "./operating.js";

export interface EpochsDoorParts extends OperatingParts {
  readonly epochs: Epochs;
  readonly readMatch: (value: Json) => EpochMatch | undefined;
  /** Records what was asked; in strict mode it rejects where that can't be. */
  readonly record: (entry: EpochEntry) => void | Promise<void>;
}

const path = "/v1/epochs";
/** Bytes of the largest body. */
const largest = 16_384;
/** What can be named; a tenant also beside another. */
const kinds = ["tenant", "subject", "workload", "task"] as const;

/** Creates the door. INVARIANT: nothing is done or told for whom the operator policy doesn't allow it. */
export function createEpochsDoor(parts: EpochsDoorParts): OperatorDoor {
  const { epochs, fences, record } = parts;

  const tell = async (
    { operator }: Asking,
    entry: Pick<EpochEntry, "action" | "result"> & Partial<EpochEntry>,
  ): Promise<void> => {
    try {
      await record({ ...entry, ...recordOf(operator) });
    } catch {
      // it takes nothing from anybody but time: it is done also where it can't be recorded
    }
  };

  const bump = async (req: IncomingMessage, res: ServerResponse, asking: Asking): Promise<void> => {
    const body = await readJsonBody(req, largest);
    if (body.kind === "refusal") return sendRefusal(res, body);
    const asked = readBump(body.value, parts.readMatch);
    if (asked.kind === "refusal") return sendRefusal(res, asked);
    const { match, reason } = asked;
    const { operator } = asking;
    const refused = await refusedTo(asking, fences, "epoch.bump", { match: match as FenceMatch });
    if (refused !== undefined) {
      await tell(asking, { action: "bump", match, reason, ...recordOf(operator, refused) });
      return sendReasons(res, refused);
    }
    const result = await epochs.bump(match, reason, operator.person);
    const { number } = result.bump;
    await tell(asking, { action: "bump", result: result.kind, match, reason, epoch: number });
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
    const everywhere = await refusedTo(asking, fences, "epoch.list", { match: {} });
    const own =
      everywhere !== undefined &&
      tenant !== undefined &&
      (await refusedTo(asking, fences, "epoch.list", { match: { tenant } }));
    if (everywhere !== undefined && own !== undefined) {
      await tell(asking, { action: "list", ...recordOf(operator, everywhere) });
      return sendReasons(res, everywhere);
    }
    await tell(asking, { action: "list", result: "done" });
    const some = epochs.list().filter(({ match }) => everywhere === undefined || match.tenant === tenant);
    const newest = [...some].sort((one, other) => other.number - one.number);
    sendJson(
      res,
      200,
      JSON.stringify({ epochs: newest.map(shown), status: { listening: epochs.listening() } }),
    );
  };

  return createOperatorDoor(parts, (req, res) => {
    const [at] = (req.url ?? "").split("?");
    if (at !== path) return undefined;
    return (asking) => {
      if (req.method === "POST") return bump(req, res, asking);
      if (req.method === "GET") return list(res, asking);
      return sendRefusal(res, refuse("method_not_allowed"));
    };
  });
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
  const reason = readReason(fields, problems);
  fields.end();
  const match = readMatch(named);
  if (match === undefined && problems.list.length === 0)
    problems.add(
      "tenant",
      "name one of tenant, subject, workload, task, everything; a tenant also beside another",
    );
  const wrong = refusedFields(problems);
  if (match === undefined || wrong !== undefined) return wrong ?? refuse("invalid_request");
  return { kind: "bump", match, reason };
}

/** Writes a bump for people: times as RFC 3339. */
function shown({ number, match, reason, by, at }: Bump): unknown {
  return { number, match, reason, by, at: new Date(at).toISOString() };
}
