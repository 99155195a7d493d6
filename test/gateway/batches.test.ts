/** Files and batches: by OpenAI's own client; whose they are, what was decided on, and what the upstream got. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI, { toFile } from "openai";
import { badBatches, line } from "./batches.cases.js";
import type { Decide, Served, World } from "./world.js";
import { callerToken, deny, json, providerKey, startUpstream, startWorld, subject, until } from "./world.js";

let world: World;
let upstream: Served;
const output: { text: string } = { text: "" };
const rules: Decide = ({ action, resource }) => ({
  allow:
    resource.id !== "forbidden" &&
    (action.properties["parameters"] as { temperature?: number } | undefined)?.temperature !== 2,
});
const fileOf = (id: string, more: object = {}) => ({
  ...{ id, object: "file", bytes: 1, created_at: 1, filename: "a", purpose: "batch", status: "processed" },
  ...more,
});
const batch = (more: object = {}) => ({
  ...{ id: "batch_1", object: "batch", endpoint: "/v1/chat/completions", input_file_id: "file-1" },
  ...{ status: "completed", output_file_id: "file-2", error_file_id: null, created_at: 1 },
  ...more,
});
beforeEach(async () => {
  upstream = await startUpstream((req, res) => {
    const path = `${req.method ?? ""} ${req.url ?? ""}`;
    if (/^POST \/v1\/files$/.test(path)) json(res, fileOf("file-1"));
    else if (/^GET \/v1\/files\/[\w-]+\/content$/.test(path))
      res.writeHead(200, { "content-type": "application/octet-stream" }).end(output.text);
    else if (/^GET \/v1\/files\/file-\d$/.test(path)) json(res, fileOf(path.slice(-6)));
    else if (/^DELETE \/v1\/files\/file-1$/.test(path))
      json(res, { id: "file-1", object: "file", deleted: true });
    else if (/\/v1\/batches(?:\/batch_1(?:\/cancel)?)?$/.test(path)) json(res, batch());
    else json(res, { error: { message: "no such thing" } }, 404);
  });
  const place = { region: "eu", environment: "prod" };
  const api_key = { value: providerKey };
  const gpt = { ...place, upstream: "gpt", provider: "openai" };
  world = await startWorld({
    config: {
      storage: { ...place, upstream: "gpt", provider: "openai" },
      uploads: { batch_lines: 10_000, held_bytes: 20_000, batch_bytes: 8_000_000 },
      upstreams: { gpt: { url: upstream.url, api_key }, other: { url: upstream.url, api_key } },
      models: {
        gpt: { ...gpt, upstream_model: "gpt-real" },
        twin: gpt,
        forbidden: gpt,
        both: { deployments: [gpt, { ...gpt, upstream: "other", region: "us" }] },
        elsewhere: { ...gpt, upstream: "other" },
      },
    },
  });
  world.sidecar.decide = rules;
});
afterEach(async () => {
  await world.close();
  await upstream.close();
});

const openAi = () => new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "callers", maxRetries: 0 });
const jsonl = (text: string) => toFile(Buffer.from(text), "batch.jsonl", { type: "application/jsonl" });
const upload = async (text = `${line()}\n${line({}, {}, 2)}`, purpose: "batch" | "user_data" = "batch") =>
  openAi().files.create({ file: await jsonl(text), purpose });
const create = (input_file_id: string, endpoint = "/v1/chat/completions" as const) =>
  openAi().batches.create({ input_file_id, endpoint, completion_window: "24h" });
const last = () => upstream.received.at(-1);
const questions = () =>
  world.sidecar.asked
    .flatMap(({ calls = [] }) => calls)
    .map(({ action, resource }) => [action.name, resource.id]);
/** Another caller: what this one has is nothing to it. */
const as = (changes: Partial<typeof subject>): void => {
  world.sidecar.decide = (call, request) => ({
    ...rules(call, request),
    subject: { ...subject, ...changes },
  });
};
const others: readonly (readonly [string, Partial<typeof subject>])[] = [
  ["another tenant", { tenant: "globex" }],
  ["another identity", { id: "agent-2" }],
  ["another type", { type: "user" }],
];
const unknown = { status: 404, code: expect.stringMatching(/^unknown_/) as unknown as string };

describe("a file", () => {
  test("is decided on by purpose, belongs to who brought it, and is read and deleted by its sealed id", async () => {
    const made = await upload("hello", "user_data");
    expect(made.id).toMatch(/^file-[\w-]{60,}$/);
    expect(questions()).toEqual([["file.create", "gpt"]]);
    expect(world.sidecar.asked[0]?.calls?.[0]).toMatchObject({
      action: { properties: { purpose: "user_data", bytes: 5, types: ["application/jsonl"] } },
      resource: { type: "storage", properties: { region: "eu", provider: "openai", environment: "prod" } },
    });
    expect(last()).toMatchObject({ path: "/v1/files", headers: { authorization: `Bearer ${providerKey}` } });
    expect(last()?.body).toContain('name="purpose"\r\n\r\nuser_data\r\n');
    expect(last()?.body).toContain(
      'name="file"; filename="batch.jsonl"\r\ncontent-type: application/jsonl\r\n\r\nhello\r\n',
    );
    expect((await openAi().files.retrieve(made.id)).id).toBe(made.id);
    expect(last()?.path).toBe("/v1/files/file-1");
    output.text = "the content";
    expect(await (await openAi().files.content(made.id)).text()).toBe("the content");
    expect((await openAi().files.delete(made.id)).id).toBe(made.id);
    expect(
      questions()
        .slice(1)
        .map(([name]) => name),
    ).toEqual(["file.read", "file.content", "file.delete"]);
    await until(() => world.sidecar.outcomes.length === 4);
  });

  test.each(others)("isn't there for %s", async (_name, changes) => {
    const { id } = await upload();
    as(changes);
    await expect(openAi().files.retrieve(id)).rejects.toMatchObject(unknown);
    await expect(openAi().files.content(id)).rejects.toMatchObject(unknown);
    await expect(openAi().files.delete(id)).rejects.toMatchObject(unknown);
    await expect(create(id)).rejects.toMatchObject(unknown);
    expect(upstream.received).toHaveLength(1);
  });

  test("by ids that nobody here gave out", async () => {
    const { id } = await upload();
    const changed = `${id.slice(0, 20)}${id[20] === "A" ? "B" : "A"}${id.slice(21)}`;
    for (const one of ["file-1", "file-abc123", changed, `${id}A`, id.replace("file-", "batch_")])
      await expect(openAi().files.retrieve(one)).rejects.toMatchObject({ status: 404 });
    expect(upstream.received).toHaveLength(1);
  });

  test("is denied in the client's own words; a purpose that isn't known, and lists, are refused", async () => {
    world.sidecar.decide = deny();
    await expect(upload("x", "user_data")).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
    await expect(upload("x", "anything" as "batch")).rejects.toMatchObject({ status: 400 });
    await expect(openAi().files.list()).rejects.toMatchObject({ status: 403, code: "list_refused" });
    await expect(openAi().batches.list({ limit: 5 })).rejects.toMatchObject({ code: "list_refused" });
    expect(upstream.received).toEqual([]);
  });

  test("that is large is passed on as it comes, but not a batch's", async () => {
    const text = "x".repeat(9_000_000);
    await openAi().files.create({ purpose: "user_data", file: await jsonl(text) });
    expect(last()?.body).toContain(text);
    const large = openAi().files.create({ purpose: "batch", file: await jsonl(text) });
    await expect(large).rejects.toMatchObject({ status: 413 });
    expect(upstream.received).toHaveLength(1);
  });

  test.each([
    ["anthropic", { protocol: "anthropic" }],
    ["nowhere", {}],
  ])("is kept by an upstream that speaks as OpenAI does only: not %s", async (name, more) => {
    const storage = { upstream: name, provider: "p", region: "eu", environment: "prod" };
    const upstreams = { anthropic: { url: upstream.url, ...more } };
    await expect(startWorld({ config: { storage, upstreams, models: {} } })).rejects.toThrow(
      "storage.upstream",
    );
  });

  test("where no account is configured", async () => {
    const bare = await startWorld();
    const client = new OpenAI({ baseURL: `${bare.url}/v1`, apiKey: "x", maxRetries: 0 });
    await expect(client.files.retrieve("file-1")).rejects.toMatchObject({ code: "storage_not_configured" });
    await bare.close();
  });
});

describe("the file of a batch", () => {
  const lines = (): unknown[] =>
    (/\r\n\r\n(\{.*\}\n)\r\n--/s.exec(last()?.body ?? "")?.[1] ?? "")
      .trimEnd()
      .split("\n")
      .map((one) => JSON.parse(one) as unknown);

  test("is decided line by line, what is alike once; written anew with the upstream's name", async () => {
    await upload(`${line()}\r\n${line({}, { temperature: 1 }, 2)}\n${line({}, {}, 3)}`);
    expect(questions()).toEqual([
      ["model.invoke", "gpt"],
      ["model.invoke", "gpt"],
      ["file.create", "gpt"],
    ]);
    expect(world.sidecar.asked[0]?.calls?.[0]?.action.properties).toMatchObject({
      batch: true,
      stream: false,
    });
    expect(world.sidecar.asked[0]?.context.prompt).toMatchObject({ lines: 3 });
    expect(lines()).toMatchObject([
      { custom_id: "r1", method: "POST", url: "/v1/chat/completions", body: { model: "gpt-real" } },
      { custom_id: "r2", body: { temperature: 1 } },
      { custom_id: "r3" },
    ]);
  });

  test("gets the obligations of each line; what can't be carried out refuses all", async () => {
    const limit = { id: "o", type: "limit_tokens", properties: { max_tokens: 5 } };
    world.sidecar.decide = ({ resource }) => ({
      allow: true,
      obligations: resource.type === "model" ? [limit] : [],
    });
    await upload(`${line({}, { max_tokens: 9 })}\n${line({}, {}, 2)}`);
    expect(lines()).toMatchObject([{ body: { max_tokens: 5 } }, {}]);
    expect(JSON.stringify(lines()[1])).toContain("5");
    const us = { id: "o", type: "restrict_regions", properties: { regions: ["us"] } };
    world.sidecar.decide = () => ({ allow: true, obligations: [us] });
    await expect(upload()).rejects.toMatchObject({ status: 403, code: "obligation_unsatisfiable" });
    expect(upstream.received).toHaveLength(1);
  });

  test("of 10,000 lines is asked about in few questions, and what is alike once", async () => {
    const many = Array.from({ length: 10_000 }, (_, i) =>
      line({ url: "/v1/embeddings", body: { model: "gpt", input: "x".repeat(1 + (i % 1_000)) } }, {}, i),
    );
    await upload(many.join("\n"));
    const sizes = world.sidecar.asked.map(({ calls = [] }) => calls.length);
    expect(sizes).toEqual([512, 488, 1]);
    expect(lines()).toHaveLength(10_000);
    expect(lines()[9_999]).toMatchObject({ custom_id: "r9999", body: { model: "gpt-real" } });
  });

  test("is labelled; who isn't told where he must be refuses all", async () => {
    const label = { id: "o", type: "add_label", properties: { labels: ["nightly"] } };
    world.sidecar.decide = () => ({ allow: true, obligations: [label] });
    await upload();
    await until(() => world.sidecar.outcomes.length === 2);
    expect(world.sidecar.outcomes.map(({ labels }) => labels)).toEqual([["nightly"], ["nightly"]]);
    const notify = { id: "o", type: "notify", properties: { hook: "nobody" } };
    world.sidecar.decide = ({ action }) => ({
      allow: true,
      obligations: action.name === "file.create" ? [notify] : [],
    });
    await expect(upload()).rejects.toMatchObject({ code: "obligation_unsatisfiable" });
    world.sidecar.decide = ({ action }) => ({
      allow: true,
      obligations: action.name === "file.create" ? [] : [notify],
    });
    await expect(upload()).rejects.toMatchObject({ code: "obligation_unsatisfiable" });
    expect(upstream.received).toHaveLength(1);
  });

  test("of other operations, decided as these are", async () => {
    await upload(line({ url: "/v1/embeddings", body: { model: "gpt", input: ["x", "y"] } }));
    expect(questions()[0]).toEqual(["embedding.create", "gpt"]);
    await upload(line({ url: "/v1/responses", body: { model: "gpt", input: "x" } }));
    expect(lines()).toMatchObject([{ url: "/v1/responses", body: { model: "gpt-real" } }]);
  });

  test("goes nowhere where a single line may not go there", async () => {
    const us = { id: "o", type: "restrict_regions", properties: { regions: ["us"] } };
    world.sidecar.decide = ({ action }) => ({
      allow: true,
      obligations:
        (action.properties["parameters"] as { temperature?: number } | undefined)?.temperature === 1
          ? [us]
          : [],
    });
    await upload(line({}, { model: "both" }));
    const ask = upload(`${line({}, { model: "both" })}\n${line({}, { model: "both", temperature: 1 }, 2)}`);
    await expect(ask).rejects.toMatchObject({ code: "untranslatable" });
    expect(upstream.received).toHaveLength(1);
  });

  test("has no line that another reader would take for two", async () => {
    await upload(line({}, { messages: [{ role: "user", content: "a\u2028b\u0085c" }] }));
    expect(last()?.body).toContain("a\\u2028b\\u0085c");
    expect(lines()).toMatchObject([{ body: { messages: [{ content: "a\u2028b\u0085c" }] } }]);
  });

  test("whose upload itself is denied isn't sent", async () => {
    world.sidecar.decide = ({ action }) => ({ allow: action.name !== "file.create" });
    await expect(upload()).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(upstream.received).toEqual([]);
  });

  test.each(badBatches)(
    "refused: $name",
    async ({ text, code = "invalid_request", status = 400, says = "" }) => {
      const got = (await upload(text).catch((e: unknown) => e)) as {
        status: number;
        code: string;
        message: string;
      };
      expect([got.status, got.code]).toEqual([status, code]);
      expect(got.message).toContain(says);
      expect(upstream.received).toEqual([]);
    },
  );
});

describe("a batch", () => {
  test("runs over a decided file, and is read and cancelled by who made it", async () => {
    const { id } = await upload();
    const made = await create(id);
    expect(JSON.parse(last()?.body ?? "")).toMatchObject({ input_file_id: "file-1" });
    expect(made.input_file_id).toBe(id);
    expect(questions().at(-1)).toEqual(["batch.create", "gpt"]);
    expect((await openAi().batches.retrieve(made.id)).id).toBe(made.id);
    expect((await openAi().batches.cancel(made.id)).output_file_id).toBe(made.output_file_id);
    expect(upstream.received.slice(-2).map(({ method, path }) => [method, path])).toEqual([
      ["GET", "/v1/batches/batch_1"],
      ["POST", "/v1/batches/batch_1/cancel"],
    ]);
    expect(JSON.stringify(made)).not.toMatch(/"(?:batch_1|file-\d)"/);
    world.sidecar.decide = deny();
    await expect(create(id)).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
  });

  test.each(others)("isn't there for %s", async (_name, changes) => {
    const { id } = await create((await upload()).id);
    as(changes);
    await expect(openAi().batches.retrieve(id)).rejects.toMatchObject(unknown);
    await expect(openAi().batches.cancel(id)).rejects.toMatchObject(unknown);
    expect(upstream.received).toHaveLength(2);
  });

  test("over what nobody decided on is refused", async () => {
    const plain = await upload(line(), "user_data");
    const { output_file_id: results } = await create((await upload()).id);
    const before = upstream.received.length;
    for (const one of [plain.id, results ?? "", "file-1"])
      await expect(create(one)).rejects.toMatchObject({ status: 404, code: "unknown_file" });
    const { id } = await upload();
    await expect(create(id, "/v1/embeddings" as "/v1/chat/completions")).rejects.toMatchObject({
      status: 400,
    });
    expect(upstream.received).toHaveLength(before + 1);
  });

  test("gives results whose calls of tools are decided", async () => {
    const call = (name: string) => ({
      id: "c1",
      type: "function",
      function: { name, arguments: "{}" },
    });
    const result = (name: string, n: number) =>
      JSON.stringify({
        ...{ id: "b", custom_id: `r${n}`, error: null },
        response: {
          status_code: 200,
          body: {
            choices: [{ index: 0, message: { role: "assistant", content: null, tool_calls: [call(name)] } }],
          },
        },
      });
    output.text = `${result("read", 1)}\n${result("remove", 2)}\n`;
    const { output_file_id: id } = await create((await upload()).id);
    world.sidecar.decide = ({ resource }) => ({ allow: resource.id !== "remove" });
    const text = await (await openAi().files.content(id ?? "")).text();
    expect(text.split("\n")[0]).toBe(result("read", 1));
    expect(text).not.toContain('"remove"');
    expect(text).toContain("The call of remove was refused");
    expect(world.sidecar.asked.at(-1)?.calls?.[0]?.resource.properties).toMatchObject({
      model: "gpt",
      offered: false,
    });
  });

  test("whose results are none is cut off", async () => {
    const { output_file_id: id } = await create((await upload()).id);
    const hidden = '{"choices":[{"message":{"tool_calls":[{"function":{"name":"remove"}}]}}]}';
    for (const text of [
      ...["not JSON", '{"response":{"body":"tool"}}', "[]"],
      `{"response":{"body":{"choices":[]}},"Response":{"body":${hidden}}}`,
      `{"reſponse":{"body":${hidden}}}`,
      `{"response":{"BODY":${hidden}}}`,
    ]) {
      output.text = text;
      const got = fetch(`${world.url}/v1/files/${id ?? ""}/content`, {
        headers: { authorization: `Bearer ${callerToken}` },
      }).then((response) => response.text());
      await expect(got).rejects.toThrow();
    }
  });
});
