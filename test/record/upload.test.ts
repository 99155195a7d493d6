/** The upload of the decision log: OPA's format, its limits, what a service may do to it, and what waits in memory. */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { crc32, gunzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "@jest/globals";
import { createBlockMaker, linesOf } from "../../sidecar/record/upload/block.js";
import type { Block } from "../../sidecar/record/upload/block.js";
import { frameBytes, gzipOf, joinCrc } from "../../sidecar/record/upload/chunk.js";
import { createMemoryStore } from "../../sidecar/record/upload/memory.js";
import { openOutbox } from "../../sidecar/record/upload/outbox.js";
import { createRate } from "../../sidecar/record/upload/rate.js";
import type { Posted } from "../../sidecar/record/upload/upload.js";
import type { ReportingConfig } from "../../sidecar/record/upload-config.js";
import { createMetrics } from "../../sidecar/record/metrics.js";
import { openUpload } from "../../sidecar/wire/upload.js";
import { configOf, lineOf, numbersOf, until } from "./spilling.js";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const maker = (most: number, onTooLarge: (result: string) => void = () => undefined) =>
  createBlockMaker({ most, now: () => 1_000, onTooLarge });

describe("an upload", () => {
  test("is one gzip member whose content is a JSON array, whatever blocks it is made of", async () => {
    const make = maker(32_000);
    const blocks: Block[] = [];
    for (const count of [1, 2, 200, 3]) {
      blocks.push(...(await make(upTo(count, blocks.length * 1_000).map((n) => lineOf(n)))));
    }
    for (const some of [blocks, blocks.slice(0, 1), blocks.slice(1, 3)]) {
      const events = JSON.parse(gunzipSync(gzipOf(some)).toString()) as { n: number }[];
      expect(events.length).toBe(some.reduce((sum, block) => sum + block.events, 0));
    }
    const [first] = blocks;
    expect(first === undefined ? [] : await linesOf(first)).toEqual([lineOf(0)]);
  });

  test("the check of two texts is that of one behind the other", () => {
    for (const [a, b] of [
      ["", ""],
      ["[", "x"],
      ["abc".repeat(1_000), "ü".repeat(70_001)],
    ] as const) {
      expect(joinCrc(crc32(a), crc32(b), Buffer.byteLength(b))).toBe(crc32(a + b));
    }
  });

  test("blocks keep under the limit, and learn how much fits", async () => {
    const make = maker(4_000);
    const blocks = await make(upTo(2_000).map((n) => lineOf(n)));
    expect(Math.max(...blocks.map(({ deflated }) => deflated.length))).toBeLessThanOrEqual(4_000);
    expect(
      (await Promise.all(blocks.map(linesOf))).flat().map((line) => (JSON.parse(line) as { n: number }).n),
    ).toEqual(upTo(2_000));
    const last = blocks.slice(-6, -1).map(({ deflated }) => deflated.length);
    expect(Math.min(...last)).toBeGreaterThan(1_000);
  });

  test("an event that is too large alone goes without input and result, or not at all", async () => {
    const told: string[] = [];
    const make = maker(600, (result) => told.push(result));
    const noise = Array.from({ length: 3_000 }, (_, i) => crc32(String(i)).toString(36)).join("");
    const [block] = await make([
      JSON.stringify({ decision_id: "d", input: noise, result: true, erased: ["/input/a"] }),
      JSON.stringify({ decision_id: "e", noise }),
    ]);
    expect(told).toEqual(["shortened", "dropped"]);
    expect(
      block === undefined ? [] : (await linesOf(block)).map((line) => JSON.parse(line) as unknown),
    ).toEqual([{ decision_id: "d", erased: ["/input/a", "/input", "/result"], incomplete: true }]);
  });
});

test("memory is bounded: past the limit the oldest are dropped and counted", async () => {
  const dropped: [string, number][] = [];
  for (const limit of [{ of: "bytes", most: 4_000 } as const, { of: "events", most: 50 } as const]) {
    dropped.length = 0;
    const store = createMemoryStore({ limit, onDropped: (...drop) => dropped.push(drop) });
    const make = maker(8_000);
    for (let i = 0; i < 40; i++) await store.append(await make(upTo(5, i * 5).map((n) => lineOf(n))));
    const taken = await store.peek(1e9);
    const left = taken?.blocks.reduce((sum, { events }) => sum + events, 0) ?? 0;
    expect(left + dropped.reduce((sum, [, count]) => sum + count, 0)).toBe(200);
    expect(new Set(dropped.map(([reason]) => reason))).toEqual(new Set(["buffer_full"]));
    await taken?.done();
    expect(store.waiting()).toEqual({ bytes: 0, spilledBytes: 0 });
  }
});

test("a rate lets a second's worth through at once, and then as many as it says", () => {
  let now = 0;
  const allow = createRate(10, () => now);
  expect(upTo(30).filter(allow).length).toBe(10);
  now = 500;
  expect(upTo(30).filter(allow).length).toBe(5);
});

describe("a service", () => {
  test("gets everything as OPA's client sends it", async () => {
    const got: { path: string | undefined; headers: IncomingMessage["headers"]; numbers: number[] }[] = [];
    const { outbox, status } = await serving((request, body, response) => {
      got.push({ path: request.url, headers: request.headers, numbers: numbersOf(body) });
      // what it says beside its status counts for nothing
      response.writeHead(200, { "content-type": "application/json" }).end('{"garbage');
    });
    await outbox.write(
      upTo(500)
        .map((n) => `${lineOf(n)}\n`)
        .join(""),
    );
    await outbox.flush();
    expect(got.flatMap(({ numbers }) => numbers)).toEqual(upTo(500));
    expect(got[0]?.path).toBe("/base/logs/eu");
    expect(got[0]?.headers).toMatchObject({
      "content-type": "application/json",
      "content-encoding": "gzip",
      authorization: "Bearer secret",
    });
    expect(status()).toMatchObject({ uploaded: 500, dropped: {}, buffered_bytes: 0 });
    expect(status().code).toBeUndefined();
  });

  test.each([
    ["an error", (response: ServerResponse) => response.writeHead(500).end("secret words"), "500"],
    ["refused credentials", (response: ServerResponse) => response.writeHead(401).end(), "401"],
    [
      "a redirect",
      (response: ServerResponse) => response.writeHead(307, { location: "/x" }).end(),
      undefined,
    ],
    ["an end without an answer", (response: ServerResponse) => response.destroy(), undefined],
    [
      "an answer without end",
      (response: ServerResponse) => response.writeHead(200).end("x".repeat(3e6)),
      undefined,
    ],
  ])("%s: what waits is kept, the status says so, and it is sent again", async (_name, answer, code) => {
    let well = false;
    const numbers: number[] = [];
    const { outbox, status, told } = await serving((_request, body, response) => {
      if (!well) return void answer(response);
      numbers.push(...numbersOf(body));
      response.writeHead(204).end();
    });
    await outbox.write(`${lineOf(1)}\n`);
    await expect(outbox.flush()).rejects.toThrow();
    expect(status()).toMatchObject({ code: "decision_log_error", uploaded: 0, dropped: {} });
    expect(status().http_code).toBe(code);
    expect(JSON.stringify([status(), told])).not.toContain("secret");
    expect(told.length).toBe(1);
    well = true;
    // by itself, once it has waited
    await until(() => numbers.length > 0);
    expect(numbers).toEqual([1]);
    await until(() => status().code === undefined);
  });

  test("413: it gets less at a time, down to one event, and what is too large even so is dropped and counted", async () => {
    const numbers: number[] = [];
    const { outbox, status } = await serving((_request, body, response) => {
      const some = numbersOf(body);
      const fits = some.length <= 7 && !some.includes(13);
      if (fits) numbers.push(...some);
      response.writeHead(fits ? 200 : 413).end();
    });
    await outbox.write(
      upTo(100)
        .map((n) => `${lineOf(n)}\n`)
        .join(""),
    );
    await outbox.flush();
    expect(numbers.sort((a, b) => a - b)).toEqual(upTo(100).filter((n) => n !== 13));
    expect(status().dropped).toEqual({ too_large: 1 });
  });

  test.each([400, 422])(
    "%i: what it refuses alone is given up, counted and told once it takes what stands beside it",
    async (code) => {
      const numbers: number[] = [];
      const { outbox, status, told } = await serving((_request, body, response) => {
        const some = numbersOf(body);
        const fits = !some.some((n) => [13, 14, 77].includes(n));
        if (fits) numbers.push(...some);
        response.writeHead(fits ? 200 : code).end();
      });
      await outbox.write(
        upTo(100)
          .map((n) => `${lineOf(n)}\n`)
          .join(""),
      );
      for (let i = 0; i < 3; i++) await expect(outbox.flush()).rejects.toThrow(String(code));
      expect(numbers).toEqual([]);
      await outbox.flush();
      expect(numbers.sort((a, b) => a - b)).toEqual(upTo(100).filter((n) => ![13, 14, 77].includes(n)));
      expect(status().dropped).toEqual({ refused: 3 });
      expect(told.filter((line) => JSON.stringify(line).includes("refuses events alone")).length).toBe(1);
      // what comes later is an upload as before
      await outbox.write(`${lineOf(200)}\n`);
      await outbox.flush();
      expect(numbers).toContain(200);
    },
  );

  test("400 to everything: nothing is given up, and it isn't asked for each event", async () => {
    let asked = 0;
    let well = false;
    const numbers: number[] = [];
    const { outbox, status } = await serving((_request, body, response) => {
      asked++;
      if (well) numbers.push(...numbersOf(body));
      response.writeHead(well ? 200 : 400).end();
    });
    await outbox.write(
      upTo(500)
        .map((n) => `${lineOf(n)}\n`)
        .join(""),
    );
    for (let i = 0; i < 5; i++) await expect(outbox.flush()).rejects.toThrow("400");
    expect(asked).toBeLessThan(200);
    expect(status().dropped).toEqual({});
    well = true;
    await outbox.flush();
    expect(numbers.sort((a, b) => a - b)).toEqual(upTo(500));
  });

  test("429: it isn't asked before it says, nor later than ten minutes from now", async () => {
    const waits: number[] = [];
    for (const retryAfterMs of [5_000, 1e12]) {
      const outbox = await openOutbox({
        ...{ reporting, isDecision: () => true, now: Date.now, closeMs: 1 },
        post: () => Promise.resolve<Posted>({ kind: "answered", status: 429, retryAfterMs }),
        events: { ...silent, onFailed: () => undefined },
      });
      closing.push(() => outbox.close());
      await outbox.write(`${lineOf(1)}\n`);
      const before = Date.now();
      const timers = jestTimers(() => outbox.flush().catch(() => undefined));
      waits.push(Math.max(...(await timers)));
      expect(Date.now() - before).toBeLessThan(5_000);
    }
    expect(waits).toEqual([5_000, 600_000]);
  });

  test("one that never answers holds nothing up, and closing ends it in time", async () => {
    const { outbox, status } = await serving(() => undefined, { trigger: "immediate" });
    for (let i = 0; i < 5; i++) await outbox.write(`${lineOf(i)}\n`);
    const flushed = outbox.flush().catch(() => undefined);
    expect(status().buffered_bytes).toBeGreaterThan(0);
    await outbox.close();
    await flushed;
    // in memory, nothing is kept beyond the end
    expect(status().dropped).toEqual({ shutdown: 5 });
  });

  test("immediate: a full upload is sent at once; periodic: it waits for its time", async () => {
    for (const trigger of ["immediate", "periodic"] as const) {
      const numbers: number[] = [];
      const { outbox } = await serving(
        (_request, body, response) => {
          numbers.push(...numbersOf(body));
          response.end();
        },
        { trigger, uploadSizeLimitBytes: 2_000 },
      );
      await outbox.write(
        upTo(200)
          .map((n) => `${lineOf(n)}\n`)
          .join(""),
      );
      if (trigger === "immediate") await until(() => numbers.length === 200);
      expect(numbers.length).toBe(trigger === "immediate" ? 200 : 0);
    }
  });

  test("decisions past the rate are dropped and counted; what operators did isn't", async () => {
    const numbers: number[] = [];
    const { outbox, status } = await serving(
      (_request, body, response) => {
        numbers.push(...numbersOf(body));
        response.end();
      },
      { maxDecisionsPerSecond: 1 },
      (line) => !line.includes('"n":7,'),
    );
    await outbox.write(
      upTo(8)
        .map((n) => `${lineOf(n)}\n`)
        .join(""),
    );
    await outbox.flush();
    expect(numbers).toEqual([0, 7]);
    expect(status().dropped).toEqual({ rate_limit: 6 });
  });
});

test("an upload's bytes beside its blocks are counted right", async () => {
  const blocks = [...(await maker(9_000)([lineOf(1)])), ...(await maker(9_000)([lineOf(2)]))];
  const own = blocks.reduce((sum, { deflated }) => sum + deflated.length, 0);
  expect(gzipOf(blocks).length).toBeLessThanOrEqual(own + frameBytes.around + frameBytes.between);
});

const reporting: ReportingConfig = configOf();
const silent = {
  onDropped: () => undefined,
  onUploaded: () => undefined,
  onFailed: () => undefined,
  onTooLarge: () => undefined,
  onRefused: () => undefined,
};

/** Gives the delays of the timers that are set meanwhile. */
async function jestTimers(work: () => Promise<unknown>): Promise<number[]> {
  const delays: number[] = [];
  const real = globalThis.setTimeout;
  globalThis.setTimeout = ((run: () => void, ms = 0) => {
    delays.push(ms);
    return real(run, ms);
  }) as typeof setTimeout;
  try {
    await work();
  } finally {
    globalThis.setTimeout = real;
  }
  return delays;
}

type Answer = (request: IncomingMessage, body: Buffer, response: ServerResponse) => void;

async function serving(
  answer: Answer,
  changes: Partial<ReportingConfig> = {},
  isDecision: (line: string) => boolean = () => true,
) {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      answer(request, Buffer.concat(parts), response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const told: unknown[] = [];
  const log = (...line: unknown[]) => void told.push(line);
  const outbox = await openUpload({
    config: { service: "s", resource: "logs/eu", reporting: configOf(changes) },
    service: {
      ...{ name: "s", url: `http://127.0.0.1:${port}/base`, type: "http", headers: {} },
      credentials: { kind: "bearer", scheme: "Bearer", token: "secret" },
      responseHeaderTimeoutMs: 10_000,
    },
    ...{ strict: false, isDecision, metrics: createMetrics(), now: Date.now },
    log: { debug: log, info: () => undefined, warn: log, error: log },
    closeMs: 200,
  });
  closing.push(async () => {
    server.closeAllConnections();
    await outbox.close();
    await new Promise((resolve) => server.close(resolve));
  });
  return { outbox, status: outbox.status, told };
}
