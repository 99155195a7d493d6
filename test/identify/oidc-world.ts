/** A real OpenID provider (`oidc-provider`) on this machine, with keys that can be rotated. */
import { randomUUID } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Adapter, AdapterPayload, Configuration, JWK } from "oidc-provider";
import { makeKeyPair } from "../key-pair.js";

export const secret = "a secret of the client, long enough";

export interface OidcProvider {
  readonly issuer: string;
  /** Requests so far, by path. */
  readonly requests: string[];
  /** Gets an access token by client credentials (RFC 6749 section 4.4) for a resource (RFC 8707). */
  token(resource: string, headers?: Record<string, string>, more?: Record<string, string>): Promise<string>;
  revoke(token: string): Promise<void>;
  /** Signs by a new key from now on; the old ones stay published unless told otherwise. */
  rotate(options?: { drop?: boolean }): void;
  close(): Promise<void>;
}

const formats: Record<string, "jwt" | "opaque"> = {
  "https://countersign.test/jwt": "jwt",
  "https://elsewhere.test/jwt": "jwt",
  "https://countersign.test/opaque": "opaque",
};

type Store = Map<string, AdapterPayload>;

/** Keeps what the provider remembers, over rotations too. */
function adapterOver(store: Store): (name: string) => Adapter {
  return (name) => ({
    upsert: (id, kept) => Promise.resolve(void store.set(`${name}:${id}`, kept)),
    find: (id) => Promise.resolve(store.get(`${name}:${id}`)),
    findByUserCode: () => Promise.resolve(undefined),
    findByUid: () => Promise.resolve(undefined),
    consume: () => Promise.resolve(),
    destroy: (id) => Promise.resolve(void store.delete(`${name}:${id}`)),
    revokeByGrantId: () => Promise.resolve(),
  });
}

function configuration(keys: readonly JWK[], store: Store): Configuration {
  return {
    adapter: adapterOver(store),
    clients: ["agent", "countersign"].map((client_id) => ({
      client_id,
      client_secret: secret,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: "ES256",
    })),
    jwks: { keys: [...keys] },
    ttl: { ClientCredentials: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: "models:use tools:call",
          audience: resource,
          accessTokenTTL: 600,
          accessTokenFormat: formats[resource] ?? "opaque",
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
    extraTokenClaims: () => ({ groups: ["ml-engineers"], tenant: "acme" }),
  };
}

function newKey(): JWK {
  const { privateKey } = makeKeyPair("ec");
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), alg: "ES256", use: "sig" } as JWK;
}

/** Loads the provider without its remark that it is meant for newer versions of Node: the tests say that it works. */
async function loadProvider() {
  const { warn } = console;
  console.warn = () => undefined;
  try {
    return (await import("oidc-provider")).default;
  } finally {
    console.warn = warn;
  }
}

export async function startOidcProvider(): Promise<OidcProvider> {
  const Provider = await loadProvider();
  const requests: string[] = [];
  let handle: RequestListener = () => undefined;
  const server = createServer((request, response) => {
    requests.push(request.url ?? "");
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store: Store = new Map();
  let keys = [newKey()];
  const open = (): void => {
    const listener = new Provider(issuer, configuration(keys, store)).callback();
    handle = (request, response) => void listener(request, response);
  };
  open();

  async function post(path: string, form: Record<string, string>, headers: Record<string, string> = {}) {
    const basic = Buffer.from(`agent:${new URLSearchParams([["", secret]]).toString().slice(1)}`);
    const response = await fetch(`${issuer}${path}`, {
      method: "POST",
      headers: { authorization: `Basic ${basic.toString("base64")}`, ...headers },
      body: new URLSearchParams(form),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text;
  }
  return {
    issuer,
    requests,
    async token(resource, headers, more) {
      const form = { grant_type: "client_credentials", scope: "models:use", resource, ...more };
      return (JSON.parse(await post("/token", form, headers)) as { access_token: string }).access_token;
    },
    async revoke(token) {
      await post("/token/revocation", { token });
    },
    rotate({ drop = false } = {}) {
      keys = drop ? [newKey()] : [newKey(), ...keys];
      open();
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
