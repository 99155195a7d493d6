/** The same operations as MCP tools: through the gateway's door, by the official client. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { allow, callerToken, json } from "../../world.js";
import type { Lab } from "./lab.js";
import { defaultAnswer, startLab } from "./lab.js";

let lab: Lab;
let client: Client;
beforeAll(async () => {
  lab = await startLab();
  client = await connect("pets");
});
afterAll(async () => {
  await client.close();
  await lab.close();
});
beforeEach(() => {
  lab.world.sidecar.decide = allow;
  lab.world.sidecar.asked.length = 0;
  lab.api.received.length = 0;
  lab.api.answer = defaultAnswer;
});

async function connect(server: string): Promise<Client> {
  const made = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`${lab.world.url}/mcp/${server}`), {
    requestInit: { headers: { authorization: `Bearer ${callerToken}` } },
  });
  await made.connect(transport as Transport);
  return made;
}

const call = (name: string, args: Record<string, unknown>) => client.callTool({ name, arguments: args });

test("operations that are configured are listed, with schemas that stand alone", async () => {
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual([
    "listPets",
    "createPet",
    "getPet",
    "replacePet",
    "deletePet",
    "files_read",
    "sell",
  ]);
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  expect(byName.get("getPet")).toMatchObject({
    description: "Get one pet",
    inputSchema: { type: "object", required: ["petId"], additionalProperties: false },
    outputSchema: { type: "object" },
    annotations: { readOnlyHint: true },
  });
  expect(byName.get("deletePet")?.annotations).toEqual({
    readOnlyHint: false,
    destructiveHint: true,
    idempotentHint: true,
  });
  expect(byName.get("createPet")?.inputSchema).toMatchObject({
    properties: { body: { $ref: "#/$defs/Pet" } },
    $defs: {
      Pet: {
        additionalProperties: false,
        properties: {
          parent: { $ref: "#/$defs/Pet" },
          age: { exclusiveMinimum: 0, maximum: 40 },
          note: { type: ["string", "null"] },
        },
      },
    },
  });
  expect(Object.keys((byName.get("listPets")?.inputSchema.properties ?? {}) as object)).toEqual([
    ...["limit", "q", "tags", "status", "ids", "filter", "where", "exact", "X-Request-Kind"].map((name) =>
      name.toLowerCase(),
    ),
  ]);
  expect(JSON.stringify(tools)).not.toContain("169.254");
});

test("the server is called as its document is", () => {
  expect(client.getServerVersion()?.name).toBeDefined();
  expect(client.getServerCapabilities()).toMatchObject({ tools: {} });
});

test.each<[string, Record<string, unknown>, string, string, string]>([
  ["getPet", { petId: 7 }, "GET", "/v1/pets/7", ""],
  [
    "listPets",
    { limit: 5, tags: ["a", "b&c"], filter: { age: 1.5 }, where: { a: 1 }, exact: false },
    "GET",
    "/v1/pets?limit=5&tags=a&tags=b%26c&filter%5Bage%5D=1.5&where=%7B%22a%22%3A1%7D&exact=false",
    "",
  ],
  [
    "createPet",
    { body: { name: "Rex", parent: { name: "Max" } } },
    "POST",
    "/v1/pets",
    '{"name":"Rex","parent":{"name":"Max"}}',
  ],
  ["replacePet", { petId: 7 }, "PUT", "/v1/pets/7", ""],
  ["files_read", { name: "what is this?" }, "GET", "", ""],
  ["files_read", { name: "naïve 文" }, "GET", "/v1/files/na%C3%AFve%20%E6%96%87.txt", ""],
  ["sell", { body: { pet: 7, to: "a=b&c" } }, "POST", "/v1/sales", "pet=7&to=a%3Db%26c"],
])("%s(%j) is the same request as by HTTP", async (name, args, method, path, body) => {
  const result = await call(name, args);
  if (path === "") {
    // what a path can't hold is an error that a model can read
    expect(result).toMatchObject({ isError: true });
    expect(lab.api.received).toEqual([]);
    return;
  }
  expect(lab.api.received.map((one) => [one.method, one.path, one.body])).toEqual([[method, path, body]]);
  expect(result).toMatchObject({ structuredContent: { id: 7, name: "Rex", amount: 1 } });
  expect(result.content).toEqual([{ type: "text", text: '{"id":7,"name":"Rex","amount":1}' }]);
  const calls = lab.world.sidecar.asked.flatMap(({ calls: all = [] }) => all);
  expect(calls.find(({ action }) => action.name === "tool.call")?.resource).toMatchObject({
    ...{ type: "tool", id: `pets/${name}` },
    properties: { arguments: args, effect: method === "GET" ? "read" : "write" },
  });
});

test("an error that the document declares can be read, what isn't declared is told by its status", async () => {
  lab.api.answer = (_req, res) => {
    json(res, { error: "no such pet" }, 404);
  };
  expect(await call("getPet", { petId: 7 })).toMatchObject({
    isError: true,
    content: [{ text: 'the API refused the request with status 404: {"error":"no such pet"}' }],
  });
  lab.api.answer = (_req, res) => {
    json(res, { stack: "at secret.js:1" }, 409);
  };
  const result = await call("getPet", { petId: 7 });
  expect(result).toMatchObject({
    isError: true,
    content: [{ text: "the API refused the request with status 409" }],
  });
});

describe("arguments that would be another request lead to none", () => {
  test.each<[string, string, Record<string, unknown>]>([
    ["a way out of the path", "files_read", { name: "../../etc/passwd" }],
    ["a slash", "files_read", { name: "a/b" }],
    ["a slash, escaped", "files_read", { name: "a%2fb" }],
    ["a backslash", "files_read", { name: "a\\b" }],
    ["a slash of full width", "files_read", { name: "a／b" }],
    ["a query", "files_read", { name: "a?admin=1" }],
    ["a fragment", "files_read", { name: "a#b" }],
    ["matrix parameters", "files_read", { name: "a;b=1" }],
    ["a line break", "files_read", { name: "a\r\nx: y" }],
    ["a null byte", "files_read", { name: "a\u0000b" }],
    ["nothing", "files_read", { name: "" }],
    ["nothing at all", "files_read", {}],
    ["text for a number", "getPet", { petId: "7" }],
    ["a path for a number", "getPet", { petId: "mine" }],
    ["a list for a number", "getPet", { petId: [7] }],
    ["an object for a number", "getPet", { petId: { toString: "7" } }],
    ["null", "getPet", { petId: null }],
    ["an argument that isn't known", "getPet", { petId: 7, admin: true }],
    ["a header that isn't the caller's", "listPets", { authorization: "Bearer x" }],
    ["a header's other value", "listPets", { "x-request-kind": "fast\r\nx-admin: 1" }],
    ["a delimiter within an item", "listPets", { status: ["sold,free"] }],
    ["a delimiter within an item", "listPets", { ids: ["1|2"] }],
    ["an empty list, which would be nothing", "listPets", { tags: [] }],
    ["a member that isn't declared", "listPets", { filter: { admin: 1 } }],
    ["a member that isn't declared, in a body", "createPet", { body: { name: "a", role: "admin" } }],
    ["a member for answers only", "createPet", { body: { name: "a", id: 1 } }],
    ["a field that isn't declared, in a form", "sell", { body: { pet: 1, admin: true } }],
  ])("%s: %s(%j)", async (_name, tool, args) => {
    const outcome = await call(tool, args).then(
      (result) => result.isError,
      () => true,
    );
    expect(outcome).toBe(true);
    expect(lab.api.received).toEqual([]);
  });
});

test("a client of 2026-07-28 lists and calls the same", async () => {
  const modern = new ModernClient(
    { name: "test", version: "1" },
    { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  const requestInit = { headers: { authorization: `Bearer ${callerToken}` } };
  await modern.connect(new ModernTransport(new URL(`${lab.world.url}/mcp/pets`), { requestInit }));
  expect((await modern.listTools()).tools.map(({ name }) => name)).toContain("getPet");
  expect(await modern.callTool({ name: "getPet", arguments: { petId: 7 } })).toMatchObject({
    structuredContent: { id: 7, name: "Rex", amount: 1 },
  });
  expect(lab.api.received.map(({ method, path }) => [method, path])).toEqual([["GET", "/v1/pets/7"]]);
  await modern.close();
});

test("who may not use a tool doesn't see it", async () => {
  lab.world.sidecar.decide = ({ resource }) => ({ allow: resource.id !== "pets/deletePet" });
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).not.toContain("deletePet");
  await expect(call("deletePet", { petId: 7 })).rejects.toThrow();
  expect(lab.api.received).toEqual([]);
});
