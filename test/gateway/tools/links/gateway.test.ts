/** Servers of all kinds behind the whole gateway, with the official client. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { Json } from "../../../../sidecar/contract.js";
import type { Served, World } from "../../world.js";
import { callerToken, json, startUpstream, startWorld, until } from "../../world.js";
import type { Running } from "./servers.js";
import { startLegacy, startModern, startSessions } from "./servers.js";

const script = fileURLToPath(new URL("child.js", import.meta.url));
let world: World;
let login: Served;
let sessions: Running;
let modern: Running;
let legacy: Running;
const clients: Client[] = [];
let config: Record<string, unknown>;
const secretName = "LINKS_TEST_SECRET";

beforeAll(async () => {
  process.env[secretName] = "a-secret-of-the-server";
  login = await startUpstream((_req, res) => {
    json(res, {
      ...{ access_token: "token-for-the-server", token_type: "Bearer", expires_in: 60 },
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    });
  });
  [sessions, modern, legacy] = await Promise.all([startSessions(), startModern(), startLegacy()]);
  const credentials = {
    ...{ kind: "token_exchange", token_url: `${login.url}/token`, client_id: "gateway" },
    client_secret: { value: "client-secret" },
  };
  const child = { command: [process.execPath, script, "", ""], stop_ms: 200 };
  config = {
    servers: {
      sessions: { url: sessions.url, credentials },
      modern: { url: modern.url },
      legacy: { url: legacy.url, transport: "sse" },
      child: { ...child, env: { TOKEN: { env: secretName } } },
      shared: { ...child, isolation: "shared", env: { SETTING: { value: "one" } } },
    },
  };
  world = await startWorld({ config });
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(async () => {
  Reflect.deleteProperty(process.env, secretName);
  await world.close();
  await Promise.all([login, sessions, modern, legacy].map((one) => one.close()));
});

const connect = async (server: string): Promise<Client> => {
  const client = new Client({ name: "test", version: "1" });
  const headers = { authorization: `Bearer ${callerToken}` };
  const transport = new StreamableHTTPClientTransport(new URL(`${world.url}/mcp/${server}`), {
    requestInit: { headers },
  });
  clients.push(client);
  await client.connect(transport as Transport);
  return client;
};
const use = async (client: Client, name: string, args: Record<string, unknown> = {}): Promise<string> => {
  const { content } = await client.callTool({ name, arguments: args });
  return (content as { text: string }[])[0]?.text ?? "";
};
const alive = (pid: string): boolean => {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch {
    return false;
  }
};

test.each(["sessions", "modern", "legacy", "child", "shared"])(
  "%s is called through the gateway",
  async (server) => {
    const client = await connect(server);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("echo");
    expect(await use(client, "echo", { text: "hi" })).toBe("hi");
  },
);

test("headers that repeat arguments are written for a server that wants them, whatever the client speaks", async () => {
  const client = await connect("modern");
  await client.listTools();
  expect(await use(client, "place", { region: "Zürich" })).toBe("Zürich");
  expect(modern.received.at(-1)?.headers["mcp-param-region"]).toBe("=?base64?WsO8cmljaA==?=");
});

test("the caller's token goes to the authorization server, and to no tool server", async () => {
  await use(await connect("sessions"), "echo", { text: "hi" });
  expect(new URLSearchParams(login.received.at(-1)?.body).get("subject_token")).toBe(callerToken);
  const received = [sessions, modern, legacy].flatMap((one) => one.received);
  expect(JSON.stringify(received)).not.toContain(callerToken);
  expect(
    sessions.received.every(({ headers }) => headers.authorization === "Bearer token-for-the-server"),
  ).toBe(true);
});

test("a child has the secret that it is given, and a session of its own", async () => {
  const [one, other] = [await connect("child"), await connect("child")];
  const pids = [await use(one, "pid"), await use(other, "pid")];
  expect(new Set(pids).size).toBe(2);
  // what quotes the secret isn't given on
  await expect(use(one, "env")).rejects.toThrow();
  expect(await use(one, "echo", { text: "goes on" })).toBe("goes on");
});

test("a reload leaves a shared child that is the same, and replaces one that isn't", async () => {
  const before = await use(await connect("shared"), "pid");
  const servers = config["servers"] as Record<string, Record<string, unknown>>;
  const reload = async (more: object): Promise<string> => {
    const sidecar = { socket: world.sidecar.socket, deadline_ms: 20_000 };
    const now = { listen: "127.0.0.1:0", sidecar, environment: "test", ...more } as unknown as Json;
    expect(await world.gateway.reload(() => now)).toEqual({ kind: "applied" });
    return use(await connect("shared"), "pid");
  };
  expect(await reload({ servers: { ...servers, modern: { url: modern.url, revision: "2026-07-28" } } })).toBe(
    before,
  );
  const shared = { ...servers["shared"], env: { SETTING: { value: "two" } } };
  expect(await reload({ servers: { ...servers, shared } })).not.toBe(before);
});

test("children end with the gateway", async () => {
  const another = await startWorld({ config });
  const keep = world;
  world = another;
  const pids = [await use(await connect("child"), "pid"), await use(await connect("shared"), "pid")];
  world = keep;
  expect(pids.every(alive)).toBe(true);
  await another.close();
  await until(() => !pids.some(alive));
});
