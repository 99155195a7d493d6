/** How it is proven to an upstream who asks: by a key, an access token, or a signature of the request. */
import type { Readable } from "node:stream";
import type { SecretConfig } from "../secrets/read-config.js";
import type { AccessTokens } from "./access-tokens.js";
import type { SignAws } from "./sign-aws.js";
import type { KeyHeader, TokenConfig, UpstreamConfig } from "./upstream.js";

/** What is proven, as it goes over the wire. */
export interface ProvenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body: string | Buffer | Readable | undefined;
  /** Of the body; JSON unless given. */
  readonly contentType?: string | undefined;
}

/** A request on its way, and when nobody waits for it any more. */
export type WaitingRequest = ProvenRequest & {
  readonly signal: AbortSignal;
  /** The caller's own token, for upstreams that take one in exchange for it. INVARIANT: it stands in no proof. */
  readonly subject?: string | undefined;
};

export interface Proof {
  /** Names are lower-case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What must not come back to anybody. */
  readonly secrets: readonly string[];
  /** To be told where the upstream refuses it. */
  readonly refused?: () => void;
}

export interface ProveParts {
  /** Reads a secret as it is now. @throws Error where it can't be had, or no header can carry it */
  readonly read: (source: SecretConfig) => string;
  readonly tokens: AccessTokens;
  readonly signAws: SignAws;
}

/** Where each protocol's servers look for a key. */
const keyIn = { openai: "authorization", anthropic: "x-api-key", gemini: "x-goog-api-key" } as const;

/** The code of an error where there is no access token. */
export const noToken = "COUNTERSIGN_NO_TOKEN";

const nothing: Proof = { headers: {}, secrets: [] };

/**
 * Gives what the configuration has for an upstream: its key, and its other headers.
 * @throws Error where a secret can't be had
 */
export function proveByKey(
  upstream: UpstreamConfig,
  key: string | undefined,
  read: ProveParts["read"],
): Proof {
  const { headers: fixed, protocol } = upstream;
  if (key === undefined && fixed === undefined) return nothing;
  const headers: Record<string, string> = {};
  const secrets: string[] = [];
  for (const one of fixed ?? []) {
    if ("value" in one) headers[one.name] = one.value;
    else {
      const secret = read(one.secret);
      headers[one.name] = one.scheme + secret;
      secrets.push(secret);
    }
  }
  if (key !== undefined) {
    const name: KeyHeader = upstream.keyIn ?? keyIn[protocol];
    const { keyScheme = "Bearer" } = upstream;
    const shown = keyScheme === "Basic" ? Buffer.from(key).toString("base64") : key;
    headers[name] = name === "authorization" ? `${keyScheme} ${shown}` : key;
    secrets.push(key, ...(shown === key ? [] : [shown]));
  }
  return { headers, secrets };
}

/** Proves one request by what is no key. @throws Error where the proof can't be had: then nothing may be sent */
export async function proveOtherwise(
  upstream: UpstreamConfig,
  { signal, subject, ...request }: WaitingRequest,
  { read, tokens, signAws }: ProveParts,
): Promise<Proof> {
  const before = proveByKey(upstream, undefined, read);
  const { credentials } = upstream;
  if (credentials === undefined) return before;
  const proof =
    credentials.kind === "aws"
      ? await signAws(credentials, { ...request, host: upstream.url.host })
      : await bearer(credentials, tokens, signal, subject);
  return {
    ...proof,
    headers: { ...before.headers, ...proof.headers },
    secrets: [...before.secrets, ...proof.secrets],
  };
}

async function bearer(
  config: TokenConfig,
  tokens: AccessTokens,
  signal: AbortSignal,
  subject: string | undefined,
): Promise<Proof> {
  const whose = config.kind === "token_exchange" ? subject : undefined;
  // others wait for the same token: who goes away doesn't end that
  const token = await Promise.race([tokens.token(config, whose), aborts(signal)]);
  return {
    headers: { authorization: `Bearer ${token}` },
    secrets: [token],
    refused: () => {
      tokens.refused(config, token, whose);
    },
  };
}

function aborts(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const gone = (): void => {
      reject(new Error("nobody waits any more"));
    };
    if (signal.aborted) gone();
    else signal.addEventListener("abort", gone, { once: true });
  });
}
