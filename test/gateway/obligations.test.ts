/** Each obligation, in the words of each protocol: carried out to the letter, or a deny. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { besideObligations } from "../../gateway/enforce/beside.js";
import { enforce } from "../../gateway/enforce/enforce.js";
import { modelDuties } from "../../gateway/enforce/registry.js";
import { routeObligations } from "../../gateway/routing/restrict.js";
import { anthropic } from "../../gateway/models/anthropic.js";
import { openai } from "../../gateway/models/openai.js";
import type { JsonObject } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import type { World } from "./world.js";
import { chatBody, post, startWorld } from "./world.js";

const protocols = { openai, anthropic };
const parse = (value: unknown): JsonObject => parseJson(JSON.stringify(value)) as JsonObject;

/** Carries one obligation out; undefined where it can't be. */
function carry(protocol: keyof typeof protocols, type: string, properties: unknown, body: unknown): unknown {
  const before = parse(body);
  const text = stringifyJson(before);
  const out = enforce(
    before,
    [{ id: "o", type, properties: parse(properties) }],
    modelDuties,
    protocols[protocol].words,
  );
  // what was decided on stays as it was
  expect(stringifyJson(before)).toBe(text);
  return out === undefined ? undefined : JSON.parse(stringifyJson(out));
}

const tool = (name: string) => ({ type: "function", function: { name } });
const custom = (name: string) => ({ name, input_schema: {} });
interface Case {
  readonly on: keyof typeof protocols;
  readonly type: string;
  readonly properties: unknown;
  readonly body: object;
  readonly becomes: object | undefined;
}
const cases: readonly Case[] = [
  { on: "openai", type: "limit_tokens", properties: { max_tokens: 5 }, body: {}, becomes: { max_tokens: 5 } },
  {
    on: "openai",
    type: "limit_tokens",
    properties: { max_tokens: 5 },
    body: { max_completion_tokens: 9 },
    becomes: { max_completion_tokens: 5 },
  },
  {
    on: "anthropic",
    type: "limit_tokens",
    properties: { max_tokens: 5 },
    body: { max_tokens: 3 },
    becomes: { max_tokens: 3 },
  },
  {
    on: "anthropic",
    type: "limit_tokens",
    properties: { max_tokens: 5 },
    body: { max_tokens: 9 },
    becomes: { max_tokens: 5 },
  },
  { on: "openai", type: "limit_tokens", properties: { max_tokens: 0 }, body: {}, becomes: undefined },
  {
    on: "openai",
    type: "limit_tokens",
    properties: { max_tokens: 5, model: "m" },
    body: {},
    becomes: undefined,
  },

  {
    on: "openai",
    type: "set_parameters",
    properties: { parameters: { temperature: 0, seed: 1 } },
    body: { temperature: 2 },
    becomes: { temperature: 0, seed: 1 },
  },
  {
    on: "anthropic",
    type: "set_parameters",
    properties: { parameters: { inference_geo: "eu" } },
    body: {},
    becomes: { inference_geo: "eu" },
  },
  {
    on: "anthropic",
    type: "set_parameters",
    properties: { parameters: { seed: 1 } },
    body: {},
    becomes: undefined,
  },
  {
    on: "openai",
    type: "set_parameters",
    properties: { parameters: { model: "other" } },
    body: { model: "m" },
    becomes: undefined,
  },
  {
    on: "openai",
    type: "set_parameters",
    properties: { parameters: { messages: [] } },
    body: {},
    becomes: undefined,
  },
  {
    on: "openai",
    type: "set_parameters",
    properties: { parameters: { temperature: "hot" } },
    body: {},
    becomes: undefined,
  },
  { on: "openai", type: "set_parameters", properties: { parameters: ["x"] }, body: {}, becomes: undefined },
  {
    on: "openai",
    type: "set_parameters",
    properties: { parameters: { constructor: 1 } },
    body: {},
    becomes: undefined,
  },

  {
    on: "openai",
    type: "cap_parameters",
    properties: { parameters: { temperature: 1, n: 1 } },
    body: { temperature: 2, n: 1 },
    becomes: { temperature: 1, n: 1 },
  },
  {
    on: "openai",
    type: "cap_parameters",
    properties: { parameters: { temperature: 1 } },
    body: { temperature: 0.5 },
    becomes: { temperature: 0.5 },
  },
  {
    on: "openai",
    type: "cap_parameters",
    properties: { parameters: { temperature: 1 } },
    body: {},
    becomes: { temperature: 1 },
  },
  {
    on: "openai",
    type: "cap_parameters",
    properties: { parameters: { service_tier: 1 } },
    body: {},
    becomes: undefined,
  },
  { on: "openai", type: "cap_parameters", properties: {}, body: {}, becomes: undefined },

  {
    on: "openai",
    type: "filter_tools",
    properties: { allow: ["read_*"] },
    body: { tools: [tool("read_file"), tool("remove")] },
    becomes: { tools: [tool("read_file")] },
  },
  {
    on: "openai",
    type: "filter_tools",
    properties: { deny: ["remove"] },
    body: { tools: [tool("remove")], tool_choice: "auto", parallel_tool_calls: true },
    becomes: {},
  },
  {
    on: "openai",
    type: "filter_tools",
    properties: { deny: ["remove"] },
    body: { tools: [tool("remove")], tool_choice: tool("remove") },
    becomes: undefined,
  },
  {
    on: "openai",
    type: "filter_tools",
    properties: { deny: ["remove"] },
    body: { functions: [{ name: "remove" }, { name: "read" }] },
    becomes: { functions: [{ name: "read" }] },
  },
  {
    on: "openai",
    type: "filter_tools",
    properties: { deny: ["x"] },
    body: { tools: [{ type: "nameless" }, tool("a")] },
    becomes: { tools: [tool("a")] },
  },
  {
    on: "openai",
    type: "filter_tools",
    properties: { allow: ["a.c"] },
    body: { tools: [tool("abc")] },
    becomes: {},
  },
  {
    on: "anthropic",
    type: "filter_tools",
    properties: { allow: ["read*"] },
    body: { tools: [custom("read"), custom("remove")] },
    becomes: { tools: [custom("read")] },
  },
  {
    on: "anthropic",
    type: "filter_tools",
    properties: { allow: ["read"] },
    body: { tools: [custom("remove")], tool_choice: { type: "tool", name: "remove" } },
    becomes: undefined,
  },
  {
    on: "openai",
    type: "filter_tools",
    properties: { allow: ["a"], deny: ["b"] },
    body: {},
    becomes: undefined,
  },
  { on: "openai", type: "filter_tools", properties: {}, body: {}, becomes: undefined },
  { on: "openai", type: "filter_tools", properties: { allow: [] }, body: {}, becomes: undefined },
  { on: "openai", type: "filter_tools", properties: { allow: ["a"], more: 1 }, body: {}, becomes: undefined },

  {
    on: "openai",
    type: "require_system_prompt",
    properties: { text: "Be kind." },
    body: { messages: [{ role: "user", content: "x" }] },
    becomes: {
      messages: [
        { role: "system", content: "Be kind." },
        { role: "user", content: "x" },
      ],
    },
  },
  {
    on: "anthropic",
    type: "require_system_prompt",
    properties: { text: "Be kind." },
    body: {},
    becomes: { system: "Be kind." },
  },
  {
    on: "anthropic",
    type: "require_system_prompt",
    properties: { text: "Be kind." },
    body: { system: "Be quick." },
    becomes: {
      system: [
        { type: "text", text: "Be kind." },
        { type: "text", text: "Be quick." },
      ],
    },
  },
  {
    on: "openai",
    type: "require_system_prompt",
    properties: { text: "" },
    body: { messages: [] },
    becomes: undefined,
  },

  {
    on: "openai",
    type: "stop_on",
    properties: { sequences: ["END"] },
    body: { stop: "X" },
    becomes: { stop: ["END", "X"] },
  },
  {
    on: "openai",
    type: "stop_on",
    properties: { sequences: ["END"] },
    body: { stop: ["1", "2", "3", "4"] },
    becomes: undefined,
  },
  {
    on: "anthropic",
    type: "stop_on",
    properties: { sequences: ["END"] },
    body: {},
    becomes: { stop_sequences: ["END"] },
  },
  { on: "anthropic", type: "stop_on", properties: { sequences: "END" }, body: {}, becomes: undefined },

  { on: "openai", type: "be_nice", properties: {}, body: {}, becomes: undefined },
  { on: "openai", type: "toString", properties: {}, body: {}, becomes: undefined },
];

test.each(cases)("$type $properties of $on on $body", ({ on, type, properties, body, becomes }) => {
  expect(carry(on, type, properties, body)).toEqual(becomes);
});

test("a number stays as it came where nothing lowers it", () => {
  const body = parseJson('{"temperature":0.10}') as JsonObject;
  const capped = [{ id: "o", type: "cap_parameters", properties: parse({ parameters: { temperature: 1 } }) }];
  expect(stringifyJson(enforce(body, capped, modelDuties, openai.words) ?? {})).toBe('{"temperature":0.10}');
});

describe("through the gateway", () => {
  let world: World;
  beforeEach(async () => {
    world = await startWorld();
  });
  afterEach(() => world.close());
  const obliged = (...list: { type: string; properties: object }[]): void => {
    world.sidecar.decide = () => ({
      allow: true,
      obligations: list.map((one, i) => ({ id: `o${i}`, ...one })) as never,
    });
  };

  test("all are carried out, in order, on what is sent", async () => {
    obliged(
      { type: "require_system_prompt", properties: { text: "Be kind." } },
      { type: "filter_tools", properties: { deny: ["remove"] } },
      { type: "limit_tokens", properties: { max_tokens: 5 } },
      { type: "limit_tokens", properties: { max_tokens: 9 } },
    );
    const tools = [tool("remove"), tool("read")];
    await post(world, "/v1/chat/completions", chatBody({ tools }));
    expect(JSON.parse(world.model.received[0]?.body ?? "")).toMatchObject({
      messages: [{ role: "system", content: "Be kind." }, { role: "user" }],
      tools: [tool("read")],
      max_tokens: 5,
    });
    expect(world.sidecar.asked[0]?.obligations).toEqual([
      ...Object.keys(modelDuties),
      ...besideObligations,
      ...routeObligations,
    ]);
  });

  test("one that can't be is a deny, and nothing is sent", async () => {
    obliged({ type: "limit_tokens", properties: { max_tokens: 5 } }, { type: "stop_on", properties: {} });
    const answer = await post(world, "/v1/chat/completions", chatBody());
    expect(answer).toMatchObject({ status: 403 });
    expect(world.model.received).toHaveLength(0);
  });

  test("a tool that was taken out was not offered", async () => {
    world.sidecar.decide = ({ resource }) =>
      resource.type === "function"
        ? { allow: resource.properties["offered"] === true }
        : { allow: true, obligations: [{ id: "o", type: "filter_tools", properties: { deny: ["remove"] } }] };
    const call = { id: "t", type: "function", function: { name: "remove", arguments: "{}" } };
    world.model.answer = (_req, res) => {
      const message = { role: "assistant", content: null, tool_calls: [call] };
      res.writeHead(200, { "content-type": "application/json" }).end(
        JSON.stringify({
          id: "c",
          model: "m",
          choices: [{ index: 0, finish_reason: "tool_calls", message }],
        }),
      );
    };
    const tools = [tool("remove"), tool("read")];
    const answer = await (await post(world, "/v1/chat/completions", chatBody({ tools }))).text();
    expect(answer).toContain("was refused");
    expect(answer).not.toContain("tool_calls");
  });
});
