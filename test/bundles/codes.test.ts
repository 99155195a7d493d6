/** Codes that are hard to come by, what a rejection may hold, and that each code has a test. */
import { readFileSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { rejectionOf } from "../../sidecar/bundles/activation.js";
import { runCanary } from "../../sidecar/bundles/admit/canary.js";
import { bundleCodes } from "../../sidecar/bundles/codes.js";
import type { BundleConfig } from "../../sidecar/bundles/config.js";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { createFeeds } from "../../sidecar/wire/bundles.js";
import { tarGz } from "../rego/tar.js";
import { bundleCache, root } from "../world.js";
import type { Brought } from "./bring.js";
import { bring, bundleOf, configOf } from "./bring.js";

let toolchain: Toolchain;
const open: Brought[] = [];
beforeAll(() => {
  toolchain = createToolchain({});
});
afterAll(() => toolchain.close());
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
const start = (bundles: BundleConfig[], directory?: string): Brought => {
  const brought = bring({
    ...{ toolchain, bundles, cacheDir: bundleCache },
    ...(directory === undefined ? {} : { directory }),
  });
  open.push(brought);
  return brought;
};
const arrival = (bytes: Uint8Array) => ({ name: "app", origin: "push" as const, content: { bytes } });

test("each code is expected somewhere", () => {
  const texts = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.ts$/.test(file))
    .map((file) => readFileSync(join(root, "test", file), "utf8"));
  const untested = Object.keys(bundleCodes).filter(
    (code) => !texts.some((text) => new RegExp(`\\b${code}\\b`).test(text)),
  );
  expect(untested).toEqual([]);
});

test("what can't be marked doesn't come into force", async () => {
  const directory = await mkdtemp(join(tmpdir(), "countersign-codes-"));
  const to = start([configOf("app")], directory);
  const confirm = async (): Promise<boolean> => {
    // a folder can't be replaced by a file
    await mkdir(join(directory, "bundles", "app", "mark.json", "in the way"), { recursive: true });
    return true;
  };
  const activation = await to.store.arrive({ ...arrival(bundleOf({ metadata: { version: 1 } })), confirm });
  expect(activation).toMatchObject({ kind: "rejected", code: "mark_unwritable" });
  expect(to.store.current().bundles).toEqual([]);
  await rm(directory, { recursive: true });
});

test("what is kept and can't be used is logged, in the status, and counted", async () => {
  const told: unknown[] = [];
  const tell =
    (where: string) =>
    (...what: unknown[]): void =>
      void told.push([where, ...what]);
  const error = { code: "keep_damaged", message: "others may write it" };
  const keep = { read: () => Promise.resolve({ kind: "rejected" as const, errors: [error] }) };
  const quiet = (): void => undefined;
  const feeds = createFeeds({
    bundles: { ...start([]).store, asked: tell("status") },
    ...{ keep: keep as never, now: Date.now, onDamaged: tell("metric") },
    log: { debug: quiet, info: quiet, warn: quiet, error: tell("log") },
  });
  await feeds.configure({
    services: new Map(),
    keys: new Map(),
    bundles: [configOf("app", { persist: true })],
  });
  await feeds.close();
  const { code, message } = error;
  expect(told).toEqual([
    ["log", "what is kept of a bundle can't be used", { bundle: "app", code, reason: message }],
    ["status", "app", { kind: "failed", code, message }],
    ["metric", "app", code],
  ]);
});

describe("where the configuration changes while a bundle is looked at", () => {
  const changes: readonly (readonly [what: string, change: (bundles: BundleConfig[]) => void])[] = [
    ["it isn't named any more", (bundles) => void bundles.splice(0)],
    ["it must be signed now", (bundles) => void bundles.splice(0, 1, signed)],
  ];
  const signed = configOf("app", { signing: { excludeFiles: [] } });
  test.each(changes)("%s: it doesn't come", async (_what, change) => {
    const bundles = [configOf("app")];
    const to = start(bundles);
    const confirm = (): Promise<boolean> => {
      change(bundles);
      return Promise.resolve(true);
    };
    expect(await to.store.arrive({ ...arrival(bundleOf()), confirm })).toMatchObject({
      ...{ kind: "rejected", code: "activation_failed" },
      message: expect.stringContaining("its configuration changed"),
    });
    expect(to.store.current().bundles).toEqual([]);
  });
});

test("a rejection holds no more than may be told, however much is wrong and whatever names it has", async () => {
  const many = Array.from({ length: 1_000 }, (_, i) => ({ name: `${i}/data.json`, body: "{" }));
  const to = start([configOf("app")]);
  const activation = await to.store.arrive(arrival(tarGz(many)));
  expect(activation).toMatchObject({ code: "bundle_data" });
  expect(to.store.status()[0]?.errors).toHaveLength(50);
  const long = "x".repeat(100_000);
  const { message, errors } = rejectionOf({
    kind: "rejected",
    errors: [{ code: "bundle_path", message: long, file: long }],
  });
  expect(message.length + JSON.stringify(errors).length).toBeLessThan(3_000);
});

test("decisions get their turn between a canary's cases", async () => {
  const cases = Array.from({ length: 20 }, (_, i) => ({
    ...{ name: `case ${i}`, entrypoint: "app/allow", input: {}, expect: true },
  }));
  let turns = 0;
  let done = false;
  const other = (async () => {
    while (!done) {
      await setImmediate();
      turns++;
    }
  })();
  const evaluate = () => ({ kind: "value" as const, value: true });
  expect(await runCanary(cases, { evaluate } as never)).toBeUndefined();
  done = true;
  await other;
  expect(turns).toBeGreaterThanOrEqual(cases.length);
});
