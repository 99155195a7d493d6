/**
 * A server that speaks as much of Vault's HTTP API as the gateway uses, by its documentation:
 * https://developer.hashicorp.com/vault/api-docs (headers, error form, status codes),
 * https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version and kv-v1#read-secret,
 * https://developer.hashicorp.com/vault/api-docs/auth/kubernetes#login, auth/approle#login-with-approle,
 * https://developer.hashicorp.com/vault/api-docs/auth/token (lookup-self, renew-self).
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

interface Lease {
  readonly renewable: boolean;
  ttl: number;
  /** Epoch milliseconds. */
  until: number;
}

interface Version {
  data: Record<string, unknown> | null;
  readonly version: number;
  deletion_time: string;
  destroyed: boolean;
}

export interface FakeVault {
  readonly address: string;
  /** Method, path and token of each request. */
  readonly asked: { method: string; path: string; token: string; namespace: string; body: string }[];
  /** Answers instead, where set; `true` when it has. */
  misbehave: ((req: IncomingMessage, res: ServerResponse) => boolean) | undefined;
  sealed: boolean;
  /** Writes a new version of `mount/path`. */
  write(mount: string, path: string, data: Record<string, unknown>): void;
  /** Writes to a mount of version 1. */
  writeV1(mount: string, path: string, data: Record<string, unknown>, lease?: number): void;
  /** Deletes, softly, the newest version. */
  remove(mount: string, path: string): void;
  /** Makes a token, as `vault token create` does. */
  token(lease?: { ttl: number; renewable?: boolean }): string;
  revokeAll(): void;
  /** What logins give. */
  login: { ttl: number; renewable: boolean };
  /** How much longer a token is taken than it is told to live, milliseconds: a busy machine's pause isn't its end. */
  graceMs: number;
  role: { name: string; jwt: string };
  approle: { roleId: string; secretId: string };
  close(): Promise<void>;
}

export async function startFakeVault({
  tls,
  namespace = "",
}: { tls?: { cert: string; key: string }; namespace?: string } = {}): Promise<FakeVault> {
  const tokens = new Map<string, Lease>();
  const secrets = new Map<string, Version[]>();
  const plain = new Map<string, { data: Record<string, unknown>; lease: number }>();
  const say = (res: ServerResponse, status: number, value: unknown): void => {
    res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
  const errors = (res: ServerResponse, status: number, ...messages: string[]): void => {
    say(res, status, { errors: messages });
  };
  const envelope = { request_id: "r", lease_id: "", renewable: false, lease_duration: 0, wrap_info: null };
  const make = ({ ttl, renewable }: { ttl: number; renewable: boolean }): string => {
    const token = `hvs.${randomBytes(18).toString("base64url")}`;
    tokens.set(token, { renewable, ttl, until: Date.now() + ttl * 1_000 + vault.graceMs });
    return token;
  };
  const authOf = (token: string): object => {
    const { ttl, renewable } = tokens.get(token) ?? { ttl: 0, renewable: false };
    const auth = {
      client_token: token,
      accessor: "a",
      policies: ["default"],
      metadata: {},
      token_type: "service",
    };
    return { ...envelope, data: null, auth: { ...auth, lease_duration: ttl, renewable, entity_id: "" } };
  };
  const answer = (req: IncomingMessage, res: ServerResponse, body: string): void => {
    const given = req.headers["x-vault-token"];
    const token = typeof given === "string" ? given : "";
    const path = decodeURIComponent((req.url ?? "").replace(/^\/v1\//, ""));
    const said = { method: req.method ?? "", path, token, body };
    vault.asked.push({ ...said, namespace: String(req.headers["x-vault-namespace"] ?? "") });
    if (vault.misbehave?.(req, res) === true) return;
    if (vault.sealed) return errors(res, 503, "Vault is sealed");
    if (req.headers["x-vault-request"] !== "true") return errors(res, 400, "missing X-Vault-Request header");
    if ((req.headers["x-vault-namespace"] ?? "") !== namespace)
      return errors(res, 404, "no handler for route");
    if (path === "auth/kubernetes/login") {
      const { role, jwt } = JSON.parse(body) as { role?: string; jwt?: string };
      if (role !== vault.role.name) return errors(res, 400, `invalid role name "${String(role)}"`);
      if (jwt !== vault.role.jwt) return errors(res, 403, "permission denied");
      return say(res, 200, authOf(make(vault.login)));
    }
    if (path === "auth/approle/login") {
      const { role_id, secret_id } = JSON.parse(body) as { role_id?: string; secret_id?: string };
      const { roleId, secretId } = vault.approle;
      if (role_id !== roleId || secret_id !== secretId) return errors(res, 400, "invalid role or secret ID");
      return say(res, 200, authOf(make(vault.login)));
    }
    const lease = tokens.get(token);
    if (lease === undefined || lease.until < Date.now())
      return errors(res, 403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n");
    if (path === "auth/token/lookup-self") {
      const ttl = Math.max(1, Math.ceil((lease.until - vault.graceMs - Date.now()) / 1_000));
      return say(res, 200, { ...envelope, data: { id: token, ttl, renewable: lease.renewable }, auth: null });
    }
    if (path === "auth/token/renew-self") {
      if (!lease.renewable) return errors(res, 400, "lease is not renewable");
      lease.until = Date.now() + lease.ttl * 1_000 + vault.graceMs;
      return say(res, 200, authOf(token));
    }
    const old = plain.get(path);
    if (old !== undefined)
      return say(res, 200, { ...envelope, lease_duration: old.lease, data: old.data, auth: null });
    const [, mount = "", rest = ""] = /^(.*?)\/data\/(.*)$/.exec(path) ?? [];
    const latest = secrets.get(`${mount}/${rest}`)?.at(-1);
    if (latest === undefined) return errors(res, 404);
    const { data, ...metadata } = latest;
    const status = data === null ? 404 : 200;
    const created = { created_time: "2026-11-21T10:00:00.000000000Z", custom_metadata: null };
    say(res, status, { ...envelope, data: { data, metadata: { ...created, ...metadata } }, auth: null });
  };
  const listener: RequestListener = (req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      answer(req, res, Buffer.concat(chunks).toString());
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const vault: FakeVault = {
    address: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    asked: [],
    misbehave: undefined,
    sealed: false,
    write(mount, path, data) {
      const versions = secrets.get(`${mount}/${path}`) ?? [];
      versions.push({ data, version: versions.length + 1, deletion_time: "", destroyed: false });
      secrets.set(`${mount}/${path}`, versions);
    },
    writeV1(mount, path, data, ttl = 2_764_800) {
      plain.set(`${mount}/${path}`, { data, lease: ttl });
    },
    remove(mount, path) {
      const latest = secrets.get(`${mount}/${path}`)?.at(-1);
      if (latest !== undefined)
        Object.assign(latest, { data: null, deletion_time: new Date().toISOString() });
    },
    token: ({ ttl, renewable = true } = { ttl: 3_600 }) => make({ ttl, renewable }),
    revokeAll() {
      tokens.clear();
    },
    login: { ttl: 3_600, renewable: true },
    graceMs: 0,
    role: { name: "countersign", jwt: "service-account.jwt.token" },
    approle: { roleId: "role-id-1", secretId: "secret-id-1" },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  return vault;
}
