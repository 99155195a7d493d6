/** What is kept, and batches, under the shipped policies: the real sidecar decides for whom, on which model, for what. */
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import OpenAI, { toFile } from "openai";
import type { IdentityName } from "../../demo/identities.js";
import type { Gateway } from "../../gateway/main.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import { startVectorStores } from "../gateway/vector-store-server.js";
import type { Served } from "../gateway/world.js";
import { json, startUpstream } from "../gateway/world.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
let gateway: Gateway;
let upstream: Served;
const startAt = (url: string): Promise<Gateway> => {
  const place = (region: string) => ({ upstream: "openai", provider: "openai", region, environment: "prod" });
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  return startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket: join(world.directory, "pdp.sock"), deadline_ms: 2_000 },
      storage: place("eu"),
      upstreams: { openai: { url } },
      models: { "gpt-4o": place("us"), "gpt-4o-mini": place("eu") },
    } as unknown as Json,
    log,
  });
};
beforeAll(async () => {
  [world, upstream] = await Promise.all([
    startWorld(),
    startUpstream((req, res) => {
      const { url = "" } = req;
      if (url.endsWith("/search")) json(res, { object: "page", data: [], has_more: false });
      else if (url.startsWith("/v1/batches")) json(res, { id: "batch_1", input_file_id: "file-1" });
      else json(res, { id: url.startsWith("/v1/files") ? "file-1" : "vs_1" });
    }),
  ]);
  gateway = await startAt(upstream.url);
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([world.close(), upstream.close()]);
});
beforeEach(() => {
  upstream.received.length = 0;
});

async function client(name: IdentityName, at = gateway): Promise<OpenAI> {
  return new OpenAI({
    apiKey: await world.issuer.token(name),
    baseURL: `${at.address}/v1`,
    maxRetries: 0,
  });
}
async function upload(by: OpenAI, model: string, purpose: "batch" | "user_data" | "fine-tune" = "batch") {
  const line = (id: string, max_tokens = 9_000): string =>
    JSON.stringify({
      ...{ custom_id: id, method: "POST", url: "/v1/chat/completions" },
      body: { model, max_tokens, messages: [{ role: "user", content: "hi" }] },
    });
  return by.files.create({
    purpose,
    file: await toFile(Buffer.from(`${line("a")}\n${line("b")}\n`), "b.jsonl"),
  });
}
const refused = (...codes: string[]) => ({
  status: 403,
  error: { reasons: codes.map((code) => expect.objectContaining({ code }) as unknown) },
});

test("a batch needs the model's tier, line by line; it is its maker's", async () => {
  const [senior, analyst] = await Promise.all([client("senior"), client("analyst")]);
  const { id } = await upload(senior, "gpt-4o");
  const run = (by: OpenAI) =>
    by.batches.create({ input_file_id: id, endpoint: "/v1/chat/completions", completion_window: "24h" });
  const made = await run(senior);
  expect(upstream.received.map(({ path }) => path)).toEqual(["/v1/files", "/v1/batches"]);
  await expect(upload(analyst, "gpt-4o")).rejects.toMatchObject(refused("tier_not_granted"));
  const { id: own } = await upload(analyst, "gpt-4o-mini");
  await expect(run(analyst)).rejects.toMatchObject({ status: 403 });
  await expect(analyst.batches.retrieve(made.id)).rejects.toMatchObject({ status: 403 });
  await expect(senior.files.retrieve(own)).rejects.toMatchObject({ status: 404, code: "unknown_file" });
  expect(upstream.received).toHaveLength(3);
});

test("files are for who may keep them, and for what", async () => {
  const [senior, ci, contractor] = await Promise.all([client("senior"), client("ci"), client("contractor")]);
  await expect(upload(senior, "gpt-4o", "fine-tune")).rejects.toMatchObject(refused("purpose_not_allowed"));
  await expect(upload(ci, "gpt-4o-mini", "user_data")).rejects.toMatchObject(refused("default_deny"));
  await expect(upload(contractor, "gpt-4o-mini", "user_data")).rejects.toMatchObject({ status: 403 });
  expect(upstream.received).toEqual([]);
  await upload(senior, "gpt-4o", "user_data");
  expect(upstream.received).toHaveLength(1);
});

test("a search has a limit", async () => {
  const { vectorStores } = await client("analyst");
  const { id } = await vectorStores.create({});
  await vectorStores.search(id, { query: "x" });
  await expect(vectorStores.search(id, { query: "x", max_num_results: 50 })).rejects.toMatchObject(
    refused("default_deny"),
  );
  expect(upstream.received).toHaveLength(2);
});

test("files in a store are stamped, and found by who is cleared for them", async () => {
  const kept = await startVectorStores();
  const at = await startAt(kept.url);
  const [senior, analyst] = await Promise.all([client("senior", at), client("analyst", at)]);
  const { id } = await analyst.vectorStores.create({});
  const put = async (by: OpenAI, attributes: Record<string, string>) =>
    by.vectorStores.files.create(id, { file_id: (await upload(by, "x", "user_data")).id, attributes });
  await put(analyst, {});
  await put(senior, { classification: "confidential" });
  await put(senior, { department: "research", owner: "sam" });
  expect([...kept.files.values()]).toEqual([
    { classification: "internal" },
    { classification: "confidential" },
    { department: "research", owner: "sam", classification: "internal" },
  ]);
  await expect(put(analyst, { classification: "public" })).rejects.toMatchObject(
    refused("classification_too_low"),
  );
  await expect(put(senior, { classification: "restricted" })).rejects.toMatchObject(
    refused("classification_too_high"),
  );
  // one that was there before anybody asked what it is
  kept.files.set("file-9", null);
  const search = async (by: OpenAI): Promise<string[]> =>
    (await by.vectorStores.search(id, { query: "x", max_num_results: 20 })).data.map(
      ({ filename }) => filename,
    );
  expect(await search(analyst)).toEqual(["file-1.txt"]);
  expect(await search(senior)).toEqual(["file-1.txt", "file-2.txt", "file-3.txt"]);
  await at.close();
  await kept.close();
});
