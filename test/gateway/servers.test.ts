/** Named routes to model servers: LangServe, Ollama, vLLM, and any other by a table. */
import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Ollama } from "ollama";
import type { Call } from "../../sidecar/contract.js";
import type { Served, World } from "./world.js";
import { allow, callerToken, deny, json, startUpstream, startWorld, until } from "./world.js";

let world: World;
let server: Served;
const place = { region: "eu", environment: "prod" };

beforeAll(async () => {
  server = await startUpstream((_req, res) => {
    json(res, {});
  });
  const at = { url: server.url, ...place };
  const models = { small: { upstream_model: "llama3.2:latest" }, large: {} };
  world = await startWorld({
    config: {
      routes: {
        chains: { kind: "langserve", ...at, chains: ["joke", "team/plan"], tools: ["weather"] },
        chain: { kind: "langserve", ...at, calls: "pass" },
        lama: { kind: "ollama", ...at, models },
        vllm: { kind: "vllm", ...at, models },
        triton: {
          kind: "http",
          ...at,
          operations: [
            { method: "POST", path: "/v2/models/{model}/infer", action: "model.invoke", id: "{model}" },
            { method: "POST", path: "/v1/models/{model}:predict", action: "model.invoke", id: "{model}" },
            { method: "POST", path: "/generate", action: "model.invoke", id_pointer: "/parameters/model" },
            { method: "GET", path: "/v2/models/{model}", action: "model.show", id: "{model}" },
          ],
        },
      },
    },
  });
});
afterAll(async () => {
  await world.close();
  await server.close();
});
afterEach(() => {
  world.sidecar.decide = allow;
  world.sidecar.asked.length = 0;
  world.sidecar.outcomes.length = 0;
  server.received.length = 0;
});

const headers = { authorization: `Bearer ${callerToken}`, "content-type": "application/json" };
const post = (path: string, body: unknown, method = "POST"): Promise<Response> =>
  fetch(`${world.url}/routes/${path}`, {
    ...{ method, headers },
    ...(method === "GET" ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
const calls = (): Call[] => world.sidecar.asked.flatMap(({ calls: all }) => all ?? []);
const sent = (): unknown[] =>
  server.received.map(({ method, path, body }) => [method, path, body === "" ? "" : JSON.parse(body)]);
const answering = (type: string, pieces: readonly string[], status = 200): void => {
  server.answer = (_req, res: ServerResponse) => {
    res.writeHead(status, { "content-type": type });
    for (const piece of pieces) res.write(piece);
    res.end();
  };
};
/** Denies calls of a function by its name, and lets all else be. */
const without = (name: string): void => {
  world.sidecar.decide = ({ resource }) =>
    resource.id === name
      ? { allow: false, reasons: [{ code: "function_forbidden", message: "no" }] }
      : { allow: true };
};

describe("LangServe", () => {
  test("an invocation is decided with its configuration, and without its text", async () => {
    answering("application/json", ['{"output":"ha","metadata":{"run_id":"r"}}']);
    const body = {
      input: { topic: "cats" },
      config: { configurable: { model: "big" }, tags: ["t"] },
      kwargs: {},
    };
    const answer = await post("chains/joke/invoke", body);
    expect(await answer.json()).toEqual({ output: "ha", metadata: { run_id: "r" } });
    expect(calls()).toEqual([
      {
        kind: "route",
        action: {
          name: "chain.invoke",
          properties: {
            ...{ phase: "request", operation: "invoke", stream: false },
            config: { configurable: { model: "big" }, tags: ["t"] },
            kwargs: {},
            input: {
              ...{ type: "object", bytes: 16, names: ["topic"] },
              sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
            },
          },
        },
        resource: { type: "chain", id: "chains/joke", properties: { route: "chains", ...place } },
      },
    ]);
    expect(JSON.stringify(world.sidecar.asked)).not.toContain("cats");
    expect(sent()).toEqual([["POST", "/joke/invoke", body]]);
    expect(server.received[0]?.headers.authorization).toBeUndefined();
  });

  test("a batch is decided input by input: one that is denied stops it", async () => {
    answering("application/json", ['{"output":["a","b"]}']);
    const config = [{ configurable: { k: 1 } }, { configurable: { k: 2 } }];
    world.sidecar.decide = ({ action }) => ({
      allow: JSON.stringify(action.properties["config"]) !== '{"configurable":{"k":2}}',
      reasons: [{ code: "second", message: "not this one" }],
    });
    const answer = await post("chains/joke/batch", { inputs: ["a", "b"], config });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      code: "denied",
      detail: expect.stringContaining("denied by policy") as unknown,
      reasons: [{ code: "second" }],
      decision_id: `d-${world.sidecar.decided()}`,
    });
    expect(calls().map(({ action }) => action.properties["index"])).toEqual([0, 1]);
    expect(sent()).toEqual([]);
    world.sidecar.decide = allow;
    expect(await (await post("chains/joke/batch", { inputs: ["a", "b"], config })).json()).toEqual({
      output: ["a", "b"],
    });
  });

  test("streams pass as they come", async () => {
    let go = (): void => undefined;
    server.answer = (_req, res) => {
      res
        .writeHead(200, { "content-type": "text/event-stream; charset=utf-8" })
        .write('event: data\ndata: "a"\n\n');
      go = () => res.end('event: data\ndata: "b"\n\nevent: end\n\n');
    };
    for (const operation of ["stream", "stream_log", "stream_events"]) {
      const answer = await post(`chains/team/plan/${operation}`, { input: "x" });
      expect(answer.headers.get("content-type")).toBe("text/event-stream");
      const reader = answer.body?.getReader();
      expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('event: data\ndata: "a"\n\n');
      go();
      let rest = "";
      for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read())
        rest += Buffer.from(part.value).toString();
      expect(rest).toBe('event: data\ndata: "b"\n\nevent: end\n\n');
    }
    expect(calls().map(({ action }) => action.properties["stream"])).toEqual([true, true, true]);
  });

  test("a stream that is cut says so", async () => {
    server.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).write('event: data\ndata: "a"\n\n');
      setTimeout(() => res.destroy(), 20);
    };
    const text = await (await post("chains/joke/stream", { input: "x" })).text();
    expect(text).toContain("event: error");
    const told = (): unknown =>
      world.sidecar.outcomes.find(({ decision_id }) => decision_id === `d-${world.sidecar.decided()}`);
    await until(() => told() !== undefined);
    expect(told()).toMatchObject({ outcome: "upstream_error" });
  });

  const chunk = (args: string, more: object = {}): string =>
    `event: data\ndata: ${JSON.stringify({ content: "", type: "AIMessageChunk", tool_call_chunks: [{ name: null, args, index: 0, ...more }] })}\n\n`;
  const pieces = [
    chunk("", { name: "weather", id: "c1" }),
    chunk('{"city":'),
    chunk('"Bern"}'),
    "event: end\n\n",
  ];

  test("calls of tools are held until they are whole, decided, and let go byte for byte", async () => {
    answering("text/event-stream", ['event: data\ndata: {"content":"hm"}\n\n', ...pieces]);
    const text = await (await post("chains/joke/stream", { input: "x" })).text();
    expect(text).toBe(['event: data\ndata: {"content":"hm"}\n\n', ...pieces].join(""));
    expect(calls()[1]).toMatchObject({
      action: { name: "tool.call", properties: { phase: "response" } },
      resource: {
        type: "function",
        id: "weather",
        properties: { arguments: { city: "Bern" }, model: "chains/joke", offered: true },
      },
    });
  });

  test("that come several times are put together where each comes, in logs and in events", async () => {
    const piece = (args: string, name: string | null = null): object => ({
      tool_call_chunks: [{ name, args, index: 0 }],
    });
    const parts = [piece("", "weather"), piece('{"city":'), piece('"Bern"}')];
    const all = piece('{"city":"Bern"}', "weather");
    const say = (value: object): string => `event: data\ndata: ${JSON.stringify(value)}\n\n`;
    const logged = [
      ...parts.map((value) => [
        { op: "add", path: "/logs/Model/streamed_output/-", value },
        { op: "add", path: "/streamed_output/-", value },
        { op: "replace", path: "/final_output", value },
      ]),
      [{ op: "replace", path: "/final_output", value: all }],
    ].map((ops) => say({ ops }));
    const events = [
      ...parts.flatMap((chunk) =>
        ["r1", "r2"].map((run_id) => ({ event: "on_chain_stream", run_id, data: { chunk } })),
      ),
      { event: "on_chain_end", run_id: "r1", data: { output: all } },
    ].map(say);
    for (const [operation, pieces] of [
      ["stream_log", logged],
      ["stream_events", events],
    ] as const) {
      world.sidecar.asked.length = 0;
      answering("text/event-stream", pieces);
      const text = await (await post(`chains/joke/${operation}`, { input: "x" })).text();
      expect(text).toBe(pieces.join(""));
      expect(calls().slice(1)).toMatchObject([
        { resource: { id: "weather", properties: { arguments: { city: "Bern" } } } },
      ]);
    }
  });

  test("or refused: in streams, in messages, in an agent's actions", async () => {
    without("weather");
    answering("text/event-stream", pieces);
    const text = await (await post("chains/joke/stream", { input: "x" })).text();
    expect(text).toMatch(
      /^event: error\ndata: \{"status_code":403,"message":"\[The call of weather was refused/,
    );
    expect(text).not.toContain("Bern");
    for (const output of [
      { type: "ai", content: "", tool_calls: [{ name: "weather", args: { city: "Bern" }, id: "1" }] },
      {
        type: "ai",
        content: "",
        additional_kwargs: { tool_calls: [{ function: { name: "weather", arguments: '{"city":"Bern"}' } }] },
      },
      {
        type: "ai",
        content: "",
        additional_kwargs: { function_call: { name: "weather", arguments: '{"city":"Bern"}' } },
      },
      { type: "AgentAction", tool: "weather", tool_input: { city: "Bern" }, log: "" },
      { messages: [{ type: "ai", tool_calls: [{ name: "weather", args: { city: "Bern" } }] }] },
      // only a chunk's calls are made of its pieces
      {
        type: "ai",
        content: "",
        tool_call_chunks: [{ name: "other", args: "{}", index: 0 }],
        tool_calls: [{ name: "weather", args: { city: "Bern" }, id: "1" }],
      },
      {
        type: "ai",
        content: "",
        tool_call_chunks: [{}],
        additional_kwargs: { tool_calls: [{ function: { name: "weather", arguments: '{"city":"Bern"}' } }] },
      },
    ]) {
      answering("application/json", [JSON.stringify({ output })]);
      const answer = await (await post("chains/joke/invoke", { input: "x" })).text();
      expect(answer).toContain("was refused");
      expect(answer).not.toContain("Bern");
    }
    // beside the output
    const call = { type: "ai", content: "", tool_calls: [{ name: "weather", args: { city: "Bern" } }] };
    answering("application/json", [JSON.stringify({ output: "x", metadata: { feedback: call } })]);
    expect(await (await post("chains/joke/invoke", { input: "x" })).text()).not.toContain("Bern");
    // where the chain carries its tools out itself
    answering("text/event-stream", pieces);
    expect(await (await post("chain/stream", { input: "x" })).text()).toBe(pieces.join(""));
  });

  test.each([
    ["configuration in the path", "chains/joke/c/N4XyA/invoke", { input: 1 }, "unknown_operation"],
    ["the same at the top", "chain/c/N4XyA/invoke", { input: 1 }, "unknown_operation"],
    ["a playground", "chains/joke/playground", {}, "unknown_operation"],
    ["feedback", "chains/joke/feedback", {}, "unknown_operation"],
    ["a field that isn't known", "chains/joke/invoke", { input: 1, Config: {} }, "invalid_request"],
    [
      "a configuration that isn't known",
      "chains/joke/invoke",
      { input: 1, config: { callbacks: [] } },
      "invalid_request",
    ],
    [
      "a configuration that is too long",
      "chains/joke/invoke",
      { input: 1, config: { metadata: { x: "y".repeat(17_000) } } },
      "invalid_request",
    ],
    [
      "more configurations than inputs",
      "chains/joke/batch",
      { inputs: [1], config: [{}, {}] },
      "invalid_request",
    ],
    ["no inputs", "chains/joke/batch", { inputs: [] }, "invalid_request"],
    [
      "a key twice",
      "chains/joke/invoke",
      '{"input":1,"config":{},"config":{"configurable":{}}}',
      "duplicate_key",
    ],
    ["a query", "chains/joke/invoke?config=x", { input: 1 }, "path_refused"],
    ["another case", "chains/joke/Invoke", { input: 1 }, "unknown_operation"],
  ])("refused, neither decided nor sent: %s", async (_name, path, body, code) => {
    expect(await (await post(path, body)).json()).toMatchObject({ code });
    expect([calls(), sent()]).toEqual([[], []]);
  });

  test("a chain that isn't is decided on first; schemas are described", async () => {
    expect(await (await post("chains/none/invoke", { input: 1 })).json()).toMatchObject({
      code: "unknown_chain",
    });
    expect(calls()).toHaveLength(1);
    world.sidecar.decide = deny();
    expect(await (await post("chains/none/invoke", { input: 1 })).json()).toMatchObject({ code: "denied" });
    world.sidecar.decide = allow;
    answering("application/json", ['{"type":"string"}']);
    expect(await (await post("chains/joke/input_schema", undefined, "GET")).json()).toEqual({
      type: "string",
    });
    expect(calls().at(-1)?.action.name).toBe("chain.describe");
    expect(sent()).toEqual([["GET", "/joke/input_schema", ""]]);
  });
});

describe("Ollama", () => {
  const client = (): Ollama =>
    new Ollama({ host: `${world.url}/routes/lama`, headers: { authorization: headers.authorization } });
  const line = (value: object): string => `${JSON.stringify(value)}\n`;
  const said = (content: string, more: object = {}): string =>
    line({
      model: "llama3.2",
      created_at: "t",
      message: { role: "assistant", content, ...more },
      done: false,
    });
  const last = line({
    model: "llama3.2",
    message: { role: "assistant", content: "" },
    done: true,
    prompt_eval_count: 4,
    eval_count: 2,
  });
  const weather = { tool_calls: [{ function: { name: "weather", arguments: { city: "Bern" } } }] };
  const ask = { model: "small", messages: [{ role: "user", content: "hello" }] };
  const tools = [
    {
      type: "function",
      function: { name: "weather", description: "", parameters: { type: "object", properties: {} } },
    },
  ] as never;

  test("its own client chats, streamed and not; the upstream's name is put in, usage recorded", async () => {
    answering("application/x-ndjson", [said("he"), said("llo"), last]);
    const parts: string[] = [];
    for await (const part of await client().chat({ ...ask, stream: true })) parts.push(part.message.content);
    expect(parts).toEqual(["he", "llo", ""]);
    answering("application/json; charset=utf-8", [last.trim()]);
    expect((await client().chat({ ...ask, options: { temperature: 0.5 } })).eval_count).toBe(2);
    expect(calls()).toMatchObject([
      {
        kind: "model",
        action: { name: "model.invoke", properties: { operation: "chat", stream: true } },
        resource: { type: "model", id: "small", properties: { route: "lama", ...place } },
      },
      { action: { properties: { stream: false, parameters: { temperature: 0.5 } } } },
    ]);
    expect(sent()).toMatchObject([
      ["POST", "/api/chat", { model: "llama3.2:latest", stream: true }],
      ["POST", "/api/chat", { model: "llama3.2:latest", options: { temperature: 0.5 } }],
    ]);
    await until(() => world.sidecar.outcomes.length === 2);
    expect(world.sidecar.outcomes[1]).toMatchObject({
      usage: { input_tokens: 4, output_tokens: 2 },
      kind: "model",
    });
    expect(JSON.stringify(world.sidecar.asked)).not.toContain("hello");
  });

  test("its own client raises its own error, with our words", async () => {
    world.sidecar.decide = deny("tier_not_granted", "not your tier");
    const error = await client()
      .chat(ask)
      .catch((one: unknown) => one);
    expect(error).toMatchObject({
      name: "ResponseError",
      status_code: 403,
      error: expect.stringContaining("not your tier") as unknown,
    });
    await expect(
      (async () => {
        for await (const part of await client().generate({ model: "small", prompt: "x", stream: true }))
          void part;
      })(),
    ).rejects.toMatchObject({ status_code: 403 });
    expect(sent()).toEqual([]);
  });

  test("generates, embeds, shows", async () => {
    answering("application/json", ['{"response":"x","done":true}']);
    await client().generate({ model: "large", prompt: "x", raw: true, system: "s" });
    answering("application/json", ['{"embeddings":[[1]]}']);
    await client().embed({ model: "large", input: ["a", "b"] });
    await client().embeddings({ model: "large", prompt: "a" });
    answering("application/json", ['{"details":{}}']);
    await client().show({ model: "large" });
    expect(calls().map(({ action }) => action.name)).toEqual([
      "model.invoke",
      "embedding.create",
      "embedding.create",
      "model.show",
    ]);
    expect(calls()[0]?.action.properties).toMatchObject({ parameters: { raw: true } });
    expect(server.received.map(({ path }) => path)).toEqual([
      "/api/generate",
      "/api/embed",
      "/api/embeddings",
      "/api/show",
    ]);
  });

  test("lists only what the route lists and the caller may see, by its name here", async () => {
    const models = ["llama3.2:latest", "large:latest", "secret:latest"].map((name) => ({
      name,
      model: name,
      size: 1,
    }));
    answering("application/json", [JSON.stringify({ models })]);
    world.sidecar.decide = ({ resource }) => ({ allow: resource.id !== "large" });
    expect(await client().list()).toEqual({ models: [{ name: "small", model: "small", size: 1 }] });
    world.sidecar.decide = allow;
    expect((await client().ps()).models.map(({ name }) => name)).toEqual(["small", "large"]);
    world.sidecar.decide = ({ resource }) => ({ allow: resource.type === "model" });
    await expect(client().list()).rejects.toMatchObject({ status_code: 403 });
  });

  test("administration is decided by actions of its own", async () => {
    answering("application/json", ['{"status":"success"}']);
    await client().pull({ model: "new:7b" });
    await client().push({ model: "new:7b", insecure: true });
    await client().create({ model: "mine", from: "llama3.2", system: "s" });
    await client().copy({ source: "a", destination: "b" });
    await client().delete({ model: "mine" });
    expect(
      calls().map(({ action, resource }) => [action.name, resource.id, action.properties["parameters"]]),
    ).toEqual([
      ["model.pull", "new:7b", {}],
      ["model.push", "new:7b", { insecure: true }],
      ["model.create", "mine", { from: "llama3.2", system: "s" }],
      ["model.copy", "b", { source: "a" }],
      ["model.delete", "mine", {}],
    ]);
    expect(sent()).toMatchObject([
      ["POST", "/api/pull", { model: "new:7b" }],
      ["POST", "/api/push", { model: "new:7b", insecure: true }],
      ["POST", "/api/create", { model: "mine", from: "llama3.2" }],
      ["POST", "/api/copy", { source: "a", destination: "b" }],
      ["DELETE", "/api/delete", { model: "mine" }],
    ]);
    answering("application/x-ndjson", [line({ status: "pulling" }), line({ status: "success" })]);
    const states: string[] = [];
    for await (const { status } of await client().pull({ model: "new:7b", stream: true }))
      states.push(status);
    expect(states).toEqual(["pulling", "success"]);
  });

  test("calls of tools are decided: let go as they came, or replaced by a refusal", async () => {
    answering("application/x-ndjson", [said("hm"), said("", weather), last]);
    const all = async (): Promise<{ content: string; tool_calls?: unknown }[]> => {
      const parts: { content: string; tool_calls?: unknown }[] = [];
      for await (const { message } of await client().chat({ ...ask, tools, stream: true }))
        parts.push(message);
      return parts;
    };
    expect(await all()).toMatchObject([{ content: "hm" }, weather, { content: "" }]);
    expect(calls()[1]?.resource).toMatchObject({
      id: "weather",
      properties: { arguments: { city: "Bern" }, model: "small", offered: true },
    });
    without("weather");
    const parts = await all();
    expect(parts[1]?.content).toMatch(/^\[The call of weather was refused: function_forbidden/);
    expect(JSON.stringify(parts)).not.toContain("Bern");
    answering("application/json", [said("", weather).trim()]);
    const whole = await client().chat({ ...ask, tools });
    expect(whole.message.tool_calls).toBeUndefined();
    expect(whole.message.content).toContain("was refused");
    // what can't be read is let go by nobody
    for (const odd of [
      { message: { content: "", Tool_Calls: weather.tool_calls } },
      { message: { content: "" }, tool_calls: weather.tool_calls },
      { message: { content: "", tool_calls: { function: {} } } },
    ]) {
      answering("application/json", [JSON.stringify(odd)]);
      await expect(client().chat(ask)).rejects.toMatchObject({ status_code: 502 });
    }
    answering("application/json", [
      said("", { tool_calls: [{ function: { name: "ok", arguments: "{}" } }] }).trim(),
    ]);
    expect((await client().chat(ask)).message.content).toContain("can't be decided on");
  });

  test.each([
    ["calls", `{"message":{"content":"","tool_callſ":[{"function":{"name":"weather","arguments":{}}}]}}`],
    [
      "a function beside another",
      `{"message":{"tool_calls":[{"function":{"name":"x","arguments":{}},"Function":{"name":"weather"}}]}}`,
    ],
    ["a name beside another", `{"message":{"tool_calls":[{"function":{"name":"x","NAME":"weather"}}]}}`],
  ])("an answer in other letters is none: %s", async (_name, answer) => {
    answering("application/json", [answer]);
    const got = await post("lama/api/chat", { ...ask, stream: false });
    expect(got.status).toBe(502);
    expect(await got.text()).not.toContain("weather");
  });

  test("obligations are carried out in options", async () => {
    answering("application/json", [last.trim()]);
    const obligations = [{ id: "o", type: "limit_tokens", properties: { max_tokens: 10 } }];
    world.sidecar.decide = () => ({ allow: true, obligations });
    for (const options of [undefined, { num_predict: 50 }, { num_predict: -1, seed: 1 }, { num_predict: 5 }])
      await client().chat({ ...ask, ...(options === undefined ? {} : { options }) });
    expect(sent().map((one) => ((one as unknown[])[2] as { options: unknown }).options)).toEqual([
      { num_predict: 10 },
      { num_predict: 10 },
      { seed: 1, num_predict: 10 },
      { num_predict: 5 },
    ]);
    world.sidecar.decide = () => ({ allow: true, obligations: [{ id: "o", type: "mask", properties: {} }] });
    await expect(client().chat(ask)).rejects.toMatchObject({ status_code: 403 });
  });

  test.each([
    ["a line that never ends", ["x".repeat(5_000_000)]],
    ["a line that is too long", [`${JSON.stringify({ message: { content: "y".repeat(4_300_000) } })}\n`]],
    ["a line that is no JSON", ["hello\n"]],
    ["a line that is no object", ["[1]\n"]],
    ["a line that is cut", ['{"message":']],
    ["a line with a key twice", ['{"message":{"content":"a"},"message":{"content":"b"}}\n']],
  ])("a stream ends in the client's own words at %s", async (_name, pieces) => {
    answering("application/x-ndjson", [said("a"), ...pieces, said("after")]);
    // the client writes into what it is given
    const text = await (await post("lama/api/chat", { ...ask, stream: true })).text();
    const lines = text.split("\n").filter((one) => one !== "");
    expect(lines[0]).toBe(said("a").trim());
    expect(JSON.parse(lines[1] ?? "")).toMatchObject({ code: "upstream_unavailable" });
    expect(lines).toHaveLength(2);
  });

  test.each([
    ["a field that isn't known", "POST", "chat", { ...ask, Model: "large" }, "invalid_request"],
    ["an option that isn't known", "POST", "chat", { ...ask, options: { num_gpu: 9 } }, "invalid_request"],
    [
      "an option of another type",
      "POST",
      "chat",
      { ...ask, options: { num_predict: "9" } },
      "invalid_request",
    ],
    ["stream as text", "POST", "chat", { ...ask, stream: "false" }, "invalid_request"],
    ["model and name", "POST", "show", { model: "small", name: "large" }, "invalid_request"],
    ["no model", "POST", "pull", {}, "invalid_request"],
    ["a path for a model", "POST", "pull", { model: "../x" }, "invalid_request"],
    [
      "a message with an unknown field",
      "POST",
      "chat",
      { model: "small", messages: [{ role: "user", Content: "x" }] },
      "invalid_request",
    ],
    ["blobs", "POST", "blobs/sha256:1", {}, "unknown_operation"],
    ["OpenAI's paths", "POST", "../v1/chat/completions", {}, "unknown_route"],
    ["files in create", "POST", "create", { model: "m", from: "x", files: {} }, "invalid_request"],
    ["another method", "PUT", "chat", ask, "method_not_allowed"],
    ["a DELETE by POST", "POST", "delete", { model: "small" }, "method_not_allowed"],
    ["another case", "POST", "Chat", ask, "unknown_operation"],
  ])("refused, neither decided nor sent: %s", async (_name, method, path, body, code) => {
    expect(await (await post(`lama/api/${path}`, body, method)).json()).toMatchObject(
      code === "unknown_route" ? {} : { code },
    );
    expect([calls(), sent()]).toEqual([[], []]);
  });

  test("an alias of the server's own is unknown, and decided on without facts", async () => {
    for (const model of ["llama3.2:latest", "small:latest", "SMALL", "library/small"]) {
      expect(await (await post("lama/api/chat", { ...ask, model })).json()).toMatchObject({
        code: "unknown_model",
      });
      expect(calls().at(-1)?.resource).toEqual({ type: "model", id: model, properties: {} });
    }
    expect(sent()).toEqual([]);
  });
});

describe("vLLM", () => {
  test.each([
    ["tokenize", { prompt: "x" }, "model.tokenize"],
    ["detokenize", { tokens: [1] }, "model.tokenize"],
    ["score", { text_1: "a", text_2: ["b"] }, "rerank.create"],
    ["v1/rerank", { query: "a", documents: ["b"], top_n: 1 }, "rerank.create"],
    ["pooling", { input: "a" }, "embedding.create"],
    ["classify", { input: "a" }, "classification.create"],
  ])("%s is decided as what it is", async (path, body, action) => {
    answering("application/json", ['{"data":[]}']);
    expect((await post(`vllm/${path}`, { model: "small", ...body })).status).toBe(200);
    expect(calls()).toMatchObject([
      { kind: "model", action: { name: action }, resource: { type: "model", id: "small" } },
    ]);
    expect(sent()).toEqual([["POST", `/${path}`, { model: "llama3.2:latest", ...body }]]);
  });

  test.each([
    ["metrics", "GET", undefined],
    ["load", "GET", undefined],
    ["server_info", "GET", undefined],
    ["sleep", "POST", {}],
    ["wake_up", "POST", {}],
    ["reset_prefix_cache", "POST", {}],
    ["v1/load_lora_adapter", "POST", {}],
    ["v1/chat/completions", "POST", { model: "small", messages: [] }],
    ["invocations", "POST", { model: "small" }],
    ["collective_rpc", "POST", {}],
  ])("%s is refused", async (path, method, body) => {
    expect(await (await post(`vllm/${path}`, body, method)).json()).toMatchObject({
      error: { code: "unknown_operation" },
    });
    expect([calls(), sent()]).toEqual([[], []]);
  });

  test("a template of the request's own is refused by name", async () => {
    const answer = await post("vllm/tokenize", { model: "small", messages: [], chat_template: "{{ x }}" });
    expect(await answer.json()).toMatchObject({
      error: { message: expect.stringContaining("chat_template") as unknown },
    });
  });
});

describe("any server, by a table", () => {
  test("names its resource in the path or in the body", async () => {
    answering("application/octet-stream", ["binary"]);
    expect(await (await post("triton/v2/models/resnet/infer", { inputs: [1.5] })).text()).toBe("binary");
    await post("triton/v1/models/resnet:predict", { instances: [] });
    await post("triton/generate", { inputs: "x", parameters: { model: "org/bloom" } });
    await post("triton/v2/models/resnet", undefined, "GET");
    expect(calls().map(({ action, resource }) => [action.name, resource.id])).toEqual([
      ["model.invoke", "resnet"],
      ["model.invoke", "resnet"],
      ["model.invoke", "org/bloom"],
      ["model.show", "resnet"],
    ]);
    expect(server.received.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /v2/models/resnet/infer",
      "POST /v1/models/resnet:predict",
      "POST /generate",
      "GET /v2/models/resnet",
    ]);
  });

  test("what was read as UTF-8 is sent as such, whatever the request says", async () => {
    answering("application/json", ["{}"]);
    const type = { "content-type": "application/json; charset=utf-16" };
    const body = '{"parameters":{"model":"a"}}';
    await fetch(`${world.url}/routes/triton/generate`, {
      ...{ method: "POST", headers: { ...headers, ...type }, body },
    });
    await fetch(`${world.url}/routes/triton/v2/models/a/infer`, {
      ...{ method: "POST", headers: { ...headers, ...type }, body: "[ 1.0 ]" },
    });
    expect(server.received).toMatchObject([
      { body, headers: { "content-type": "application/json" } },
      { body: "[1.0]", headers: { "content-type": "application/json" } },
    ]);
  });

  test("takes other types than JSON", async () => {
    answering("application/json", ["{}"]);
    const body = Buffer.from([1, 2, 3]);
    const type = { "content-type": "image/png" };
    await fetch(`${world.url}/routes/triton/v2/models/resnet/infer`, {
      method: "POST",
      headers: { ...headers, ...type },
      body,
    });
    expect(calls()[0]?.action.properties).toMatchObject({ body: { type: "image/png", bytes: 3 } });
    expect(server.received[0]?.headers).toMatchObject({ ...type, "content-length": "3" });
  });

  test.each([
    ["a path that isn't listed", "POST", "triton/v2/repository/models/x/load", {}, "unknown_operation"],
    ["another method", "PUT", "triton/generate", {}, "method_not_allowed"],
    ["a body that doesn't name it", "POST", "triton/generate", { inputs: "x" }, "invalid_request"],
    ["a name that is none", "POST", "triton/generate", { parameters: { model: "../x" } }, "invalid_request"],
    [
      "a name of another type",
      "POST",
      "triton/generate",
      { parameters: { model: ["x"] } },
      "invalid_request",
    ],
    ["a name twice", "POST", "triton/generate", '{"parameters":{"model":"a","model":"b"}}', "duplicate_key"],
  ])("refused, neither decided nor sent: %s", async (_name, method, path, body, code) => {
    expect(await (await post(path, body, method)).json()).toMatchObject({ code });
    expect([calls(), sent()]).toEqual([[], []]);
  });

  test("redirects, faults and refused keys are no answers", async () => {
    for (const status of [302, 401, 403, 500]) {
      answering("application/json", ["{}"], status);
      expect((await post("triton/v2/models/resnet/infer", {})).status).toBe(502);
    }
    answering("application/json", ['{"error":"wrong input"}'], 422);
    const answer = await post("triton/v2/models/resnet/infer", {});
    expect([answer.status, await answer.json()]).toEqual([422, { error: "wrong input" }]);
  });
});
