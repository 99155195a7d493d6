/** A world of proofs: tokens bound to keys, proofs with anything in them, and everything that judges them. */
import { createHash } from "node:crypto";
import { Fields, Problems, type Credentials, type Json } from "../../sidecar/contract.js";
import { createIdentifier, type Identifier, type IdentifyOutcome } from "../../sidecar/identify/identify.js";
import {
  createProofMethods,
  type ProofEvent,
  type ProofMethods,
} from "../../sidecar/identify/proof/create-proof-methods.js";
import { parseProof } from "../../sidecar/identify/proof/parse-proof.js";
import { createTokens } from "../../sidecar/identify/token/tokens.js";
import type { IdentifyEvent } from "../../sidecar/identify/token/types.js";
import { createFetchDocument } from "../../sidecar/net/fetch.js";
import {
  ec,
  es256,
  header,
  issuerConfig,
  jwk,
  payload,
  start,
  token,
  type KeyPair,
  type Members,
} from "./world.js";

export const now = start / 1000;
/** Signs access tokens. */
export const k1 = ec();
/** The caller's own. */
export const holder = ec();
export const stranger = ec();

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("base64url");

/** RFC 7638, by the book: the test's own reading. */
export function thumbprint(pair: KeyPair): string {
  const { crv, kty, x, y } = pair.publicKey.export({ format: "jwk" });
  return sha256(y === undefined ? JSON.stringify({ crv, kty, x }) : JSON.stringify({ crv, kty, x, y }));
}

export function accessToken(more: Members = {}, head: Members = {}): string {
  return token({ ...header, ...head }, { ...payload, ...more }, es256(k1));
}
export const bound = accessToken({ cnf: { jkt: thumbprint(holder) } });

export const target = { method: "POST", url: "https://gw.example/v1/chat/completions" };

let made = 0;
export const proofHeader: Members = { typ: "dpop+jwt", alg: "ES256", jwk: jwk(holder) };
export function proofPayload(access = bound): Members {
  return { jti: `jti-${++made}`, htm: target.method, htu: target.url, iat: now, ath: sha256(access) };
}
export function proof(more: Members = {}, access = bound): string {
  return token(proofHeader, { ...proofPayload(access), ...more }, es256(holder));
}

export interface ProofWorld extends Identifier {
  readonly events: (IdentifyEvent | ProofEvent)[];
  readonly proof: ProofMethods;
  /** The code of a refusal, or `identified`. */
  outcome(credentials: Credentials): Promise<string>;
  pass(ms: number): void;
  close(): Promise<void>;
}

export function parse(identity: object): {
  config: ReturnType<typeof parseProof>;
  problems: readonly string[];
} {
  const problems = new Problems();
  const fields = new Fields(identity as Json, "identity", problems);
  const config = parseProof(fields, problems);
  fields.end();
  return { config, problems: problems.list };
}

/** @param identity what is written under `identity`, without the issuers */
export function createProofWorld(identity: object, at = start): ProofWorld {
  let clock = at;
  const { config, problems } = parse(identity);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const events: ProofWorld["events"] = [];
  const parts = {
    now: () => clock,
    fetchDocument: createFetchDocument(),
    onEvent: (event: IdentifyEvent | ProofEvent) => void events.push(event),
  };
  const tokens = createTokens({
    ...parts,
    issuers: [issuerConfig({ keys: [jwk(k1, { kid: "k1" })] } as never)],
  });
  const made = createProofMethods(config, parts);
  const identifier = createIdentifier({
    methods: { token: tokens.verify, ...made.methods },
    onError: (error) => void events.push({ kind: "internal_error", error }),
  });
  return {
    ...identifier,
    events,
    proof: made,
    async outcome(credentials) {
      return codeOf(await identifier.identify(credentials));
    },
    pass(ms) {
      clock += ms;
    },
    async close() {
      tokens.close();
      await made.close();
    },
  };
}

export function codeOf(outcome: IdentifyOutcome): string {
  return outcome.kind === "refusal" ? outcome.code : outcome.kind;
}
