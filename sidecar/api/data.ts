import type { IncomingMessage, ServerResponse } from "node:http";
import type { BundleSet } from "../bundles/active.js";
import { resolvePath } from "../bundles/active.js";
import type { ErrorCode, Json } from "../contract.js";
import { errorTable, isObject, JsonRefused, parseJson, stringifyJson } from "../contract.js";
import type { CacheLookups, Evaluate, Evaluated, EvaluateMicros } from "../decide/evaluate.js";
import { readBody, sendJson, sendRefusal } from "./http.js";

/** What the data door's record may draw on. */
export interface DataDecided {
  readonly door: "data";
  readonly decisionId: string;
  readonly path: string;
  readonly input: Json | undefined;
  readonly result: unknown;
  readonly rules: readonly string[];
  readonly cache: "none" | "l1" | "l2";
  readonly bundles: Readonly<Record<string, { readonly revision: string }>>;
  readonly requestedBy: string;
  /** Size of the request body. */
  readonly bytes: number;
  readonly lookups?: CacheLookups;
  readonly error?: ErrorCode;
  readonly micros: EvaluateMicros & { readonly total: number };
}

export interface DataParts {
  readonly bundles: () => BundleSet;
  readonly evaluate: Evaluate;
  readonly record: (decided: DataDecided) => void | Promise<void>;
  readonly newId: () => string;
  readonly micros: () => number;
  /** Bytes. */
  readonly maxBody: number;
}

/** OPA's answer where the path holds nothing that was compiled to answer. */
const noEntrypoint = {
  code: "api_usage_warning",
  message: "no entrypoint at this path; annotate the rule with `entrypoint: true` or build with -e",
};
const noInput = { code: "api_usage_warning", message: "'input' key missing from the request" };

/**
 * Answers OPA's data API: `POST /v1/data/{path}` with `{"input": …}` and `GET` with `?input=`.
 * Undefined is 200 without `result`, as in OPA. Source: OPA REST API, "Data API".
 */
export function createDataDoor(parts: DataParts) {
  return async (req: IncomingMessage, res: ServerResponse, rawPath: string, query: string): Promise<void> => {
    const started = parts.micros();
    const segments = decodePath(rawPath);
    if (segments === undefined)
      return sendOpaError(res, 400, "invalid_parameter", "the path is not well encoded");
    const options = new URLSearchParams(query);
    let input: Json | undefined;
    let bytes = 0;
    try {
      if (req.method === "GET") {
        const text = options.get("input");
        input = text === null ? undefined : parseJson(text);
      } else {
        const body = await readBody(req, parts.maxBody, { anyType: true });
        if ("kind" in body) return sendRefusal(res, body);
        bytes = body.length;
        const document = body.length === 0 ? (Object.create(null) as Json) : parseJson(body);
        if (!isObject(document)) {
          return sendOpaError(res, 400, "invalid_parameter", "the body must be an object with the key input");
        }
        input = document["input"];
      }
    } catch (error) {
      const why = error instanceof JsonRefused ? error.message : "not JSON";
      return sendOpaError(res, 400, "invalid_parameter", `body contains malformed input document: ${why}`);
    }
    await answer(parts, req, res, { segments, options, input, bytes, started });
  };
}

interface Question {
  readonly segments: readonly string[];
  readonly options: URLSearchParams;
  readonly input: Json | undefined;
  readonly bytes: number;
  readonly started: number;
}

async function answer(
  parts: DataParts,
  req: IncomingMessage,
  res: ServerResponse,
  question: Question,
): Promise<void> {
  const { segments, options, input, started } = question;
  const set = parts.bundles();
  const resolved = resolvePath(set, segments);
  const decisionId = parts.newId();
  const body: Record<string, unknown> = { decision_id: decisionId };
  let evaluated: Evaluated | undefined;
  let result: string | undefined;
  if (resolved === undefined) {
    result = baseDocument(set, segments);
    if (result === undefined) body["warning"] = noEntrypoint;
  } else {
    const pending = parts.evaluate(resolved.bundle, resolved.entrypoint, input, "");
    evaluated = pending instanceof Promise ? await pending : pending;
    if (evaluated.kind === "evaluated") {
      const value = select(evaluated.result, resolved.rest);
      if (value !== undefined) result = stringifyJson(value);
    }
    if (input === undefined) body["warning"] = noInput;
  }
  const bundles =
    resolved === undefined ? {} : { [resolved.bundle.name]: { revision: resolved.bundle.revision } };
  if (options.has("provenance") && options.get("provenance") !== "false") body["provenance"] = { bundles };
  const failed = evaluated?.kind === "failed" ? evaluated.code : undefined;
  const spent = evaluated?.micros ?? {};
  const total = parts.micros() - started;
  if (options.has("metrics") && options.get("metrics") !== "false") {
    body["metrics"] = {
      timer_rego_query_eval_ns: Math.round((spent.evaluate ?? 0) * 1000),
      timer_server_handler_ns: Math.round(total * 1000),
    };
  }
  try {
    const recording = parts.record({
      door: "data",
      decisionId,
      path: segments.join("/"),
      input,
      result: evaluated?.kind === "evaluated" ? evaluated.result : undefined,
      rules: evaluated?.kind === "evaluated" ? evaluated.rules : [],
      cache: evaluated?.kind === "evaluated" ? evaluated.cache : "none",
      bundles,
      bytes: question.bytes,
      ...(evaluated === undefined ? {} : { lookups: evaluated.lookups }),
      requestedBy: req.socket.remoteAddress ?? "unix",
      ...(failed === undefined ? {} : { error: failed }),
      micros: { ...spent, total },
    });
    if (recording instanceof Promise) await recording;
  } catch {
    return sendOpaError(res, 503, "record_failed", errorTable.record_failed[1]);
  }
  if (failed !== undefined) {
    return sendOpaError(res, 500, "internal_error", "error(s) occurred while evaluating query", [
      { code: failed, message: errorTable[failed][1] },
    ]);
  }
  const pretty = options.has("pretty") && options.get("pretty") !== "false";
  let text = JSON.stringify(body);
  if (result !== undefined) text = `${text.slice(0, -1)},"result":${result}}`;
  sendJson(res, 200, pretty ? `${stringifyJson(parseJson(text, { depth: 10_000 }), 2)}\n` : text);
}

/** Percent-decodes the path's segments; undefined where the encoding is wrong. */
function decodePath(path: string): string[] | undefined {
  if (path === "") return [];
  try {
    return path
      .split("/")
      .filter((segment) => segment !== "")
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function select(value: Json | undefined, rest: readonly string[]): Json | undefined {
  let at = value;
  for (const segment of rest) {
    if (!isObject(at) || !Object.hasOwn(at, segment)) return undefined;
    at = at[segment];
  }
  return at;
}

/** A path that holds data only; a package with rules is never answered from its data alone. */
function baseDocument(set: BundleSet, segments: readonly string[]): string | undefined {
  if (segments.length === 0) return undefined;
  const path = segments.join("/");
  for (const bundle of set.bundles) {
    const underRules = [...bundle.entrypoints.keys()].some((entrypoint) => {
      const [root = ""] = entrypoint.split("/");
      return path === root || path.startsWith(`${root}/`);
    });
    if (underRules) continue;
    let at: Json | undefined = bundle.data;
    for (const segment of segments) {
      at = isObject(at) && Object.hasOwn(at, segment) ? at[segment] : undefined;
    }
    if (at !== undefined) return stringifyJson(at);
  }
  return undefined;
}

/** OPA's error shape: `{code, message, errors}`. */
export function sendOpaError(
  res: ServerResponse,
  status: number,
  code: string,
  message: string,
  errors?: readonly { code: string; message: string }[],
): void {
  sendJson(res, status, JSON.stringify({ code, message, ...(errors === undefined ? {} : { errors }) }));
}
