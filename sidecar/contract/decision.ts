/**
 * The wire between a policy enforcement point (PEP) and the sidecar: `POST /v1/decisions` and
 * `POST /v1/outcomes`. JSON, snake_case. Unknown fields are refused at the sidecar's door.
 */
import type { Assertion, AssertionRequest } from "./assertion.js";
import type { Credentials } from "./credentials.js";
import type { Handle } from "./fence.js";
import type { JsonObject } from "./json.js";
import type { Allowance, LimitState } from "./limits.js";
import type { DecisionTask, IssuedTask, LedHere, TaskRequest } from "./task.js";
import type { Cost, StreamTimes, TokenUsage } from "./usage.js";

export type CallKind = "model" | "retrieval" | "tool" | "agent" | "network" | "route" | "task";

export const actionNames = [
  "model.invoke",
  "model.list",
  "model.count_tokens",
  "embedding.create",
  "moderation.create",
  "image.create",
  "image.edit",
  "speech.create",
  "transcription.create",
  "translation.create",
  "file.create",
  "file.read",
  "file.content",
  "file.delete",
  "batch.create",
  "batch.read",
  "batch.cancel",
  "batch.delete",
  "batch.results",
  "vector_store.create",
  "vector_store.read",
  "vector_store.update",
  "vector_store.delete",
  "response.read",
  "response.delete",
  "response.cancel",
  "retrieval.query",
  /** Documents by their ids. */
  "retrieval.get",
  /** How many there are, also in groups. */
  "retrieval.count",
  /** A collection, page by page. */
  "retrieval.export",
  "retrieval.write",
  "retrieval.update",
  "retrieval.delete",
  "collection.list",
  "collection.describe",
  "collection.create",
  "collection.update",
  "collection.delete",
  "collection.snapshot",
  "store.describe",
  "tool.list",
  "tool.call",
  "tool.approve",
  "resource.list",
  "resource.read",
  "resource.subscribe",
  "prompt.list",
  "prompt.get",
  "sampling.create",
  "elicitation.create",
  "roots.list",
  "agent.describe",
  "agent.message",
  "agent.task.get",
  "agent.task.list",
  "agent.task.cancel",
  "agent.task.subscribe",
  "network.connect",
  "model.show",
  "model.tokenize",
  "model.pull",
  "model.push",
  "model.create",
  "model.copy",
  "model.delete",
  "rerank.create",
  "classification.create",
  "chain.invoke",
  "chain.describe",
  "http.request",
  "websocket.open",
  "websocket.message",
  "task.create",
  "task.read",
  "task.end",
] as const;
export type ActionName = (typeof actionNames)[number];

/** What is attempted, in the AuthZEN information model. */
export interface Call {
  readonly kind: CallKind;
  readonly action: { readonly name: ActionName; readonly properties: JsonObject };
  readonly resource: { readonly type: string; readonly id: string; readonly properties: JsonObject };
}

/** What the PEP vouches for about the request. Everything else the sidecar works out. */
export interface CallContext {
  readonly source?: { readonly ip: string };
  readonly environment?: string;
  readonly request: { readonly id: string; readonly method: string; readonly path: string };
  /** Sizes and digests of content, never content: `{bytes, sha256, messages, …}`. */
  readonly prompt?: JsonObject;
  /** What detectors found in the content: kinds and counts, and what they didn't see; never content. */
  readonly content?: JsonObject;
  /** What the caller merely says; policy sees it under this name only. */
  readonly claimed?: JsonObject;
}

/** Body of `POST /v1/decisions`: one of `call` and `calls` (at most {@link maxCalls}). */
export interface DecisionRequest {
  readonly call?: Call;
  readonly calls?: readonly Call[];
  readonly credentials: Credentials;
  readonly context: CallContext;
  /** The obligation types that this PEP can carry out; a decision that needs another is a deny. */
  readonly obligations: readonly string[];
  /** What the caller says of the task that this belongs to. */
  readonly task?: TaskRequest;
  /** With one call only: what an allow is to bring for the upstream. */
  readonly assertion?: AssertionRequest;
}

export const maxCalls = 512;

/** Why a decision came out as it did. `rule` is the id in the rule's METADATA (`custom.id`). */
export interface Reason {
  readonly code: string;
  readonly message: string;
  readonly rule?: string;
  /** What would be enough, with the codes `insufficient_scope` and `insufficient_assurance` only. */
  readonly properties?: ChallengeProperties;
  /** Labels that the rule rests on; the sidecar says where each comes from in `led_here`. */
  readonly labels?: readonly string[];
  /** The steps of the task that led here, the first one first. */
  readonly led_here?: readonly LedHere[];
}

/** What a client is asked to get a token with: scopes (RFC 6750), authentication contexts and age (RFC 9470). */
export interface ChallengeProperties {
  /** Scopes, with a blank between two. */
  readonly scope?: string;
  /** Authentication contexts, the best first, with a blank between two. */
  readonly acr_values?: string;
  /** Seconds since the user was authenticated, at most. */
  readonly max_age?: number;
}

/** A duty that comes with an allow (OpenID AuthZEN obligations profile). */
export interface Obligation {
  readonly id: string;
  readonly type: string;
  readonly properties: JsonObject;
}

/** Where a decision came from: evaluated, or a cache level. */
export type CacheLevel = "none" | "l1" | "l2";

export interface Decision {
  readonly decision_id: string;
  /** INVARIANT: only the literal `true` allows. */
  readonly allow: boolean;
  readonly reasons: readonly Reason[];
  readonly obligations: readonly Obligation[];
  readonly labels: readonly string[];
  /**
   * Seconds for which this may be reused, 0: not at all. What the policy says, less where `expires_at` is sooner: of what comes
   * out of the cache, what is left.
   */
  readonly ttl: number;
  /** Ids of the annotated rules that held. */
  readonly rules: readonly string[];
  readonly cache: CacheLevel;
  /** RFC 3339; no later than the token's end. */
  readonly expires_at: string;
  readonly bundles: Readonly<Record<string, { readonly revision: string }>>;
  /** Who was found to call; absent where identification failed. */
  readonly subject?: {
    readonly type: string;
    readonly id: string;
    readonly tenant: string;
    /**
     * A digest of the issuer and of all for whom the caller acts: what is one identity's own must not be another's, though
     * the same agent calls for both. Absent where the decision point doesn't say.
     */
    readonly chain?: string;
    /** What fences may know the caller by. Absent where the decision point has no fences. */
    readonly handles?: readonly Handle[];
  };
  /** The task that it belongs to; absent where the decision point keeps none. */
  readonly task?: DecisionTask;
  /** Where it was asked for and the call is allowed. INVARIANT: of this request alone; neither cached nor recorded. */
  readonly task_token?: IssuedTask;
  /** With `exchange`: of the task that was made for the agent that the call goes to. INVARIANT: as above. */
  readonly task_handed?: IssuedTask;
  /** With `task.create` and `task.read`: what policy sees of the task. */
  readonly task_facts?: JsonObject;
  /** How the limits that the call counts against stand. */
  readonly limits?: readonly LimitState[];
  /** What the call holds of them until its outcome is told. */
  readonly allowance?: Allowance;
  /** Seconds after which a call that was over a limit may come again. */
  readonly retry_after?: number;
  /** For the `DPoP-Nonce` header (RFC 9449 section 8): what the next proof must hold. */
  readonly dpop_nonce?: string;
  /**
   * The same question of the same caller would be decided so again until `expires_at`: whoever hears of fences and epochs as
   * they happen may give it again.
   */
  readonly reusable?: true;
  /** Made by an enforcement point that gives a decision again: the id of that one. */
  readonly reused?: string;
  /** Where it was asked for and the call is allowed. INVARIANT: of this request alone; neither cached nor recorded. */
  readonly assertion?: Assertion;
}

/** Answer to `POST /v1/decisions`: a {@link Decision} for `call`, this for `calls` (same order). */
export interface DecisionBatch {
  readonly decisions: readonly Decision[];
}

/** Body of `POST /v1/outcomes`: what became of an allowed or denied call. */
export interface Outcome {
  readonly decision_id: string;
  /** Of a decision that the enforcement point gave again by itself: the id of the one that was made. */
  readonly reused?: string;
  readonly outcome:
    | "forwarded"
    | "denied"
    | "upstream_error"
    | "upstream_timeout"
    | "client_disconnected"
    | "obligation_unsatisfiable";
  readonly kind: CallKind;
  /** HTTP status that the client got; the upstream's where forwarded. */
  readonly status: number;
  readonly duration_ms: number;
  readonly upstream?: string;
  /** What the credential that the upstream got is called; never the credential. */
  readonly credential?: string;
  /** How often an upstream was asked, where more than once; `upstream` is the last. */
  readonly attempts?: number;
  /** Bytes sent to the client. */
  readonly bytes?: number;
  readonly usage?: TokenUsage;
  readonly cost?: Cost;
  /** Of streamed answers. */
  readonly stream?: StreamTimes;
  /** What detectors found in the answer, and what they didn't see: kinds and counts. */
  readonly content?: JsonObject;
  /** Of documents that came back: how many were found, filtered, removed, masked and given; digests of ids. */
  readonly retrieval?: JsonObject;
  /** Labels that the decision and its obligations gave the call. */
  readonly labels?: readonly string[];
}

/** The pipeline's own refusal as a decision: shape shared by PEP-side and PDP-side denials. */
export function denied(decisionId: string, reason: Reason, now: Date): Decision {
  return {
    decision_id: decisionId,
    allow: false,
    reasons: [reason],
    obligations: [],
    labels: [],
    ttl: 0,
    rules: [],
    cache: "none",
    expires_at: now.toISOString(),
    bundles: {},
  };
}
