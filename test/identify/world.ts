/** A small world to identify callers in: keys, tokens with anything in them, a real JWKS server, a clock. */
import { createHmac, sign } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createIdentifier, type Identifier } from "../../sidecar/identify/identify.js";
import { createFetchDocument, type Lookup } from "../../sidecar/net/fetch.js";
import { createIntrospection } from "../../sidecar/identify/introspection/introspection.js";
import type { IntrospectionConfig } from "../../sidecar/identify/introspection/types.js";
import { createTokens } from "../../sidecar/identify/token/tokens.js";
import type { IdentifyEvent, IdentifyLimits, IssuerConfig } from "../../sidecar/identify/token/types.js";
import { makeKeyPair, type KeyPair } from "../key-pair.js";

export const start = Date.UTC(2026, 0, 5, 12);
export const issuerUrl = "https://issuer.test";

export type { KeyPair };
export const ec = (curve = "P-256"): KeyPair => makeKeyPair("ec", { curve });
export const rsa = (bits = 2048): KeyPair => makeKeyPair("rsa", { bits });
export const ed = (): KeyPair => makeKeyPair("ed25519");

export type Members = Record<string, unknown>;
export function jwk(pair: KeyPair, more: Members = {}): Members {
  return { ...pair.publicKey.export({ format: "jwk" }), ...more };
}

const encode = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

export type Signer = (data: string) => Buffer;
export const es256 = (pair: KeyPair): Signer => {
  return (data) => sign("sha256", Buffer.from(data), { key: pair.privateKey, dsaEncoding: "ieee-p1363" });
};
export const rs256 = (pair: KeyPair): Signer => {
  return (data) => sign("sha256", Buffer.from(data), pair.privateKey);
};
export const eddsa = (pair: KeyPair): Signer => {
  return (data) => sign(null, Buffer.from(data), pair.privateKey);
};
export const hs256 = (secret: string | Buffer): Signer => {
  return (data) => createHmac("sha256", secret).update(data).digest();
};
export const unsigned: Signer = () => Buffer.alloc(0);

/** Writes a compact JWS of whatever it is given; a string stands for raw text. */
export function token(header: Members | string, payload: Members | string, signer: Signer): string {
  const data = `${encode(header)}.${encode(payload)}`;
  return `${data}.${signer(data).toString("base64url")}`;
}

export const header: Members = { alg: "ES256", kid: "k1", typ: "at+jwt" };
export const payload: Members = {
  iss: issuerUrl,
  aud: "countersign",
  iat: start / 1000 - 10,
  exp: start / 1000 + 600,
  sub: "sub-of-ann@acme.example",
  tenant: "acme",
  groups: ["group-red", "group-blue"],
  roles: ["role-reader"],
  department: "dept-research",
  device: { id: "device-7", managed: true, compliant: false },
};

export function issuerConfig(jwks: IssuerConfig["jwks"], more: Members = {}): IssuerConfig {
  return {
    name: "test",
    issuer: issuerUrl,
    audience: "countersign",
    jwks,
    algorithms: ["ES256"],
    tenants: ["acme"],
    claims: {
      tenant: "tenant",
      groups: "groups",
      roles: "roles",
      department: "department",
      device: "device",
      type: "sub_type",
    },
    ...more,
  } as IssuerConfig;
}

export interface World extends Identifier {
  readonly events: IdentifyEvent[];
  warm(): void;
  close(): void;
  /** Moves the clock on. */
  pass(ms: number): void;
}

export interface WorldParts {
  readonly introspection?: readonly IntrospectionConfig[];
  readonly lookup?: Lookup;
  /** Epoch milliseconds at first; `start` unless told otherwise. */
  readonly from?: number;
  /** A clock of its own, instead. */
  readonly now?: () => number;
}

export function createWorld(
  issuers: readonly IssuerConfig[],
  limits: Partial<IdentifyLimits> = {},
  parts: WorldParts = {},
): World {
  let now = parts.from ?? start;
  const events: IdentifyEvent[] = [];
  const { lookup, introspection: servers = [] } = parts;
  const shared = {
    now: parts.now ?? (() => now),
    fetchDocument: createFetchDocument(lookup === undefined ? {} : { lookup }),
    onEvent: (event: IdentifyEvent) => void events.push(event),
    limits,
  };
  const tokens = createTokens({ ...shared, issuers });
  const introspection = createIntrospection({ ...shared, servers });
  const identifier = createIdentifier({
    methods: { token: (text) => (introspection.takes(text) ? introspection : tokens).verify(text) },
    onError: (error) => events.push({ kind: "internal_error", error }),
  });
  return {
    ...identifier,
    warm: tokens.warm,
    close() {
      tokens.close();
      introspection.close();
    },
    events,
    pass(ms) {
      now += ms;
    },
  };
}

export interface JwksServer {
  readonly url: string;
  readonly requests: string[];
  /** Answers from now on by a key set, or by whatever the function does. */
  serve(answer: unknown[] | ((request: IncomingMessage, response: ServerResponse) => void)): void;
  close(): Promise<void>;
}

export async function startJwksServer(): Promise<JwksServer> {
  const requests: string[] = [];
  let answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => {
    response.writeHead(503).end();
  };
  const server = createServer((request, response) => {
    requests.push(request.url ?? "");
    response.setHeader("content-type", "application/json");
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/jwks`,
    requests,
    serve(next) {
      answer = Array.isArray(next)
        ? (_, response) => void response.end(JSON.stringify({ keys: next }))
        : next;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
