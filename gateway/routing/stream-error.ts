/** Errors as events of a stream, in the forms of each protocol, as the statuses that they would have been. */

export interface StreamError {
  readonly status: number;
  /** As the body of an answer with that status. */
  readonly body: Buffer;
}

/** Sources: Anthropic API reference, "Errors"; OpenAI API reference, "Error codes"; Google's `google.rpc.Code`. */
const statuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  invalid_prompt: 400,
  context_length_exceeded: 400,
  content_filter: 400,
  content_policy_violation: 400,
  authentication_error: 401,
  invalid_api_key: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  insufficient_quota: 429,
  api_error: 500,
  server_error: 500,
  internal_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/** What says nothing more is the upstream's own fault. */
const unknown = 502;

type Members = Readonly<Record<string, unknown>>;
const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Gives the error that an event is; undefined where it is none. */
export function readStreamError(said: unknown): StreamError | undefined {
  if (!isMembers(said)) return undefined;
  const { type, error, response } = said;
  if (type === "response.failed" && isMembers(response)) {
    return make({ error: isMembers(response["error"]) ? response["error"] : {} });
  }
  if (isMembers(error)) return make(said);
  if (type !== "error") return undefined;
  // the flat form of Responses
  const { code, message, param = null } = said;
  return make({ error: { type: code, code, message, param } });
}

function make(body: Members): StreamError {
  const error = body["error"] as Members;
  const named = [error["code"], error["type"], error["status"]];
  const number = named.map(Number).find((one) => Number.isInteger(one) && one >= 400 && one <= 599);
  const known = named.find((one): one is string => typeof one === "string" && Object.hasOwn(statuses, one));
  const status = number ?? (known === undefined ? unknown : (statuses[known] ?? unknown));
  return { status, body: Buffer.from(JSON.stringify(body)) };
}
