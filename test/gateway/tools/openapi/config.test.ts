/** The configuration of servers that are APIs: what is wrong with it, and what a reload does. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Gateway } from "../../../../gateway/main.js";
import { startGateway } from "../../../../gateway/main.js";
import type { Json } from "../../../../sidecar/contract.js";
import type { FakeSidecar, Served } from "../../world.js";
import { allow, callerToken, startFakeSidecar, startUpstream } from "../../world.js";
import { document30 } from "./documents.js";
import { defaultAnswer } from "./lab.js";

let directory: string;
let file: string;
let sidecar: FakeSidecar;
let api: Served;
const log: string[] = [];
const closers: (() => Promise<void>)[] = [];
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "countersign-openapi-"));
  file = join(directory, "pets.json");
  sidecar = await startFakeSidecar();
  api = await startUpstream(defaultAnswer);
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  log.length = 0;
  api.received.length = 0;
});
afterAll(async () => {
  await Promise.all([sidecar.close(), api.close()]);
  rmSync(directory, { recursive: true, force: true });
});

const config = (server: Record<string, unknown>): Json =>
  ({
    listen: "127.0.0.1:0",
    sidecar: { socket: sidecar.socket, deadline_ms: 20_000 },
    servers: { pets: server },
  }) as Json;

async function start(json: Json): Promise<Gateway> {
  const write = (message: string, fields: unknown = {}): void => {
    log.push(`${message} ${JSON.stringify(fields)}`);
  };
  const gateway = await startGateway({ config: json, log: { info: write, warn: write, error: write } });
  closers.push(() => gateway.close());
  return gateway;
}

describe("a configuration is refused", () => {
  const good = () => ({ url: api.url, openapi: { file }, operations: ["*"] });
  test.each<[string, () => Record<string, unknown>, RegExp]>([
    [
      "without operations",
      () => ({ url: api.url, openapi: { file } }),
      /servers\.pets\.operations: is required/,
    ],
    [
      "with operations that no id could match",
      () => ({ ...good(), operations: ["a b"] }),
      /servers\.pets\.operations/,
    ],
    [
      "with a file that isn't there",
      () => ({ ...good(), openapi: { file: `${file}.none` } }),
      /servers\.pets\.openapi\.file: can't be read/,
    ],
    [
      "with an address for a file",
      () => ({ ...good(), openapi: { file: "https://x.example/openapi.json" } }),
      /can't be read/,
    ],
    ["with a directory", () => ({ ...good(), openapi: { file: directory } }), /can't be read/],
    [
      "with other fields",
      () => ({ ...good(), openapi: { file, servers: true } }),
      /servers\.pets\.openapi\.servers: unknown field/,
    ],
    [
      "without an address",
      () => ({ openapi: { file }, operations: ["*"] }),
      /servers\.pets\.url: is required/,
    ],
    [
      "with a query in the address",
      () => ({ ...good(), url: `${api.url}/?key=1` }),
      /url must have no query/,
    ],
    [
      "with what is for servers of MCP",
      () => ({ ...good(), revision: "2025-11-25" }),
      /servers\.pets\.revision: is of servers that speak MCP/,
    ],
    [
      "with operations and no document",
      () => ({ url: api.url, operations: ["*"] }),
      /servers\.pets\.operations: unknown field/,
    ],
    [
      "with an operation that isn't there",
      () => ({ ...good(), operations: ["none"] }),
      /servers\.pets\.openapi: there is no operation none/,
    ],
  ])("%s", async (_name, server, why) => {
    writeFileSync(file, JSON.stringify(document30));
    await expect(start(config(server()))).rejects.toThrow(why);
  });

  test("with a document that is too large", async () => {
    writeFileSync(file, " ".repeat(16 * 2 ** 20 + 1));
    await expect(start(config(good()))).rejects.toThrow(/is larger than/);
  });
});

test.each([
  ["of a document is approved", {}, 200],
  ["that is to be reviewed isn't used before it is approved", { definitions: "enforce" }, 403],
])("an operation %s", async (_name, more, status) => {
  writeFileSync(file, JSON.stringify(document30));
  const gateway = await start(config({ url: api.url, openapi: { file }, operations: ["getPet"], ...more }));
  sidecar.decide = ({ action }) => ({ allow: action.name !== "tool.approve" });
  const response = await fetch(`${gateway.address}/tools/pets/pets/7`, {
    headers: { authorization: `Bearer ${callerToken}` },
  });
  sidecar.decide = allow;
  expect([response.status, api.received.length]).toEqual([status, status === 200 ? 1 : 0]);
  if (status === 403) expect(await response.json()).toMatchObject({ code: "tool_quarantined" });
});

test("what the operator says of tools is what policy sees", async () => {
  writeFileSync(file, JSON.stringify(document30));
  const tools = [
    { match: "get*", risk: "low", labels: ["pets"] },
    { match: "listPets", effect: "external" },
  ];
  const gateway = await start(config({ url: api.url, openapi: { file }, operations: ["*"], tools }));
  const seen = async (path: string, method = "GET") => {
    sidecar.asked.length = 0;
    await fetch(`${gateway.address}/tools/pets${path}`, {
      method,
      headers: { authorization: `Bearer ${callerToken}` },
    });
    const { risk, effect, labels } = sidecar.asked[0]?.calls?.[0]?.resource.properties ?? {};
    return { risk, effect, labels };
  };
  expect(await seen("/pets/7")).toEqual({ risk: "low", effect: "read", labels: ["pets"] });
  expect(await seen("/pets")).toEqual({ risk: "high", effect: "external", labels: [] });
  expect(await seen("/pets/7", "DELETE")).toEqual({ risk: "high", effect: "write", labels: [] });
});

test("what is left out is said", async () => {
  writeFileSync(file, JSON.stringify(document30));
  await start(config({ url: api.url, openapi: { file }, operations: ["up*", "getPet"] }));
  expect(log.join()).toContain(
    'operation left out {"server":"pets","operation":"upload","why":"its body is neither JSON nor a form of texts"}',
  );
});

test("a changed document counts from the next reload on, and one that can't be taken changes nothing", async () => {
  writeFileSync(file, JSON.stringify(document30));
  const json = config({ url: api.url, openapi: { file }, operations: ["*"] });
  const gateway = await start(json);
  const ask = async (path: string): Promise<number> =>
    (
      await fetch(`${gateway.address}/tools/pets${path}`, {
        headers: { authorization: `Bearer ${callerToken}` },
      })
    ).status;
  const { "/pets/mine": mine, ...paths } = document30.paths;
  expect([await ask("/pets/7"), await ask("/mine")]).toEqual([200, 404]);

  writeFileSync(
    file,
    JSON.stringify({
      ...document30,
      paths: { ...paths, "/mine": { get: { ...mine.get, operationId: "mine" } } },
    }),
  );
  expect([await ask("/pets/7"), await ask("/mine")]).toEqual([200, 404]);
  expect(await gateway.reload(() => json)).toEqual({ kind: "applied" });
  expect([await ask("/pets/7"), await ask("/mine")]).toEqual([200, 200]);

  writeFileSync(file, JSON.stringify({ ...document30, openapi: "2.0" }));
  expect(await gateway.reload(() => json)).toEqual({
    kind: "rejected",
    problems: ["servers.pets.openapi: the document isn't OpenAPI 3.0 or 3.1"],
  });
  expect([await ask("/pets/7"), await ask("/mine")]).toEqual([200, 200]);
});
