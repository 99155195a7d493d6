/** Sound and images that callers bring: by OpenAI's own client, allowed and denied, and what the upstream got. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI, { toFile } from "openai";
import { badUploads, boundary, end, file, part } from "./uploads.cases.js";
import type { Served, World } from "./world.js";
import { callerToken, deny, json, providerKey, startUpstream, startWorld, until } from "./world.js";

let world: World;
let upstream: Served;
const heldBytes = 200_000;
beforeEach(async () => {
  upstream = await startUpstream((_req, res) => {
    json(res, {
      text: "hello",
      usage: { type: "tokens", input_tokens: 7, output_tokens: 2, total_tokens: 9 },
    });
  });
  const place = { region: "eu", environment: "prod" };
  const api_key = { value: providerKey };
  world = await startWorld({
    config: {
      uploads: { held_bytes: heldBytes, max_bytes: 4_000_000 },
      upstreams: {
        gpt: { url: upstream.url, api_key },
        claude: { url: upstream.url, protocol: "anthropic", api_key },
      },
      models: {
        ears: { ...place, upstream: "gpt", provider: "openai", upstream_model: "whisper-real" },
        guarded: {
          deployments: [{ ...place, upstream: "gpt", provider: "openai" }],
          breaker: { failures: 1, cool_down_ms: 60_000 },
        },
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
const wav = (size = 4, name = "speech.wav") => toFile(Buffer.alloc(size, "R"), name, { type: "audio/wav" });
const asked = () => world.sidecar.asked.at(-1)?.calls?.[0];
/** The last request's parts, by their names, and the order of these. */
function parts(): readonly (readonly [string, string])[] {
  const { headers, body } = upstream.received.at(-1) ?? { headers: {}, body: "" };
  const [, mark = "?"] = /boundary=(\S+)$/.exec(headers["content-type"] ?? "") ?? [];
  return body
    .split(`--${mark}`)
    .slice(1, -1)
    .map((one) => {
      const [head = "", value = ""] = one.split("\r\n\r\n");
      return [head.trim().replace("content-disposition: form-data; ", ""), value.slice(0, -2)] as const;
    });
}
async function became(outcome: object): Promise<void> {
  await until(() => world.sidecar.outcomes.length > 0);
  expect(world.sidecar.outcomes.at(-1)).toMatchObject(outcome);
}
const raw = (
  body: string | Buffer,
  type = `multipart/form-data; boundary=${boundary}`,
  path = "transcriptions",
) =>
  fetch(`${world.url}/v1/audio/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${callerToken}`, "content-type": type },
    body,
  });

describe("transcription", () => {
  test("decided by model, types and parameters; written anew for the upstream", async () => {
    const got = await openAi().audio.transcriptions.create({
      file: await wav(),
      model: "ears",
      language: "en",
      timestamp_granularities: ["word"],
      temperature: 0.5,
    });
    expect(got.text).toBe("hello");
    expect(asked()).toMatchObject({
      action: {
        name: "transcription.create",
        properties: { files: 1, types: ["audio/wav"], parameters: { language: "en", temperature: 0.5 } },
      },
      resource: { type: "model", id: "ears" },
    });
    expect(world.sidecar.asked[0]?.context.prompt).toMatchObject({ files: 1, bytes: 4 });
    expect(upstream.received[0]).toMatchObject({
      path: "/v1/audio/transcriptions",
      headers: { authorization: `Bearer ${providerKey}` },
    });
    expect([...parts()].sort()).toEqual([
      ['name="file"; filename="speech.wav"\r\ncontent-type: audio/wav', "RRRR"],
      ['name="language"', "en"],
      ['name="model"', "whisper-real"],
      ['name="temperature"', "0.5"],
      ['name="timestamp_granularities[]"', "word"],
    ]);
    await became({ outcome: "forwarded", usage: { input_tokens: 7, output_tokens: 2 } });
  });

  test("as text, and as events", async () => {
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end("hello\n");
    };
    const text = await openAi().audio.transcriptions.create({
      ...{ file: await wav(), model: "ears", response_format: "text" as const },
    });
    expect(text).toBe("hello\n");
    upstream.answer = (_req, res) => {
      res
        .writeHead(200, { "content-type": "text/event-stream" })
        .end('data: {"type":"transcript.text.delta","delta":"hi"}\n\n');
    };
    const stream = await openAi().audio.transcriptions.create({
      file: await wav(),
      model: "ears",
      stream: true,
    });
    const events: unknown[] = [];
    for await (const event of stream) events.push(event);
    expect(events).toEqual([{ type: "transcript.text.delta", delta: "hi" }]);
  });

  test("with a part's length, which nobody reads", async () => {
    const length = file().replace("content-type", "content-length: 99\r\ncontent-type");
    expect((await raw(part("model", "ears") + length + end)).status).toBe(200);
    expect(parts()).toContainEqual(['name="file"; filename="a.wav"\r\ncontent-type: audio/wav', "RIFF"]);
  });

  test("an answer of another kind isn't one", async () => {
    upstream.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/html" }).end("<script>");
    };
    const ask = { file: await wav(), model: "ears", response_format: "text" as const };
    await expect(openAi().audio.transcriptions.create(ask)).rejects.toMatchObject({ status: 502 });
  });

  test("a denial raises the client's own error; nothing is sent", async () => {
    world.sidecar.decide = deny();
    const error = await openAi()
      .audio.transcriptions.create({ file: await wav(), model: "ears" })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(upstream.received).toEqual([]);
    await became({ outcome: "denied", status: 403 });
  });

  test("of a model whose upstream can't", async () => {
    await expect(
      openAi().audio.translations.create({ file: await wav(), model: "sonnet" }),
    ).rejects.toMatchObject({ status: 400, code: "untranslatable" });
  });

  test("obligations are carried out in fields", async () => {
    const cap = { id: "o", type: "cap_parameters", properties: { parameters: { temperature: 0 } } };
    world.sidecar.decide = () => ({ allow: true, obligations: [cap] });
    await openAi().audio.transcriptions.create({ model: "ears", file: await wav(), temperature: 0.9 });
    expect(parts()).toContainEqual(['name="temperature"', "0"]);
  });

  test("what its prompt and its answer say is masked where pointers lead", async () => {
    const mask = (phase: string, pointer: string) => ({
      ...{ id: "o", type: "mask", properties: { phase, pointers: [pointer] } },
    });
    world.sidecar.decide = () => ({
      allow: true,
      obligations: [mask("request", "/prompt"), mask("response", "/text")],
    });
    const got = await openAi().audio.transcriptions.create({
      model: "ears",
      file: await wav(),
      prompt: "Ann",
    });
    expect(got.text).toBe("[masked]");
    expect(parts()).toContainEqual(['name="prompt"', "[masked]"]);
  });
});

describe("a file that isn't held", () => {
  const large = 3_000_000;

  test("is passed on as it comes, where what is decided on stands before it", async () => {
    const got = await openAi().audio.transcriptions.create({ model: "ears", file: await wav(large) });
    expect(got.text).toBe("hello");
    expect(parts()[1]?.[1]).toHaveLength(large);
    expect(world.sidecar.asked[0]?.context.prompt).toEqual({ files: 1 });
  });

  test("that its client breaks off says nothing of the upstream: no breaker opens", async () => {
    const breaking = (rest: string) => raw(part("model", "guarded") + file("x".repeat(large)) + rest);
    expect((await breaking(file() + end)).status).toBe(400);
    expect((await breaking("")).status).toBe(400);
    expect((await breaking(end)).status).toBe(200);
  });

  test("isn't read further where it stands first", async () => {
    const ask = openAi().audio.transcriptions.create({ file: await wav(large), model: "ears" });
    await expect(ask).rejects.toMatchObject({ status: 413, code: "body_too_large" });
    expect(world.sidecar.asked).toEqual([]);
  });

  test.each([
    ["a second model", part("model", "other") + end, 400],
    ["a second file", file() + end, 400],
    ["another field", part("language", "en") + end, 400],
    ["nothing, not even an end", "", 400],
  ])("is broken off where %s follows it", async (_name, rest, status) => {
    let finished = 0;
    upstream.answer = (_req, res) => {
      finished++;
      json(res, { text: "no" });
    };
    const got = await raw(part("model", "ears") + file("x".repeat(large)) + rest);
    expect(got.status).toBe(status);
    expect(finished).toBe(0);
    await became({ outcome: "denied", status });
  });

  test("of a denied request never arrives", async () => {
    world.sidecar.decide = deny();
    const got = await raw(part("model", "ears") + file("x".repeat(large)) + end);
    expect(got.status).toBe(403);
    expect(upstream.received).toEqual([]);
  });

  test("that an upstream refuses before it has read it", async () => {
    const hasty = createServer((_req, res) => {
      res.writeHead(400, { "content-type": "application/json", connection: "close" });
      res.end(JSON.stringify({ error: { message: "too loud" } }));
    });
    await new Promise<void>((resolve) => hasty.listen(0, "127.0.0.1", resolve));
    const { port } = hasty.address() as AddressInfo;
    const place = { region: "eu", environment: "prod", provider: "openai" };
    const other = await startWorld({
      config: {
        uploads: { held_bytes: heldBytes, max_bytes: 40_000_000 },
        upstreams: { hasty: { url: `http://127.0.0.1:${port}` } },
        models: { ears: { ...place, upstream: "hasty" } },
      },
    });
    const client = new OpenAI({ baseURL: `${other.url}/v1`, apiKey: "x", maxRetries: 0 });
    const ask = client.audio.transcriptions.create({ model: "ears", file: await wav(large) });
    const error = (await ask.catch((e: unknown) => e)) as { status: number; message: string };
    expect([400, 502]).toContain(error.status);
    await other.close();
    await new Promise((resolve) => {
      hasty.close(resolve);
      hasty.closeAllConnections();
    });
  });

  test("that a client gives up is given up", async () => {
    const { port } = world;
    const req = request({ port, host: "127.0.0.1", path: "/v1/audio/transcriptions", method: "POST" });
    req.setHeader("authorization", `Bearer ${callerToken}`);
    req.setHeader("content-type", `multipart/form-data; boundary=${boundary}`);
    req.on("error", () => undefined);
    req.write(part("model", "ears") + file("x".repeat(large)).slice(0, -2));
    await until(() => world.sidecar.asked.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    req.destroy();
    await became({ outcome: "client_disconnected" });
    expect(upstream.received).toEqual([]);
  });
});

test("speech is passed on as it comes", async () => {
  const sound = Buffer.from([0, 255, 1, 254]);
  upstream.answer = (_req, res) => {
    res.writeHead(200, { "content-type": "audio/mpeg" }).end(sound);
  };
  const got = await openAi().audio.speech.create({ model: "ears", input: "grüezi", voice: "coral" });
  expect(Buffer.from(await got.arrayBuffer())).toEqual(sound);
  expect(asked()).toMatchObject({
    action: { name: "speech.create", properties: { bytes: 7, parameters: { voice: "coral" } } },
  });
  expect(JSON.parse(upstream.received[0]?.body ?? "")).toMatchObject({
    model: "whisper-real",
    input: "grüezi",
  });
  world.sidecar.decide = deny();
  await expect(
    openAi().audio.speech.create({ model: "ears", input: "x", voice: "coral" }),
  ).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
  await expect(
    openAi().audio.speech.create({ model: "ears", input: "x", voice: { id: "voice_1" } }),
  ).rejects.toMatchObject({ status: 400 });
});

test("images are edited and varied", async () => {
  upstream.answer = (_req, res) => {
    json(res, { created: 1, data: [] });
  };
  const png = await toFile(Buffer.from("png"), "a.png", { type: "image/png" });
  await openAi().images.edit({ model: "ears", image: [png, png], prompt: "a hat", n: 2 });
  expect(asked()).toMatchObject({
    action: { name: "image.edit", properties: { files: 2, types: ["image/png"], parameters: { n: 2 } } },
  });
  expect(parts().filter(([head]) => head.includes("image[]"))).toHaveLength(2);
  await openAi().images.createVariation({ model: "ears", image: png });
  expect(upstream.received.map(({ path }) => path)).toEqual(["/v1/images/edits", "/v1/images/variations"]);
});

test.each(badUploads)("refused: $name", async ({ body, type, status = 400, code = "invalid_request" }) => {
  const got = await raw(body, type);
  const said = (await got.json()) as { error: { code: string } };
  expect([got.status, said.error.code]).toEqual([status, code]);
  expect(upstream.received).toEqual([]);
});
