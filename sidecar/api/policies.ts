import type { IncomingMessage, ServerResponse } from "node:http";
import type { PolicyWritten, WritePolicies } from "../bundles/write-policies.js";
import { refuse } from "../contract.js";
import { readBody, sendJson, sendRefusal } from "./http.js";
import { isSet, opaErrorItem, sendOpaError } from "./opa-error.js";
import { sendWriteRefused } from "./write-data.js";

export interface PoliciesDoorParts {
  /** Absent where `api.writes` is off. */
  readonly policies?: WritePolicies;
  /** Bytes. */
  readonly maxBody: number;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Answers `/v1/policies` and `/v1/policies/{id}` for policies that were written here; a bundle's own aren't listed, and
 * `ast` is left out. Source: OPA REST API, "Policy API".
 */
export function createPoliciesDoor({ policies, maxBody }: PoliciesDoorParts) {
  return async (req: IncomingMessage, res: ServerResponse, path: string, query: string): Promise<void> => {
    const id = decodeId(path);
    if (id === undefined) return sendOpaError(res, 400, "invalid_parameter", `bad path: ${path}`);
    const change = req.method === "PUT" || req.method === "DELETE";
    if ((req.method !== "GET" && !change) || (change && id === "")) {
      return sendRefusal(res, refuse("method_not_allowed"));
    }
    if (policies === undefined) return sendRefusal(res, refuse("writes_disabled"));
    const send = (value: unknown): void => {
      const text = JSON.stringify(
        value,
        undefined,
        isSet(new URLSearchParams(query), "pretty") ? 2 : undefined,
      );
      sendJson(res, 200, `${text}\n`);
    };
    if (req.method === "GET") {
      if (id === "") return send({ result: policies.list() });
      const raw = policies.get(id);
      if (raw !== undefined) return send({ result: { id, raw } });
      return sendWriteRefused(res, "not_found", `policy id ${JSON.stringify(id)}`);
    }
    let outcome: PolicyWritten;
    if (req.method === "DELETE") outcome = await policies.remove(id);
    else {
      const body = await readBody(req, maxBody, { anyType: true });
      if ("kind" in body) return sendRefusal(res, body);
      let text: string;
      try {
        text = utf8.decode(body);
      } catch {
        return sendOpaError(res, 400, "invalid_parameter", "the module is not valid UTF-8");
      }
      outcome = await policies.put(id, text);
    }
    if (outcome.kind === "written") return send({});
    const { reason, message, errors } = outcome;
    if (errors === undefined) return sendWriteRefused(res, reason, message);
    const code = req.method === "DELETE" ? "invalid_operation" : "invalid_parameter";
    sendOpaError(res, 400, code, message, errors.map(opaErrorItem));
  };
}

/** The whole rest of the path is the id, slashes included. */
function decodeId(path: string): string | undefined {
  try {
    return decodeURIComponent(path.replace(/^\//, ""));
  } catch {
    return undefined;
  }
}
