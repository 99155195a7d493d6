/** Links by the transport before streamable HTTP. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Link, ServerMessage } from "../../../../gateway/tools/links/link.js";
import type { Served } from "../../world.js";
import { json, startUpstream, until } from "../../world.js";
import type { Lab } from "./lab.js";
import { call, listener, never, nobody, opened, serverOf, startLab, textOf } from "./lab.js";
import type { Running } from "./servers.js";
import { startLegacy } from "./servers.js";

let lab: Lab;
let server: Running;
let fake: Served;
const links: Link[] = [];
beforeAll(async () => {
  lab = startLab();
  server = await startLegacy();
  fake = await startUpstream((_req, res) => {
    json(res, {});
  });
});
afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.close()));
  server.received.length = 0;
});
afterAll(async () => {
  await lab.close();
  await server.close();
  await fake.close();
});
const open = async (transport = "sse", heard = listener()): Promise<Link> => {
  const link = await opened(lab, serverOf({ url: server.url, transport }), heard);
  links.push(link);
  return link;
};

test.each(["sse", "auto"])("is greeted and called (%s)", async (transport) => {
  const link = await open(transport);
  expect(link.era).toBe("session");
  expect(textOf(await call(link, "echo", { text: "hi" }))).toBe("hi");
});

test("progress, requests and cancellation belong to their request", async () => {
  const link = await open("sse", listener({ elicitation: {} }));
  const said: ServerMessage[] = [];
  await call(
    link,
    "count",
    {},
    { _meta: { progressToken: "p" }, onMessage: (message) => said.push(message) },
  );
  expect(said.map(({ params }) => params["progressToken"])).toEqual(["p", "p"]);
  const answer = await call(
    link,
    "ask",
    {},
    {
      onMessage: ({ id = "" }) => void link.respond(id, { result: { action: "decline" } }, nobody),
    },
  );
  expect(textOf(answer)).toBe("decline");
  const aborts = new AbortController();
  const waits = call(link, "wait", {}, { signal: aborts.signal });
  await until(() => server.received.some(({ body }) => body.includes('"wait"')));
  aborts.abort();
  expect(await waits).toEqual({ kind: "aborted" });
  await until(() => server.cancelled() === 1);
});

test("what changes is heard by who listens", async () => {
  const heard = listener();
  const link = await open("sse", heard);
  server.change();
  await call(link, "echo", { text: "" });
  expect(heard.said).toEqual([]);
  link.listen({}, nobody);
  server.change();
  await until(() => heard.said.length === 1);
});

test("a stream that ends fails what is under way, and is lost", async () => {
  const heard = listener();
  const link = await open("sse", heard);
  const waits = call(link, "wait");
  await until(() => server.received.some(({ body }) => body.includes('"wait"')));
  server.forget();
  expect(await waits).toEqual({ kind: "failed", code: "upstream_unavailable" });
  expect(heard.lost).toBe(1);
});

describe("an address to post to that isn't the server's own is none", () => {
  test.each([
    "http://127.0.0.1:1/messages",
    "https://elsewhere.example/messages",
    "//elsewhere.example/messages",
    "http://user:password@HOST/messages",
    "file:///etc/passwd",
    "http://[",
    "",
  ])("%s", async (given) => {
    const text = given.replace("HOST", new URL(fake.url).host);
    fake.received.length = 0;
    fake.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(`event: endpoint\ndata: ${text}\n\n`);
      // nothing more follows one that is empty
      if (text === "") res.end();
    };
    const config = serverOf({ url: `${fake.url}/sse`, transport: "sse" });
    expect(await lab.open(config, listener().holder, nobody, never)).toEqual({
      kind: "failed",
      code: "upstream_invalid",
    });
    expect(fake.received.map(({ method }) => method)).toEqual(["GET"]);
  });

  test("nor is a second one, or a message before the first", async () => {
    for (const first of [
      "event: endpoint\ndata: /a\n\nevent: endpoint\ndata: /b\n\n",
      'data: {"jsonrpc":"2.0"}\n\n',
    ]) {
      fake.answer = (req, res) => {
        if (req.method === "POST") res.writeHead(202).end();
        else res.writeHead(200, { "content-type": "text/event-stream" }).write(first);
      };
      const config = serverOf({ url: `${fake.url}/sse`, transport: "sse" });
      expect(await lab.open(config, listener().holder, nobody, never)).toMatchObject({ kind: "failed" });
    }
  });
});

test("a server without such a stream isn't linked to", async () => {
  fake.answer = (_req, res) => {
    json(res, {}, 404);
  };
  const config = serverOf({ url: fake.url, transport: "auto" });
  expect(await lab.open(config, listener().holder, nobody, never)).toMatchObject({
    code: "upstream_invalid",
  });
});
