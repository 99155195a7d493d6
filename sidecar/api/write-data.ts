import type { IncomingMessage, ServerResponse } from "node:http";
import type { WriteData, Written } from "../bundles/write-data.js";
import type { Operation } from "../bundles/change-json.js";
import type { Json } from "../contract.js";
import { JsonRefused, parseJson, refuse } from "../contract.js";
import { readBody, sendJson, sendRefusal } from "./http.js";
import { isSet, sendOpaError } from "./opa-error.js";

export interface WriteDataDoorParts {
  /** Absent where `api.writes` is off. */
  readonly writes?: WriteData;
  /** Segments of a data path, or undefined where it is none. */
  readonly parsePath: (path: string) => string[] | undefined;
  /** Operations of a JSON Patch, or what is wrong with it. */
  readonly parsePatch: (body: Json, base: string) => Operation[] | string;
  readonly micros: () => number;
  /** Bytes. */
  readonly maxBody: number;
}

/**
 * Answers `PUT`, `PATCH` and `DELETE /v1/data/{path}` with OPA's statuses, codes and messages; JSON is read strictly,
 * and digits are kept. Source: OPA REST API, "Data API".
 */
export function createWriteDataDoor(parts: WriteDataDoorParts) {
  const { writes, parsePath, parsePatch, micros, maxBody } = parts;

  const run = async (
    writes: WriteData,
    req: IncomingMessage,
    path: string,
  ): Promise<Written | ReturnType<typeof refuse>> => {
    const place = parsePath(path);
    if (place === undefined) return parameter(`bad path: ${path}`);
    if (req.method === "DELETE") return writes.remove(place);
    const body = await readBody(req, maxBody, { anyType: true });
    if ("kind" in body) return body;
    let value: Json;
    try {
      value = parseJson(body);
    } catch (error) {
      return parameter(
        `body contains malformed JSON: ${error instanceof JsonRefused ? error.message : "not JSON"}`,
      );
    }
    if (req.method === "PUT") return writes.put(place, value, req.headers["if-none-match"] === "*");
    const operations = parsePatch(value, path);
    return typeof operations === "string" ? parameter(operations) : writes.patch(operations);
  };

  return async (req: IncomingMessage, res: ServerResponse, path: string, query: string): Promise<void> => {
    if (writes === undefined) return sendRefusal(res, refuse("writes_disabled"));
    const started = micros();
    const outcome = await run(writes, req, path);
    if (outcome.kind === "refusal") return sendRefusal(res, outcome);
    if (outcome.kind === "refused") return sendWriteRefused(res, outcome.reason, outcome.message);
    if (outcome.kind === "exists") return void res.writeHead(304).end();
    if (!isSet(new URLSearchParams(query), "metrics")) return void res.writeHead(204).end();
    const metrics = { timer_server_handler_ns: Math.round((micros() - started) * 1000) };
    sendJson(res, 200, JSON.stringify({ metrics }));
  };
}

function parameter(message: string): Written {
  return { kind: "refused", reason: "parameter", message };
}

type Reason = Extract<Written, { kind: "refused" }>["reason"];

/** Status, OPA's code, and the storage's own code that stands before the message. */
const answers: Readonly<Record<Reason, readonly [status: number, code: string, storage?: string]>> = {
  parameter: [400, "invalid_parameter"],
  invalid_patch: [400, "invalid_parameter", "storage_invalid_patch_error"],
  not_found: [404, "resource_not_found", "storage_not_found_error"],
  conflict: [404, "resource_conflict", "storage_write_conflict_error"],
  too_large: [413, "data_too_large"],
  failed: [500, "internal_error"],
};

/** Sends why nothing was written. */
export function sendWriteRefused(res: ServerResponse, reason: Reason, message: string): void {
  const [status, code, storage] = answers[reason];
  if (reason === "too_large") return sendRefusal(res, refuse("data_too_large", message));
  sendOpaError(res, status, code, storage === undefined ? message : `${storage}: ${message}`);
}
