/** What may come into force: each reason why not has a code of its own, and the last good bundle answers on. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { bundleCodes } from "../../sidecar/bundles/codes.js";
import type { BundleConfig } from "../../sidecar/bundles/config.js";
import { createLedger } from "../../sidecar/bundles/status.js";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { tarGz } from "../rego/tar.js";
import { root } from "../world.js";
import type { Brought, Shape } from "./bring.js";
import { allowAnn, bring, bundleOf, configOf, verifyNothing } from "./bring.js";

let toolchain: Toolchain;
let folder: string;
const open: Brought[] = [];
beforeAll(async () => {
  toolchain = createToolchain({});
  folder = await mkdtemp(join(tmpdir(), "countersign-admit-"));
});
afterAll(async () => {
  await toolchain.close();
  await rm(folder, { recursive: true, force: true });
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const start = (config: Partial<BundleConfig> = {}): Brought => {
  const brought = bring({
    toolchain,
    cacheDir: join(folder, "cache"),
    bundles: [configOf("app", config), configOf("other")],
  });
  open.push(brought);
  return brought;
};
const push = (to: Brought, bytes: Uint8Array, more: object = {}) =>
  to.store.arrive({ name: "app", origin: "push", content: { bytes }, ...more });
const version = (value: unknown, more: Shape = {}) => bundleOf({ metadata: { version: value }, ...more });
const denyAll = allowAnn.replace('input.user == "ann"', "false");

describe("a bundle that may not come leaves the one before in force", () => {
  const tests = (body: string): Shape => ({
    roots: ["app", "app_test"],
    files: { "app/app_test.rego": `package app_test\n\nimport data.app\n\n${body}\n` },
  });
  const canary = (): string => join(folder, "canary.yaml");
  const withCanary = {
    get canary() {
      return canary();
    },
  };
  const cases: [
    code: string,
    verify: Partial<BundleConfig["verify"]>,
    bytes: () => Uint8Array,
    message?: RegExp,
  ][] = [
    ["bundle_archive", {}, () => Buffer.from("no archive")],
    ["bundle_truncated", {}, () => bundleOf().subarray(0, 100)],
    ["bundle_too_large", {}, () => new Uint8Array(2 ** 20 + 1)],
    [
      "bundle_duplicate",
      {},
      () =>
        tarGz([
          { name: "a.rego", body: "" },
          { name: "./a.rego", body: "" },
        ]),
    ],
    ["bundle_empty", {}, () => tarGz([{ name: "readme.txt", body: "x" }])],
    [
      "bundle_manifest",
      {},
      () =>
        tarGz([
          { name: ".manifest", body: "[]" },
          { name: "a.rego", body: allowAnn },
        ]),
    ],
    ["bundle_data", {}, () => bundleOf({ files: { "app/data.json": "{" } })],
    ["build_failed", {}, () => bundleOf({ rego: "package app\n\nallow if {" }), /app\/app\.rego:3: /],
    ["build_failed", {}, () => bundleOf({ rego: "package app\n\nallow if no.such(1)" }), /app\.rego:3: /],
    ["roots_violated", {}, () => bundleOf({ roots: ["elsewhere"] })],
    ["roots_violated", {}, () => bundleOf({ files: { "users/data.json": "{}", "data.json": '{"x":1}' } })],
    ["roots_violated", {}, () => bundleOf({ files: { "users/data.yaml": "a: 1" } })],
    ["roots_overlap", {}, () => bundleOf({ roots: ["app", "other"] })],
    [
      "builtin_unavailable",
      {},
      () =>
        bundleOf({
          rego: allowAnn.replace(
            'input.user == "ann"',
            'http.send({"method":"get","url":"http://a.test"}).status == 1',
          ),
        }),
      /^app\/app\.rego:7: .*http\.send/,
    ],
    ["version_missing", { version: true }, () => bundleOf({ revision: "none" })],
    ["version_missing", { version: true }, () => version("2")],
    ["version_missing", { version: true }, () => version(1.5)],
    ["bundle_expired", {}, () => bundleOf({ metadata: { expires: "2026-11-21T23:59:59Z" } }), /2026-11-21/],
    ["bundle_expired", {}, () => bundleOf({ metadata: { expires: 1_700_000_000 } })],
    ["bundle_expired", {}, () => bundleOf({ metadata: { expires: "tomorrow" } }), /RFC 3339/],
    ["bundle_expired", { expires: true }, () => bundleOf({ revision: "no time" }), /missing/],
    ["tests_missing", { tests: true }, () => bundleOf({ revision: "no tests" })],
    [
      "tests_failed",
      { tests: true },
      () => bundleOf(tests('test_bob if app.allow with input.user as "bob"')),
      /app_test\.test_bob/,
    ],
    ["tests_failed", { tests: true }, () => bundleOf(tests("test_bad if no.such(1)")), /can't be run/],
    [
      "canary_failed",
      withCanary,
      () => bundleOf({ rego: denyAll }),
      /case "ann may": the result at \/ is another/,
    ],
    ["canary_unreadable", withCanary, () => bundleOf({ rego: denyAll })],
    [
      "delta_base",
      {},
      () =>
        tarGz([
          { name: "patch.json", body: '{"data":[]}' },
          { name: ".manifest", body: '{"metadata":{"base":"other"}}' },
        ]),
    ],
  ];
  test.each(cases)("%s", async (code, verify, bytes, message = /./) => {
    await writeFile(canary(), "- {name: ann may, input: {user: ann}, expect: true}");
    const asked = { ...verifyNothing, ...verify };
    const to = start({ verify: asked });
    // the good one passes all that is asked
    const good = bundleOf({
      ...tests('test_ann if app.allow with input.user as "ann"'),
      metadata: { expires: "2027-01-01T00:00:00+01:00", ...(asked.version ? { version: 7 } : {}) },
    });
    expect(await push(to, good)).toMatchObject({ kind: "activated", changed: true });
    const other = bundleOf({ rego: allowAnn.replace("app", "other"), roots: ["other"] });
    expect(await to.store.arrive({ name: "other", origin: "push", content: { bytes: other } })).toMatchObject(
      { kind: "activated" },
    );
    if (code === "canary_unreadable") await rm(canary());
    const activation = await push(to, bytes());
    expect(activation).toMatchObject({ kind: "rejected", code, message: expect.stringMatching(message) });
    expect(to.rejected).toEqual([["app", code]]);
    expect(to.store.status()[0]).toMatchObject({ name: "app", code, rejections: { [code]: 1 } });
    expect(to.logged).toContainEqual(
      expect.objectContaining({
        message: "bundle rejected",
        fields: expect.objectContaining({ bundle: "app", code }),
      }),
    );
    expect(to.ask("app", "app/allow", { user: "ann" })).toBe(true);
    expect(to.ask("app", "app/allow", { user: "bob" })).toBe(false);
  });
});

describe("versions", () => {
  test("only ever rise; the same content may come again, other content of the same version may not", async () => {
    const to = start({ verify: { ...verifyNothing, version: true } });
    const two = version(2);
    expect(await push(to, two)).toMatchObject({ kind: "activated", facts: { version: 2 } });
    expect(await push(to, version(1))).toMatchObject({
      code: "version_rollback",
      message: expect.stringContaining("below 2"),
    });
    expect(await push(to, version(2, { rego: denyAll }))).toMatchObject({
      code: "version_rollback",
      message: expect.stringContaining("other content"),
    });
    expect(await push(to, two)).toMatchObject({ kind: "activated", changed: false });
    expect(to.store.status()[0]).not.toHaveProperty("code");
    expect(await push(to, version(9))).toMatchObject({ kind: "activated" });
    expect(await push(to, two)).toMatchObject({ code: "version_rollback" });
    expect(await push(to, bundleOf({ revision: "none" }))).toMatchObject({ code: "version_missing" });
    expect(to.store.status()[0]).toMatchObject({
      version: 9,
      rejections: { version_rollback: 3, version_missing: 1 },
    });
  });

  test("one that has come counts though none is asked for; without one, none does", async () => {
    const to = start();
    expect(await push(to, bundleOf())).toMatchObject({ kind: "activated" });
    expect(await push(to, version(3))).toMatchObject({ kind: "activated" });
    expect(await push(to, version(2))).toMatchObject({ code: "version_rollback" });
    expect(await push(to, bundleOf())).toMatchObject({ code: "version_missing" });
  });

  test("an operator's word lets one in, once, and the mark stays", async () => {
    const override = { version: 2, reason: "3 locks everybody out" };
    const to = start({ verify: { ...verifyNothing, version: true, override } });
    await push(to, version(3));
    expect(await push(to, version(1))).toMatchObject({ code: "version_rollback" });
    expect(await push(to, version(2))).toMatchObject({ kind: "activated" });
    expect(to.store.status()[0]).toMatchObject({
      version: 2,
      override: { reason: override.reason, by: "configuration" },
    });
    expect(to.logged).toContainEqual(
      expect.objectContaining({
        level: "warn",
        fields: { bundle: "app", version: 2, reason: override.reason, by: "configuration" },
      }),
    );
    // the word is used up: other content needs another one
    expect(await push(to, version(2, { rego: denyAll }))).toMatchObject({ code: "version_rollback" });
    expect(await push(to, version(4))).toMatchObject({ kind: "activated" });
    expect(await push(to, version(2))).toMatchObject({ code: "version_rollback" });
    const word = { reason: "4 is worse", by: "ann" };
    expect(await push(to, version(2), { override: word })).toMatchObject({ kind: "activated" });
    expect(to.store.status()[0]).toMatchObject({ override: word });
    expect(await push(to, version(3))).toMatchObject({ code: "version_rollback" });
  });
});

describe("time", () => {
  const at = (milliseconds: number): string => new Date(milliseconds).toISOString();

  test.each([true, false])(
    "runs out while it is in force; with verify.expires %s it answers accordingly",
    async (expires) => {
      const to = start({ verify: { ...verifyNothing, expires } });
      const end = to.clock + 3_600_000;
      const bytes = bundleOf({ metadata: { expires: at(end) } });
      await push(to, bytes);
      expect(to.expires).toEqual([["app", end]]);
      expect(to.store.status()[0]).toMatchObject({ expires: at(end) });
      expect(to.logged).toContainEqual(
        expect.objectContaining({ level: "warn", message: "bundle expires soon" }),
      );
      expect(to.ask("app", "app/allow", { user: "ann" })).toBe(true);
      to.clock = end;
      expect(to.ask("app", "app/allow", { user: "ann" })).toBe(expires ? "failed" : true);
      expect(to.store.status()[0]).toMatchObject({
        code: "bundle_expired",
        active_revision: expect.any(String),
      });
      // the same again doesn't make it younger
      await push(to, bytes);
      expect(to.store.status()[0]).toMatchObject({ code: "bundle_expired" });
      expect(to.ask("app", "app/allow", { user: "ann" })).toBe(expires ? "failed" : true);
      await push(to, bundleOf({ metadata: { expires: at(end + 1_000) } }));
      expect(to.ask("app", "app/allow", { user: "ann" })).toBe(true);
      expect(to.store.status()[0]).not.toHaveProperty("code");
    },
  );
});

test("arrivals of one name come one after the other, and no more wait than may", async () => {
  const to = start({ verify: { ...verifyNothing, version: true } });
  const all = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => push(to, version(n))));
  expect(all.map((one) => (one.kind === "rejected" ? one.code : one.kind))).toEqual([
    ...Array.from({ length: 8 }, () => "activated"),
    ...["bundle_busy", "bundle_busy"],
  ]);
  expect(to.store.status()[0]).toMatchObject({ version: 8 });
});

test("tests that pass are counted; a canary's values are nowhere to be read", async () => {
  const secret = "a secret of the canary";
  await writeFile(
    join(folder, "secret.json"),
    JSON.stringify([
      {
        name: "x",
        entrypoint: "app/who",
        input: { user: secret },
        expect: { user: { id: `${secret} too` } },
      },
    ]),
  );
  const to = start({ verify: { ...verifyNothing, tests: true, canary: join(folder, "secret.json") } });
  const activation = await push(
    to,
    bundleOf({
      rego: `package app\n\nwho := {"user": {"id": input.user}}\n`,
      roots: ["app", "app_test"],
      files: {
        "app/app_test.rego": "package app_test\n\ntest_a if true\n\ntest_b if true\n\ntodo_test_c if true\n",
      },
    }),
  );
  expect(activation).toMatchObject({
    code: "canary_failed",
    message: 'canary case "x": the result at /user/id is another',
  });
  expect(JSON.stringify([to.logged, to.store.status(), activation])).not.toContain(secret);
});

test("what may arrive soon is compiled ahead, and is nowhere before it arrives", async () => {
  let builds = 0;
  const counted: Toolchain = {
    ...toolchain,
    build(request) {
      builds++;
      return toolchain.build(request);
    },
  };
  const to = bring({
    toolchain: counted,
    bundles: [configOf("app", { verify: { ...verifyNothing, version: true } })],
  });
  open.push(to);
  const next = version(7, { rego: allowAnn.replace("ann", "foreseen") });
  await to.store.foresee("app", next);
  expect([builds, to.store.current().bundles, to.store.status()[0]?.version]).toEqual([1, [], undefined]);
  // while it is compiled, what arrives waits for it
  const [, other] = await Promise.all([to.store.foresee("app", version(8)), push(to, version(8))]);
  expect([other, builds]).toMatchObject([{ kind: "activated" }, 2]);
  expect(to.ask("app", "app/allow", { user: "ann" })).toBe(true);
  // by then something else is in force: it is looked at anew, and what it may not do it still may not
  expect(await push(to, next)).toMatchObject({ code: "version_rollback" });
  expect(builds).toBe(3);
  await to.store.foresee("app", version(9, { rego: "package app\n\nallow if {" }));
  await to.store.foresee("app", Buffer.from("no archive"));
  await to.store.foresee("unknown", version(9));
  expect([to.rejected, to.logged.filter(({ level }) => level === "error")]).toEqual([
    [["app", "version_rollback"]],
    [expect.anything()],
  ]);
  expect(await push(to, version(9, { rego: "package app\n\nallow if {" }))).toMatchObject({
    code: "build_failed",
  });
});

test("a large bundle is made in a thread of its own: it comes, is refused, and comes again as any other", async () => {
  const noise = Array.from({ length: 4_000 }, (_, i) => createHash("sha256").update(`${i}`).digest("hex"));
  const large = (rego: string): Uint8Array =>
    bundleOf({ rego, revision: "large", files: { "app/facts/data.json": JSON.stringify({ noise }) } });
  const to = start();
  const good = large("package app\n\nlast := data.app.facts.noise[3999]\n\nlevel := data.app.facts.level\n");
  expect(good.byteLength).toBeGreaterThan(131_072);
  expect(await push(to, good)).toMatchObject({ kind: "activated", changed: true });
  expect(to.ask("app", "app/last")).toBe(noise[3999]);
  expect(await push(to, large("package app\n\nallow if {"))).toMatchObject({ code: "build_failed" });
  expect(await push(to, good)).toMatchObject({ kind: "activated", changed: false });
  const change = { data: [{ op: "upsert", path: "/app/facts/level", value: noise.join("") }] };
  const delta = tarGz([
    { name: "patch.json", body: JSON.stringify(change) },
    { name: ".manifest", body: JSON.stringify({ roots: ["app"], metadata: { base: "large" } }) },
  ]);
  expect(delta.byteLength).toBeGreaterThan(131_072);
  expect(await push(to, delta)).toMatchObject({ kind: "activated", facts: { type: "delta" } });
  expect(to.ask("app", "app/level")).toBe(noise.join(""));
}, 120_000);

test("docs/bundles.md lists every code with its meaning and what to do, and no other", () => {
  const text = readFileSync(join(root, "docs/bundles.md"), "utf8");
  const rows = [...text.matchAll(/^\| `(\w+_\w+)` \| (.+) \| (.+) \|$/gm)].map(([, code, meaning]) => [
    code,
    meaning,
  ]);
  expect(rows).toEqual(Object.entries(bundleCodes));
});

test("the status keeps where the errors are, when the same bundle is given again and not looked at again", () => {
  const ledger = createLedger(() => 1);
  const errors = [{ code: "rego_parse_error", message: "unexpected eof", file: "a.rego", row: 7 }];
  const problem = { code: "build_failed", message: "a.rego:7: unexpected eof" };
  ledger.rejected("app", { ...problem, errors });
  ledger.asked("app", { kind: "failed", ...problem });
  expect(ledger.statusOf("app", undefined)).toMatchObject({ ...problem, errors });
  ledger.asked("app", { kind: "failed", code: "source_status", message: "it answers 503", httpCode: 503 });
  expect(ledger.statusOf("app", undefined)).not.toHaveProperty("errors");
});
