import type { AssertionRequest } from "./assertion.js";
import type { ActionName, Call, CallContext, CallKind, DecisionRequest, Outcome } from "./decision.js";
import { actionNames, maxCalls } from "./decision.js";
import { parseAssertionRequest } from "./assertion.js";
import type { Credentials } from "./credentials.js";
import { parseCredentials } from "./credentials.js";
import type { Refusal } from "./errors.js";
import { refuse } from "./errors.js";
import type { Json, JsonObject } from "./json.js";
import { isObject } from "./json.js";
import { parseTaskRequest } from "./parse-task.js";
import { Fields, Problems } from "./shape.js";
import { parseCost, parseStreamTimes, parseUsage } from "./usage.js";

const kinds = ["model", "retrieval", "tool", "agent", "network", "route", "task"] as const;
const outcomes = [
  "forwarded",
  "denied",
  "upstream_error",
  "upstream_timeout",
  "client_disconnected",
  "obligation_unsatisfiable",
] as const;

/** Parses the body of `POST /v1/decisions` strictly; a refusal names fields, never values. */
export function parseDecisionRequest(value: Json): { kind: "request"; request: DecisionRequest } | Refusal {
  const problems = new Problems();
  const top = new Fields(value, "", problems);
  const call = top.has("call") ? parseCall(top.nested("call"), problems) : undefined;
  const calls = top.has("calls") ? top.items("calls").map((item) => parseCall(item, problems)) : undefined;
  if ((call === undefined) === (calls === undefined)) problems.add("call", "give one of call and calls");
  if (calls !== undefined && calls.length > maxCalls) problems.add("calls", `at most ${maxCalls}`);
  const credentials =
    onlyBearer(top.raw("credentials")) ?? parseCredentials(top.nested("credentials"), problems);
  const context = parseContext(top.nested("context"), problems);
  const obligations = top.strings("obligations") ?? [];
  const assertion = top.has("assertion") ? parseAssertion(top.nested("assertion"), problems) : undefined;
  const task = top.has("task") ? parseTaskRequest(top.nested("task"), problems) : undefined;
  const single = (calls?.length ?? 1) === 1;
  if (assertion !== undefined && !single) problems.add("assertion", "goes with one call");
  if ((task?.create ?? task?.exchange ?? task?.end) !== undefined && !single) {
    problems.add("task", "goes with one call where it makes or ends one");
  }
  top.end();
  if (problems.list.length > 0) return refuse("invalid_request", problems.list.slice(0, 5).join("; "));
  // members are set one by one: this is done for each question
  const request: Writable<DecisionRequest> = { credentials, context, obligations };
  if (call !== undefined) request.call = call;
  if (calls !== undefined) request.calls = calls;
  if (task !== undefined) request.task = task;
  if (assertion !== undefined) request.assertion = assertion;
  return { kind: "request", request };
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/** Reads what most requests present. */
function onlyBearer(credentials: Json | undefined): Credentials | undefined {
  if (!isObject(credentials) || Object.keys(credentials).length !== 1) return undefined;
  const { bearer } = credentials;
  return typeof bearer === "string" ? { bearer } : undefined;
}

function parseAssertion(fields: Fields, problems: Problems): AssertionRequest {
  const assertion = parseAssertionRequest(fields, problems);
  fields.end();
  return assertion;
}

/** Parses the body of `POST /v1/outcomes`. */
export function parseOutcome(value: Json): { kind: "outcome"; outcome: Outcome } | Refusal {
  const problems = new Problems();
  const top = new Fields(value, "", problems);
  const most = Number.MAX_SAFE_INTEGER;
  const upstream = top.string("upstream");
  const credential = top.string("credential");
  const attempts = top.integer("attempts", 1, 1_000);
  const bytes = top.integer("bytes", 0, most);
  const outcome = top.oneOf("outcome", outcomes);
  const kind = top.oneOf("kind", kinds);
  const duration = top.raw("duration_ms");
  const usage = top.has("usage") ? parseUsage(top.nested("usage")) : undefined;
  const cost = top.has("cost") ? parseCost(top.nested("cost"), problems) : undefined;
  const stream = top.has("stream") ? parseStreamTimes(top.nested("stream")) : undefined;
  const content = top.raw("content");
  if (content !== undefined && !isObject(content)) problems.add("content", "must be an object");
  const retrieval = top.raw("retrieval");
  if (retrieval !== undefined && !isObject(retrieval)) problems.add("retrieval", "must be an object");
  const labels = top.strings("labels");
  const reused = top.string("reused");
  const parsed = {
    decision_id: top.required("decision_id"),
    status: top.integer("status", 0, 999) ?? 0,
    duration_ms: typeof duration === "number" && duration >= 0 ? duration : 0,
    ...(upstream === undefined ? {} : { upstream }),
    ...(credential === undefined ? {} : { credential }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(usage === undefined ? {} : { usage }),
    ...(cost === undefined ? {} : { cost }),
    ...(stream === undefined ? {} : { stream }),
    ...(isObject(content) ? { content } : {}),
    ...(isObject(retrieval) ? { retrieval } : {}),
    ...(labels === undefined ? {} : { labels }),
    ...(reused === undefined ? {} : { reused }),
  };
  top.end();
  if (outcome === undefined) problems.add("outcome", "is required");
  if (kind === undefined) problems.add("kind", "is required");
  if (problems.list.length > 0 || outcome === undefined || kind === undefined) {
    return refuse("invalid_request", problems.list.slice(0, 5).join("; "));
  }
  return { kind: "outcome", outcome: { ...parsed, outcome, kind } };
}

function parseCall(fields: Fields, problems: Problems): Call {
  const kind = fields.oneOf<CallKind>("kind", kinds);
  if (kind === undefined) problems.add(fields.at("kind"), "is required");
  const action = fields.nested("action");
  const name = action.oneOf<ActionName>("name", actionNames);
  if (name === undefined) problems.add(action.at("name"), "is required");
  const resource = fields.nested("resource");
  const call: Call = {
    kind: kind ?? "model",
    action: { name: name ?? "model.invoke", properties: properties(action, problems) },
    resource: {
      type: resource.required("type"),
      id: resource.required("id"),
      properties: properties(resource, problems),
    },
  };
  action.end();
  resource.end();
  fields.end();
  return call;
}

function properties(fields: Fields, problems: Problems): JsonObject {
  const value = fields.raw("properties");
  if (value === undefined) return {};
  if (isObject(value)) return value;
  problems.add(fields.at("properties"), "must be an object");
  return {};
}

function parseContext(fields: Fields, problems: Problems): CallContext {
  const request = fields.nested("request");
  const environment = fields.string("environment");
  const prompt = fields.raw("prompt");
  if (prompt !== undefined && !isObject(prompt)) problems.add(fields.at("prompt"), "must be an object");
  const content = fields.raw("content");
  if (content !== undefined && !isObject(content)) problems.add(fields.at("content"), "must be an object");
  const claimed = fields.raw("claimed");
  if (claimed !== undefined && !isObject(claimed)) problems.add(fields.at("claimed"), "must be an object");
  const source = fields.has("source") ? parseSource(fields.nested("source")) : undefined;
  const context: Writable<CallContext> = {
    request: {
      id: request.required("id"),
      method: request.required("method"),
      path: request.required("path"),
    },
  };
  if (source !== undefined) context.source = source;
  if (environment !== undefined) context.environment = environment;
  if (isObject(prompt)) context.prompt = prompt;
  if (isObject(content)) context.content = content;
  if (isObject(claimed)) context.claimed = claimed;
  request.end();
  fields.end();
  return context;
}

function parseSource(fields: Fields): { ip: string } {
  const source = { ip: fields.required("ip") };
  fields.end();
  return source;
}
