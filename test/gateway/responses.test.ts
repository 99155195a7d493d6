/** OpenAI's responses by its own client: plain, streamed, calls decided, and what is kept bound to who made it. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import { isOwn, readId, sealId } from "../../gateway/models/operations/bind.js";
import type { Decision } from "../../sidecar/contract.js";
import { badResponses } from "./responses.cases.js";
import type { Decide, Served, World } from "./world.js";
import { deny, json, post, providerKey, startUpstream, startWorld, subject, until } from "./world.js";

let world: World;
let upstream: Served;
beforeEach(async () => {
  upstream = await startUpstream((_req, res) => {
    json(res, answer());
  });
  const place = { region: "eu", environment: "prod" };
  const api_key = { value: providerKey };
  const gpt = { ...place, upstream: "gpt", provider: "openai" };
  world = await startWorld({
    config: {
      upstreams: {
        claude: { url: upstream.url, protocol: "anthropic", api_key },
        gpt: { url: upstream.url, api_key },
        other: { url: upstream.url, api_key },
      },
      models: {
        gpt: { ...gpt, upstream_model: "real-name" },
        twin: gpt,
        other: { ...gpt, upstream: "other" },
        sonnet: { ...place, upstream: "claude", provider: "anthropic" },
      },
    },
  });
});
afterEach(async () => {
  await world.close();
  await upstream.close();
});

const openAi = () => new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "callers", maxRetries: 0 });
const sent = (): Record<string, unknown> =>
  JSON.parse(upstream.received.at(-1)?.body ?? "{}") as Record<string, unknown>;
const asked = () => world.sidecar.asked.at(-1)?.calls?.[0];
async function became(outcome: object): Promise<void> {
  await until(() => world.sidecar.outcomes.length > 0);
  expect(world.sidecar.outcomes.at(-1)).toMatchObject(outcome);
}

const message = {
  ...{ type: "message", id: "msg_1", status: "completed", role: "assistant" },
  content: [{ type: "output_text", text: "hello", annotations: [], logprobs: [] }],
};
const callOf = (name: string, id = "fc_1") => ({
  ...{
    type: "function_call",
    id,
    call_id: `call_${id}`,
    name,
    arguments: '{"path":"/a"}',
    status: "completed",
  },
});
const tools = ["read", "remove"].map((name) => ({
  ...{ type: "function" as const, name, strict: false, parameters: { type: "object" } },
}));
const usage = { input_tokens: 9, output_tokens: 4, total_tokens: 13 };
const answer = (more: object = {}) => ({
  ...{
    id: "resp_1",
    object: "response",
    created_at: 1,
    status: "completed",
    model: "real-name",
    error: null,
  },
  ...{ output: [message], previous_response_id: null, tools, parallel_tool_calls: true, usage },
  ...more,
});
const numbered = (events: readonly object[]): string =>
  events
    .map((event, i) => {
      const { type } = event as { type: string };
      return `event: ${type}\ndata: ${JSON.stringify({ ...event, sequence_number: i })}\n\n`;
    })
    .join("");
const callEvents = (item: ReturnType<typeof callOf>, output_index: number): object[] => {
  const at = { item_id: item.id, output_index };
  return [
    {
      type: "response.output_item.added",
      output_index,
      item: { ...item, arguments: "", status: "in_progress" },
    },
    { type: "response.function_call_arguments.delta", ...at, delta: '{"path":' },
    { type: "response.function_call_arguments.delta", ...at, delta: '"/a"}' },
    { type: "response.function_call_arguments.done", ...at, name: item.name, arguments: item.arguments },
    { type: "response.output_item.done", output_index, item },
  ];
};
const textEvents = (output_index: number): object[] => {
  const at = { item_id: "msg_1", output_index, content_index: 0 };
  const part = message.content[0];
  return [
    {
      type: "response.output_item.added",
      output_index,
      item: { ...message, content: [], status: "in_progress" },
    },
    { type: "response.content_part.added", ...at, part: { ...part, text: "" } },
    { type: "response.output_text.delta", ...at, delta: "hel" },
    { type: "response.output_text.delta", ...at, delta: "lo" },
    { type: "response.output_text.done", ...at, text: "hello" },
    { type: "response.content_part.done", ...at, part },
    { type: "response.output_item.done", output_index, item: message },
  ];
};
const begun = [
  { type: "response.created", response: answer({ output: [], status: "in_progress", usage: null }) },
];
const streamed = (events: readonly object[], output: readonly object[]): void => {
  const all = [...begun, ...events, { type: "response.completed", response: answer({ output }) }];
  upstream.answer = (_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" }).end(numbered(all));
  };
};
/** Allows all but the calls of functions that are named so. */
const but =
  (name: string): Decide =>
  (call) =>
    call.resource.id === name
      ? { allow: false, reasons: [{ code: "function_forbidden", message: "no" }] }
      : { allow: true };

describe("a response", () => {
  test("plain: decided by model and what is kept; sent as it was decided", async () => {
    const got = await openAi().responses.create({
      model: "gpt",
      input: [{ role: "user", content: "hi" }],
      instructions: "be brief",
      tools,
      temperature: 0.5,
    });
    expect(got.output_text).toBe("hello");
    expect(asked()).toMatchObject({
      action: {
        name: "model.invoke",
        properties: {
          ...{ phase: "request", stream: false, store: true, background: false, continues: false },
          parameters: { temperature: 0.5, tools: ["read", "remove"] },
        },
      },
      resource: { type: "model", id: "gpt" },
    });
    expect(world.sidecar.asked[0]?.context.prompt).toMatchObject({ messages: 1, roles: { user: 1 } });
    expect(upstream.received.at(-1)?.path).toBe("/v1/responses");
    expect(sent()).toEqual({
      ...{ model: "real-name", input: [{ role: "user", content: "hi" }], instructions: "be brief" },
      ...{ tools, temperature: 0.5 },
    });
    await became({ outcome: "forwarded", usage: { input_tokens: 9, output_tokens: 4 } });
  });

  test("streamed: the client's own accumulation gives the same", async () => {
    streamed(textEvents(0), [message]);
    const stream = openAi().responses.stream({ model: "gpt", input: "hi" });
    let text = "";
    stream.on("response.output_text.delta", ({ delta }) => (text += delta));
    const final = await stream.finalResponse();
    expect([text, final.output_text]).toEqual(["hello", "hello"]);
    expect(readId(final.id)).toMatchObject({ id: "resp_1", model: "gpt" });
    await became({ outcome: "forwarded", usage: { input_tokens: 9, output_tokens: 4 } });
  });

  test("a denial raises the client's own error; a model of another protocol has none", async () => {
    await expect(openAi().responses.create({ model: "sonnet", input: "hi" })).rejects.toMatchObject({
      status: 400,
      code: "untranslatable",
    });
    world.sidecar.decide = deny();
    const error = await openAi()
      .responses.create({ model: "gpt", input: "hi", stream: true })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(upstream.received).toEqual([]);
  });

  test("obligations in its own words", async () => {
    const duty = (type: string, properties: Record<string, unknown>) => ({ id: type, type, properties });
    world.sidecar.decide = () => ({
      allow: true,
      obligations: [
        duty("limit_tokens", { max_tokens: 5 }),
        duty("set_parameters", { parameters: { store: false } }),
        duty("filter_tools", { deny: ["rem*"] }),
        duty("require_system_prompt", { text: "Obey." }),
      ] as Decision["obligations"],
    });
    await openAi().responses.create({ model: "gpt", input: "hi", instructions: "be brief", tools });
    expect(sent()).toMatchObject({ max_output_tokens: 5, store: false, instructions: "Obey.\n\nbe brief" });
    expect(sent()["tools"]).toEqual(tools.slice(0, 1));
    world.sidecar.decide = () => ({
      allow: true,
      obligations: [duty("stop_on", { sequences: ["x"] })] as Decision["obligations"],
    });
    await expect(openAi().responses.create({ model: "gpt", input: "hi" })).rejects.toMatchObject({
      code: "obligation_unsatisfiable",
    });
  });

  test("a stream that is cut raises an error in the client", async () => {
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(numbered([...begun, ...textEvents(0).slice(0, 3)]), () => res.destroy());
    };
    const stream = await openAi().responses.create({ model: "gpt", input: "hi", stream: true });
    const read = async (): Promise<void> => {
      for await (const event of stream) void event;
    };
    await expect(read()).rejects.toMatchObject({ code: "upstream_unavailable" });
    await became({ outcome: "upstream_error" });
  });
});

describe("calls in a response", () => {
  test("are decided by name, arguments and what was offered; a refused one becomes text", async () => {
    upstream.answer = (_req, res) => {
      json(res, answer({ output: [message, callOf("read"), callOf("remove", "fc_2")] }));
    };
    world.sidecar.decide = but("remove");
    const got = await openAi().responses.create({ model: "gpt", input: "hi", tools });
    expect(got.output.map(({ type }) => type)).toEqual(["message", "function_call", "message"]);
    expect(got.output[1]).toMatchObject({ name: "read", call_id: "call_fc_1", arguments: '{"path":"/a"}' });
    expect(got.output_text).toContain("[The call of remove was refused: function_forbidden");
    expect(world.sidecar.asked[1]?.calls?.[0]).toMatchObject({
      kind: "tool",
      action: { name: "tool.call", properties: { phase: "response" } },
      resource: {
        type: "function",
        id: "read",
        properties: { arguments: { path: "/a" }, model: "gpt", offered: true },
      },
    });
  });

  test("streamed: held until they are whole; a refused one is text, in events and at the end", async () => {
    const [kept, refused] = [callOf("read"), callOf("remove", "fc_2")];
    streamed([...textEvents(0), ...callEvents(refused, 1), ...callEvents(kept, 2)], [message, refused, kept]);
    world.sidecar.decide = but("remove");
    const stream = openAi().responses.stream({ model: "gpt", input: "hi", tools });
    const numbers: number[] = [];
    const seen: string[] = [];
    stream.on("event", (event) => {
      numbers.push(event.sequence_number);
      seen.push(JSON.stringify(event));
    });
    const final = await stream.finalResponse();
    expect(final.output.map(({ type }) => type)).toEqual(["message", "message", "function_call"]);
    expect(final.output[2]).toMatchObject({ name: "read", arguments: '{"path":"/a"}' });
    expect(final.output_text).toContain("was refused");
    expect(seen.join("")).not.toContain("call_fc_2");
    expect(numbers).toEqual(numbers.map((_, i) => i));
    // decided once each, though they stand in two places
    expect(world.sidecar.decided()).toBe(3);
  });

  const call = callOf("read");
  const [added = {}, delta = {}, , done = {}, end = {}] = callEvents(call, 0);
  const begunAs = (name: string): object => ({ ...added, item: { ...call, name } });
  const lies: readonly (readonly [string, readonly object[], readonly object[]])[] = [
    ["pieces that say something else", [added, delta, { ...delta, delta: '"/etc"}' }, done, end], [call]],
    ["an end that says something else", [added, end], [{ ...call, arguments: '{"path":"/etc"}' }]],
    ["a name that changes", [added, { ...end, item: { ...call, name: "remove" } }], [call]],
    [
      "a name that was another at first",
      [begunAs("remove"), delta, { ...delta, delta: '"/a"}' }, done, end],
      [call],
    ],
    ["a call that ends as a message", [begunAs("remove"), { ...end, item: message }], [message]],
    ["pieces of no call", [delta], []],
    ["a call in an event of another type", [{ type: "response.novel", item: callOf("remove") }], []],
    ["a call in an event of no type", [{ item: callOf("remove"), output_index: 0 }], []],
    ["a call that never ends", [added, delta], []],
    ["a call only at the very end", [], [callOf("remove")]],
    [
      "a call of a kind that isn't known",
      [{ ...end, item: { type: "shell_call", id: "s_1", action: {} } }],
      [],
    ],
  ];
  test.each(lies)("nothing undecided gets through: %s", async (name, events, output) => {
    streamed(events, output);
    world.sidecar.decide = ({ kind, resource: { id, properties } }) => ({
      allow:
        kind === "model" || (id === "read" && JSON.stringify(properties["arguments"]) === '{"path":"/a"}'),
    });
    const got = await post(
      world,
      "/v1/responses",
      JSON.stringify({ model: "gpt", input: "x", stream: true, tools }),
    );
    const text = await got.text();
    if (name.includes("never ends")) expect(text).toContain('"type":"error"');
    // what was decided may be seen, and whole
    expect(text).not.toMatch(/\/etc|shell_call"|"type":"function_call"[^}]*"name":"remove"/);
    if (text.includes("function_call")) expect(text).toContain("response.output_item.done");
  });
});

describe("what is kept", () => {
  const create = async (more: object = {}) =>
    openAi().responses.create({ model: "gpt", input: "hi", ...more } as { model: string; input: string });

  test("goes on, is read, cancelled and deleted by who made it", async () => {
    const first = await create({ background: true });
    upstream.answer = (_req, res) => {
      json(res, answer({ id: "resp_2", previous_response_id: "resp_1" }));
    };
    const next = await create({ previous_response_id: first.id, model: "twin" });
    expect(sent()["previous_response_id"]).toBe("resp_1");
    expect(asked()?.action.properties).toMatchObject({ continues: true });
    expect(readId(next.previous_response_id ?? "")).toMatchObject({ id: "resp_1" });

    upstream.answer = (_req, res) => {
      json(res, answer({ output: [callOf("remove")] }));
    };
    world.sidecar.decide = but("remove");
    const read = await openAi().responses.retrieve(first.id);
    expect(upstream.received.at(-1)).toMatchObject({ method: "GET", path: "/v1/responses/resp_1", body: "" });
    expect(read.output_text).toContain("was refused");
    expect(world.sidecar.asked.at(-2)?.calls?.[0]).toMatchObject({
      action: { name: "response.read", properties: { phase: "request" } },
      resource: { type: "model", id: "gpt", properties: { region: "eu" } },
    });
    expect(asked()?.resource.properties).toMatchObject({ offered: true });
    await openAi().responses.cancel(first.id);
    expect(upstream.received.at(-1)).toMatchObject({ method: "POST", path: "/v1/responses/resp_1/cancel" });
    upstream.answer = (_req, res) => {
      json(res, { id: "resp_1", object: "response", deleted: true });
    };
    await openAi().responses.delete(first.id);
    expect(upstream.received.at(-1)).toMatchObject({ method: "DELETE", path: "/v1/responses/resp_1" });
    expect(asked()?.action.name).toBe("response.delete");
  });

  test("an output goes back as input in the upstream's ids; what stood in for a call without", async () => {
    upstream.answer = (_req, res) => {
      json(
        res,
        answer({ output: [{ type: "reasoning", id: "rs_1", summary: [] }, callOf("remove"), message] }),
      );
    };
    world.sidecar.decide = but("remove");
    const { output } = await create({ tools });
    upstream.answer = (_req, res) => {
      json(res, answer());
    };
    await create({ input: [...output, { type: "item_reference", id: output[2]?.id }] });
    expect((sent()["input"] as { id?: string }[]).map(({ id }) => id)).toEqual([
      "rs_1",
      undefined,
      "msg_1",
      "msg_1",
    ]);
  });

  const others = [
    ["of another tenant", { ...subject, tenant: "globex" }],
    ["of the same tenant", { ...subject, id: "agent-2" }],
    ["of another type", { ...subject, type: "user" }],
  ] as const;
  test.each(others)("is unknown to whoever else: %s", async (_name, other) => {
    const made = await create();
    const { length } = upstream.received;
    world.sidecar.decide = () => ({ allow: true, subject: other });
    const unknown = { status: 404, code: "unknown_response" };
    await expect(openAi().responses.retrieve(made.id)).rejects.toMatchObject(unknown);
    await expect(openAi().responses.delete(made.id)).rejects.toMatchObject(unknown);
    await expect(openAi().responses.cancel(made.id)).rejects.toMatchObject(unknown);
    await expect(create({ previous_response_id: made.id })).rejects.toMatchObject(unknown);
    const item = { type: "item_reference", id: made.output[0]?.id };
    await expect(create({ input: [item] })).rejects.toMatchObject(unknown);
    expect(upstream.received).toHaveLength(length);
    await until(() => world.sidecar.outcomes.length === 6);
    expect(world.sidecar.outcomes.at(-1)).toMatchObject({ outcome: "denied", status: 404 });
  });

  test("is unknown at another upstream, by the upstream's own id, and in any other spelling", async () => {
    const { id } = await create();
    const { length } = upstream.received;
    const spellings = ["resp_1", `${id}A`, id.slice(0, -1), `msg_${id.slice(5)}`, `${id}==`, ` ${id}`];
    const named = readId(id);
    const bound = { subject, upstream: "gpt", model: "gpt", secret: new Uint8Array(32) };
    expect(named && isOwn(named, bound)).toBe(false);
    for (const one of [...spellings, sealId("resp_1", "resp_", bound)])
      await expect(create({ previous_response_id: one })).rejects.toMatchObject({ code: "unknown_response" });
    await expect(create({ previous_response_id: id, model: "other" })).rejects.toMatchObject({ status: 404 });
    for (const one of ["resp_1", `${id}?x=1`, `${id}/../x`, `${id}%2f`]) {
      const got = await fetch(`${world.url}/v1/responses/${one}`, {
        headers: { authorization: "Bearer callers" },
      });
      expect(got.status).toBe(404);
    }
    expect(upstream.received).toHaveLength(length);
  });

  test("reading is decided, and a duty that it can't do denies", async () => {
    const { id } = await create();
    world.sidecar.decide = deny();
    await expect(openAi().responses.retrieve(id)).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
    world.sidecar.decide = () => ({
      ...{ allow: true, obligations: [{ id: "o", type: "limit_tokens", properties: { max_tokens: 1 } }] },
    });
    await expect(openAi().responses.retrieve(id)).rejects.toMatchObject({ code: "obligation_unsatisfiable" });
    expect(upstream.received).toHaveLength(1);
  });
});

test.each(badResponses.map((bad) => [bad.name, bad] as const))("not passed on: %s", async (_name, bad) => {
  const body = "body" in bad ? bad.body : JSON.stringify({ model: "gpt", input: "hi", ...bad.more });
  const got = await post(world, "/v1/responses", body);
  expect(got.status).toBe(400);
  expect(await got.text()).toContain(`"${bad.code ?? "invalid_request"}"`);
  expect(upstream.received).toEqual([]);
  expect(world.sidecar.decided()).toBe(0);
});
