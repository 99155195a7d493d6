/** Answers through the gateway: what is found in them is recorded, and decided on before a client sees what it is about. */
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { afterEach, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import type { AnswerMode } from "../../gateway/content/answer/inspect.js";
import type { AnswerForm } from "../../gateway/content/answer/words.js";
import type { JsonObject } from "../../sidecar/contract.js";
import { parseJson } from "../../sidecar/contract.js";
import { eventsOf, forms, requests, streamed, textOf, whole } from "./answers-lab.js";
import type { World } from "./world.js";
import { callerToken, json, post, startUpstream, startWorld, until } from "./world.js";

const email = "jane.doe@mail.example.com";

describe("through the gateway", () => {
  let world: World | undefined;
  afterEach(() => world?.close());
  const start = async (answers?: AnswerMode): Promise<World> => {
    const model = await startUpstream((_req, res) => {
      json(res, {});
    });
    const { url } = model;
    const place = { region: "eu", environment: "prod", provider: "x" };
    const started = await startWorld({
      config: {
        content: {
          detectors: ["pii", "secrets"],
          budget_ms: 10_000,
          ...(answers === undefined ? {} : { answers }),
        },
        upstreams: {
          openai: { url },
          anthropic: { url, protocol: "anthropic" },
          gemini: { url, protocol: "gemini" },
        },
        models: {
          gpt: { ...place, upstream: "openai" },
          sonnet: { ...place, upstream: "anthropic" },
          flash: { ...place, upstream: "gemini" },
        },
      },
    });
    world = {
      ...started,
      model,
      async close() {
        await Promise.all([started.close(), model.close()]);
      },
    };
    return world;
  };
  const say = (form: AnswerForm, stream: boolean, text: string) => {
    return (_req: unknown, res: Parameters<typeof json>[0]): void => {
      if (!stream) json(res, whole[form](text));
      else {
        res.writeHead(200, { "content-type": "text/event-stream" });
        res.end(streamed[form](text.match(/[^]{1,9}/g) ?? []));
      }
    };
  };
  const cases = forms.flatMap((form) => [false, true].map((stream) => [form, stream] as const));
  const filler = "lorem ipsum dolor sit amet, consectetur ".repeat(9);
  const isAnswer = (call: { action: { properties: JsonObject } }): boolean =>
    call.action.properties["phase"] === "response";

  test.each(cases)("%s is recorded, streamed: %s", async (form, stream) => {
    const { model, sidecar, ...others } = await start("observe");
    model.answer = say(form, stream, `write to ${email}`);
    const { path, body } = requests[form](stream);
    const text = await (await post({ ...others, model, sidecar }, path, body)).text();
    expect(text).toContain(stream ? "write" : email);
    await until(() => sidecar.outcomes.length > 0);
    expect(sidecar.outcomes[0]).toMatchObject({
      outcome: "forwarded",
      content: { scanned: true, pii: { email: 1 }, secrets: {}, detectors: { pii: "1", secrets: "1" } },
    });
    expect(sidecar.asked.length).toBe(1);
    expect(JSON.stringify(sidecar.outcomes)).not.toContain(email);
  });

  test.each(cases)("%s is denied in its protocol's words, streamed: %s", async (form, stream) => {
    const { model, sidecar, ...others } = await start("decide");
    model.answer = say(form, stream, `${filler} ${email} ${filler}`);
    sidecar.decide = (call, { context }) =>
      isAnswer(call) && JSON.stringify(context.content).includes("email")
        ? { allow: false, reasons: [{ code: "pii_in_answer", message: "no addresses", rule: "answer.pii" }] }
        : { allow: true, labels: ["asked"] };
    const { path, body } = requests[form](stream);
    const answer = await post({ ...others, model, sidecar }, path, body);
    const text = await answer.text();
    expect(answer.status).toBe(stream ? 200 : 403);
    expect(text).not.toContain("jane");
    expect(text).toContain("pii_in_answer");
    expect(text).toContain("d-2");
    if (stream) {
      expect(textOf(text)).toContain("lorem");
      expect(JSON.stringify(eventsOf(text).at(-1))).toContain("error");
    }
    await until(() => sidecar.outcomes.length > 1);
    const [call] = sidecar.asked.at(-1)?.calls ?? [];
    expect(call?.action).toMatchObject({
      name: "model.invoke",
      properties: { phase: "response", stream, labels: ["asked"] },
    });
    expect(sidecar.outcomes).toContainEqual(
      expect.objectContaining({ decision_id: "d-2", outcome: "denied" }),
    );
    expect(sidecar.outcomes).toContainEqual(
      expect.objectContaining({
        ...{ decision_id: "d-1", outcome: "denied", labels: ["asked"] },
        content: expect.objectContaining({ pii: { email: 1 } }) as unknown,
      }),
    );
  });

  const clients: readonly (readonly [AnswerForm, (url: string) => Promise<unknown>])[] = [
    [
      "openai",
      async (url) => {
        const client = new OpenAI({ apiKey: callerToken, baseURL: `${url}/v1`, maxRetries: 0 });
        const messages = [{ role: "user" as const, content: "hi" }];
        for await (const one of await client.chat.completions.create({
          model: "gpt",
          messages,
          stream: true,
        }))
          void one;
      },
    ],
    [
      "responses",
      async (url) => {
        const client = new OpenAI({ apiKey: callerToken, baseURL: `${url}/v1`, maxRetries: 0 });
        for await (const one of await client.responses.create({ model: "gpt", input: "hi", stream: true }))
          void one;
      },
    ],
    [
      "anthropic",
      async (url) => {
        const client = new Anthropic({ baseURL: url, apiKey: null, authToken: callerToken, maxRetries: 0 });
        const messages = [{ role: "user" as const, content: "hi" }];
        const request = { model: "sonnet", max_tokens: 5, messages, stream: true as const };
        for await (const one of await client.messages.create(request)) void one;
      },
    ],
    [
      "gemini",
      async (url) => {
        const client = new GoogleGenAI({ apiKey: callerToken, httpOptions: { baseUrl: url } });
        for await (const one of await client.models.generateContentStream({ model: "flash", contents: "hi" }))
          void one;
      },
    ],
  ];
  test.each(clients)(
    "the official client of %s raises its error where a stream is denied",
    async (form, read) => {
      const { model, sidecar, url } = await start("decide");
      model.answer = say(form, true, `${filler} ${email} ${filler}`);
      sidecar.decide = (call) =>
        isAnswer(call)
          ? { allow: false, reasons: [{ code: "pii_in_answer", message: "no addresses" }] }
          : { allow: true };
      const error: unknown = await read(url).then(
        () => "nothing",
        (one: unknown) => one,
      );
      expect(String((error as Error).name)).toMatch(/Error$/);
      expect(`${String(error)} ${JSON.stringify(error)}`).toContain("pii_in_answer");
      expect(`${String(error)} ${JSON.stringify(error)}`).toContain("d-2");
    },
  );

  test("a client of another protocol is denied in its own words", async () => {
    const { model, sidecar, ...others } = await start("decide");
    model.answer = say("openai", true, `${filler} ${email} ${filler}`);
    sidecar.decide = (call) => ({ allow: !isAnswer(call) });
    const body = { model: "gpt", stream: true, max_tokens: 5, messages: [{ role: "user", content: "hi" }] };
    const answer = await post({ ...others, model, sidecar }, "/v1/messages", JSON.stringify(body));
    const text = await answer.text();
    expect(text).toContain("event: error\n");
    expect(text).toContain("lorem");
    expect(text).not.toContain("jane");
  });

  test("no decision is a deny: the sidecar is silent", async () => {
    const { model, sidecar, ...others } = await start("decide");
    const answer = say("openai", false, email);
    model.answer = (req, res) => {
      sidecar.raw = () => undefined;
      answer(req, res);
    };
    const { path, body } = requests.openai(false);
    const got = await post({ ...others, model, sidecar }, path, body);
    expect([got.status, await got.text()]).toEqual([503, expect.not.stringContaining("jane")]);
  });

  test("an obligation has an answer decided on that nobody configured to be", async () => {
    const { model, sidecar, ...others } = await start();
    model.answer = say("openai", false, email);
    const properties = parseJson('{"mode":"decide"}') as JsonObject;
    sidecar.decide = (call) =>
      isAnswer(call)
        ? { allow: false }
        : { allow: true, obligations: [{ id: "i", type: "inspect_answer", properties }] };
    const { path, body } = requests.openai(false);
    expect((await post({ ...others, model, sidecar }, path, body)).status).toBe(403);
  });

  test.each([
    ["what was carried out with the request", { max_tokens: 5 }, 200],
    ["what wasn't", { max_tokens: 4 }, 403],
  ])("a policy that doesn't tell phases apart: %s", async (_name, properties, status) => {
    const { model, sidecar, ...others } = await start("decide");
    model.answer = say("openai", false, "hello");
    sidecar.decide = (call) => ({
      allow: true,
      obligations: [
        {
          ...{ id: "l", type: "limit_tokens" },
          properties: parseJson(
            JSON.stringify(isAnswer(call) ? properties : { max_tokens: 5 }),
          ) as JsonObject,
        },
      ],
    });
    const { path, body } = requests.openai(false);
    expect((await post({ ...others, model, sidecar }, path, body)).status).toBe(status);
  });

  test("labels of a decision on an answer are recorded", async () => {
    const { model, sidecar, ...others } = await start("decide");
    model.answer = say("openai", false, email);
    const properties = parseJson('{"labels":["personal-data"]}') as JsonObject;
    sidecar.decide = (call) => ({
      allow: true,
      obligations: isAnswer(call) ? [{ id: "l", type: "add_label", properties }] : [],
    });
    const { path, body } = requests.openai(false);
    expect((await post({ ...others, model, sidecar }, path, body)).status).toBe(200);
    await until(() => sidecar.outcomes.length > 0);
    expect(sidecar.outcomes[0]?.labels).toEqual(["personal-data"]);
  });

  test("text is no more than the window late: what is before is given while the stream is slow", async () => {
    const { model, sidecar, ...others } = await start("decide");
    let finish = (): void => undefined;
    model.answer = (_req, res) => {
      const all = streamed.openai(filler.match(/[^]{1,9}/g) ?? []).split("\n\n");
      res.writeHead(200, { "content-type": "text/event-stream" });
      // all but what ends the choice
      res.write(`${all.slice(0, -3).join("\n\n")}\n\n`);
      finish = () => res.end(all.slice(-3).join("\n\n"));
    };
    const { path, body } = requests.openai(true);
    const answer = await post({ ...others, model, sidecar }, path, body);
    const reader = answer.body?.getReader();
    let seen = "";
    while (textOf(seen).length < filler.length - 160 - 64 - 12 - 9) {
      seen += Buffer.from((await reader?.read())?.value ?? []).toString();
    }
    finish();
    for (;;) {
      const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
      if (done) break;
      seen += Buffer.from(value ?? []).toString();
    }
    expect(textOf(seen)).toBe(filler);
    expect(seen.endsWith("data: [DONE]\n\n")).toBe(true);
  });

  test("text isn't delayed where it is only recorded", async () => {
    const { model, sidecar, ...others } = await start("observe");
    let finish = (): void => undefined;
    model.answer = (_req, res) => {
      const [first = "", ...rest] = streamed.openai(["hello"]).split("\n\n");
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(`${first}\n\n${rest.shift() ?? ""}\n\n`);
      finish = () => res.end(rest.join("\n\n"));
    };
    const { path, body } = requests.openai(true);
    const answer = await post({ ...others, model, sidecar }, path, body);
    const reader = answer.body?.getReader();
    let seen = "";
    while (!seen.includes("hello")) seen += Buffer.from((await reader?.read())?.value ?? []).toString();
    finish();
    await reader?.cancel();
    expect(seen).toContain("hello");
  });
});
