/** What a server by HTTP may do to a link, and nothing of it may reach the caller. */
import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Json } from "../../../../sidecar/contract.js";
import type { Link, ServerMessage } from "../../../../gateway/tools/links/link.js";
import type { Received, Served } from "../../world.js";
import { json, startUpstream, until } from "../../world.js";
import type { Lab } from "./lab.js";
import { call, listener, never, nobody, opened, serverOf, startLab, textOf } from "./lab.js";

let lab: Lab;
let server: Served;
const links: Link[] = [];
beforeAll(async () => {
  lab = startLab();
  server = await startUpstream((_req, res) => {
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
});

type Id = number;
type Attack = (id: Id, res: ServerResponse, method: string) => void;

const result = (id: unknown, text = "well"): object => ({
  ...{ jsonrpc: "2.0", id },
  result: { content: [{ type: "text", text }] },
});
const events = (res: ServerResponse, ...all: (object | string)[]): ServerResponse => {
  if (!res.headersSent) res.writeHead(200, { "content-type": "text/event-stream" });
  for (const one of all) res.write(typeof one === "string" ? one : `data: ${JSON.stringify(one)}\n\n`);
  return res;
};
const raw = (res: ServerResponse, text: string, type = "application/json", status = 200): void => {
  res.writeHead(status, { "content-type": type }).end(text);
};
const progress = {
  jsonrpc: "2.0",
  method: "notifications/progress",
  params: { progressToken: "p", progress: 1 },
};
const asks = { jsonrpc: "2.0", id: "theirs", method: "elicitation/create", params: { message: "password?" } };

/** Answers a handshake of either era; what comes after it is the attack's. */
const serve = (attack: Attack, era: "session" | "stateless"): void => {
  server.answer = (req, res, body) => {
    if (req.method !== "POST") {
      attack(0, res, req.method ?? "");
      return;
    }
    const { id = 0, method = "" } = JSON.parse(body) as { id?: number; method?: string };
    const about = { capabilities: {}, serverInfo: { name: "s", version: "1" } };
    if (method === "server/discover" && era === "stateless") {
      json(res, { jsonrpc: "2.0", id, result: { supportedVersions: ["2026-07-28"], ...about } });
    } else if (method === "server/discover") json(res, { error: "what?" }, 400);
    else if (method === "initialize") {
      res.setHeader("mcp-session-id", "s1");
      json(res, { jsonrpc: "2.0", id, result: { protocolVersion: "2025-11-25", ...about } });
    } else if (id === 0) res.writeHead(202).end();
    else attack(id, res, method);
  };
};

const invalid = { kind: "failed", code: "upstream_invalid" };
const lost = { kind: "failed", code: "upstream_unavailable" };
/** `heard`: what the caller is told before. */
const attacks: {
  name: string;
  attack: Attack;
  answer: unknown;
  heard?: string[];
  only?: "session" | "stateless";
}[] = [
  { name: "a reply to another id", attack: (id, res) => json(res, result(id + 1)), answer: invalid },
  { name: "a reply to the id as text", attack: (id, res) => json(res, result(String(id))), answer: invalid },
  { name: "a reply without id", attack: (_id, res) => json(res, result(undefined)), answer: invalid },
  {
    name: "an error without id",
    attack: (_id, res) => json(res, { jsonrpc: "2.0", error: { code: 1, message: "no" } }),
    answer: invalid,
  },
  {
    name: "a result and an error",
    attack: (id, res) => json(res, { ...result(id), error: { code: 1, message: "x" } }),
    answer: invalid,
  },
  {
    name: "a result that is no object",
    attack: (id, res) => json(res, { jsonrpc: "2.0", id, result: [] }),
    answer: invalid,
  },
  {
    name: "more beside the result",
    attack: (id, res) => json(res, { ...result(id), method: "tools/call" }),
    answer: invalid,
  },
  {
    name: "another jsonrpc",
    attack: (id, res) => json(res, { ...result(id), jsonrpc: "1.0" }),
    answer: invalid,
  },
  { name: "a batch", attack: (id, res) => json(res, [result(id)]), answer: invalid },
  { name: "garbage", attack: (_id, res) => raw(res, "<html>"), answer: invalid },
  { name: "nothing", attack: (_id, res) => raw(res, ""), answer: invalid },
  {
    name: "duplicate keys",
    attack: (id, res) => raw(res, `{"jsonrpc":"2.0","id":${id},"result":{},"result":{}}`),
    answer: invalid,
  },
  {
    name: "bytes that aren't UTF-8",
    attack: (id, res) =>
      res
        .writeHead(200, { "content-type": "application/json" })
        .end(
          Buffer.concat([
            Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{"a":"`),
            Buffer.from([0xff]),
            Buffer.from('"}}'),
          ]),
        ),
    answer: invalid,
  },
  {
    name: "text of another type",
    attack: (id, res) => raw(res, JSON.stringify(result(id)), "text/html"),
    answer: invalid,
  },
  {
    name: "an acknowledgement instead of a reply",
    attack: (_id, res) => res.writeHead(202).end(),
    answer: invalid,
  },
  {
    name: "a message of 9 MiB",
    attack: (id, res) => json(res, result(id, "x".repeat(9 * 2 ** 20))),
    answer: invalid,
  },
  {
    name: "an event of 9 MiB",
    attack: (id, res) => events(res, result(id, "x".repeat(9 * 2 ** 20))).end(),
    answer: invalid,
  },
  {
    name: "a result under a failing status",
    attack: (id, res) => json(res, result(id), 422),
    answer: invalid,
  },
  { name: "a failing status", attack: (_id, res) => raw(res, "oops", "text/plain", 500), answer: invalid },
  {
    name: "a redirect",
    attack: (_id, res) => res.writeHead(307, { location: `${server.url}/elsewhere` }).end(),
    answer: invalid,
  },
  {
    name: "a refusal of our credential",
    attack: (_id, res) => raw(res, "no", "text/plain", 401),
    answer: invalid,
  },
  {
    name: "compressed bytes",
    attack: (id, res) =>
      res
        .writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" })
        .end(JSON.stringify(result(id))),
    answer: invalid,
  },
  {
    name: "two replies",
    attack: (id, res) =>
      events(
        res,
        `data: ${JSON.stringify(result(id))}\n\ndata: ${JSON.stringify(result(id, "two"))}\n\n`,
      ).end(),
    answer: invalid,
  },
  {
    name: "a stream with a reply to another id",
    attack: (id, res) => events(res, progress, result(id + 1), result(id)).end(),
    answer: invalid,
    heard: ["notifications/progress"],
  },
  {
    name: "a stream with garbage",
    attack: (id, res) => events(res, "data: {\n\n", result(id)).end(),
    answer: invalid,
  },
  {
    name: "a stream that ends before the reply",
    attack: (_id, res) => events(res, progress).end(),
    answer: invalid,
    heard: ["notifications/progress"],
  },
  {
    name: "a stream that breaks before the reply",
    attack: (_id, res) => {
      events(res, progress);
      setTimeout(() => res.destroy(), 20);
    },
    answer: lost,
    heard: ["notifications/progress"],
  },
  { name: "a connection that breaks", attack: (_id, res) => res.destroy(), answer: lost },
  {
    name: "events of another name, and comments",
    attack: (id, res) =>
      events(
        res,
        ": hm\n\n",
        `event: evil\ndata: ${JSON.stringify(result(id, "evil"))}\n\n`,
        result(id),
      ).end(),
    answer: "well",
  },
  {
    name: "more after the reply",
    attack: (id, res) =>
      events(res, `data: ${JSON.stringify(result(id))}\n\ndata: ${JSON.stringify(asks)}\n\n`).end(),
    answer: "well",
  },
  {
    name: "a stream that stays open after the reply",
    attack: (id, res) => void events(res, result(id)),
    answer: "well",
  },
  {
    name: "endless progress",
    attack: (_id, res) => {
      const more = (): void => {
        if (res.destroyed) return;
        events(res, ...Array.from({ length: 500 }, () => progress));
        setTimeout(more, 1);
      };
      more();
    },
    answer: invalid,
  },
  {
    name: "a request",
    attack: (id, res) => events(res, asks, result(id)).end(),
    answer: invalid,
    only: "stateless",
  },
  {
    name: "more requests than anybody answers",
    attack: (id, res) =>
      events(res, ...Array.from({ length: 65 }, (_, i) => ({ ...asks, id: i })), result(id)).end(),
    answer: invalid,
    only: "session",
  },
  {
    name: "a stream that is taken up by another's replies",
    attack: (id, res, method) => {
      if (method === "GET") events(res, result(99)).end();
      else events(res, `id: e${id}\nretry: 1\ndata:\n\n`).end();
    },
    answer: invalid,
    only: "session",
  },
  {
    name: "a stream that can't be taken up",
    attack: (id, res, method) => {
      if (method === "GET") raw(res, "", "text/plain", 405);
      else events(res, `id: e${id}\nretry: 1\ndata:\n\n`).end();
    },
    answer: invalid,
    only: "session",
  },
];

describe.each(["session", "stateless"] as const)("in the %s era", (era) => {
  const mine = attacks.filter(({ only = era }) => only === era);
  test.each(mine)("a call is answered by $name", async ({ attack, answer, heard, name }) => {
    serve(attack, era);
    const link = await opened(lab, serverOf({ url: server.url }), listener());
    links.push(link);
    expect(link.era).toBe(era);
    const said: ServerMessage[] = [];
    const given = await call(link, "t", {}, { onMessage: (message) => said.push(message) });
    if (typeof answer === "string") expect(textOf(given)).toBe(answer);
    else expect(given).toEqual(answer);
    if (heard !== undefined) expect(said.map(({ method }) => method)).toEqual(heard);
    expect(said.length).toBeLessThanOrEqual(10_000);
    if (name === "a redirect") expect(server.received.map(({ path }) => path)).not.toContain("/elsewhere");
    serve((id, res) => json(res, result(id, "still here")), era);
    expect(textOf(await call(link, "t"))).toBe("still here");
  });
});

describe("who greets so isn't linked to", () => {
  const hello = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "s", version: "1" } };
  const greetings: { name: string; headers?: Record<string, string>; result: Json }[] = [
    { name: "another revision", result: { ...hello, protocolVersion: "2099-01-01" } },
    { name: "no revision", result: { capabilities: {}, serverInfo: {} } },
    { name: "no capabilities", result: { ...hello, capabilities: [] } },
    { name: "instructions that are no text", result: { ...hello, instructions: {} } },
    { name: "a session of spaces", headers: { "mcp-session-id": "a b" }, result: hello },
    { name: "a session as long as a book", headers: { "mcp-session-id": "x".repeat(2_000) }, result: hello },
  ];
  test.each(greetings)("$name", async ({ headers = {}, result: said }) => {
    server.answer = (_req, res, body) => {
      const { id } = JSON.parse(body) as { id?: number };
      res.writeHead(200, { "content-type": "application/json", ...headers });
      res.end(JSON.stringify({ jsonrpc: "2.0", id, result: said }));
    };
    const config = serverOf({ url: server.url, revision: "2025-11-25" });
    expect(await lab.open(config, listener().holder, nobody, never)).toEqual(invalid);
  });
});

describe("of its own accord", () => {
  const posted = (): unknown[] =>
    server.received.flatMap(({ method, body }) => (method === "POST" ? [JSON.parse(body) as unknown] : []));

  test("a reply is none where nothing was asked", async () => {
    let gets = 0;
    serve((_id, res) => {
      if (++gets === 1) events(res, result(2), { ...progress, method: "notifications/late" });
      else events(res, { ...progress, method: "notifications/second" });
    }, "session");
    const heard = listener();
    const link = await opened(lab, serverOf({ url: server.url }), heard);
    links.push(link);
    link.listen({}, nobody);
    await until(() => heard.said.length > 0);
    expect(heard.said.map(({ method }) => method)).toEqual(["notifications/second"]);
  });

  test("a flood ends the stream", async () => {
    let gets = 0;
    serve((_id, res) => {
      gets++;
      const more = (): void => {
        if (res.destroyed) return;
        events(res, ...Array.from({ length: 1_000 }, () => progress));
        setTimeout(more, 1);
      };
      more();
    }, "session");
    const heard = listener();
    const link = await opened(lab, serverOf({ url: server.url }), heard);
    links.push(link);
    link.listen({}, nobody);
    await until(() => gets > 2);
    expect(heard.said.length).toBe(10_000);
  });

  test("a ping is answered by the gateway, and told to nobody", async () => {
    serve((_id, res) => events(res, { jsonrpc: "2.0", id: "p1", method: "ping" }), "session");
    const heard = listener();
    const link = await opened(lab, serverOf({ url: server.url }), heard);
    links.push(link);
    link.listen({}, nobody);
    await until(() => posted().some((one) => (one as { id?: unknown }).id === "p1"));
    expect(posted().at(-1)).toEqual({ jsonrpc: "2.0", id: "p1", result: {} });
    expect(heard.said).toEqual([]);
  });

  test("what it cancels of its own is told by our id, and can't be answered any more", async () => {
    serve(
      (_id, res) =>
        events(
          res,
          asks,
          { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "another" } },
          {
            jsonrpc: "2.0",
            method: "notifications/cancelled",
            params: { requestId: "theirs", reason: "late" },
          },
        ),
      "session",
    );
    const heard = listener({ elicitation: {} });
    const link = await opened(lab, serverOf({ url: server.url }), heard);
    links.push(link);
    link.listen({}, nobody);
    await until(() => heard.said.length === 2);
    const [asked, cancelled] = heard.said;
    expect(cancelled).toEqual({
      method: "notifications/cancelled",
      params: { requestId: asked?.id, reason: "late" },
    });
    expect(await link.respond(asked?.id ?? "", { result: {} }, nobody)).toBe(false);
  });

  test("without a session, what wasn't asked for is told to nobody", async () => {
    const subscribed = (id: number, method: string, params: object = {}): object => ({
      ...{ jsonrpc: "2.0", method },
      params: { ...params, _meta: { "io.modelcontextprotocol/subscriptionId": id } },
    });
    const acknowledged = "notifications/subscriptions/acknowledged";
    const changed = "notifications/tools/list_changed";
    const floods = [
      (id: number) => [subscribed(id, changed)],
      (id: number) => [subscribed(id, acknowledged), subscribed(id + 1, changed)],
      (id: number) => [subscribed(id, acknowledged), subscribed(id, "notifications/prompts/list_changed")],
      (id: number) => [subscribed(id, acknowledged), asks],
      (id: number) => [subscribed(id, acknowledged), { jsonrpc: "2.0", method: changed }],
      (id: number) => [subscribed(id, acknowledged), subscribed(id, changed)],
    ];
    let turn = 0;
    serve((id, res) => events(res, ...(floods[turn++] ?? (() => []))(id)), "stateless");
    const heard = listener();
    const link = await opened(lab, serverOf({ url: server.url }), heard);
    links.push(link);
    link.listen({ toolsListChanged: true }, nobody);
    await until(() => turn === floods.length && heard.said.length > 0);
    expect(heard.said).toEqual([{ method: changed, params: {} }]);
  });
});

describe("a server that is another one by now", () => {
  test("says of a forgotten session only that the request is bad: it is lost", async () => {
    const bad = { jsonrpc: "2.0", error: { code: -32_000, message: "No valid session" }, id: null };
    serve((_id, res) => json(res, bad, 400), "session");
    const heard = listener();
    const link = await opened(lab, serverOf({ url: server.url }), heard);
    links.push(link);
    expect(await call(link, "t")).toEqual({ kind: "failed", code: "unknown_server" });
    expect(heard.lost).toBe(1);
  });

  test("finds one request bad: the session lives", async () => {
    serve(
      (id, res, method) => (method === "ping" ? json(res, result(id)) : raw(res, "", "text/plain", 400)),
      "session",
    );
    const heard = listener();
    const link = await opened(lab, serverOf({ url: server.url }), heard);
    links.push(link);
    expect(await call(link, "t")).toEqual(invalid);
    expect(heard.lost).toBe(0);
  });

  test("learnt the newer revision, or the older: who comes next finds out", async () => {
    const config = serverOf({ url: server.url });
    serve((id, res) => json(res, result(id)), "session");
    expect((await opened(lab, config, listener())).era).toBe("session");
    const unsupported = (id: number): object => ({
      ...{ jsonrpc: "2.0", id },
      error: { code: -32_022, message: "no", data: { supported: ["2025-11-25"] } },
    });
    serve((id, res) => json(res, unsupported(id), 400), "stateless");
    const greeting = server.answer;
    server.answer = (req, res, body) => {
      if (body.includes('"initialize"')) json(res, unsupported(1), 400);
      else greeting(req, res, body);
    };
    const heard = listener();
    const link = await opened(lab, config, heard);
    expect(link.era).toBe("stateless");
    expect(await call(link, "t")).toEqual(lost);
    expect(heard.lost).toBe(1);
    serve((id, res) => json(res, result(id)), "session");
    expect((await opened(lab, config, listener())).era).toBe("session");
  });
});

test("no message carries what the caller proved itself by", async () => {
  serve((id, res) => json(res, result(id)), "session");
  const config = serverOf({ url: server.url });
  const caller = { assertion: undefined, credentials: { bearer: "the-callers-own-token" } };
  const link = await lab.open(config, listener().holder, caller, never);
  if ("kind" in link) throw new Error(link.kind);
  await link.request({ method: "tools/list", params: {}, caller, signal: never, onMessage: () => undefined });
  await link.close(caller);
  const whole = (one: Received): string => JSON.stringify(one);
  expect(server.received.length).toBe(5);
  expect(server.received.map(whole).join("")).not.toContain("the-callers-own-token");
});
