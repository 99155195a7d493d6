/** The sidecar's keys, through the gateway: one question at a time, and still there while the sidecar restarts. */
import { afterEach, expect, test } from "@jest/globals";
import { createServer, type RequestListener, type Server } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "undici";
import { createFetchKeys } from "../../gateway/keys.js";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function setUp(listener: RequestListener) {
  const directory = await mkdtemp(join(tmpdir(), "countersign-keys-"));
  const socket = join(directory, "s");
  let asked = 0;
  let server: Server | undefined;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      if (server === undefined) return resolve();
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
      server = undefined;
    });
  server = createServer((req, res) => {
    asked++;
    listener(req, res);
  });
  await new Promise<void>((resolve) => server?.listen(socket, resolve));
  const dispatcher = new Pool("http://sidecar", { socketPath: socket });
  closers.push(
    () => rm(directory, { recursive: true }),
    stop,
    () => dispatcher.destroy(),
  );
  let clock = 0;
  const fetchKeys = createFetchKeys({ dispatcher, clock: () => clock });
  return { fetchKeys, asked: () => asked, stop, pass: (ms: number) => void (clock += ms) };
}

const set = '{"keys":[{"kid":"a"}]}';
const ok: RequestListener = (_req, res) => res.writeHead(200).end(set);

test("a thousand that ask at once are one question; so are those within a second", async () => {
  const { fetchKeys, asked, pass } = await setUp(ok);
  const all = await Promise.all(Array.from({ length: 1_000 }, () => fetchKeys()));
  expect(new Set(all)).toEqual(new Set([set]));
  await fetchKeys();
  expect(asked()).toBe(1);
  pass(1_001);
  await fetchKeys();
  expect(asked()).toBe(2);
});

test("while the sidecar is away, what it said last is said for an hour, then nothing", async () => {
  const { fetchKeys, stop, pass } = await setUp(ok);
  await fetchKeys();
  await stop();
  pass(3_599_000);
  expect(await fetchKeys()).toBe(set);
  pass(2_000);
  expect(await fetchKeys()).toBeUndefined();
});

test.each<readonly [string, RequestListener]>([
  ["that it has none", (_req, res) => res.writeHead(404).end("{}")],
  ["nonsense", (_req, res) => res.writeHead(200).end("<html>")],
  ["another document", (_req, res) => res.writeHead(200).end('{"keys":5}')],
  ["too much", (_req, res) => res.writeHead(200).end(`{"keys":["${"a".repeat(70_000)}"]}`)],
  ["an error", (_req, res) => res.writeHead(500).end(set)],
  ["a redirect", (_req, res) => res.writeHead(302, { location: "http://127.0.0.1:9" }).end(set)],
  [
    "half of it",
    (_req, res) => void res.writeHead(200, { "content-length": 100 }).write(set, () => res.destroy()),
  ],
])("a sidecar that says %s gives no keys", async (_name, listener) => {
  const { fetchKeys } = await setUp(listener);
  expect(await fetchKeys()).toBeUndefined();
});
