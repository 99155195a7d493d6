import type { IncomingMessage, ServerResponse } from "node:http";
import type { ActiveBundle, BundleSet } from "../bundles/active.js";
import type { ErrorCode, Json } from "../contract.js";
import { errorTable, isObject, JsonRefused, parseJson, stringifyJson } from "../contract.js";
import type { Answer, Fault } from "../decide/answer.js";
import type { CacheLookups, Evaluate, EvaluateMicros } from "../decide/evaluate.js";
import { merge, place, planFor, select } from "./document.js";
import { readBody, sendJson, sendRefusal } from "./http.js";
import { isSet, opaErrorItem, sendOpaError } from "./opa-error.js";

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
  /** JSON text of what the API wrote at a path. */
  readonly written: (path: readonly string[]) => string | undefined;
  /** Name of a policy's file as its author knows it. */
  readonly fileName: (file: string) => string;
  /** `decision.strict_builtin_errors` */
  readonly strict: boolean;
  readonly evaluate: Evaluate;
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
  const found = await gather(parts, question);
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
      ...(found.lookups === undefined ? {} : { lookups: found.lookups }),
      requestedBy: req.socket.remoteAddress ?? "unix",
      ...(found.failed === undefined ? {} : { error: found.failed }),
      micros: { ...found.micros, total },
    });
    if (recording instanceof Promise) await recording;
  } catch {
    return sendOpaError(res, 503, "record_failed", errorTable.record_failed[1]);
  }
  if (found.failed !== undefined) {
    const error = found.fault ?? { code: found.failed, message: errorTable[found.failed][1] };
    return sendOpaError(res, 500, "internal_error", "error(s) occurred while evaluating query", [
      opaErrorItem(error),
    ]);
  }
  let text = JSON.stringify(body);
  if (found.result !== undefined) text = `${text.slice(0, -1)},"result":${stringifyJson(found.result)}}`;
  sendJson(
    res,
    200,
    isSet(options, "pretty") ? `${stringifyJson(parseJson(text, { depth: 10_000 }), 2)}\n` : text,
  );
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

async function gather(parts: DataParts, { segments, options, input }: Question): Promise<Found> {
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
    let fault: Fault | undefined;
    const asked = attentive(bundle, strict, (seen) => (fault = seen));
    const pending = parts.evaluate(asked, entrypoint, input, "");
    const evaluated = pending instanceof Promise ? await pending : pending;
    found.bundles[bundle.name] = { revision: bundle.revision };
    found.lookups ??= evaluated.lookups;
    found.micros = {
      ...evaluated.micros,
      ...found.micros,
      evaluate: (found.micros.evaluate ?? 0) + (evaluated.micros.evaluate ?? 0),
    };
    if (evaluated.kind === "failed") {
      const told = fault !== undefined && (strict || parts.strict || fault.code !== "eval_builtin_error");
      return {
        ...found,
        result: undefined,
        failed: evaluated.code,
        ...(told ? { fault: named(fault, parts.fileName) } : {}),
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

/** The same bundle, which tells of an evaluation's fault; `strict` results stay out of the cache. */
function attentive(bundle: ActiveBundle, strict: boolean, onFault: (fault: Fault) => void): ActiveBundle {
  const { policy } = bundle;
  const told = (answer: Answer): Answer => {
    if (answer.kind === "failed" && answer.fault !== undefined) onFault(answer.fault);
    return answer;
  };
  return {
    ...bundle,
    ...(strict ? { entrypoints: new Map() } : {}),
    policy: {
      ...policy,
      evaluate(entrypoint, input, options) {
        const evaluation = policy.evaluate(
          entrypoint,
          input,
          strict ? { ...options, strictBuiltinErrors: true } : options,
        );
        return evaluation.kind === "pending"
          ? { kind: "pending", settled: evaluation.settled.then(told) }
          : told(evaluation);
      },
    },
  };
}

function named(fault: Fault | undefined, fileName: (file: string) => string): Fault {
  if (fault === undefined) return { code: "internal_error", message: "" };
  return fault.file === undefined ? fault : { ...fault, file: fileName(fault.file) };
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
