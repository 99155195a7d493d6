import type {
  Assertion,
  AssertionRequest,
  Call,
  Decision,
  DecisionRequest,
  ErrorCode,
  Identity,
  Refusal,
} from "../contract.js";
import { denied, errorTable } from "../contract.js";
import type { Assert } from "../assert/assert.js";

import { decideCalls } from "./decide-calls.js";
import type { Answered, Asking, DecideParts } from "./finish.js";
import { createDerive } from "../filters/derive.js";
import type { Identifier, IdentifyOutcome } from "../identify/identify.js";
import { after, gather } from "./later.js";
import type { Asked, Decided } from "./refusal.js";
import { refusal } from "./refusal.js";
import { heldAs } from "../state/engine/engine.js";

export interface AuthorizeParts extends Omit<DecideParts, "derive" | "path"> {
  readonly identifier: Identifier;
  /** Records a decision; in strict mode it resolves once written, and a rejection is a deny. */
  readonly record: (decided: Decided) => void | Promise<void>;
  /** Told once per request whose caller could not be identified. */
  readonly onRefused: (code: ErrorCode) => void;
  /** Gives what the next DPoP proof must hold, where proofs must hold a nonce. */
  readonly dpopNonce?: () => string;
  /** Signs what upstreams get; without it, a request that wants an assertion is denied. */
  readonly assert?: Assert;
}

/**
 * Answers one decision per call, in order; at once where nothing has to be waited for. Never rejects: every failure is a deny.
 */
export type Authorize = (request: DecisionRequest, asked: Asked) => Decision[] | Promise<Decision[]>;

/** The story of a request: identify, describe, decide, record. */
export function createAuthorize(parts: AuthorizeParts): Authorize {
  const { identifier, micros } = parts;
  const deciding: DecideParts = {
    ...parts,
    derive: createDerive(parts.evaluate),
    path: parts.entrypoint.split("/"),
  };
  return (request, asked) => {
    const calls = request.calls ?? (request.call === undefined ? [] : [request.call]);
    const from = micros();
    return after(identifier.identify(request.credentials), (outcome: IdentifyOutcome) => {
      const asking: Asking = { request, calls, asked, identify: micros() - from };
      return outcome.kind === "refusal"
        ? refuseAll(parts, asking, outcome)
        : decideAll(parts, deciding, asking, outcome.identity);
    });
  };
}

/** Answers somebody who isn't known. */
function refuseAll(
  parts: AuthorizeParts,
  { request, calls, asked, identify }: Asking,
  { code }: Refusal,
): Decision[] | Promise<Decision[]> {
  parts.onRefused(code);
  const nonce = code === "dpop_nonce_required" ? parts.dpopNonce?.() : undefined;
  return gather(
    calls.map((call) => {
      const decided = refusal(parts, { request, call, asked }, code, { identify, total: identify });
      return record(
        parts,
        nonce === undefined ? decided : { ...decided, decision: { ...decided.decision, dpop_nonce: nonce } },
      );
    }),
  );
}

function decideAll(
  parts: AuthorizeParts,
  deciding: DecideParts,
  asking: Asking,
  identity: Identity,
): Decision[] | Promise<Decision[]> {
  const { request, calls, asked, identify } = asking;
  const started = parts.micros();
  // a bug is a deny, too
  const failed = (): Answered[] =>
    calls.map((call: Call) => ({
      decided: {
        ...refusal(parts, { request, call, asked }, "internal_error", { identify, total: 0 }),
        identity,
      },
    }));
  let answers: Answered[] | Promise<Answered[]>;
  try {
    answers = decideCalls(deciding, asking, identity);
  } catch {
    answers = failed();
  }
  const tell = (all: Answered[]) => {
    const [only] = all;
    return all.length === 1 && only !== undefined
      ? after(tellOne(parts, asking, identity, started, only), (one) => [one])
      : gather(all.map((one) => tellOne(parts, asking, identity, started, one)));
  };
  return answers instanceof Promise ? answers.catch(failed).then(tell) : tell(answers);
}

/** Attests and records a decision, and gives it with what an allow brings. */
function tellOne(
  parts: AuthorizeParts,
  { request, identify, asked }: Asking,
  identity: Identity,
  started: number,
  { decided: drafted, token, handed }: Answered,
): Decision | Promise<Decision> {
  const { decided, assertion } =
    request.assertion !== undefined && drafted.decision.allow
      ? attest(parts, request.assertion, identity, drafted)
      : { decided: drafted, assertion: undefined };
  decided.micros.total = identify + parts.micros() - started;
  return after(record(parts, decided), (decision) => {
    // what it held is given back
    if (drafted.decision.allow && !decision.allow)
      parts.state?.engine.settle(heldAs(decision.decision_id, asked.by), { units: {}, known: true });
    const more = assertion ?? token ?? handed;
    if (!decision.allow || more === undefined) return decision;
    return {
      ...decision,
      ...(assertion === undefined ? {} : { assertion }),
      ...(token === undefined ? {} : { task_token: token }),
      ...(handed === undefined ? {} : { task_handed: handed }),
    };
  });
}

/** Signs what an allowed call brings to its upstream. INVARIANT: an allow that can't bring it is a deny. */
function attest(
  parts: AuthorizeParts,
  wanted: AssertionRequest,
  identity: Identity,
  decided: Decided,
): { readonly decided: Decided; readonly assertion: Assertion | undefined } {
  const { decision } = decided;
  const { decision_id: decisionId, bundles } = decision;
  const revision = Object.values(bundles)[0]?.revision ?? "";
  let code: ErrorCode = "assertion_unavailable";
  try {
    const asserted = parts.assert?.(wanted, { identity, decisionId, revision });
    if (asserted?.kind === "asserted") {
      const { assertion, kid } = asserted;
      return {
        decided: { ...decided, asserted: { id: assertion.id, audience: wanted.audience, kid } },
        assertion,
      };
    }
    if (asserted !== undefined) ({ code } = asserted);
  } catch {
    code = "internal_error";
  }
  const denial: Decision = {
    ...decision,
    ...{ allow: false, reasons: [{ code, message: errorTable[code][1] }] },
    ...{ obligations: [], labels: [], ttl: 0 },
  };
  return { decided: { ...decided, decision: denial, error: code }, assertion: undefined };
}

/** Records a decision. INVARIANT: in strict mode, without a record there is no access. */
function record(parts: AuthorizeParts, decided: Decided): Decision | Promise<Decision> {
  const { decision } = decided;
  const failed = (): Decision =>
    denied(
      decision.decision_id,
      { code: "record_failed", message: errorTable.record_failed[1] },
      new Date(parts.now()),
    );
  try {
    const written = parts.record(decided);
    return written instanceof Promise ? written.then(() => decision, failed) : decision;
  } catch {
    return failed();
  }
}
