/**
 * One closed table of refusals: code → HTTP status, message, what to do. Codes are never reused.
 * Messages hold no token, prompt or claim.
 */
import { identityErrors } from "./identity-errors.js";
import { stateErrors } from "./state-errors.js";

export const errorTable = {
  // the caller's request
  invalid_json: [400, "the body is not valid JSON", "send one JSON document in UTF-8"],
  duplicate_key: [400, "the same key stands twice in one object", "send each key once"],
  too_deep: [400, "the body is nested too deeply", "send at most 128 levels"],
  invalid_utf8: [400, "the body is not valid UTF-8", "encode the body as UTF-8"],
  invalid_request: [400, "the request does not have the expected shape", "see docs/api.md"],
  body_too_large: [413, "the body is too large", "send less, or raise the limit in the configuration"],
  unsupported_media_type: [415, "the content type is not supported", "send application/json"],
  unsupported_encoding: [
    415,
    "the content encoding is not supported",
    "send the body without content-encoding",
  ],
  unknown_route: [404, "there is no such route", "see docs/api.md for the routes"],
  method_not_allowed: [405, "the route does not take this method", "see docs/api.md for the methods"],
  unknown_operation: [
    403,
    "the operation is not known, so it cannot be decided",
    "use an operation listed in docs/gateway.md",
  ],
  untranslatable: [
    400,
    "this part of the request has no counterpart in the protocol that the model speaks",
    "leave it out, or call a model of the same protocol",
  ],
  origin_not_allowed: [
    403,
    "requests from this origin are not accepted",
    "add the origin to gateway.allowed_origins",
  ],
  unknown_method: [
    404,
    "the method is not known, so it cannot be decided",
    "see docs/gateway-tools.md for the methods",
  ],
  invalid_params: [
    400,
    "the parameters do not have the expected shape",
    "see the method in MCP's specification",
  ],
  unsupported_version: [
    400,
    "this revision of the protocol is not spoken here",
    "use one of those in docs/gateway-tools.md",
  ],
  header_mismatch: [400, "a header disagrees with the body", "send the same value in both"],
  // who is calling
  ...identityErrors,
  // the decision
  denied: [403, "denied by policy", "see the reasons"],
  undefined_decision: [
    403,
    "the policy gave no decision",
    "check that the entrypoint is defined for this input",
  ],
  invalid_decision: [
    403,
    "the policy gave a decision of the wrong shape",
    "return {allow, reasons, obligations, labels, ttl}",
  ],
  evaluation_error: [
    403,
    "the policy failed to evaluate",
    "see the process log for the bundle and entrypoint",
  ],
  evaluation_budget_exceeded: [
    403,
    "the policy used up its evaluation budget",
    "simplify the policy, or raise decision.budget",
  ],
  no_bundle: [503, "no policy bundle is active", "load a bundle with --bundle"],
  obligation_unsatisfiable: [
    403,
    "the decision needs an obligation that cannot be carried out here",
    "declare or implement the obligation type; of a filter, configure each field that it names",
  ],
  filter_unknown: [
    403,
    "the decision names a filter that the policy does not have",
    "mark the rule with custom.filter in its METADATA; see docs/data-filters.md",
  ],
  filter_failed: [
    403,
    "the filter could not be derived for this caller",
    "see countersign filter --help, which shows what is derived",
  ],
  filter_too_large: [
    403,
    "the filter derived for this caller is larger than a condition may be",
    "compare with fewer values; see docs/data-filters.md",
  ],
  pdp_unavailable: [503, "the decision point could not be reached", "check the sidecar"],
  pdp_timeout: [503, "the decision point did not answer in time", "check the sidecar's load"],
  insufficient_scope: [
    403,
    "the token's scopes are not enough for this",
    "get a token with the scopes that WWW-Authenticate names",
  ],
  insufficient_assurance: [
    401,
    "the user's authentication is not strong or recent enough for this",
    "have the user authenticate again, as WWW-Authenticate says",
  ],
  assertion_unavailable: [
    503,
    "the assertion for the upstream could not be signed",
    "configure assertion in the sidecar, or see its process log",
  ],
  assertion_too_large: [
    403,
    "the assertion for the upstream is too large for a header",
    "list the groups that the upstream needs under assertion.groups",
  ],
  record_failed: [503, "the decision could not be recorded", "check the decision log's destination"],
  // beyond the decision
  unknown_model: [404, "the model is not configured", "see GET /v1/models"],
  unknown_response: [
    404,
    "there is no such stored response, or none of yours",
    "use an id that this identity was given",
  ],
  unknown_file: [404, "there is no such file, or none of yours", "use an id that this identity was given"],
  unknown_batch: [404, "there is no such batch, or none of yours", "use an id that this identity was given"],
  unknown_store: [
    404,
    "there is no such store, or none of your tenant",
    "use an id that this tenant was given",
  ],
  storage_not_configured: [
    404,
    "nothing can be kept here: no account is configured for it",
    "configure storage in the gateway",
  ],
  list_refused: [
    403,
    "what a provider keeps for all callers isn't listed: whose it is can't be told",
    "ask for each thing by the id that you were given",
  ],
  unknown_server: [404, "the tool server is not configured", "see the gateway's configuration"],
  unknown_session: [404, "there is no such session, or none of yours", "initialize a new session"],
  unknown_event: [404, "there is no such event to resume after", "ask again"],
  unknown_tool: [404, "there is no such tool, or it may not be offered", "see tools/list"],
  unknown_resource: [404, "there is no such resource, or it may not be offered", "see resources/list"],
  unknown_prompt: [404, "there is no such prompt, or it may not be offered", "see prompts/list"],
  tool_quarantined: [
    403,
    "the tool's definition is not approved",
    "have it approved: countersign tools pending",
  ],
  invalid_arguments: [400, "the arguments do not fit the tool's schema", "see the tool's inputSchema"],
  request_under_way: [400, "a request with this id is under way", "give each request an id of its own"],
  request_cancelled: [400, "the request was cancelled", "ask again, if you still want it"],
  input_refused: [
    403,
    "what the tool server asks of the client is not allowed",
    "see the decision's reasons",
  ],
  unknown_request_state: [
    400,
    "the request's state is not known, or not of this request",
    "ask anew, without it",
  ],
  too_many_sessions: [503, "there are too many sessions", "end some, or try again later"],
  unknown_collection: [404, "the collection is not configured", "see the gateway's configuration"],
  filter_refused: [
    400,
    "the query's filter is not understood, so it cannot be narrowed",
    "use the fields and operators that docs/gateway-retrieval.md lists for this store",
  ],
  filter_not_expressible: [
    403,
    "the store cannot filter by all that policy asks for, and this operation gives nothing that could be checked",
    "query for documents instead, or ask for a condition on fields that the store filters by",
  ],
  sql_refused: [
    403,
    "the statement is not among those that the gateway passes on",
    "see docs/gateway-retrieval-postgres.md for what SQL may hold",
  ],
  field_hidden: [
    403,
    "the query filters or sorts by a field that may not be seen",
    "leave the field out of filter, sort and groups",
  ],
  retrieval_limit: [
    400,
    "the query asks for more than the gateway passes on",
    "ask for less, or raise the collection's limits in the gateway's configuration",
  ],
  nothing_allowed: [
    403,
    "no document that this would reach is open to you",
    "see the decision's obligations with the policy's author",
  ],
  document_refused: [
    403,
    "a document that this would write or change is not open to you, before or after",
    "use an id that is free, and metadata that you are cleared for",
  ],
  unknown_cursor: [
    400,
    "the cursor is not known, or was not given to you for this collection",
    "begin the query anew",
  ],
  namespace_required: [
    400,
    "the request doesn't say which part of the collection it means",
    "name the namespace, tenant or partition",
  ],
  upstream_unavailable: [502, "the upstream could not be reached", "try again later"],
  upstream_timeout: [504, "the upstream did not answer in time", "try again later"],
  upstream_refused: [
    400,
    "the API refused the request; the status is its own",
    "see what the API's document says of the status",
  ],
  upstream_invalid: [502, "the upstream's answer was not understood", "check the upstream"],
  writes_disabled: [403, "writing through the API is off", "start with --set api.writes=true"],
  data_too_large: [
    413,
    "what is written through the API is too much together",
    "remove something, or raise api.max_data_bytes",
  ],
  internal_error: [500, "the request could not be handled", "see the process log by request id"],
  path_refused: [
    400,
    "the path or the query is not in its plain form",
    "send each part of the path once and plainly: no dot segments, empty segments, backslashes, semicolons or needless escapes",
  ],
  upgrade_refused: [
    400,
    "this connection can not become another protocol here",
    "send the request without upgrade; WebSocket is for routes that are configured for it",
  ],
  subprotocol_not_allowed: [
    400,
    "the route takes none of the offered WebSocket subprotocols",
    "offer one that the route's websocket.subprotocols list",
  ],
  unknown_chain: [
    404,
    "the chain is not configured",
    "see the route's chains in the gateway's configuration",
  ],
  redirect_refused: [
    502,
    "the upstream redirects to where this route does not lead",
    "have the upstream redirect within the route's own url",
  ],
  unknown_agent: [404, "the agent is not configured", "see the gateway's configuration"],
  unknown_agent_task: [
    404,
    "there is no such task or context of this agent, or none of yours",
    "use an id that this identity was given",
  ],
  unknown_skill: [404, "the agent has no such skill, or it may not be offered", "see the agent's card"],
  push_refused: [
    403,
    "push notifications would go past the gateway, undecided",
    "ask for the task, or subscribe to it",
  ],
  part_refused: [
    403,
    "a part of the message names a place that may not be fetched",
    "send the file's bytes, or an https address on the web; see docs/gateway-agents.md",
  ],
  destination_refused: [
    403,
    "connections to this host, port or address are not made",
    "see forward_proxy in docs/gateway-proxy.md",
  ],
  // what is remembered
  ...stateErrors,
} as const satisfies Record<string, readonly [status: number, message: string, fix: string]>;

export type ErrorCode = keyof typeof errorTable;

/** A refusal as a value; `detail` adds a place (offset, field name), never content. */
export interface Refusal {
  readonly kind: "refusal";
  readonly code: ErrorCode;
  readonly status: number;
  readonly message: string;
  readonly fix: string;
}

/** Makes the refusal for a code, with an optional place in the message. */
export function refuse(code: ErrorCode, detail?: string): Refusal {
  const [status, message, fix] = errorTable[code];
  return {
    kind: "refusal",
    code,
    status,
    message: detail === undefined ? message : `${message}: ${detail}`,
    fix,
  };
}
