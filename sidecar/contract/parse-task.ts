/** Parses what a request says of its task, strictly: problems name fields, never values. */
import type { Fields, Problems } from "./shape.js";
import type { TaskBudget, TaskExchange, TaskHint, TaskPlan, TaskRequest } from "./task.js";
import { taskHintKinds } from "./task.js";

/** Characters of the longest token. */
const longestToken = 8_192;
const mostHints = 8;
const most = Number.MAX_SAFE_INTEGER;
/** As RFC 6749 section 3.3. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;

export function parseTaskRequest(fields: Fields, problems: Problems): TaskRequest {
  const token = fields.string("token");
  if (token !== undefined && token.length > longestToken) problems.add(fields.at("token"), "is too long");
  const hints = fields.has("hints")
    ? fields.items("hints").map((item) => parseHint(item, problems))
    : undefined;
  if (hints !== undefined && hints.length > mostHints)
    problems.add(fields.at("hints"), `at most ${mostHints}`);
  const issue = fields.boolean("issue");
  const create = fields.has("create") ? parsePlan(fields.nested("create"), problems) : undefined;
  const exchange = fields.has("exchange") ? parseExchange(fields.nested("exchange"), problems) : undefined;
  const end = fields.boolean("end");
  fields.end();
  return {
    ...(token === undefined ? {} : { token }),
    ...(hints === undefined ? {} : { hints }),
    ...(issue === undefined ? {} : { issue }),
    ...(create === undefined ? {} : { create }),
    ...(exchange === undefined ? {} : { exchange }),
    ...(end === undefined ? {} : { end }),
  };
}

function parseHint(fields: Fields, problems: Problems): TaskHint {
  const kind = fields.oneOf("kind", taskHintKinds);
  const id = fields.required("id");
  if (kind === undefined) problems.add(fields.at("kind"), "is required");
  if (id.length > 256) problems.add(fields.at("id"), "at most 256 characters");
  fields.end();
  return { kind: kind ?? "traceparent", id };
}

/** Parses a plan whose fields are all that there is. */
export function parsePlan(fields: Fields, problems: Problems): TaskPlan {
  const plan = planOf(fields, problems);
  fields.end();
  return plan;
}

function parseExchange(fields: Fields, problems: Problems): TaskExchange {
  const audience = fields.required("audience");
  const holders = fields.strings("holders");
  const plan = planOf(fields, problems);
  fields.end();
  return { audience, ...(holders === undefined ? {} : { holders }), ...plan };
}

function planOf(fields: Fields, problems: Problems): TaskPlan {
  const purpose = fields.string("purpose");
  if (purpose !== undefined && !/^[a-z0-9][a-z0-9_.:-]{0,63}$/.test(purpose)) {
    problems.add(fields.at("purpose"), "must be a-z, 0-9, _ . : -, at most 64 characters");
  }
  const scopes = fields.strings("scopes");
  if (scopes !== undefined && (scopes.length > 128 || !scopes.every((scope) => scopeToken.test(scope)))) {
    problems.add(fields.at("scopes"), "must be at most 128 scopes without blanks");
  }
  const deadline = fields.string("deadline");
  if (deadline !== undefined && Number.isNaN(Date.parse(deadline))) {
    problems.add(fields.at("deadline"), "must be a time, e.g. 2026-01-31T12:00:00Z");
  }
  const budget = fields.has("budget") ? parseBudget(fields.nested("budget"), problems) : undefined;
  return {
    ...(purpose === undefined ? {} : { purpose }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(deadline === undefined ? {} : { deadline }),
    ...(budget === undefined ? {} : { budget }),
  };
}

const counts = [
  "requests",
  "input_tokens",
  "output_tokens",
  "tokens",
  "tool_calls",
  "distinct_tools",
  "chunks",
  "iterations",
] as const;

function parseBudget(fields: Fields, problems: Problems): TaskBudget {
  const budget: { -readonly [Name in keyof TaskBudget]: TaskBudget[Name] } = {};
  for (const name of counts) {
    const value = fields.integer(name, 0, most);
    if (value !== undefined) budget[name] = value;
  }
  if (fields.has("cost")) {
    const cost = fields.nested("cost");
    const [amount, currency] = [cost.required("amount"), cost.required("currency")];
    if (!/^\d{1,6}(?:\.\d{1,9})?$/.test(amount)) problems.add(cost.at("amount"), "must be a decimal");
    if (!/^[A-Z]{3}$/.test(currency)) problems.add(cost.at("currency"), "must be three capital letters");
    cost.end();
    budget.cost = { amount, currency };
  }
  fields.end();
  return budget;
}
