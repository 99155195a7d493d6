import { refuse, type Credentials, type Identity, type Refusal } from "../contract.js";
import { combine } from "./combine.js";
import type { KeyNames, Verified, VerifyOutcome } from "./verified.js";

export interface Identified {
  readonly kind: "identified";
  readonly identity: Identity;
  /** Whether all signatures were verified for earlier requests. */
  readonly cached: boolean;
}
export type IdentifyOutcome = Identified | Refusal;

type Target = NonNullable<Credentials["target"]>;
type Outcome = VerifyOutcome | Promise<VerifyOutcome>;

/** What verifies each kind of credential; a kind without one is refused. They reject on bugs only. */
export interface Methods {
  readonly token?: (token: string) => Outcome;
  /**
   * Asked once the token holds: who has none can't use up proofs.
   * @param token the access token that the proof must be for
   * @param boundTo the keys that the token is bound to
   */
  readonly dpop?: (proof: string, token: string, target: Target, boundTo: KeyNames | undefined) => Outcome;
  readonly apiKey?: (key: string) => Outcome;
  /** @param certificates base64 of DER, leaf first, the leaf's key seen in use */
  readonly certificates?: (certificates: readonly string[]) => Outcome;
  readonly xfcc?: (value: string, proxy: string) => Outcome;
  /** @param beside the other tokens on the request, which the proof must name */
  readonly workload?: (token: string, proof: string, target: Target, beside: BesideProof) => Outcome;
  readonly transaction?: (token: string) => Outcome;
}

/** Tokens that a workload's proof must name where they are on the same request. */
export interface BesideProof {
  readonly access?: string;
  readonly transaction?: string;
  readonly apiKey?: string;
}

export interface IdentifierParts {
  readonly methods: Methods;
  /** Told the name of an unexpected error. */
  readonly onError?: (name: string) => void;
}

export interface Identifier {
  /** Tells who presents these credentials, or why that isn't known; at once where all of it is known. Never rejects. */
  identify(credentials: Credentials): IdentifyOutcome | Promise<IdentifyOutcome>;
}

/** Creates the step that turns credentials into an identity: verify each, then combine. */
export function createIdentifier({ methods, onError }: IdentifierParts): Identifier {
  const failed = (error: unknown): Refusal => {
    onError?.(errorName(error));
    return refuse("internal_error");
  };
  return {
    identify(credentials) {
      try {
        const asked = ask(methods, credentials);
        return asked.some((one) => one instanceof Promise)
          ? Promise.all(asked).then(conclude).catch(failed)
          : conclude(asked as VerifyOutcome[]);
      } catch (error) {
        return failed(error);
      }
    },
  };
}

function conclude(outcomes: readonly VerifyOutcome[]): IdentifyOutcome {
  if (outcomes.length === 0) return refuse("unauthenticated");
  // INVARIANT: one credential that doesn't hold refuses them all
  const refusal = outcomes.find((outcome) => outcome.kind === "refusal");
  if (refusal !== undefined) return refusal;
  const verified = outcomes as Verified[];
  const combined = combine(verified);
  if (combined.kind === "refusal") return combined;
  const cached = verified.every((one) => one.cached);
  return { kind: "identified", identity: combined.identity, cached };
}

/** Asks the method of each credential that is there. */
function ask(methods: Methods, credentials: Credentials): Outcome[] {
  const { bearer, dpop, api_key, certificates, xfcc, workload, transaction, target } = credentials;
  const token = (value: string): Outcome =>
    value === "" ? refuse("unauthenticated") : (methods.token?.(value) ?? refuse("token_issuer"));
  const asked: Outcome[] = [];
  if (bearer !== undefined) asked.push(token(bearer));
  if (dpop !== undefined) {
    const held = token(dpop.token);
    asked.push(held);
    if (target === undefined) asked.push(refuse("invalid_request", "credentials.target"));
    else asked.push(prove(methods, dpop, target, held));
  }
  if (api_key !== undefined) asked.push(methods.apiKey?.(api_key) ?? unsupported("api_key"));
  if (certificates !== undefined) {
    asked.push(methods.certificates?.(certificates) ?? unsupported("certificates"));
  }
  if (xfcc !== undefined) asked.push(methods.xfcc?.(xfcc.value, xfcc.proxy) ?? unsupported("xfcc"));
  if (workload !== undefined) {
    const { token: held, proof } = workload;
    if (target === undefined) asked.push(refuse("invalid_request", "credentials.target"));
    else {
      const access = bearer ?? dpop?.token;
      const beside = {
        ...(access === undefined ? {} : { access }),
        ...(transaction === undefined ? {} : { transaction }),
        ...(api_key === undefined ? {} : { apiKey: api_key }),
      };
      asked.push(methods.workload?.(held, proof, target, beside) ?? unsupported("workload"));
    }
  }
  if (transaction !== undefined) asked.push(methods.transaction?.(transaction) ?? unsupported("transaction"));
  return asked;
}

/** Verifies a proof once its token holds. */
async function prove(
  methods: Methods,
  { proof, token }: NonNullable<Credentials["dpop"]>,
  target: Target,
  held: Outcome,
): Promise<VerifyOutcome> {
  const verified = await held;
  if (verified.kind === "refusal") return verified;
  return methods.dpop?.(proof, token, target, verified.boundTo) ?? unsupported("dpop");
}

function unsupported(kind: string): Refusal {
  return refuse("credential_unsupported", kind);
}

function errorName(error: unknown): string {
  const name = (error as { name?: unknown } | null)?.name;
  return typeof name === "string" ? name : typeof error;
}
