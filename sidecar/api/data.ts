import type { IncomingMessage, ServerResponse } from "node:http";
import type { ActiveBundle, BundleSet } from "../bundles/active.js";
import type { ErrorCode, Json, Scanned } from "../contract.js";
import { errorTable, isObject, JsonRefused, parseJson, stringifyJson } from "../contract.js";
import type { Fault } from "../decide/answer.js";
import type { Asker } from "../decide/asker.js";
import type { CacheLookups, Evaluate, EvaluateMicros } from "../decide/evaluate.js";
import { merge, place, planFor, select } from "./document.js";
import { readBody, sendJson, sendRefusal } from "./http.js";
import { isSet, opaErrorItem, sendOpaError } from "./opa-error.js";

/** What the data door's record may draw on. */
export interface DataDecided {
  readonly door: "data";
  readonly decisionId: string;
  readonly path: string;
  readonly input: Json | Scanned | undefined;
  readonly result: unknown;
  readonly rules: readonly string[];
  readonly cache: "none" | "l1" | "l2";
  readonly bundles: Readonly<Record<string, { readonly revision: string }>>;
  readonly requestedBy: string;
  /** Size of the request body. */
  readonly bytes: number;
  readonly lookups: CacheLookups | undefined;
  readonly error: ErrorCode | undefined;
  readonly micros: EvaluateMicros & { readonly total: number };
}

export interface DataParts {
  readonly bundles: () => BundleSet;
  /** JSON text of what the API wrote at a path. */
  readonly written: (path: readonly string[]) => string | undefined;
  /** Name of a policy's file as its author knows it. */
  readonly fileName: (file: string) => string;
  /** `decision.strict_builtin_errors` */
  readonly strict: boolean;
  readonly evaluate: Evaluate;
  /** Who asks isn't known here: only a bump of everything ends what is kept. */
  readonly epoch?: () => number;
  readonly record: (decided: DataDecided) => void | Promise<void>;
  readonly newId: () => string;
  readonly micros: () => number;
  /** Bytes. */
  readonly maxBody: number;
}

const nothingThere = {
  code: "api_usage_warning",
  message: "nothing can be here: no rule, no package and no data at this path",
};
const noInput = { code: "api_usage_warning", message: "'input' key missing from the request" };

/**
 * Answers OPA's data API: `POST /v1/data/{path}` with `{"input": …}` and `GET` with `?input=`.
 * Undefined is 200 without `result`, as in OPA. Source: OPA REST API, "Data API".
 */
export function createDataDoor(parts: DataParts) {
  return async (
    req: IncomingMessage,
    res: ServerResponse,
    rawPath: string,
    query: string,
    /** Where it was read already. */
    given?: Buffer,
  ): Promise<void> => {
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
        const body = given ?? (await readBody(req, parts.maxBody, { anyType: true }));
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
      const where = req.method === "GET" ? "parameter" : "body";
      return sendOpaError(
        res,
        400,
        "invalid_parameter",
        `${where} contains malformed input document: ${why}`,
      );
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
  const decisionId = parts.newId();
  const body: Record<string, unknown> = { decision_id: decisionId };
  const found = await gather(parts, question, { tenant: "", epoch: parts.epoch?.() ?? 0 });
  if (req.method === "POST" && input === undefined) body["warning"] = noInput;
  else if (found.nothing) body["warning"] = nothingThere;
  if (isSet(options, "provenance")) body["provenance"] = { bundles: found.bundles };
  const total = parts.micros() - started;
  if (isSet(options, "metrics")) {
    body["metrics"] = {
      timer_rego_query_eval_ns: Math.round((found.micros.evaluate ?? 0) * 1000),
      timer_server_handler_ns: Math.round(total * 1000),
    };
  }
  try {
    const recording = parts.record({
      door: "data",
      decisionId,
      path: segments.join("/"),
      input,
      result: found.evaluated ? found.result : undefined,
      rules: found.rules,
      cache: found.cache,
      bundles: found.bundles,
      bytes: question.bytes,
      lookups: found.lookups,
      requestedBy: req.socket.remoteAddress ?? "unix",
      error: found.failed,
      micros: { ...found.micros, total },
    });
    if (recording instanceof Promise) await recording;
  } catch {
    return sendOpaError(res, 503, "record_failed", errorTable.record_failed[1]);
  }
  if (found.failed !== undefined) return sendFailed(res, found.failed, found.fault);
  let text = JSON.stringify(body);
  if (found.result !== undefined) text = `${text.slice(0, -1)},"result":${stringifyJson(found.result)}}`;
  sendJson(
    res,
    200,
    isSet(options, "pretty") ? `${stringifyJson(parseJson(text, { depth: 10_000 }), 2)}\n` : text,
  );
}

/** Sends what an evaluation's failure is in OPA's words. */
export function sendFailed(res: ServerResponse, failed: ErrorCode, fault: Fault | undefined): void {
  const error = fault ?? { code: failed, message: errorTable[failed][1] };
  sendOpaError(res, 500, "internal_error", "error(s) occurred while evaluating query", [opaErrorItem(error)]);
}

/** Gives of a fault what a caller is told; an error of a built-in only where that fails an evaluation. */
export function toldOf(
  fault: Fault | undefined,
  strict: boolean,
  fileName: (file: string) => string,
): Fault | undefined {
  if (fault === undefined || (fault.code === "eval_builtin_error" && !strict)) return undefined;
  return fault.file === undefined ? fault : { ...fault, file: fileName(fault.file) };
}

/** All that answers a path, put together. */
interface Found {
  result: Json | undefined;
  /** Whether a policy had a say in it. */
  evaluated: boolean;
  /** There is no rule, no package and no data. */
  nothing: boolean;
  rules: string[];
  cache: DataDecided["cache"];
  bundles: Record<string, { readonly revision: string }>;
  lookups?: CacheLookups;
  micros: EvaluateMicros;
  failed?: ErrorCode;
  fault?: Fault;
}

/** Evaluates all that a path takes and puts it together. */
export async function gather(
  parts: Pick<DataParts, "bundles" | "written" | "fileName" | "strict" | "evaluate">,
  { segments, options, input }: Pick<Question, "segments" | "options" | "input">,
  asker: Asker,
): Promise<Found> {
  const strict = isSet(options, "strict-builtin-errors");
  const { evaluations, base } = planFor(parts.bundles(), segments);
  const found: Found = {
    result: undefined,
    evaluated: evaluations.length > 0,
    nothing: false,
    rules: [],
    cache: "none",
    bundles: {},
    micros: {},
  };
  // base documents first: what is awaited in between may see newer ones
  const documents = base.map((one) => {
    if (one !== "written") return one.policy.read(segments);
    const text = parts.written(segments);
    return text === undefined ? undefined : parseJson(text, { depth: 10_000 });
  });
  for (const { bundle, entrypoint, at, select: rest } of evaluations) {
    const asked = strict ? strictly(bundle) : bundle;
    const pending = parts.evaluate(asked, entrypoint, input, asker);
    const evaluated = pending instanceof Promise ? await pending : pending;
    found.bundles[bundle.name] = { revision: bundle.revision };
    found.lookups ??= evaluated.lookups;
    found.micros = {
      ...evaluated.micros,
      ...found.micros,
      evaluate: (found.micros.evaluate ?? 0) + (evaluated.micros.evaluate ?? 0),
    };
    if (evaluated.kind === "failed") {
      const fault = toldOf(evaluated.fault, strict || parts.strict, parts.fileName);
      return {
        ...{ ...found, result: undefined, failed: evaluated.code },
        ...(fault === undefined ? {} : { fault }),
      };
    }
    found.rules.push(...evaluated.rules);
    if (evaluations.length === 1) found.cache = evaluated.cache;
    const value = select(evaluated.result, rest);
    if (value !== undefined) found.result = merge(found.result, place(value, at));
  }
  for (const document of documents) found.result = merge(found.result, document);
  found.nothing = !found.evaluated && found.result === undefined;
  return found;
}

/** The same bundle, in which an error of a built-in fails an evaluation; its results stay out of the cache. */
function strictly(bundle: ActiveBundle): ActiveBundle {
  const { policy } = bundle;
  return {
    ...bundle,
    entrypoints: new Map(),
    policy: {
      ...policy,
      evaluate: (entrypoint, input, options) =>
        policy.evaluate(entrypoint, input, { ...options, strictBuiltinErrors: true }),
    },
  };
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
