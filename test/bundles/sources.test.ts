/** How bundles are asked for: over HTTP as OPA does, and again and again. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import yaml from "js-yaml";
import { bundleCodes } from "../../sidecar/bundles/codes.js";
import type { BundlesConfig, Credentials, PollingConfig } from "../../sidecar/bundles/config.js";
import { createKeep } from "../../sidecar/bundles/keep/keep.js";
import { createHttpSource } from "../../sidecar/bundles/sources/http.js";
import { createPoller, type Poller, type PollerParts } from "../../sidecar/bundles/sources/poll.js";
import type { Downloaded, Source } from "../../sidecar/bundles/sources/source.js";
import type { Asked } from "../../sidecar/bundles/status.js";
import type { Activation } from "../../sidecar/bundles/store.js";
import { parseSidecarConfig } from "../../sidecar/config.js";
import type { Json } from "../../sidecar/contract.js";
import { createService } from "../../sidecar/net/service/service.js";
import { createFeeds, type Feeds } from "../../sidecar/wire/bundles.js";
import { tarGz } from "../rego/tar.js";
import { root } from "../world.js";
import {
  startBundleServer,
  type BundleServer,
  type BundleServerOptions,
  type ServerFault,
} from "./server.js";

const bundle = (text: string): Buffer => tarGz([{ name: "data.json", body: `{"text":"${text}"}` }]);
const [one, two] = [bundle("one"), bundle("two")];
const path = "bundles/one";
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(options: BundleServerOptions = {}): Promise<BundleServer> {
  const server = await startBundleServer(options);
  closing.push(server.close);
  return server;
}

interface SourceMore {
  readonly longPollingTimeoutMs?: number;
  readonly sizeLimitBytes?: number;
  readonly timeoutMs?: number;
  readonly now?: number;
}

function sourceAt(url: string, more: SourceMore = {}): Source {
  const { timeoutMs = 2_000, sizeLimitBytes = 1_000_000, longPollingTimeoutMs, now = 0 } = more;
  const service = createService({
    ...{ name: "acme", url, type: "http", headers: {}, credentials: { kind: "none" } },
    responseHeaderTimeoutMs: timeoutMs,
  });
  closing.push(service.close);
  return createHttpSource({ service, resource: path, sizeLimitBytes, longPollingTimeoutMs, now: () => now });
}

const live = (): AbortSignal => new AbortController().signal;

describe("an HTTP source", () => {
  test("asks as OPA does: If-None-Match, Prefer, and no wait unless it is told to", async () => {
    const server = await serve();
    const etag = server.put(path, one);
    const source = sourceAt(server.url);
    expect(await source.download(undefined, live())).toEqual({
      ...{ kind: "bundle", bytes: one, etag, longPoll: false, httpCode: 200 },
    });
    expect(await source.download(etag, live())).toEqual({
      kind: "unchanged",
      longPoll: false,
      httpCode: 304,
    });
    server.put(path, two);
    expect(await source.download(etag, live())).toMatchObject({ kind: "bundle", bytes: two });
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
      Array(3).fill("GET /bundles/one"),
    );
    expect(server.requests[0]?.headers).toMatchObject({ prefer: "modes=snapshot,delta" });
    expect(server.requests[0]?.headers).not.toHaveProperty("if-none-match");
    expect(server.requests[1]?.headers).toMatchObject({ "if-none-match": etag });
  });

  test("asks the service to wait, and goes on as long as it says that it can", async () => {
    const server = await serve({ longPollMs: 60_000 });
    const etag = server.put(path, one);
    const source = sourceAt(server.url, { longPollingTimeoutMs: 30_000, timeoutMs: 50 });
    expect(await source.download(undefined, live())).toMatchObject({ longPoll: true });
    const waiting = source.download(etag, live());
    await server.holding();
    server.put(path, two);
    expect(await waiting).toMatchObject({ kind: "bundle", bytes: two, longPoll: true });
    expect(await source.download(etag, live(), false)).toMatchObject({ kind: "bundle" });
    const prefer = server.requests.map(({ headers }) => headers["prefer"]);
    expect(prefer).toEqual([
      ...Array<string>(2).fill("modes=snapshot,delta;wait=30"),
      "modes=snapshot,delta",
    ]);
  });

  test("asks a service that can't wait for no wait again, until it can", async () => {
    const server = await serve();
    server.put(path, one);
    const source = sourceAt(server.url, { longPollingTimeoutMs: 30_000 });
    expect(await source.download(undefined, live())).toMatchObject({ longPoll: false });
    const headers = { "content-type": "application/vnd.openpolicyagent.bundles; v=1" };
    server.fail({ kind: "body", body: one, headers }, 1);
    expect(await source.download(undefined, live())).toMatchObject({ longPoll: true });
    await source.download(undefined, live());
    const prefer = server.requests.map(({ headers }) => String(headers["prefer"]).includes("wait"));
    expect(prefer).toEqual([true, false, true]);
  });

  const body = (text: string | Uint8Array, headers: Record<string, string> = {}): ServerFault => ({
    ...{ kind: "body", body: text, headers },
  });
  const status = (status: number, headers: Record<string, string> = {}): ServerFault => ({
    ...{ kind: "status", status, headers },
  });
  test.each<[string, string, RegExp, ServerFault, SourceMore?]>([
    ["401", "source_unauthorized", /answers 401: check services\.credentials/, status(401)],
    ["403", "source_unauthorized", /answers 403/, status(403)],
    ["404", "source_not_found", /answers 404: check resource/, status(404)],
    ["500", "source_status", /answers 500/, status(500)],
    ["204", "source_status", /answers 204/, status(204)],
    ["206", "source_status", /answers 206/, status(206)],
    ["304 to a first question", "source_answer", /304 though nothing/, status(304)],
    [
      "a redirect elsewhere",
      "source_address",
      /another origin/,
      status(302, { location: "http://169.254.169.254/" }),
    ],
    ["an empty body", "source_answer", /is empty/, body("")],
    ["garbage", "source_answer", /is no \.tar\.gz/, body("garbage")],
    [
      "HTML",
      "source_answer",
      /\(content-type text\/html\)/,
      body("<html>", { "content-type": "text/html; x" }),
    ],
    [
      "a type with an escape",
      "source_answer",
      /is no \.tar\.gz$/,
      body("x", { "content-type": "\u001b[31m/x".slice(1) }),
    ],
    [
      "what is packed twice",
      "source_answer",
      /leave it out/,
      body(tarGz([{ name: "x" }]), { "content-encoding": "gzip" }),
    ],
    ["half of it", "source_truncated", /in the middle/, { kind: "cut", after: 20 }],
    [
      "silence",
      "source_timeout",
      /raise response_header_timeout_seconds/,
      { kind: "silent" },
      { timeoutMs: 50 },
    ],
    ["too much", "source_too_large", /raise size_limit_bytes/, body(one), { sizeLimitBytes: 50 }],
  ])("names what is wrong: %s", async (_name, code, message, fault, more = {}) => {
    const server = await serve();
    server.put(path, one);
    server.fail(fault);
    const answer = await sourceAt(server.url, more).download(undefined, live());
    expect(answer).toMatchObject({ kind: "failed", code });
    expect(answer.kind === "failed" && answer.message).toMatch(message);
    expect(answer.kind === "failed" && answer.message).toMatch(/^acme: \/bundles\/one: /);
  });

  test.each<[string, number | undefined]>([
    ["7", 7_000],
    ["99999999999", undefined],
    ["9999999", 3_600_000],
    ["Thu, 01 Jan 1970 00:01:00 GMT", 50_000],
    ["Thu, 01 Jan 1970 00:00:01 GMT", 0],
    ["soon", undefined],
  ])("reads Retry-After: %s", async (text, expected) => {
    const server = await serve();
    server.fail(status(503, { "retry-after": text }));
    const answer = await sourceAt(server.url, { now: 10_000 }).download(undefined, live());
    expect(answer.kind === "failed" && answer.retryAfterMs).toBe(expected);
  });

  test("remembers no ETag that can't be told again", async () => {
    const server = await serve();
    for (const etag of ["x".repeat(2_000), "caf\u00e9", "\t"]) {
      server.put(path, one, etag);
      const answer = await sourceAt(server.url).download(undefined, live());
      expect(answer).toMatchObject({ kind: "bundle" });
      expect(answer).not.toHaveProperty("etag");
    }
  });

  test("ends when it is closed, and tells who isn't there", async () => {
    const server = await serve();
    server.fail({ kind: "silent" });
    const source = sourceAt(server.url);
    const waiting = source.download(undefined, live());
    await server.asked(1);
    source.close();
    expect(await waiting).toMatchObject({ kind: "failed" });
    const gone = await sourceAt("http://127.0.0.1:1").download(undefined, live());
    expect(gone).toMatchObject({ kind: "failed", code: "source_unreachable" });
  });
});

interface Rig {
  readonly poller: Poller;
  /** ETags that the source was told, and whether it might wait. */
  readonly told: { readonly known: string | undefined; readonly wait: boolean | undefined }[];
  readonly delivered: string[];
  readonly asked: Asked[];
  readonly waits: number[];
  /** Lets the poller ask the next time; gives how long it would have waited before, milliseconds. */
  next(): Promise<number>;
}

const polling: PollingConfig = { minDelayMs: 60_000, maxDelayMs: 120_000 };

/** A poller whose source gives these, one after the other, and whose time is the test's. */
function rig(
  answers: (Partial<Extract<Downloaded, { kind: "failed" }>> | string | Promise<never> | "unchanged")[],
  activations: Record<string, Activation> = {},
  more: Partial<PollerParts> = {},
): Rig & { at: number } {
  const sleeping: { readonly ms: number; readonly wake: () => void }[] = [];
  let slept = (): void => undefined;
  const told: Rig["told"] = [];
  const [delivered, asked, waits]: [string[], Asked[], number[]] = [[], [], []];
  const longPoll = more.polling?.longPollingTimeoutMs !== undefined;
  const self = { at: 0 };
  const source: Source = {
    async download(known, signal, wait) {
      told.push({ known, wait });
      const answer = answers.shift();
      if (answer === undefined)
        return new Promise((resolve) => {
          signal.addEventListener("abort", () =>
            resolve({ kind: "failed", code: "source_unreachable", message: "" }),
          );
        });
      if (answer instanceof Promise) return answer;
      if (answer === "unchanged") return { kind: "unchanged", longPoll };
      if (typeof answer !== "string")
        return { kind: "failed", code: "source_status", message: "m", ...answer };
      return { kind: "bundle", bytes: Buffer.from(answer), etag: `"${answer}"`, longPoll };
    },
    close: () => undefined,
  };
  const poller = createPoller({
    ...{ source, polling, trigger: "periodic", random: () => 1, now: () => self.at },
    deliver(bytes) {
      delivered.push(bytes.toString());
      return Promise.resolve(activations[bytes.toString()] ?? { kind: "activated" });
    },
    onAsked: (what) => asked.push(what),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        waits.push(ms);
        sleeping.push({ ms, wake: resolve });
        signal.addEventListener("abort", () => resolve());
        slept();
      }),
    ...more,
  });
  closing.push(poller.close);
  return Object.assign(self, {
    ...{ poller, told, delivered, asked, waits },
    async next() {
      if (sleeping.length === 0) await new Promise<void>((resolve) => (slept = resolve));
      const first = sleeping.shift();
      first?.wake();
      return first?.ms ?? -1;
    },
  });
}

const rejects = (code: string): Activation => ({ kind: "rejected", code, message: "no" });

describe("a poller", () => {
  test("waits between the shortest and the longest delay, and tells what is in force", async () => {
    for (const [random, expected] of [
      [0, 60_000],
      [0.5, 90_000],
      [1, 120_000],
    ] as const) {
      const { poller, next, told, delivered, asked } = rig(
        ["a", "unchanged", "b"],
        {},
        { random: () => random },
      );
      poller.start();
      for (let i = 0; i < 3; i++) expect(await next()).toBe(expected);
      expect(delivered).toEqual(["a", "b"]);
      expect(told.slice(0, 4).map(({ known }) => known)).toEqual([undefined, '"a"', '"a"', '"b"']);
      expect(asked.map(({ kind }) => kind)).toEqual(["downloaded", "unchanged", "downloaded"]);
    }
  });

  test("comes back later after each failure, up to the longest delay, and as the source says", async () => {
    const { poller, next } = rig([
      ...Array<object>(13).fill({}),
      ...[
        "unchanged",
        {},
        { retryAfterMs: 300_000 },
        { retryAfterMs: 9_000_000 },
        Promise.reject(new Error("bug")),
      ],
    ] as never);
    poller.start();
    const waits = [];
    for (let i = 0; i < 18; i++) waits.push(Math.round(await next()));
    expect(waits.slice(0, 4)).toEqual([1_000, 1_600, 2_560, 4_096]);
    expect(waits.slice(11)).toEqual([120_000, 120_000, 120_000, 1_000, 300_000, 600_000, 4_096]);
  });

  test("remembers the ETag of what is in force only, and doesn't make the same again that was rejected", async () => {
    const one = rig(["a", "bad", "bad", "unchanged", "bad", "b"], { bad: rejects("build_failed") });
    one.poller.start();
    for (let i = 0; i < 6; i++) expect(await one.next()).toBe(120_000);
    expect(one.delivered).toEqual(["a", "bad", "bad", "b"]);
    expect(one.told.map(({ known }) => known)).toEqual([undefined, ...Array<string>(5).fill('"a"'), '"b"']);
    // the second time it is told again why, since nobody delivers it
    expect(one.asked.map(({ kind }) => kind)).toEqual([
      ...["downloaded", "downloaded", "downloaded", "failed", "unchanged", "downloaded", "downloaded"],
    ]);
    expect(one.asked[3]).toEqual({ kind: "failed", code: "build_failed", message: "no" });
  });

  test("doesn't make the same again that is in force, by whatever ETag it comes", async () => {
    const etags = ['"1"', '"2"', undefined, '"4"'];
    const told: (string | undefined)[] = [];
    const [delivered, asked]: [string[], string[]] = [[], []];
    let slept = (): void => undefined;
    const all = new Promise<void>((resolve) => (slept = resolve));
    const poller = createPoller({
      source: {
        download(known) {
          told.push(known);
          const etag = etags[told.length - 1];
          const bytes = Buffer.from(told.length === 3 ? "bad" : "same");
          return Promise.resolve({
            kind: "bundle",
            bytes,
            ...(etag === undefined ? {} : { etag }),
            longPoll: true,
          });
        },
        close: () => undefined,
      },
      ...{ polling, trigger: "periodic", random: () => 0, now: () => 0 },
      deliver(bytes) {
        delivered.push(bytes.toString());
        return Promise.resolve(bytes.toString() === "bad" ? rejects("build_failed") : { kind: "activated" });
      },
      onAsked: ({ kind }) => asked.push(kind),
      sleep: (_ms, signal) =>
        told.length < 5
          ? Promise.resolve()
          : new Promise((resolve) => {
              slept();
              signal.addEventListener("abort", () => resolve());
            }),
    });
    closing.push(poller.close);
    poller.start();
    await all;
    expect(delivered).toEqual(["same", "bad"]);
    expect(told).toEqual([undefined, '"1"', '"2"', '"2"', '"4"']);
    // what was wrong with another one is over
    expect(asked.slice(4)).toEqual(["downloaded", "unchanged", "downloaded", "unchanged"]);
  });

  test("makes what was rejected again where the reason may be gone", async () => {
    const late = rig(["bad", "bad", "bad"], { bad: rejects("build_failed") });
    late.poller.start();
    await late.next();
    late.at = 599_999;
    await late.next();
    expect(late.delivered.length).toBe(1);
    late.at = 600_000;
    await late.next();
    expect(late.delivered.length).toBe(2);
    const around = rig(["bad", "bad"], { bad: rejects("roots_overlap") });
    around.poller.start();
    await around.next();
    await around.next();
    expect(around.delivered.length).toBe(2);
  });

  test("asks for the whole where changes don't fit, and when it is told to forget", async () => {
    const { poller, next, told } = rig(["a", "delta", "whole", "unchanged"], {
      delta: rejects("delta_unfit"),
    });
    poller.start();
    for (let i = 0; i < 3; i++) await next();
    expect(told.map(({ known }) => known).slice(0, 4)).toEqual([undefined, '"a"', undefined, '"whole"']);
    poller.forget();
    await next();
    expect(told[4]?.known).toBeUndefined();
  });

  test("asks a source that waits for news at once, but no more than once a second", async () => {
    const long = { polling: { ...polling, longPollingTimeoutMs: 30_000 } };
    const answers = ["a", "unchanged", "bad", "b"];
    const one = rig(answers, { bad: rejects("build_failed") }, long);
    one.poller.start();
    expect(await one.next()).toBe(1_000);
    expect(await one.next()).toBe(1_000);
    // it would give what was rejected again at once
    expect(await one.next()).toBe(120_000);
    const slow = rig([], {}, { ...long, now: () => (slow.at += 400) });
    slow.poller.start();
    const quick = rig(["unchanged"], {}, { ...long, now: () => (quick.at += 5_000) });
    quick.poller.start();
    expect(await quick.next()).toBe(0);
  });

  test("is asked by hand, ends a wait for it, and tells all who asked", async () => {
    const answers = ["a", "bad"];
    const { poller, told, delivered, asked } = rig(
      answers,
      { bad: rejects("build_failed") },
      {
        polling: { ...polling, longPollingTimeoutMs: 30_000 },
      },
    );
    poller.start();
    expect((await poller.refresh()).kind).toBe("rejected");
    answers.push("bad", "b");
    // what was rejected is made once more, since somebody says so
    const both = await Promise.all([poller.refresh(), poller.refresh()]);
    expect(both.map(({ kind }) => kind)).toEqual(["rejected", "rejected"]);
    expect((await poller.refresh()).kind).toBe("activated");
    expect(delivered).toEqual(["a", "bad", "bad", "b"]);
    expect(told.filter(({ wait }) => wait === false).length).toBe(3);
    // a question that was ended says nothing of the source
    expect(asked.every(({ kind }) => kind === "downloaded")).toBe(true);
  });

  test("isn't asked but by hand where that is configured", async () => {
    const { poller, told, waits } = rig(["a", {}, "unchanged"], {}, { trigger: "manual" });
    poller.start();
    expect(told).toEqual([]);
    expect((await poller.refresh()).kind).toBe("activated");
    expect(await poller.refresh()).toMatchObject({ kind: "failed", code: "source_status" });
    expect((await poller.refresh()).kind).toBe("unchanged");
    expect(waits).toEqual([]);
  });

  test("starts from what it knew before, and ends with nothing under way", async () => {
    const { poller, told } = rig([]);
    poller.know('"old"');
    poller.start();
    const asking = poller.refresh();
    await poller.close();
    expect((await asking).kind).toBe("failed");
    expect((await poller.refresh()).kind).toBe("failed");
    expect(told[0]?.known).toBe('"old"');
  });

  test("waits for a delivery before it is closed, and outlives one that throws", async () => {
    let done = (_activation: Activation): void => undefined;
    const parts = { deliver: () => new Promise<Activation>((resolve) => (done = resolve)) };
    const slow = rig(["a"], {}, parts);
    slow.poller.start();
    await new Promise(setImmediate);
    let closed = false;
    const closing = slow.poller.close().then(() => (closed = true));
    await new Promise(setImmediate);
    expect(closed).toBe(false);
    done({ kind: "activated" });
    await closing;
    const thrown = rig(["a"], {}, { deliver: () => Promise.reject(new Error("bug")) });
    expect(await thrown.poller.refresh()).toMatchObject({ kind: "rejected", code: "activation_failed" });
  });
});

test("docs/services.md lists every code of a source, and its examples are valid configurations", () => {
  const text = readFileSync(join(root, "docs/services.md"), "utf8");
  const rows = [...text.matchAll(/^\| `(source_\w+)` \|/gm)].map(([, code]) => code);
  expect(rows.sort()).toEqual(
    Object.keys(bundleCodes)
      .filter((code) => code.startsWith("source_"))
      .sort(),
  );
  const environment = { AWS_REGION: "eu-1", AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };
  const examples = [...text.matchAll(/```yaml\n(services:[\s\S]*?)```/g)].map(
    ([, example = ""]) => parseSidecarConfig(yaml.load(example) as Json, undefined, environment).bundles,
  );
  expect(examples[0]?.bundles[0]?.polling.longPollingTimeoutMs).toBe(60_000);
  expect(examples.flatMap(({ services }) => [...services.values()]).map(({ type }) => type)).toEqual([
    ...["http", "http", "oci"],
  ]);
});

test("what a server publishes is delivered as it changes, through all that goes wrong", async () => {
  const server = await serve({ longPollMs: 30_000 });
  server.put(path, one);
  let told = (): void => undefined;
  const delivered: Uint8Array[] = [];
  const failed: string[] = [];
  const poller = createPoller({
    source: sourceAt(server.url, { longPollingTimeoutMs: 30_000, timeoutMs: 200 }),
    polling: { ...polling, longPollingTimeoutMs: 30_000 },
    ...{ trigger: "periodic", random: () => 0, now: Date.now },
    deliver(bytes) {
      delivered.push(bytes);
      told();
      return Promise.resolve({ kind: "activated" });
    },
    onAsked: (asked) => void (asked.kind === "failed" && failed.push(asked.code)),
    sleep: () => new Promise(setImmediate),
  });
  closing.push(poller.close);
  const comes = async (count: number): Promise<void> => {
    while (delivered.length < count) await new Promise<void>((resolve) => (told = resolve));
  };
  poller.start();
  await comes(1);
  await server.holding();
  server.put(path, two);
  await comes(2);
  const faults: ServerFault[] = [
    { kind: "status", status: 500 },
    { kind: "cut", after: 10 },
    { kind: "silent" },
    { kind: "body", body: "garbage" },
  ];
  await server.holding();
  for (const fault of faults) {
    server.fail(fault, 1);
    const before = failed.length;
    void poller.refresh();
    while (failed.length === before) await new Promise(setImmediate);
  }
  server.put(path, one);
  await comes(3);
  expect(delivered.map((bytes) => Buffer.from(bytes))).toEqual([one, two, one]);
  expect(failed).toEqual(["source_status", "source_truncated", "source_timeout", "source_answer"]);
});

describe("bundles of services", () => {
  const directory = mkdtempSync(join(tmpdir(), "countersign-feeds-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const verify = { tests: false, version: false, expires: false };
  const configOf = (url: string, names: string[], more: { credentials?: Credentials; at?: string } = {}) => {
    const { credentials = { kind: "none" }, at = "bundles" } = more;
    const bundles = names.map((name) => ({
      ...{ name, from: { kind: "service" as const, service: "acme", resource: `${at}/${name}` } },
      ...{ polling, trigger: "periodic" as const, persist: true, sizeLimitBytes: 1_000_000, verify },
    }));
    const service = { name: "acme", url, type: "http" as const, headers: {}, credentials };
    const services = new Map([["acme", { ...service, responseHeaderTimeoutMs: 2_000 }]]);
    return { services, keys: new Map(), bundles } satisfies BundlesConfig;
  };
  /** Asks once for each, after what is kept came back as it is told. */
  const run = async (config: BundlesConfig, recalled: Activation = { kind: "activated" }): Promise<void> => {
    const keep = createKeep(directory);
    await keep.open();
    const quiet = (): void => undefined;
    const feeds: Feeds = createFeeds({
      ...{ keep, now: Date.now, log: { debug: quiet, info: quiet, warn: quiet, error: quiet } },
      bundles: {
        async arrive({ name, origin, content }) {
          if (origin === "persisted") return recalled;
          if ("bytes" in content) await keep.snapshot(name, content.bytes);
          return { kind: "activated" };
        },
        ...{ asked: quiet, remove: quiet, forget: quiet },
      },
    });
    await feeds.configure(config);
    for (const name of feeds.names()) await feeds.refresh(name);
    await feeds.close();
  };

  test("are asked for by the ETag of what was kept, after a restart: of that very content and place only", async () => {
    const server = await serve();
    const etag = server.put("bundles/app", one);
    server.put("moved/app", one);
    const known = async (config: BundlesConfig, recalled?: Activation): Promise<string | undefined> => {
      const before = server.requests.length;
      await run(config, recalled);
      return server.requests[before]?.headers["if-none-match"];
    };
    const config = configOf(server.url, ["app"]);
    expect(await known(config)).toBeUndefined();
    expect(await known(config)).toBe(etag);
    expect(await known(config, { kind: "rejected", code: "signature_key", message: "" })).toBeUndefined();
    expect(await known(config)).toBe(etag);
    const file = join(directory, "bundles/app/etag.json");
    for (const text of ["", "{", "[]", readFileSync(file, "utf8").replace(/"of":"../, '"of":"__')]) {
      writeFileSync(file, text);
      expect(await known(config)).toBeUndefined();
    }
    expect(await known(config)).toBe(etag);
    const moved = configOf(server.url, ["app"], { at: "moved" });
    expect(await known(moved)).toBeUndefined();
    expect(readFileSync(file, "utf8")).not.toContain(server.url);
  });

  test("of one service are had by one access token, however many they are", async () => {
    const server = await serve();
    const names = ["a", "b", "c", "d"];
    for (const name of names) server.put(`bundles/${name}`, one);
    const tokens = await serve();
    const answer = JSON.stringify({ access_token: "t", token_type: "bearer", expires_in: 600 });
    tokens.fail({ kind: "body", body: answer });
    const credentials: Credentials = {
      ...{ kind: "oauth2", tokenUrl: `${tokens.url}/token`, clientId: "c", clientSecret: "s", scopes: [] },
    };
    await run(configOf(server.url, names, { credentials }));
    expect(tokens.requests.length).toBe(1);
    expect(server.requests.length).toBeGreaterThanOrEqual(4);
    expect(server.requests.every(({ headers }) => headers.authorization === "Bearer t")).toBe(true);
  });
});
