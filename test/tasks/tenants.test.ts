/** What one tenant's data is, no other tenant gets to read: the shipped policies, with facts in which two tenants share a server. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { World } from "../world.js";
import { policies, startWorld } from "../world.js";

let world: World;
let bundle: string;
beforeAll(async () => {
  bundle = await mkdtemp(join(tmpdir(), "countersign-facts-"));
  await cp(policies, bundle, { recursive: true });
  const file = join(bundle, "data.json");
  const data = JSON.parse(await readFile(file, "utf8")) as {
    facts: {
      servers: Record<string, { tenants: string[] }>;
      collections: Record<string, { grants?: object }>;
    };
  };
  const { servers, collections } = data.facts;
  servers["files"] = { ...servers["files"], tenants: ["acme", "globex"] };
  for (const name of ["globex-docs", "public-docs"])
    collections[name] = { ...collections[name], grants: { "retrieval.write": ["ml-senior"] } };
  await writeFile(file, JSON.stringify(data));
  world = await startWorld({ bundle });
});
afterAll(async () => {
  await world.close();
  await rm(bundle, { recursive: true, force: true });
});

interface Who {
  readonly sub: string;
  readonly tenant?: string;
}
interface Answer {
  readonly status: number;
  readonly text: string;
  readonly task: string | undefined;
}
/** A workload that acts for whoever it is told to. */
async function ask(
  who: Who,
  path: string,
  body: object,
  task?: string,
  more = {},
  method = "POST",
): Promise<Answer> {
  const act = { sub: "agent:of-all", type: "agent" };
  const response = await fetch(`${world.gatewayUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${await world.issuer.token("senior", { ...who, act })}`,
      "content-type": "application/json",
      ...(task === undefined ? {} : { "x-countersign-task": task }),
      ...more,
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, text, task: response.headers.get("x-countersign-task") ?? undefined };
}
const read = (who: Who, query: string, task?: string): Promise<Answer> =>
  ask(who, "/v1/retrieval/wiki/query", { query, top_k: 5 }, task);
const note = { text: "a note", department: "research", created: "2026-11-02T08:00:00Z" };
const add = (who: Who, collection: string, task?: string): Promise<Answer> =>
  ask(who, `/stores/library/${collection}/_doc/note`, note, task, {}, "PUT");
const version = "2026-07-28";
const write = (who: Who, task?: string): Promise<Answer> => {
  const params = {
    ...{ name: "write_file", arguments: { path: "/workspace/notes.md", content: "x" } },
    _meta: {
      "io.modelcontextprotocol/protocolVersion": version,
      "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": {},
    },
  };
  return ask(who, "/mcp/files", { jsonrpc: "2.0", id: 1, method: "tools/call", params }, task, {
    accept: "application/json, text/event-stream",
    ...{ "mcp-protocol-version": version, "mcp-method": "tools/call", "mcp-name": "write_file" },
  });
};

describe("after a tenant's confidential data was read", () => {
  test("nothing is written where another tenant reads, with or without the task's token", async () => {
    const who = { sub: "first@acme.example" };
    const before = await write(who);
    expect(before.text).not.toContain("data_of_another_tenant");
    expect(before.status).toBe(200);
    const got = await read(who, "budget");
    expect(got.status).toBe(200);
    for (const task of [got.task, undefined]) {
      const denied = await write(who, task);
      expect(denied.text).toContain("data_of_another_tenant");
      expect(denied.text).toContain('"label":"confidential:acme"');
      // what it did as another task it isn't told
      expect(denied.text.includes("collection:wiki")).toBe(task !== undefined);
    }
    // a collection of another tenant, and one of everybody
    for (const collection of ["globex-docs", "public-docs"]) {
      const denied = await add(who, collection, got.task);
      expect(denied.status).toBe(403);
      expect(denied.text).toContain("data_of_another_tenant");
    }
    // where what it writes is its own tenant's, it works on
    const own = await add(who, "wiki", got.task);
    expect(own.status).toBe(201);
  });

  test("a task that read nothing of it, of another user's, goes on", async () => {
    await read({ sub: "second@acme.example" }, "budget");
    expect((await write({ sub: "third@acme.example" })).status).toBe(200);
  });

  test("its token is of no use to the same workload for another tenant", async () => {
    const { task } = await read({ sub: "fourth@acme.example" }, "budget");
    const across = await write({ sub: "fourth@acme.example", tenant: "globex" }, task);
    expect(across.text).toContain("task_token_misbound");
  });
});
