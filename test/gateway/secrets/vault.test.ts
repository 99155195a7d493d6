/** Credentials in Vault: what is read, how the gateway gets in, and that nothing of a failure reaches log or provider. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { authorityLines, createCa } from "../../identify/spiffe/ca.js";
import { until } from "../world.js";
import type { FakeVault } from "./fake-vault.js";
import { startFakeVault } from "./fake-vault.js";
import type { SecretsWorld } from "./world.js";
import { readSection, startSecrets } from "./world.js";

const value = "sk-in-the-vault";
let vault: FakeVault;
let world: SecretsWorld;
let token: string;
const environment: Record<string, string> = {};
beforeEach(async () => {
  vault = await startFakeVault();
  world = startSecrets(environment);
  token = vault.token();
  environment["VAULT_TOKEN"] = token;
  vault.write("secret", "ai/openai", { api_key: value, other: "x" });
});
afterEach(async () => {
  world.close();
  await vault.close();
});

const byToken = { token: { env: "VAULT_TOKEN" } };
const at = (more: object = {}, outer: object = {}): object => ({
  id: "openai",
  refresh_ms: 20,
  ...outer,
  vault: {
    address: vault.address,
    path: "ai/openai",
    field: "api_key",
    auth: byToken,
    timeout_ms: 20_000,
    ...more,
  },
});
const logins = (): number => vault.asked.filter(({ path }) => path.endsWith("/login")).length;

describe("a secret of the KV engine", () => {
  test("of version 2 is read, and a new version of it is taken up with its number", async () => {
    const secret = await world.open(at());
    expect(secret.values()).toEqual([value]);
    vault.write("secret", "ai/openai", { api_key: "sk-next" });
    await until(() => secret.values()[0] === "sk-next");
    expect(secret.values()).toEqual(["sk-next", value]);
    expect(world.events).toMatchObject([{ kind: "credential_changed", credential: "openai", version: 2 }]);
    expect(vault.asked.at(-1)).toMatchObject({ method: "GET", path: "secret/data/ai/openai", token });
  });
  test("of version 1 is read", async () => {
    vault.writeV1("kv", "openai", { key: "sk-old" });
    const secret = await world.open(at({ mount: "kv", path: "openai", field: "key", kv_version: 1 }));
    expect(secret.values()).toEqual(["sk-old"]);
    vault.writeV1("kv", "openai", { key: "sk-newer" });
    await until(() => secret.values()[0] === "sk-newer");
  });
  test("of version 1 is looked at again when its lease ends", async () => {
    vault.writeV1("kv", "openai", { key: "sk-old" }, 1);
    const config = at({ mount: "kv", path: "openai", field: "key", kv_version: 1 }, { refresh_ms: 600_000 });
    const secret = await world.open(config);
    vault.writeV1("kv", "openai", { key: "sk-newer" }, 1);
    await until(() => secret.values()[0] === "sk-newer");
  });
  test("in a namespace, under another mount, whose path needs encoding", async () => {
    const other = await startFakeVault({ namespace: "team/a" });
    environment["VAULT_TOKEN"] = other.token();
    other.write("kv/prod", "open ai/main:1", { api_key: value });
    const more = { address: other.address, namespace: "team/a/", mount: "kv/prod", path: "open ai/main:1" };
    expect((await world.open(at(more))).values()).toEqual([value]);
    await other.close();
  });
});

describe("the gateway gets in", () => {
  test("by a token in a file, which its owner replaces", async () => {
    const file = join(world.directory, "token");
    writeFileSync(file, `${token}\n`);
    const secret = await world.open(at({ auth: { token: { file } } }));
    vault.revokeAll();
    const next = vault.token();
    await until(() => world.kinds().includes("credential_failed"));
    writeFileSync(file, next);
    vault.write("secret", "ai/openai", { api_key: "sk-next" });
    await until(() => secret.values()[0] === "sk-next");
    expect(vault.asked.at(-1)).toMatchObject({ token: next });
  });
  test("as a Kubernetes service account, whose token the kubelet replaces", async () => {
    const jwt_file = join(world.directory, "jwt");
    writeFileSync(jwt_file, vault.role.jwt);
    const secret = await world.open(at({ auth: { kubernetes: { role: "countersign", jwt_file } } }));
    expect(secret.values()).toEqual([value]);
    expect(vault.asked[0]).toMatchObject({
      ...{ method: "POST", path: "auth/kubernetes/login", token: "" },
      body: JSON.stringify({ role: "countersign", jwt: vault.role.jwt }),
    });
    vault.role.jwt = "another.account.token";
    writeFileSync(jwt_file, vault.role.jwt);
    vault.revokeAll();
    vault.write("secret", "ai/openai", { api_key: "sk-next" });
    await until(() => secret.values()[0] === "sk-next");
    expect(world.kinds()).toEqual(["credential_changed"]);
  });
  test("by an AppRole", async () => {
    environment["SECRET_ID"] = vault.approle.secretId;
    const approle = { role_id: "role-id-1", secret_id: { env: "SECRET_ID" } };
    expect((await world.open(at({ auth: { approle } }))).values()).toEqual([value]);
  });
  test("once for all secrets of a vault", async () => {
    vault.write("secret", "ai/anthropic", { api_key: "sk-ant" });
    environment["SECRET_ID"] = vault.approle.secretId;
    const auth = { approle: { role_id: "role-id-1", secret_id: { env: "SECRET_ID" } } };
    const configs = [at({ auth }), at({ auth, path: "ai/anthropic" }, { id: "anthropic" })].map(readSection);
    const open = await world.secrets.open(configs);
    expect(configs.map((config) => open.of(config).values()[0])).toEqual([value, "sk-ant"]);
    expect(logins()).toBe(1);
    open.close();
  });
  test("and renews its token before it ends; one that can't be renewed is had anew", async () => {
    vault.login = { ttl: 1, renewable: true };
    vault.graceMs = 20_000;
    environment["SECRET_ID"] = vault.approle.secretId;
    const auth = { approle: { role_id: "role-id-1", secret_id: { env: "SECRET_ID" } } };
    const timers = jest.spyOn(globalThis, "setTimeout");
    await world.open(at({ auth }, { refresh_ms: 600_000 }));
    expect(timers.mock.calls.map(([, ms]) => Math.round(ms ?? 0))).toContain(667);
    timers.mockRestore();
    await until(() => vault.asked.some(({ path }) => path === "auth/token/renew-self"));
    expect(logins()).toBe(1);
    world.close();

    world = startSecrets(environment);
    vault.asked.length = 0;
    vault.login = { ttl: 1, renewable: false };
    await world.open(at({ auth }));
    await until(() => logins() > 1);
    expect(vault.asked.some(({ path }) => path === "auth/token/renew-self")).toBe(false);
    expect(world.events).toEqual([]);
  });
  test("by a token that it keeps alive, as long as that may be", async () => {
    vault.graceMs = 20_000;
    environment["VAULT_TOKEN"] = vault.token({ ttl: 1 });
    const renewals = (): number => vault.asked.filter(({ path }) => path === "auth/token/renew-self").length;
    await world.open(at());
    await until(() => renewals() > 1);
    expect(world.events).toEqual([]);
    world.close();

    world = startSecrets(environment);
    vault.graceMs = 0;
    environment["VAULT_TOKEN"] = vault.token({ ttl: 1, renewable: false });
    vault.asked.length = 0;
    const secret = await world.open(at());
    await until(() => world.events.length > 0);
    expect(world.events).toMatchObject([{ kind: "credential_failed", code: "vault_denied" }]);
    expect([renewals(), secret.values()]).toEqual([0, [value]]);
  });
  test("anew where its token was revoked", async () => {
    environment["SECRET_ID"] = vault.approle.secretId;
    const secret = await world.open(
      at({ auth: { approle: { role_id: "role-id-1", secret_id: { env: "SECRET_ID" } } } }),
    );
    vault.revokeAll();
    await until(() => logins() > 1);
    vault.write("secret", "ai/openai", { api_key: "sk-next" });
    await until(() => secret.values()[0] === "sk-next");
    expect(world.kinds()).toEqual(["credential_changed"]);
  });
});

test("a vault proves who it is by its certificate", async () => {
  const ca = createCa();
  const root = ca.issue({ extensions: authorityLines, subject: "/CN=vault" });
  const lines = ["subjectAltName=IP:127.0.0.1", "extendedKeyUsage=serverAuth"];
  const { pem, keyPem } = ca.issue({ by: root, extensions: lines });
  const secure = await startFakeVault({ tls: { cert: pem, key: keyPem } });
  environment["VAULT_TOKEN"] = secure.token();
  secure.write("secret", "ai/openai", { api_key: value });
  const address = secure.address;
  expect((await world.open(at({ address, tls: { ca_file: root.certFile } }))).values()).toEqual([value]);
  world.close();
  world = startSecrets(environment);
  secure.asked.length = 0;
  await expect(world.open(at({ address }))).rejects.toThrow("vault_unreachable");
  const tls = { ca_file: ca.issue({ extensions: authorityLines, subject: "/CN=other" }).certFile };
  await expect(world.open(at({ address, tls }))).rejects.toThrow("vault_unreachable");
  await expect(world.open(at({ address, tls: { ca_file: "/nowhere" } }))).rejects.toThrow("unreadable");
  expect(secure.asked).toEqual([]);
  await secure.close();
  ca.remove();
});

/** Somewhere that an answer could send the token to. */
const elsewhere: string[] = [];
const thief = createServer((req, res) => {
  elsewhere.push(String(req.headers["x-vault-token"]));
  res.end("{}");
});
await new Promise<void>((resolve) => thief.listen(0, "127.0.0.1", resolve));
const thiefPort = (thief.address() as AddressInfo).port;
afterAll(() => {
  thief.close();
});

const raw = (
  res: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): boolean => {
  res.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
  return true;
};
const leak = `{"errors":["the secret is ${value}"]}`;
const good = { version: 3, deletion_time: "", destroyed: false };
const body = (data: unknown, metadata: unknown = good): string =>
  JSON.stringify({ data: { data, metadata } });
const sideways = { location: `http://127.0.0.1:${thiefPort}/v1/secret/data/ai/openai` };
const faults: readonly (readonly [string, (res: ServerResponse) => boolean, string])[] = [
  ["denies", (res) => raw(res, 403, leak), "vault_denied"],
  ["doesn't know the path", (res) => raw(res, 404, leak), "vault_not_found"],
  ["is sealed", (res) => raw(res, 503, leak), "vault_sealed"],
  ["isn't initialized", (res) => raw(res, 501, leak), "vault_sealed"],
  ["is asked too often", (res) => raw(res, 429, leak), "vault_throttled"],
  ["has an error", (res) => raw(res, 500, leak), "vault_error"],
  ["lacks data that replicas have", (res) => raw(res, 412, leak), "vault_error"],
  ["points elsewhere", (res) => raw(res, 307, leak, sideways), "vault_redirected"],
  ["gives no JSON", (res) => raw(res, 200, `<html>${value}`), "vault_malformed"],
  ["gives a list", (res) => raw(res, 200, "[]"), "vault_malformed"],
  ["gives no data", (res) => raw(res, 200, `{"data":null}`), "vault_malformed"],
  [
    "names the field twice",
    (res) => raw(res, 200, `{"data":{"data":{"api_key":"a","api_key":"b"},"metadata":{}}}`),
    "vault_malformed",
  ],
  ["gives no metadata", (res) => raw(res, 200, `{"data":{"data":{"api_key":"x"}}}`), "vault_malformed"],
  [
    "gives version 1 where 2 was asked for",
    (res) => raw(res, 200, `{"data":{"api_key":"x"}}`),
    "vault_malformed",
  ],
  [
    "has deleted it",
    (res) => raw(res, 200, body(null, { ...good, deletion_time: "2026-01-01T00:00:00Z" })),
    "vault_not_found",
  ],
  [
    "has destroyed it",
    (res) => raw(res, 200, body({ api_key: "x" }, { ...good, destroyed: true })),
    "vault_not_found",
  ],
  ["lacks the field", (res) => raw(res, 200, body({ other: value })), "vault_field"],
  ["has a field of the prototype", (res) => raw(res, 200, body({})), "vault_field"],
  ["has a number there", (res) => raw(res, 200, body({ api_key: 1 })), "vault_field"],
  ["has nothing there", (res) => raw(res, 200, body({ api_key: "" })), "empty"],
  ["has two lines there", (res) => raw(res, 200, body({ api_key: "a\nb" })), "unusable"],
  ["floods", (res) => raw(res, 200, body({ api_key: "x".repeat(2 ** 21) })), "vault_malformed"],
  ["says nothing", () => true, "vault_timeout"],
  [
    "begins and doesn't end",
    (res) => {
      res.writeHead(200, { "content-type": "application/json" });
      res.write('{"data":');
      return true;
    },
    "vault_timeout",
  ],
  [
    "hangs up",
    (res) => {
      res.destroy();
      return true;
    },
    "vault_unreachable",
  ],
];
describe("a vault that", () => {
  const isRead = (url = ""): boolean => url.includes("/data/");
  test.each(faults)("%s starts nothing, and later changes nothing", async (_name, fault, code) => {
    vault.misbehave = (req, res) => isRead(req.url) && fault(res);
    // only who waits for a timeout gets one
    const within = (timeout_ms: number): object => (code === "vault_timeout" ? { timeout_ms } : {});
    const failed = world.open(at(within(100)));
    await expect(failed).rejects.toThrow(`the credential openai is missing or unusable: ${code}`);
    await expect(failed).rejects.not.toThrow(value);
    vault.misbehave = undefined;
    const secret = await world.open(at(within(1_000)));
    vault.misbehave = (req, res) => isRead(req.url) && fault(res);
    await until(() => world.events.length > 0);
    expect(world.events).toEqual([{ kind: "credential_failed", credential: "openai", code }]);
    expect(secret.values()).toEqual([value]);
    vault.misbehave = undefined;
    await until(() => world.kinds().includes("credential_restored"));
    expect(world.kinds()).toEqual(["credential_failed", "credential_restored"]);
    expect(elsewhere).toEqual([]);
  });
  test("deletes the newest version leaves the last good one", async () => {
    const secret = await world.open(at());
    vault.remove("secret", "ai/openai");
    await until(() => world.events.length > 0);
    expect(world.events).toMatchObject([{ kind: "credential_failed", code: "vault_not_found" }]);
    expect(secret.values()).toEqual([value]);
  });
});

const doors: readonly (readonly [string, () => object, string])[] = [
  ["a role that isn't known", () => ({ kubernetes: { role: "x", jwt_file: jwt() } }), "vault_login"],
  [
    "no service account",
    () => ({ kubernetes: { role: "countersign", jwt_file: "/nowhere/jwt" } }),
    "missing",
  ],
  [
    "another mount",
    () => ({ kubernetes: { role: "countersign", jwt_file: jwt(), mount: "k8s" } }),
    "vault_denied",
  ],
  [
    "a wrong secret id",
    () => ({ approle: { role_id: "role-id-1", secret_id: { env: "VAULT_TOKEN" } } }),
    "vault_login",
  ],
  ["no token", () => ({ token: { env: "NO_SUCH_TOKEN" } }), "missing"],
  ["a token that isn't one", () => ({ token: { env: "OTHER_TOKEN" } }), "vault_denied"],
];
const jwt = (): string => {
  const file = join(world.directory, "jwt");
  writeFileSync(file, vault.role.jwt);
  return file;
};
test.each(doors)("with %s there is no credential", async (_name, auth, code) => {
  environment["OTHER_TOKEN"] = "hvs.none";
  await expect(world.open(at({ auth: auth() }))).rejects.toThrow(new RegExp(`: ${code}$|: vault_login$`));
});

const logInAnswers: readonly (readonly [string, string])[] = [
  ["nothing", "{}"],
  ["no token", '{"auth":{"lease_duration":1}}'],
  ["a token that would be two headers", '{"auth":{"client_token":"a\\r\\nx-vault-namespace: b"}}'],
];
test.each(logInAnswers)("a login that gives %s lets nobody in", async (_name, text) => {
  environment["SECRET_ID"] = vault.approle.secretId;
  vault.misbehave = (req, res) => req.url?.endsWith("/login") === true && raw(res, 200, text);
  const auth = { approle: { role_id: "role-id-1", secret_id: { env: "SECRET_ID" } } };
  await expect(world.open(at({ auth }))).rejects.toThrow("vault_malformed");
});

const wrong: readonly (readonly [string, object, string])[] = [
  ["no address", { address: undefined }, "api_key.vault.address: is required"],
  [
    "an address in the clear",
    { address: "http://vault.example:8200" },
    "api_key.vault.address: must be https (http on this machine only)",
  ],
  [
    "a password in it",
    { address: "https://a:b@vault.example" },
    "api_key.vault.address: must not hold credentials",
  ],
  [
    "a path in it",
    { address: "https://vault.example/v1/other" },
    "api_key.vault.address: must be an origin: no path, no query",
  ],
  ["a path that climbs", { path: "ai/../../sys/seal" }, "api_key.vault.path: is no path in Vault"],
  ["a path with a query", { path: "ai/openai?version=1" }, "api_key.vault.path: is no path in Vault"],
  ["a path that is encoded already", { path: "ai%2fopenai" }, "api_key.vault.path: is no path in Vault"],
  ["an absolute path", { path: "/ai/openai" }, "api_key.vault.path: is no path in Vault"],
  ["a mount that climbs", { mount: ".." }, "api_key.vault.mount: is no path in Vault"],
  ["no field", { field: undefined }, "api_key.vault.field: is required"],
  ["no way in", { auth: {} }, "api_key.vault.auth.token: give one of token, kubernetes, approle"],
  [
    "two ways in",
    { auth: { ...byToken, kubernetes: { role: "x" } } },
    "api_key.vault.auth.token: give one of token, kubernetes, approle",
  ],
  [
    "a token written down",
    { auth: { token: { value: "hvs.x" } } },
    "api_key.vault.auth.token.env: give one of env, file",
  ],
  ["another version", { kv_version: 3 }, "api_key.vault.kv_version: must be a whole number from 1 to 2"],
  ["a mistyped field", { feild: "x" }, "api_key.vault.feild: unknown field; did you mean field?"],
];
test.each(wrong)("a section with %s is refused by place", (_name, more, problem) => {
  expect(() => readSection(JSON.parse(JSON.stringify(at(more))) as object)).toThrow(problem);
});
