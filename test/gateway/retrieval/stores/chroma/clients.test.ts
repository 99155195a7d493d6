/** Chroma's clients, unmodified, and retrievers over them, through the real gateway to a real server. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { ChromaClient } from "chromadb";
import { root } from "../../../../world.js";
import { callerToken } from "../../../world.js";
import type { ChromaLab } from "./handbook.js";
import { acme, startChromaLab } from "./handbook.js";
import { packages } from "./server.js";

const stamp = { type: "stamp_documents", properties: { set: { tenant: "acme" } } };

let { lab, close } = {} as ChromaLab;
beforeAll(async () => {
  ({ lab, close } = await startChromaLab());
});
afterAll(() => close());
beforeEach(() => {
  lab.received.length = 0;
  lab.narrow(acme, [stamp]);
});

/** The filters that the store got, each once. */
const filters = (): unknown[] => {
  const all = lab.received.map(({ body }) => (body === "" ? undefined : JSON.parse(body)?.where));
  return [...new Set(all.filter((one) => one !== undefined).map((one) => JSON.stringify(one)))].map((one) =>
    JSON.parse(one),
  );
};
const mine = { tenant: { $eq: "acme" } };

describe("chromadb of npm", () => {
  const numbers = (text: string): number[] => [Number(text.includes("acme")), Number(text.includes("beta"))];
  const embeddingFunction = {
    name: "lab",
    generate: (texts: string[]) => Promise.resolve(texts.map(numbers)),
  };
  const connect = (): ChromaClient => {
    const { hostname, port } = new URL(lab.ownUrl);
    return new ChromaClient({
      ...{ host: hostname, port: Number(port), ssl: false },
      headers: { authorization: `Bearer ${callerToken}` },
    });
  };

  test("finds, writes and deletes what is the caller's", async () => {
    const client = connect();
    expect((await client.listCollections()).map(({ name }) => name).sort()).toEqual(["handbook", "secrets"]);
    expect(await client.countCollections()).toBe(2);
    const handbook = await client.getCollection({ name: "handbook", embeddingFunction });
    const found = await handbook.query({
      queryTexts: ["beta", "acme"],
      nResults: 5,
      where: { level: { $gt: 0 } },
    });
    expect(found.ids.map((one) => [...one].sort())).toEqual([
      ["a1", "a2"],
      ["a1", "a2"],
    ]);
    expect(found.rows()[0]?.map(({ metadata }) => metadata?.["tenant"])).toEqual(["acme", "acme"]);
    expect((await handbook.get({ ids: ["a1", "b1"] })).ids).toEqual(["a1"]);
    expect(await handbook.count()).toBe(2);
    await handbook.add({ ids: ["j1"], documents: ["from npm"], metadatas: [{ level: 2 }] });
    await handbook.upsert({ ids: ["j2"], documents: ["also"], metadatas: [{ level: 9 }] });
    expect((await handbook.get({ where: { level: { $in: [2, 9] } } })).metadatas).toEqual([
      { level: 2, tenant: "acme" },
      { level: 9, tenant: "acme" },
    ]);
    expect(await handbook.delete({ where: { level: { $in: [2, 9] } } })).toEqual({ deleted: 2 });
    expect(filters()).toEqual(
      [{ level: { $gt: 0 } }, undefined, { level: { $in: [2, 9] } }].map((caller) =>
        caller === undefined ? mine : { $and: [caller, mine] },
      ),
    );
  });

  test("is told of refusals as of Chroma's own", async () => {
    const client = connect();
    const handbook = await client.getCollection({ name: "handbook", embeddingFunction });
    await expect(handbook.upsert({ ids: ["b1"], documents: ["x"] })).rejects.toMatchObject({
      name: "ChromaForbiddenError",
    });
    await expect(
      handbook.add({ ids: ["x"], documents: ["x"], metadatas: [{ tenant: "beta" }] }),
    ).rejects.toMatchObject({
      name: "ChromaForbiddenError",
    });
    await expect(client.getCollection({ name: "others" })).rejects.toMatchObject({
      name: "ChromaNotFoundError",
    });
    await expect(client.reset()).rejects.toMatchObject({ name: "ChromaForbiddenError" });
  });
});

const run = promisify(execFile);

async function use(...uses: string[]): Promise<unknown> {
  const shared = join(root, ".cache/python-clients");
  if (!existsSync(join(shared, ".installed"))) throw new Error("run deploy/python-clients.sh first");
  const script = join(root, "test/gateway/retrieval/stores/chroma/use_chroma.py");
  const { stdout } = await run("python3", [script, ...uses], {
    env: {
      ...{ PATH: process.env["PATH"], HOME: "/nonexistent", PYTHONPATH: `${packages}:${shared}` },
      ...{ STORE_URL: lab.url, TOKEN: callerToken },
      PYTHONPYCACHEPREFIX: join(root, ".cache/python-compiled"),
    },
    timeout: 110_000,
  });
  return JSON.parse(stdout);
}

const refused = (error: string, code: string): object => ({ error, message: expect.stringContaining(code) });

test("chromadb of PyPI, and LangChain's and LlamaIndex's retrievers", async () => {
  const told = await use("client", "langchain", "llama");
  expect(told).toEqual({
    client: {
      heartbeat: true,
      ...{ collections: ["handbook", "secrets"], counted: 2 },
      found: {
        ids: [
          ["a2", "a1"],
          ["a2", "a1"],
        ],
        documents: [
          ["acme secret", "acme public"],
          ["acme secret", "acme public"],
        ],
        tenants: [
          ["acme", "acme"],
          ["acme", "acme"],
        ],
      },
      got: { ids: ["a1", "a2"], metadatas: null },
      ...{ count: [2, 2], peek: ["a1"] },
      written: { documents: ["acme again"], metadatas: [{ tenant: "acme", level: 3, note: "x" }] },
      taken: refused("AuthorizationError", "document_refused"),
      stranger: refused("AuthorizationError", "document_refused"),
      unknown: refused("NotFoundError", "unknown_collection"),
      reset: refused("AuthorizationError", "unknown_operation"),
    },
    langchain: {
      found: ["acme by LangChain", "acme public", "acme secret"],
      tenants: ["acme"],
      scored: 3,
    },
    llama: { found: ["acme public", "acme secret"], filtered: ["acme secret"] },
  });
  expect(filters()).toEqual(
    expect.arrayContaining([
      mine,
      { $and: [{ level: { $gte: 1 } }, mine] },
      { $and: [{ tenant: { $in: ["acme", "beta"] } }, mine] },
      { $and: [{ level: { $eq: 5 } }, mine] },
    ]),
  );
}, 120_000);
