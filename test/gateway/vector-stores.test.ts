/** Stores of vectors by OpenAI's own client: each its tenant's, files in them their bringers', a search a retrieval. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI, { toFile } from "openai";
import type { Served, World } from "./world.js";
import { callerToken, deny, json, startUpstream, startWorld, subject } from "./world.js";

let world: World;
let upstream: Served;
const store = {
  id: "vs_1",
  object: "vector_store",
  name: "n",
  status: "completed",
  file_counts: { total: 0 },
};
const inStore = (id: string) => ({
  id,
  object: "vector_store.file",
  vector_store_id: "vs_1",
  status: "completed",
});
beforeEach(async () => {
  upstream = await startUpstream((req, res) => {
    const { method = "", url = "" } = req;
    if (url === "/v1/files") json(res, { id: "file-1", object: "file" });
    else if (method === "DELETE" && url.endsWith("vs_1")) json(res, { id: "vs_1", deleted: true });
    else if (url.includes("/search"))
      json(res, {
        object: "vector_store.search_results.page",
        data: [{ file_id: "file-9", filename: "a", score: 1, content: [{ type: "text", text: "found" }] }],
        has_more: false,
        next_page: null,
      });
    else if (url.includes("/file_batches"))
      json(res, { ...inStore("vsfb_1"), object: "vector_store.files_batch" });
    else if (url.includes("/files")) json(res, inStore("file-1"));
    else json(res, store);
  });
  const place = { region: "eu", environment: "prod", provider: "openai", upstream: "gpt" };
  world = await startWorld({
    config: { storage: place, upstreams: { gpt: { url: upstream.url } }, models: { gpt: place } },
  });
});
afterEach(async () => {
  await world.close();
  await upstream.close();
});

const openAi = () => new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "callers", maxRetries: 0 });
const stores = () => openAi().vectorStores;
const file = async () =>
  openAi().files.create({ file: await toFile(Buffer.from("x"), "a.txt"), purpose: "assistants" });
const last = () => upstream.received.at(-1);
const asked = () => world.sidecar.asked.at(-1)?.calls?.[0];
const as = (changes: Partial<typeof subject>): void => {
  world.sidecar.decide = () => ({ allow: true, subject: { ...subject, ...changes } });
};

test("a store is made, read, changed and deleted, each as its own action", async () => {
  const { id: fileId } = await file();
  const { id } = await stores().create({ name: "n", file_ids: [fileId] });
  expect(id).toMatch(/^vs_[\w-]{60,}$/);
  expect(JSON.parse(last()?.body ?? "")).toEqual({ name: "n", file_ids: ["file-1"] });
  expect(asked()).toMatchObject({
    action: { name: "vector_store.create", properties: { files: 1 } },
    resource: { type: "storage", id: "gpt" },
  });
  expect((await stores().retrieve(id)).id).toBe(id);
  await stores().update(id, { name: "m" });
  await stores().delete(id);
  const names = world.sidecar.asked.flatMap(({ calls = [] }) => calls).map(({ action }) => action.name);
  expect(names.slice(2)).toEqual(["vector_store.read", "vector_store.update", "vector_store.delete"]);
  expect(upstream.received.slice(-3).map(({ method, path }) => `${method} ${path}`)).toEqual([
    "GET /v1/vector_stores/vs_1",
    "POST /v1/vector_stores/vs_1",
    "DELETE /v1/vector_stores/vs_1",
  ]);
});

test("files are attached alone and together, looked at, and taken out", async () => {
  const { id: fileId } = await file();
  const { id } = await stores().create({});
  const made = await stores().files.create(id, { file_id: fileId, attributes: { a: 1 } });
  expect([made.id, made.vector_store_id.length > 60]).toEqual([fileId, true]);
  expect(JSON.parse(last()?.body ?? "")).toEqual({ file_id: "file-1", attributes: { a: 1 } });
  await stores().files.retrieve(fileId, { vector_store_id: id });
  await stores().files.update(fileId, { vector_store_id: id, attributes: { b: 2 } });
  await stores().files.delete(fileId, { vector_store_id: id });
  expect(last()).toMatchObject({ method: "DELETE", path: "/v1/vector_stores/vs_1/files/file-1" });
  const batch = await stores().fileBatches.create(id, { file_ids: [fileId] });
  expect(JSON.parse(last()?.body ?? "")).toEqual({ file_ids: ["file-1"] });
  await stores().fileBatches.retrieve(batch.id, { vector_store_id: id });
  await stores().fileBatches.cancel(batch.id, { vector_store_id: id });
  expect(last()?.path).toBe("/v1/vector_stores/vs_1/file_batches/vsfb_1/cancel");
});

test("a search is a retrieval, with a limit, on the tenant's store; what it finds serves nothing else", async () => {
  const { id } = await stores().create({});
  const found = await stores().search(id, { query: "who", max_num_results: 5 });
  expect(found.data[0]?.content[0]?.text).toBe("found");
  expect(asked()).toMatchObject({
    kind: "retrieval",
    action: { name: "retrieval.query", properties: { store: "vs_1", top_k: 5, bytes: 3 } },
  });
  const { file_id: fileId = "" } = found.data[0] ?? {};
  expect(fileId).toMatch(/^file-[\w-]{60,}$/);
  const before = upstream.received.length;
  await expect(openAi().files.content(fileId)).rejects.toMatchObject({ status: 404 });
  await expect(stores().files.create(id, { file_id: fileId })).rejects.toMatchObject({ status: 404 });
  expect(upstream.received).toHaveLength(before);
  await stores().search(id, { query: "who" });
  expect(asked()?.action.properties).toMatchObject({ top_k: 10 });
});

describe("whose", () => {
  test("a store is: its tenant's, not another's; a file in it: its bringer's", async () => {
    const { id: fileId } = await file();
    const { id } = await stores().create({});
    as({ id: "agent-2" });
    expect((await stores().retrieve(id)).id).toBe(id);
    await expect(stores().files.create(id, { file_id: fileId })).rejects.toMatchObject({
      code: "unknown_file",
    });
    as({ tenant: "globex" });
    const before = upstream.received.length;
    const tries: readonly (() => Promise<unknown>)[] = [
      () => stores().retrieve(id),
      () => stores().update(id, { name: "x" }),
      () => stores().delete(id),
      () => stores().search(id, { query: "x" }),
      () => stores().files.create(id, { file_id: fileId }),
      () => stores().files.retrieve(fileId, { vector_store_id: id }),
      () => stores().fileBatches.create(id, { file_ids: [fileId] }),
      () => stores().create({ file_ids: [fileId] }),
    ];
    for (const one of tries) await expect(one()).rejects.toMatchObject({ status: 404 });
    expect(upstream.received).toHaveLength(before);
  });

  test.each<[string, string, string, unknown]>([
    ["the upstream's id of a store", "GET", "vector_stores/vs_1", undefined],
    ["the upstream's id of a file", "POST", "vector_stores", { file_ids: ["file-1"] }],
    [
      "the same in a list of files",
      "POST",
      "vector_stores/{}/file_batches",
      { files: [{ file_id: "file-1" }] },
    ],
    ["a file under another name", "POST", "vector_stores/{}/file_batches", { files: [{ file: "file-1" }] }],
    ["a file of no name", "POST", "vector_stores/{}/files", { attributes: {} }],
    ["an unknown field", "POST", "vector_stores", { frobnicate: 1 }],
    ["a query that is none", "POST", "vector_stores/{}/search", { query: [1] }],
    ["dots in a path", "GET", "vector_stores/{}/../files", undefined],
    ["a batch of files for a file", "GET", "vector_stores/{}/files/vsfb_1", undefined],
    ["a list of stores", "GET", "vector_stores?limit=5", undefined],
    ["a list of files", "GET", "vector_stores/{}/files", undefined],
  ])("nobody's: %s", async (_name, method, path, body) => {
    const { id } = await stores().create({});
    const got = await fetch(`${world.url}/v1/${path.replace("{}", id)}`, {
      method,
      headers: { authorization: `Bearer ${callerToken}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect([400, 403, 404]).toContain(got.status);
    expect(upstream.received).toHaveLength(1);
  });

  test("a denial is the client's own error", async () => {
    world.sidecar.decide = deny();
    await expect(stores().create({})).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(upstream.received).toEqual([]);
  });
});
