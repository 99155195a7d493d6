/** What a service is told of who asks. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { AccessTokenParts } from "./access-token.js";
import { createAccessToken } from "./access-token.js";
import type { Credentials } from "./config.js";
import type { Method } from "./exchange.js";
import { Fault } from "./fault.js";
import { readSmallFile } from "./read-small-file.js";
import { createSignS3 } from "./sign-s3.js";

/** A request that is to be proven. */
export interface Unsigned {
  readonly method: Method;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

/** Gives headers that prove a request. @throws Fault */
export type Sign = (request: Unsigned) => Promise<Readonly<Record<string, string>>>;

/** What goes with one request, and no other. */
export interface Proof {
  readonly headers: Readonly<Record<string, string>>;
  /** PEM. */
  readonly pair?: { readonly cert: string; readonly key: string };
  /** Told of a 401 and its headers; gives true where another try may go better. */
  refused(headers: IncomingHttpHeaders): boolean;
}

export interface Prover {
  /** @throws Fault */
  prove(request: Unsigned): Promise<Proof>;
}

export interface ProverParts extends Omit<AccessTokenParts, "credentials"> {
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** @throws Error where the credentials aren't whole */
export function createProver(credentials: Credentials, parts: ProverParts): Prover {
  switch (credentials.kind) {
    case "none":
      return by(() => Promise.resolve({}));
    case "bearer":
      return by(async () => ({ authorization: `${credentials.scheme} ${await tokenOf(credentials)}` }));
    case "client_tls": {
      const pair = createPairReader(credentials);
      return { prove: async () => ({ headers: {}, pair: await pair(), refused: () => false }) };
    }
    case "oauth2": {
      const tokens = createAccessToken({ ...parts, credentials });
      return {
        async prove() {
          const token = await tokens.current();
          const refused = (): boolean => {
            tokens.refused(token);
            return true;
          };
          return { headers: { authorization: `Bearer ${token}` }, refused };
        },
      };
    }
    case "s3_signing":
      return by(createSignS3(credentials, parts.now));
  }
}

function by(headersOf: Sign): Prover {
  return { prove: async (request) => ({ headers: await headersOf(request), refused: () => false }) };
}

/** Gives the token as it is now. @throws Fault */
export async function tokenOf({
  token,
  tokenPath = "",
}: Extract<Credentials, { readonly kind: "bearer" }>): Promise<string> {
  const text = token ?? (await readSmallFile(tokenPath, "token_path")).trim();
  if (/^[\x20-\x7e]+$/.test(text)) return text;
  throw new Fault(
    "credentials",
    `${token === undefined ? `token_path ${tokenPath}` : "token"} holds no token`,
  );
}

type Pair = NonNullable<Proof["pair"]>;

/** Gives the pair as it is in its files; while they don't fit each other, the one before. */
function createPairReader({
  cert: certPath,
  privateKey: keyPath,
  passphrase,
}: Extract<Credentials, { readonly kind: "client_tls" }>): () => Promise<Pair> {
  let held: { readonly pair: Pair; readonly read: string } | undefined;
  return async () => {
    try {
      const [cert, text] = await Promise.all([
        readSmallFile(certPath, "client_tls.cert"),
        readSmallFile(keyPath, "client_tls.private_key"),
      ]);
      const read = JSON.stringify([cert, text]);
      if (held?.read !== read) held = { pair: pairOf(cert, text, passphrase), read };
      return held.pair;
    } catch (error) {
      if (held !== undefined) return held.pair;
      throw error;
    }
  };
}

/** @throws Fault */
function pairOf(cert: string, text: string, passphrase: string | undefined): Pair {
  let fits: boolean;
  let key: string;
  try {
    const read = createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) });
    fits = new X509Certificate(cert).checkPrivateKey(read);
    key = passphrase === undefined ? text : read.export({ format: "pem", type: "pkcs8" }).toString();
  } catch {
    throw new Fault(
      "credentials",
      "client_tls.cert and private_key must be PEM, and private_key_passphrase the key's",
    );
  }
  if (fits) return { cert, key };
  throw new Fault("credentials", "client_tls.private_key is the key of another certificate");
}
