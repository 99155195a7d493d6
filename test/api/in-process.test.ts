/** The library: what it answers, keeps, refuses and records. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createInProcess } from "../../sidecar/api/in-process.js";
import type { ActiveBundle } from "../../sidecar/bundles/active.js";
import type { Asker } from "../../sidecar/decide/asker.js";
import { createMemoryEpochs } from "../../sidecar/state/epochs/memory.js";
import type { Answer, Countersign } from "../../sidecar/library.js";
import { openCountersign } from "../../sidecar/library.js";
import { bundleCache } from "../world.js";

const policy = `package app

import rego.v1

default allow := false

# METADATA
# title: Users may
# custom: {id: app.user}
allow if input.user.name in data.users

decision := {"allow": allow, "deep": {"name": input.user.name}}

conflict := 1 if input.user.name == "ann"

conflict := 2 if input.user.name != "bob"

strange := input.constructor
`;

let folder: string;
let open: Countersign;
let logged: Countersign;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-library-"));
  await mkdir(join(folder, "bundle"));
  await writeFile(join(folder, "bundle", "app.rego"), policy);
  await writeFile(
    join(folder, "bundle", "data.json"),
    JSON.stringify({ users: ["ann"], limit: 12345678901234567890n.toString() }),
  );
  const common = { bundles: [join(folder, "bundle")], cacheDir: bundleCache };
  open = await openCountersign(common);
  logged = await openCountersign({
    ...common,
    config: { decision_logs: { file: join(folder, "log.jsonl") }, audit: { mode: "strict" } },
  });
});
afterAll(async () => {
  await Promise.all([open.close(), logged.close()]);
  await rm(folder, { recursive: true, force: true });
});

const ann = { user: { name: "ann" }, id: 1 };
const json = (text: string): Buffer => Buffer.from(text);

describe("an answer", () => {
  test("comes at once, and out of the cache the next time", () => {
    const first = open.decide("app/decision", ann) as Answer;
    expect(first).toMatchObject({ kind: "decided", allow: true, rules: ["app.user"], cache: "none" });
    const next = open.decide("app/decision", { ...ann, id: 2 }) as Answer;
    expect(next).toMatchObject({
      kind: "decided",
      result: { allow: true, deep: { name: "ann" } },
      cache: "l1",
    });
    expect(next.decisionId).not.toBe(first.decisionId);
  });

  test("is the same of a value and of bytes, one by what the other kept", async () => {
    const value = (await open.decide("app/allow", { user: { name: "eve" } })) as Answer & { cache: string };
    const bytes = (await open.decideBytes(
      "app/allow",
      json(' {"user":{"name":"eve"},"more":[1.0]} '),
    )) as typeof value;
    expect([value.cache, bytes.cache]).toEqual(["none", "l1"]);
    expect({ ...bytes, decisionId: "", cache: "" }).toEqual({ ...value, decisionId: "", cache: "" });
  });

  test("of a path under an entrypoint, above several, of data, and of nothing", async () => {
    expect(await open.decide("/app/decision/deep/name/", ann)).toMatchObject({ result: "ann" });
    expect(await open.decide("users", ann)).toMatchObject({ result: ["ann"], allow: false });
    expect(await open.decide("nothing/here", ann)).toMatchObject({ kind: "decided", allow: false });
    expect(await open.decide("nothing/here", ann)).not.toHaveProperty("result");
    expect(await open.decide("app/allow")).toMatchObject({ result: false });
  });

  test("isn't shared with another tenant", async () => {
    const caches = [];
    for (const tenant of ["a", "a", "b"]) {
      caches.push(
        ((await open.decide("app/allow", { user: { name: "dan" } }, { tenant })) as { cache: string }).cache,
      );
    }
    expect(caches).toEqual(["none", "l1", "none"]);
  });
});

const texts: readonly (readonly [string, string, string])[] = [
  ["duplicate keys", '{"user":{"name":"ann","name":"ann"}}', "duplicate_key"],
  ["text after the end", '{"user":{"name":"ann"}} x', "invalid_json"],
  ["nothing", "", "invalid_json"],
  ["too deep", `{"user":${"[".repeat(200)}${"]".repeat(200)}}`, "too_deep"],
  ["no UTF-8", "\xff", "invalid_json"],
];
test.each(texts)("%s is no answer but a denial", async (_name, text, code) => {
  expect(await open.decideBytes("app/allow", json(text))).toMatchObject({
    kind: "failed",
    allow: false,
    code,
  });
});

test("a policy's fault is a denial, too, and says what it is", () => {
  expect(open.decide("app/conflict", ann)).toMatchObject({
    ...{ kind: "failed", allow: false, code: "evaluation_error" },
    message: "complete rules must not produce multiple outputs",
  });
});

test("what is no JSON is a denial", async () => {
  const cycle: Record<string, unknown> = {};
  cycle["user"] = cycle;
  for (const value of [{ user: { name: NaN } }, cycle, { user: [undefined] }]) {
    expect(await open.decide("app/allow", value)).toMatchObject({ kind: "failed", allow: false });
  }
});

test("an inherited member is none: it can't borrow what was kept of one that is", async () => {
  expect(await open.decide("app/allow", ann)).toMatchObject({ allow: true });
  class User {
    get name(): string {
      return "ann";
    }
  }
  expect(await open.decide("app/allow", { user: new User() })).toMatchObject({ allow: false });
  expect(await open.decide("app/allow", Object.create({ user: { name: "ann" } }))).toMatchObject({
    allow: false,
  });
  expect(await open.decide("app/strange", {})).not.toHaveProperty("result");
});

test("what is frozen at its surface only is read again each time", () => {
  const name = { first: "a" };
  const user = Object.freeze({ name });
  const ask = () => open.decide("app/decision", { user }) as { result?: unknown };
  expect(ask().result).toMatchObject({ deep: { name: { first: "a" } } });
  name.first = "b";
  expect(ask().result).toMatchObject({ deep: { name: { first: "b" } } });
});

test("strict records are there before the answer", async () => {
  const { decisionId } = await logged.decide("app/allow", ann);
  const bytes = await logged.decideBytes("app/allow", json(JSON.stringify(ann)));
  const lines = (await readFile(join(folder, "log.jsonl"), "utf8")).trim().split("\n");
  const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(first).toMatchObject({
    decision_id: decisionId,
    path: "app/allow",
    result: true,
    requested_by: "own",
  });
  expect(second).toMatchObject({ decision_id: bytes.decisionId, cache: "l1", input: first?.["input"] });
});

test("what is recorded is what was asked and answered, whatever becomes of both meanwhile", async () => {
  const file = join(folder, "buffered.jsonl");
  const later = await openCountersign({
    ...{ bundles: [join(folder, "bundle")], cacheDir: bundleCache },
    config: { decision_logs: { file, input: "full" }, cache: { enabled: false } },
  });
  const input = { user: { name: "ann" } };
  const { result } = later.decide("app/decision", input) as { result?: { allow: boolean } };
  input.user.name = "eve";
  if (result !== undefined) result.allow = false;
  const bytes = json('{"user":{"name":"ann"}}');
  void later.decideBytes("app/decision", bytes);
  bytes.fill(" ");
  await later.close();
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  const recorded = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const told = { input: { user: { name: "ann" } }, result: { allow: true, deep: { name: "ann" } } };
  expect(recorded).toMatchObject([told, told]);
});

test("a bump of who asks, or of everything, ends what was kept", () => {
  const epochs = createMemoryEpochs({ longestMs: 1, most: 9, now: () => 0, clock: () => 0 });
  const askers: Asker[] = [];
  const facts = { path: "app/allow", input: [], data: [], deterministic: true, nondeterministic: [] };
  const bundle = {
    name: "b",
    revision: "r",
    roots: ["app"],
    entrypoints: new Map([["app/allow", { facts }]]),
  };
  const { decide } = createInProcess({
    bundles: () => ({ bundles: [bundle as unknown as ActiveBundle] }),
    evaluate(_bundle, _entrypoint, _input, asker) {
      askers.push(asker);
      return { kind: "evaluated", result: true, rules: [], cache: "none", lookups: {}, micros: {} };
    },
    ...{ strict: false, recordAt: () => () => undefined, newId: () => "id", micros: () => 0 },
    epoch: epochs.of,
  });
  const ask = (): (number | undefined)[] =>
    [undefined, { tenant: "acme" }, { subject: "ann" }, { task: "t" }].map((options) => {
      expect(decide("app/allow", {}, options)).toMatchObject({ allow: true });
      return askers.pop()?.epoch;
    });
  expect(ask()).toEqual([0, 0, 0, 0]);
  void epochs.bump({ tenant: "acme" }, "r", "x");
  void epochs.bump({ subject: "ann" }, "r", "x");
  void epochs.bump({ task: "t" }, "r", "x");
  expect(ask()).toEqual([0, 1, 2, 3]);
  void epochs.bump({ everything: "*" }, "r", "x");
  expect(ask()).toEqual([4, 4, 4, 4]);
});

test("what has no meaning in a library is refused", async () => {
  const bundles = [join(folder, "bundle")];
  await expect(openCountersign({ bundles, config: { identity: {} } })).rejects.toThrow(/identity/);
  await expect(openCountersign({ bundles, config: { cache: { size: 1 } } })).rejects.toThrow(/size/);
  await expect(openCountersign({ bundles: [join(folder, "none")] })).rejects.toThrow(/none/);
});

test("it counts", async () => {
  expect(await open.metrics()).toMatch(/countersign_cache_total\{level="l1",result="hit"\} [1-9]/);
});
