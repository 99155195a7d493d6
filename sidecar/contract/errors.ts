/**
 * One closed table of refusals: code → HTTP status, message, what to do. Codes are never reused.
 * Messages hold no token, prompt or claim.
 */
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
  unauthenticated: [401, "no credentials were presented", "send Authorization: Bearer <token>"],
  token_malformed: [401, "the token is not a well-formed JWT", "send a signed JWT access token"],
  token_algorithm: [
    401,
    "the token's algorithm is not accepted for its issuer",
    "sign with an algorithm that the issuer's configuration lists",
  ],
  token_issuer: [401, "the token's issuer is not configured", "add the issuer under identity.issuers"],
  token_audience: [401, "the token is for another audience", "request a token for this audience"],
  token_expired: [401, "the token has expired", "get a new token"],
  token_not_yet_valid: [401, "the token is not valid yet", "check the clocks"],
  token_signature: [
    401,
    "the token's signature does not verify",
    "use a token signed by the issuer's current key",
  ],
  token_key_unknown: [401, "the token's key is not among the issuer's keys", "check the issuer's key set"],
  token_type: [401, "the token is not an access token", "send an access token, not an ID token"],
  token_claims: [
    401,
    "the token lacks a claim that its issuer's configuration requires",
    "check the issuer's claim mapping",
  ],
  token_tenant: [
    401,
    "the issuer may not speak for the token's tenant",
    "list the tenant under the issuer's tenants",
  ],
  token_trust_domain: [
    401,
    "the issuer may not speak for the trust domain of an id in the token",
    "list the trust domain under the issuer's trust_domains",
  ],
  token_inactive: [401, "the token is not active, as its authorization server says", "get a new token"],
  groups_unavailable: [
    503,
    "the token leaves the subject's groups out, and they could not be asked for",
    "configure groups_overage for the issuer, or try again later",
  ],
  token_lifetime: [
    401,
    "the token lives longer than its issuer's configuration allows",
    "get a shorter-lived token, or raise max_lifetime_seconds",
  ],
  token_binding: [
    401,
    "the token is bound to a key whose possession was not proved",
    "present it with its DPoP proof, or over mTLS with its certificate",
  ],
  forwarded_certificate_untrusted: [
    401,
    "a forwarded client certificate is believed only from a configured proxy's own socket",
    "remove the header x-forwarded-client-cert, or configure the proxy",
  ],
  certificate_malformed: [
    401,
    "the client certificate is not a well-formed X.509 certificate",
    "send at most 8 certificates of strict DER, the leaf first",
  ],
  certificate_identity: [
    401,
    "the client certificate does not name exactly one workload by its SPIFFE id",
    "issue it with one URI name, spiffe://<trust domain>/<path>",
  ],
  certificate_usage: [
    401,
    "the client certificate is not for authenticating a client",
    "issue it as a leaf for digitalSignature and clientAuth",
  ],
  certificate_untrusted: [
    401,
    "no CA of the certificate's trust domain vouches for it",
    "send the whole chain up to a CA in the trust domain's bundle",
  ],
  certificate_expired: [
    401,
    "the client certificate, or one that vouches for it, has expired",
    "get a new certificate",
  ],
  certificate_not_yet_valid: [
    401,
    "the client certificate, or one that vouches for it, is not valid yet",
    "check the clocks",
  ],
  trust_domain_unknown: [
    401,
    "the SPIFFE trust domain is not configured",
    "add it under identity.spiffe.trust_domains",
  ],
  trust_bundle_unavailable: [
    503,
    "the trust domain's bundle could not be had",
    "check the source of the bundle",
  ],
  forwarded_certificate_malformed: [
    401,
    "the forwarded client certificate is not one well-formed element with Cert or Chain",
    "have the proxy forward one element, with its certificate",
  ],
  forwarded_certificate_mismatch: [
    401,
    "the forwarded client certificate is not the one that the proxy describes",
    "check what stands between the proxy and here",
  ],
  dpop_invalid: [
    401,
    "the DPoP proof does not hold",
    "make a new proof for each request, with this method, URL and access token",
  ],
  dpop_replayed: [
    401,
    "the DPoP proof was used before",
    "make a new proof, with a new jti, for each request",
  ],
  dpop_nonce_required: [
    401,
    "the DPoP proof lacks a current nonce",
    "put the value of the header DPoP-Nonce into the proof's nonce, and try again",
  ],
  proof_store_unavailable: [
    503,
    "it cannot be told whether the proof was used before",
    "try again later; check the store of identity.replay",
  ],
  workload_token_invalid: [
    401,
    "the workload identity token does not hold",
    "get a new token from the workload's identity server",
  ],
  workload_proof_invalid: [
    401,
    "the workload proof token does not hold",
    "make a new proof for each request, naming all tokens that it carries",
  ],
  workload_proof_replayed: [
    401,
    "the workload proof token was used before",
    "make a new proof, with a new jti, for each request",
  ],
  transaction_invalid: [
    401,
    "the transaction token lacks a claim, or one is not as it should be",
    "check the transaction token service",
  ],
  transaction_alone: [
    401,
    "a transaction token does not tell who presents it",
    "present it over mTLS, or with a workload identity token and its proof",
  ],
  actor_not_allowed: [
    401,
    "the token's subject did not allow this actor to act for it",
    "check may_act and act of the token",
  ],
  actor_loop: [401, "the token's chain of actors names a party twice", "check the nesting of act"],
  api_key_malformed: [
    401,
    "the API key is not of the right form, or mistyped",
    "send the whole key, as countersign keys create printed it",
  ],
  api_key_unknown: [401, "the API key is not known", "create one by countersign keys create"],
  api_key_expired: [401, "the API key has expired, or was rotated out", "use the key that replaced it"],
  api_key_revoked: [401, "the API key was revoked", "ask the operator for a new one"],
  api_keys_unavailable: [
    503,
    "the file of API keys cannot be read",
    "check the file of identity.api_keys and its mode",
  ],
  credentials_conflict: [
    401,
    "the credentials contradict each other",
    "present the credentials of one caller",
  ],
  credential_unsupported: [
    401,
    "this kind of credential is not accepted here",
    "configure it under identity, or present another",
  ],
  issuer_unavailable: [503, "the issuer's keys could not be fetched", "try again later"],
  pep_unauthenticated: [
    401,
    "only an authenticated enforcement point presents others' credentials or reports outcomes",
    "use the enforcement point's Unix socket, token or certificate; or ask with your own credentials, in headers",
  ],
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
    "declare or implement the obligation type",
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
