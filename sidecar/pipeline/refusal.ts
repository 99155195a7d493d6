import { createHash } from "node:crypto";
import type {
  Call,
  Decision,
  DecisionRequest,
  ErrorCode,
  Identity,
  PolicyInput,
  Reason,
} from "../contract.js";
import { denied, errorTable } from "../contract.js";
import type { CacheLookups } from "../decide/evaluate.js";

/** What a decision cost, in microseconds per step; a step that did not run is left out. */
export interface StepMicros {
  identify: number;
  describe?: number;
  cache?: number;
  evaluate?: number;
  /** What is remembered: read, and changed. */
  state?: number;
  total: number;
}

/** Where a request came from, for the record. */
export interface Asked {
  /** Size of the request body. */
  readonly bytes: number;
  /** Address of the enforcement point, or "unix". */
  readonly by: string;
  /** The connection on which outcomes will be told, where it stays. */
  readonly holder?: string;
  /** It asks for itself: nobody will tell what became of the call. */
  readonly untold?: boolean;
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
  /** The fence that cut it off. */
  readonly fence?: string;
}

export interface Question {
  readonly request: DecisionRequest;
  readonly call: Call;
  readonly asked: Asked;
}

export interface RefusalParts {
  /** Data path of the decision, e.g. `countersign/decision`. */
  readonly entrypoint: string;
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Makes the pipeline's own deny. */
export function refusal(
  parts: RefusalParts,
  { request, call, asked }: Question,
  code: ErrorCode,
  micros: StepMicros,
): Decided {
  const reason: Reason = { code, message: errorTable[code][1] };
  const decision = denied(parts.newId(), reason, new Date(parts.now()));
  const { entrypoint } = parts;
  return { door: "decisions", entrypoint, decision, request, call, error: code, micros, asked };
}

type Subject = NonNullable<Decision["subject"]>;

/** A known credential brings the same identity again. */
const alone = new WeakMap<Identity, Subject>();
/** With the handles that fences know it by: of an identity, or of one with a token of a task. */
const told = new WeakMap<readonly string[], { readonly identity: Identity; readonly subject: Subject }>();

/** Says whom a decision is for. */
export function subjectOf(identity: Identity, handles?: readonly string[]): Subject {
  let subject = alone.get(identity);
  if (subject === undefined) {
    const { type, id, tenant } = identity;
    subject = Object.freeze({ type, id, tenant, chain: digestOf(identity) });
    alone.set(identity, subject);
  }
  if (handles === undefined) return subject;
  const known = told.get(handles);
  if (known?.identity === identity) return known.subject;
  const made = { ...subject, handles };
  // what could still change isn't one for all
  if (Object.isFrozen(handles)) told.set(handles, { identity, subject: Object.freeze(made) });
  return made;
}

/** Names the issuer and all of the chain. */
function digestOf(identity: Identity): string {
  const links = identity.chain.map(({ type, id, issuer }) => [type, id, issuer]);
  return createHash("sha256")
    .update(JSON.stringify([identity.issuer, links]))
    .digest("base64url");
}
