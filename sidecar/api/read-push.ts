/** Reads what a push or a rollback says of itself, beside the bundle. */
import type { IncomingMessage } from "node:http";
import type { Json, Problems, Refusal } from "../contract.js";
import { Fields, Problems as Found, refuse } from "../contract.js";
import { readReason, refusedFields } from "./operating.js";

export interface PushQuery {
  readonly kind: "push";
  readonly reason?: string;
  /** Of `If-Match`: the generation that the author knows of; 0: none. */
  readonly ifMatch?: number;
  readonly override: boolean;
}

/** Reads `?force`, `?reason=` and `If-Match: "<generation>"`; to force something, a reason is needed. */
export function readPushQuery(req: IncomingMessage): PushQuery | Refusal {
  const [, query = ""] = (req.url ?? "").split("?");
  const given: Record<string, Json> = {};
  for (const [key, value] of new URLSearchParams(query)) {
    if (Object.hasOwn(given, key)) return refuse("invalid_request", `${key.slice(0, 64)}: is given twice`);
    given[key] = value;
  }
  const problems = new Found();
  const fields = new Fields(given, "", problems);
  const force = fields.oneOf("force", ["", "true", "false"]);
  const override = force === "" || force === "true";
  const reason = override || fields.has("reason") ? readReason(fields, problems) : undefined;
  fields.end();
  const match = req.headers["if-match"];
  const [, digits] = /^\s*"?(\d{1,15})"?\s*$/.exec(match ?? "") ?? [];
  if (match !== undefined && digits === undefined)
    problems.add("If-Match", 'must be a generation, e.g. "7"; "0" where there is none yet');
  return (
    refusedFields(problems) ?? {
      ...{ kind: "push", override },
      ...(reason === undefined ? {} : { reason }),
      ...(digits === undefined ? {} : { ifMatch: Number(digits) }),
    }
  );
}

/** Reads what to go back to: a generation, a revision, or what was before where nothing is said. */
export function readTo(fields: Fields, problems: Problems): number | string | undefined {
  const to = fields.raw("to");
  if (to === undefined) return undefined;
  if (typeof to === "number" && Number.isSafeInteger(to) && to > 0) return to;
  if (typeof to === "string" && to !== "" && to.length <= 512) return to;
  return problems.add("to", "must be a generation (a number) or a revision (text)");
}
