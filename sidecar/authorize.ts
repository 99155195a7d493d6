import { createHash } from "node:crypto";
import type {
  Assertion,
  AssertionRequest,
  Call,
  Decision,
  DecisionRequest,
  ErrorCode,
  Identity,
  PolicyInput,
  Reason,
} from "./contract.js";
import { denied, errorTable } from "./contract.js";
import type { Assert } from "./assert/assert.js";
import type { BundleSet } from "./bundles/active.js";
import { resolvePath } from "./bundles/active.js";
import type { CacheLookups, Evaluate } from "./decide/evaluate.js";
import { createDerive, deriveFilters } from "./filters/derive.js";
import type { Derive } from "./filters/derive.js";
import { judge } from "./judge.js";
import type { Describer } from "./describe/describe.js";
import type { Identifier } from "./identify/identify.js";
import type { Json } from "./contract.js";

/** What a decision cost, in microseconds per step; a step that did not run is left out. */
export interface StepMicros {
  identify: number;
  describe?: number;
  cache?: number;
  evaluate?: number;
  total: number;
}

/** Where a request came from, for the record. */
export interface Asked {
  /** Size of the request body. */
  readonly bytes: number;
  /** Address of the enforcement point, or "unix". */
  readonly by: string;
}

/** Everything that a record may draw on; what may be written is the record's business. */
export interface Decided {
  readonly door: "decisions";
  readonly entrypoint: string;
  readonly decision: Decision;
  readonly request: DecisionRequest;
  readonly call: Call;
  readonly identity?: Identity;
  readonly input?: PolicyInput;
  readonly error?: ErrorCode;
  readonly lookups?: CacheLookups;
  readonly micros: StepMicros;
  readonly asked: Asked;
  /** Names what was signed for the upstream. INVARIANT: its token isn't here, nor in `decision`. */
  readonly asserted?: { readonly id: string; readonly audience: string; readonly kid: string };
}

export interface AuthorizeParts {
  readonly identifier: Identifier;
  readonly describer: Describer;
  readonly evaluate: Evaluate;
  readonly bundles: () => BundleSet;
  /** Records a decision; in strict mode it resolves once written, and a rejection is a deny. */
  readonly record: (decided: Decided) => void | Promise<void>;
  /** Told once per request whose caller could not be identified. */
  readonly onRefused: (code: ErrorCode) => void;
  /** Gives what the next DPoP proof must hold, where proofs must hold a nonce. */
  readonly dpopNonce?: () => string;
  /** Signs what upstreams get; without it, a request that wants an assertion is denied. */
  readonly assert?: Assert;
  /** Data path of the decision, e.g. `countersign/decision`. */
  readonly entrypoint: string;
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Microseconds of a monotonic clock. */
  readonly micros: () => number;
}

/** Answers one decision per call, in order. Never rejects: every failure is a deny. */
export type Authorize = (request: DecisionRequest, asked: Asked) => Promise<Decision[]>;

/** The story of a request: identify, describe, decide, record. */
export function createAuthorize(parts: AuthorizeParts): Authorize {
  const { identifier, micros } = parts;
  const derive = createDerive(parts.evaluate);
  return async (request, asked) => {
    const calls = request.calls ?? (request.call === undefined ? [] : [request.call]);
    const from = micros();
    const outcome = await identifier.identify(request.credentials);
    const identify = micros() - from;
    if (outcome.kind === "refusal") parts.onRefused(outcome.code);
    return Promise.all(
      calls.map(async (call) => {
        const started = micros();
        const question = { request, call, asked };
        const steps: StepMicros = { identify, total: 0 };
        let decided: Decided;
        let assertion: Assertion | undefined;
        if (outcome.kind === "refusal") {
          decided = refusal(parts, question, outcome.code, steps);
          if (outcome.code === "dpop_nonce_required" && parts.dpopNonce !== undefined) {
            decided = { ...decided, decision: { ...decided.decision, dpop_nonce: parts.dpopNonce() } };
          }
        } else {
          try {
            decided = await decide(parts, derive, question, outcome.identity, steps);
            if (request.assertion !== undefined && decided.decision.allow) {
              ({ decided, assertion } = attest(
                parts,
                question,
                request.assertion,
                outcome.identity,
                decided,
              ));
            }
          } catch {
            // a bug is a deny, too
            decided = {
              ...refusal(parts, question, "internal_error", steps),
              identity: outcome.identity,
            };
          }
        }
        steps.total = identify + micros() - started;
        const decision = await record(parts, decided);
        return assertion === undefined || !decision.allow ? decision : { ...decision, assertion };
      }),
    );
  };
}

interface Question {
  readonly request: DecisionRequest;
  readonly call: Call;
  readonly asked: Asked;
}

async function decide(
  parts: AuthorizeParts,
  derive: Derive,
  question: Question,
  identity: Identity,
  steps: StepMicros,
): Promise<Decided> {
  const { describer, evaluate, entrypoint, micros } = parts;
  const { request, call } = question;
  const from = micros();
  const input = describer.describe(identity, call, request.context);
  steps.describe = micros() - from;

  const resolved = resolvePath(parts.bundles(), entrypoint.split("/"));
  if (resolved === undefined || resolved.rest.length > 0) {
    return { ...refusal(parts, question, "no_bundle", steps), identity, input };
  }
  const { bundle } = resolved;
  const pending = evaluate(bundle, entrypoint, input as unknown as Json, identity.tenant);
  const evaluated = pending instanceof Promise ? await pending : pending;
  Object.assign(steps, evaluated.micros);
  const { lookups } = evaluated;

  const judged = judge(evaluated, request.obligations, identity.assurance);
  const bundles = { [bundle.name]: { revision: bundle.revision } };
  const refuse = (code: ErrorCode): Decided => {
    const refused = refusal(parts, question, code, steps);
    return {
      ...refused,
      decision: { ...refused.decision, bundles, subject: subject(identity) },
      identity,
      input,
    };
  };
  if (judged.kind === "refused") return refuse(judged.code);
  const { policy } = judged;
  const deriving = deriveFilters(derive, policy.allow ? policy.obligations : [], {
    bundle,
    input: input as unknown as Json,
    tenant: identity.tenant,
  });
  const filtered = deriving instanceof Promise ? await deriving : deriving;
  if (filtered.kind === "refused") return refuse(filtered.code);
  const now = parts.now();
  const decision: Decision = {
    decision_id: parts.newId(),
    allow: policy.allow === true,
    reasons: policy.reasons,
    obligations: filtered.obligations,
    labels: policy.labels,
    ttl: policy.ttl,
    rules: judged.rules,
    cache: judged.cache,
    // the token's end is applied to each request, never stored
    expires_at: new Date(Math.min(now + policy.ttl * 1000, identity.expiresAt)).toISOString(),
    bundles,
    subject: subject(identity),
  };
  return { door: "decisions", entrypoint, decision, ...question, identity, input, lookups, micros: steps };
}

/** Signs what an allowed call brings to its upstream. INVARIANT: an allow that can't bring it is a deny. */
function attest(
  parts: AuthorizeParts,
  question: Question,
  wanted: AssertionRequest,
  identity: Identity,
  decided: Decided,
): { readonly decided: Decided; readonly assertion: Assertion | undefined } {
  const { decision } = decided;
  const { decision_id: decisionId, bundles } = decision;
  const revision = Object.values(bundles)[0]?.revision ?? "";
  const asserted = parts.assert?.(wanted, { identity, decisionId, revision });
  if (asserted?.kind === "asserted") {
    const { assertion, kid } = asserted;
    return {
      decided: { ...decided, asserted: { id: assertion.id, audience: wanted.audience, kid } },
      assertion,
    };
  }
  const refused = refusal(parts, question, asserted?.code ?? "assertion_unavailable", decided.micros);
  const { decision_id, allow, reasons } = refused.decision;
  const denial = { ...decision, decision_id, allow, reasons, obligations: [], labels: [], ttl: 0 };
  return { decided: { ...decided, ...refused, decision: denial }, assertion: undefined };
}

function refusal(
  parts: AuthorizeParts,
  { request, call, asked }: Question,
  code: ErrorCode,
  micros: StepMicros,
): Decided {
  const reason: Reason = { code, message: errorTable[code][1] };
  const decision = denied(parts.newId(), reason, new Date(parts.now()));
  return {
    door: "decisions",
    entrypoint: parts.entrypoint,
    decision,
    request,
    call,
    error: code,
    micros,
    asked,
  };
}

async function record(parts: AuthorizeParts, decided: Decided): Promise<Decision> {
  const { decision } = decided;
  try {
    const written = parts.record(decided);
    if (written instanceof Promise) await written;
    return decision;
  } catch {
    // strict mode: no record, no access
    return denied(
      decision.decision_id,
      { code: "record_failed", message: errorTable.record_failed[1] },
      new Date(parts.now()),
    );
  }
}

function subject(identity: Identity): NonNullable<Decision["subject"]> {
  const { type, id, tenant } = identity;
  return { type, id, tenant, chain: digestOf(identity) };
}

const digests = new WeakMap<Identity, string>();

/** Names the issuer and all of the chain. */
function digestOf(identity: Identity): string {
  const known = digests.get(identity);
  if (known !== undefined) return known;
  const links = identity.chain.map(({ type, id, issuer }) => [type, id, issuer]);
  const digest = createHash("sha256")
    .update(JSON.stringify([identity.issuer, links]))
    .digest("base64url");
  digests.set(identity, digest);
  return digest;
}
