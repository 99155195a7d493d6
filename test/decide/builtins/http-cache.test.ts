import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { JsonObject } from "../../../sidecar/contract.js";
import type { NetworkParts } from "../../../sidecar/decide/builtins/network/network.js";
import { createWorld, refusal, scopeAt, send } from "./http-world.js";

let world = createWorld();
afterEach(async () => {
  await world.close();
  world = createWorld();
});

const noon = Date.parse("2026-01-01T12:00:00Z");
const at = (seconds: number): string => new Date(noon + seconds * 1_000).toUTCString();

interface Case {
  readonly name: string;
  readonly headers: Record<string, string | string[]>;
  readonly request?: JsonObject;
  readonly status?: number;
  /** Seconds after noon when it is asked, and how many requests the server has then seen. */
  readonly asked: readonly (readonly [number, number])[];
}

const cached = { cache: true };
const forced = { force_cache: true, force_cache_duration_seconds: 10 };
const cases: readonly Case[] = [
  {
    name: "max-age counts from the Date header",
    headers: { date: at(-50), "cache-control": "max-age=60" },
    request: cached,
    asked: [
      [0, 1],
      [9, 1],
      [10, 2],
    ],
  },
  {
    name: "nothing is kept that wasn't asked to be",
    headers: { date: at(0), "cache-control": "max-age=60" },
    asked: [
      [0, 1],
      [1, 2],
    ],
  },
  {
    name: "max-age without Date is none",
    headers: { date: "", "cache-control": "max-age=60" },
    request: cached,
    asked: [
      [0, 1],
      [1, 2],
    ],
  },
  {
    name: "a Date that can't be read",
    headers: { date: "tomorrow", "cache-control": "max-age=60" },
    request: cached,
    asked: [
      [0, 1],
      [1, 2],
    ],
  },
  {
    name: "a max-age that can't be read",
    headers: { date: at(0), "cache-control": "max-age=1e9" },
    request: cached,
    asked: [
      [0, 1],
      [1, 2],
    ],
  },
  {
    name: "a max-age beyond all numbers",
    headers: { date: at(0), "cache-control": `max-age=${"9".repeat(50)}` },
    request: cached,
    asked: [
      [0, 1],
      [86_400 * 365, 1],
    ],
  },
  {
    name: "no-store",
    headers: { date: at(0), "cache-control": "max-age=60, no-store" },
    request: cached,
    asked: [
      [0, 1],
      [1, 2],
    ],
  },
  {
    name: "no-store in a header of its own",
    headers: { date: at(0), "cache-control": ["max-age=60", "No-Store"] },
    request: cached,
    asked: [
      [0, 1],
      [1, 2],
    ],
  },
  {
    name: "Expires",
    headers: { expires: at(5) },
    request: cached,
    asked: [
      [0, 1],
      [4, 1],
      [5, 2],
    ],
  },
  {
    name: "a status that isn't kept",
    headers: { date: at(0), "cache-control": "max-age=60" },
    status: 500,
    request: cached,
    asked: [
      [0, 1],
      [1, 2],
    ],
  },
  {
    name: "a status that is",
    headers: { date: at(0), "cache-control": "max-age=60" },
    status: 404,
    request: cached,
    asked: [
      [0, 1],
      [1, 1],
    ],
  },
  {
    name: "force_cache goes before what the server says",
    headers: { "cache-control": "no-store, max-age=0" },
    request: forced,
    asked: [
      [0, 1],
      [9, 1],
      [10, 2],
    ],
  },
  {
    name: "force_cache for no time goes by the headers",
    headers: { "cache-control": "no-store" },
    request: { force_cache: true, force_cache_duration_seconds: 0 },
    asked: [
      [0, 1],
      [1, 2],
    ],
  },
  {
    name: "a mode that doesn't exist keeps nothing",
    headers: {},
    request: { ...forced, caching_mode: "frozen" },
    asked: [
      [0, 1],
      [1, 2],
    ],
  },
  {
    name: "the other mode keeps as well",
    headers: {},
    request: { ...forced, caching_mode: "deserialized" },
    asked: [
      [0, 1],
      [1, 1],
    ],
  },
];

/** A server with one answer, and a function that asks at a time. */
async function setUp(
  answer: (response: ServerResponse, n: number) => void,
  parts: Partial<NetworkParts> = {},
): Promise<{
  ask: (seconds: number, extra?: JsonObject) => Promise<JsonObject>;
  seen: () => number;
  server: Server;
}> {
  let n = 0;
  const server = await world.serve((_request, response) => answer(response, n++));
  const network = world.network({ hosts: [`api.test:${server.port}=loopback`], ...parts });
  return {
    server,
    seen: () => server.requests.length,
    ask: (seconds, extra = {}) =>
      send(network, { method: "GET", url: server.url, ...extra }, scopeAt(noon + seconds * 1_000)),
  };
}
type Server = Awaited<ReturnType<typeof world.serve>>;

describe("a response is kept for other decisions", () => {
  test.each(cases)("$name", async ({ headers, request = {}, status = 200, asked }) => {
    const { ask, seen } = await setUp((response) => {
      response.sendDate = false;
      for (const [name, value] of Object.entries(headers)) if (value !== "") response.setHeader(name, value);
      response.writeHead(status).end("body");
    });
    for (const [seconds, count] of asked) {
      expect(await ask(seconds, request)).toMatchObject({ raw_body: "body", status_code: status });
      expect(seen()).toBe(count);
    }
  });

  test("by all that was asked, but for headers that are ignored", async () => {
    const { ask, seen } = await setUp((response) => response.end());
    await ask(0, { ...forced, headers: { authorization: "a" } });
    await ask(0, { ...forced, headers: { authorization: "b" } });
    await ask(0, { ...forced, headers: { authorization: "b" }, method: "POST" });
    expect(seen()).toBe(3);
    const ignoring = { ...forced, cache_ignored_headers: ["x-id"] };
    await ask(0, { ...ignoring, headers: { authorization: "a", "x-id": "1" } });
    await ask(0, { ...ignoring, headers: { authorization: "a", "x-id": "2" } });
    // the first of all had no other headers either
    expect(seen()).toBe(3);
  });

  test("as decoded by the one who asks", async () => {
    const { ask, seen } = await setUp((response) => response.end("[1]"));
    expect((await ask(0, forced))["body"]).toBeNull();
    expect((await ask(0, { ...forced, force_json_decode: true }))["body"]).toEqual([1]);
    expect((await ask(1, { ...forced, force_json_decode: true }))["body"]).toEqual([1]);
    expect(seen()).toBe(2);
  });

  test("while there is room", async () => {
    const { ask, seen } = await setUp((response) => response.end("x".repeat(600)), { maxCacheBytes: 2_000 });
    for (const path of ["a", "b", "c"]) await ask(0, { ...forced, headers: { path } });
    await ask(0, { ...forced, headers: { path: "c" } });
    expect(seen()).toBe(3);
    await ask(0, { ...forced, headers: { path: "a" } });
    expect(seen()).toBe(4);
  });

  test("but no error is", async () => {
    const server = await world.serve((request) => request.socket.destroy());
    const network = world.network({ hosts: [`api.test:${server.port}=loopback`] });
    const request = { method: "POST", url: server.url, ...forced };
    for (const count of [1, 2]) {
      expect(await refusal(network, request)).toContain("connection reset");
      expect(server.requests).toHaveLength(count);
    }
  });
});

describe("when its time is over, the server is asked whether it still holds", () => {
  test.each<[string, Record<string, string>, string, string]>([
    ["by its tag", { etag: '"é1"' }, "if-none-match", '"é1"'],
    ["by its date", { "last-modified": at(-100) }, "if-modified-since", at(-100)],
  ])("%s", async (_name, headers, asks, value) => {
    const { ask, server } = await setUp((response, n) => {
      for (const [name, text] of Object.entries(headers))
        response.setHeader(name, Buffer.from(text).toString("latin1"));
      if (n === 0)
        response.writeHead(200, { date: at(0), "cache-control": "max-age=5", "x-n": "0" }).end("old");
      else response.writeHead(304, { date: at(6), "cache-control": "max-age=5", "x-n": "1" }).end();
    });
    const request = { ...cached, headers: { authorization: "a" } };
    expect(await ask(0, request)).toMatchObject({ raw_body: "old", headers: { "x-n": ["0"] } });
    expect(await ask(6, request)).toMatchObject({
      raw_body: "old",
      status_code: 200,
      headers: { "x-n": ["1"] },
    });
    const second = server.requests[1]?.headers;
    expect(Buffer.from(String(second?.[asks]), "latin1").toString()).toBe(value);
    expect(second?.authorization).toBe("a");
    // and holds for as long again
    await ask(10, request);
    expect(server.requests).toHaveLength(2);
    await ask(11, request);
    expect(server.requests).toHaveLength(3);
  });

  test("and a new answer takes its place", async () => {
    const { ask, seen } = await setUp((response, n) => {
      response
        .writeHead(200, { etag: `"${n}"`, date: at(n * 6), "cache-control": "max-age=5" })
        .end(String(n));
    });
    expect((await ask(0, cached))["raw_body"]).toBe("0");
    expect((await ask(6, cached))["raw_body"]).toBe("1");
    expect((await ask(10, cached))["raw_body"]).toBe("1");
    expect(seen()).toBe(2);
  });

  test("and after any other status it is asked as if nothing were kept", async () => {
    const { ask, server } = await setUp((response, n) => {
      if (n === 0)
        response.writeHead(200, { etag: '"0"', date: at(0), "cache-control": "max-age=5" }).end("old");
      else if (n === 1) response.writeHead(403).end();
      else response.end("new");
    });
    await ask(0, cached);
    expect((await ask(6, cached))["raw_body"]).toBe("new");
    expect(server.requests[2]?.headers).not.toHaveProperty("if-none-match");
  });

  test("and a failure is the answer, with nothing left", async () => {
    const server = await world.serve((request, response) => {
      if (request.headers["if-none-match"] !== undefined) request.socket.destroy();
      else response.writeHead(200, { etag: '"0"', date: at(0), "cache-control": "max-age=5" }).end("old");
    });
    const network = world.network({ hosts: [`api.test:${server.port}=loopback`] });
    const ask = (seconds: number): Promise<JsonObject> =>
      send(
        network,
        { method: "POST", url: server.url, raise_error: false, ...cached },
        scopeAt(noon + seconds * 1_000),
      );
    expect((await ask(0))["status_code"]).toBe(200);
    expect((await ask(6))["status_code"]).toBe(0);
    expect((await ask(6))["status_code"]).toBe(200);
  });
});
