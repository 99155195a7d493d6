/** Pushing a bundle to one sidecar: who may, what is refused, what is remembered. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { main } from "../../cli/main.js";
import type { JsonObject } from "../../sidecar/contract.js";
import { until } from "../redis.js";
import type { Draft, Replica } from "./world.js";
import { author, bundleOf, keys, removeDirs, startReplica } from "./world.js";

let one: Replica;
beforeAll(async () => {
  one = await startReplica();
});
afterAll(async () => {
  await one.stop();
  await removeDirs([one.dir]);
});

const generationOf = ({ body }: { readonly body: JsonObject }): unknown =>
  (body["bundle"] as JsonObject | undefined)?.["generation"];

test("a sidecar starts without what is to be pushed, and denies until it is", async () => {
  expect(await one.inForce()).toBeUndefined();
  const { body } = await one.ask("GET", "/v1/bundles", keys.viewer);
  expect(body).toMatchObject({
    bundles: [{ name: "app" }],
    status: { kept: ["memory", "disk"], stale: false },
  });
});

test("what is pushed is verified, tested, in force, and remembered", async () => {
  const pushed = await one.push(await bundleOf({ revision: "r1", version: 1 }));
  expect(pushed.body).toMatchObject({
    bundle: {
      ...{ name: "app", generation: 1, action: "push", revision: "r1", version: 1, by: "pusher" },
      ...{ signed_by: "author", tests: { passed: 1, failed: 0, skipped: 0 } },
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
    kept: ["memory", "disk"],
  });
  expect(pushed.status).toBe(201);
  expect(await one.inForce()).toBe("r1");
  const { body } = await one.ask("GET", "/v1/bundles/app", keys.viewer);
  expect(body).toMatchObject({
    name: "app",
    generations: [{ generation: 1 }],
    here: { generation: 1, revision: "r1" },
  });
  await until(async () => (await one.records()).length >= 4);
  expect(await one.records()).toMatchObject([
    { action: "list", result: "done" },
    {
      action: "push",
      result: "attempted",
      by: "pusher",
      credential: "key:pusher",
      bundle: "app",
      revision: "r1",
    },
    { action: "push", result: "done", generation: 1, version: 1 },
    { action: "list" },
  ]);
});

test("the same again is recognised, whatever became of the answer", async () => {
  // ES256 signs anew each time: it is another archive of the same content
  const same = await one.push(await bundleOf({ revision: "r1", version: 1 }));
  expect([same.status, generationOf(same)]).toEqual([200, 1]);
  const bytes = await bundleOf({ revision: "r2", version: 2 });
  const first = await one.push(bytes, "", { "if-match": '"1"' });
  const again = await one.push(bytes, "", { "if-match": '"1"' });
  expect([first.status, generationOf(first), again.status, generationOf(again)]).toEqual([201, 2, 200, 2]);
  expect(again.body["unchanged"]).toBe(true);
});

test("of two at once one wins, and the other is told who", async () => {
  const [a, b] = [
    await bundleOf({ revision: "a", version: 3 }),
    await bundleOf({ revision: "b", version: 3 }),
  ];
  const both = await Promise.all([one.push(a), one.push(b)]);
  expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  const [won, lost] = both[0]?.status === 201 ? both : [both[1], both[0]];
  expect(lost?.body).toMatchObject({ code: "bundle_conflict", bundle: { generation: 3, by: "pusher" } });
  expect((lost?.body["bundle"] as JsonObject)["revision"]).toBe(
    (won?.body["bundle"] as JsonObject)["revision"],
  );
  const stale = await one.push(await bundleOf({ revision: "c", version: 4 }), "", { "if-match": '"2"' });
  expect([stale.status, stale.body["code"]]).toEqual([409, "bundle_conflict"]);
});

const refusals: readonly (readonly [name: string, draft: Draft, code: string])[] = [
  ["no signature", { by: "nobody" }, "signature_missing"],
  ["a stranger's signature", { by: "stranger" }, "signature_invalid"],
  ["tests that fail", { test: "package app_test\n\ntest_it if 1 == 2\n" }, "tests_failed"],
  ["what doesn't compile", { rego: "package app\n\nallow := x\n" }, "build_failed"],
  ["an older version", { version: 1 }, "version_rollback"],
];
describe("what isn't good replaces nothing, and says why", () => {
  test.each(refusals)("%s", async (_name, draft, code) => {
    const before = await one.inForce();
    const answer = await one.push(await bundleOf({ revision: "bad", version: 9, ...draft }));
    expect([answer.status, answer.body["code"], answer.body["bundle_code"]]).toEqual([
      422,
      "bundle_rejected",
      code,
    ]);
    expect(answer.body["errors"]).not.toEqual([]);
    expect(await one.inForce()).toBe(before);
    const { body } = await one.ask("GET", "/v1/bundles", keys.viewer);
    expect(body).toMatchObject({ bundles: [{ generation: 3, here: { generation: 3, code } }] });
  });

  test("garbage, nothing, another type", async () => {
    const garbage = await one.push(Buffer.from("not an archive"));
    expect([garbage.status, garbage.body["bundle_code"]]).toEqual([422, "bundle_archive"]);
    expect((await one.push(Buffer.alloc(0))).status).toBe(422);
    const json = await one.ask("PUT", "/v1/bundles/app", keys.pusher, {});
    expect([json.status, json.body["code"]]).toEqual([415, "unsupported_media_type"]);
  });
});

test("an older version comes by an operator's word, which is recorded", async () => {
  const old = await bundleOf({ revision: "old", version: 1 });
  const pusher = await one.push(old, "?force&reason=bad+release");
  expect([pusher.status, pusher.body["code"]]).toEqual([403, "operator_refused"]);
  const silent = await one.push(old, "?force", {}, keys.lead);
  expect([silent.status, silent.body["code"]]).toEqual([400, "invalid_request"]);
  const lead = await one.push(old, "?force&reason=bad+release", {}, keys.lead);
  expect([lead.status, lead.body["bundle"]]).toMatchObject([
    201,
    { generation: 4, version: 1, override: true, reason: "bad release" },
  ]);
  expect(await one.inForce()).toBe("old");
});

test("a rollback is a new generation of old content", async () => {
  const before = await one.ask("GET", "/v1/bundles/app/2", keys.pusher);
  expect(before.status).toBe(200);
  const by = (key: string, body: object) => one.ask("POST", "/v1/bundles/app/rollback", key, body);
  expect((await by(keys.pusher, { to: 2, reason: "r" })).body["code"]).toBe("operator_refused");
  expect((await by(keys.lead, { to: 2 })).body["code"]).toBe("invalid_request");
  expect((await by(keys.lead, { to: 77, reason: "r" })).body["code"]).toBe("unknown_generation");
  const back = await by(keys.lead, { to: "r2", reason: "old was too old" });
  expect([back.status, back.body["bundle"]]).toMatchObject([
    201,
    {
      generation: 5,
      action: "rollback",
      of: 2,
      revision: "r2",
      version: 2,
      reason: "old was too old",
      by: "lead",
    },
  ]);
  expect(await one.inForce()).toBe("r2");
  expect((await one.ask("GET", "/v1/bundles/app/5", keys.pusher)).bytes.equals(before.bytes)).toBe(true);
});

const strangers: readonly (readonly [method: string, path: string, key: string | undefined, code: string])[] =
  [
    ["PUT", "/v1/bundles/app", undefined, "operator_unauthenticated"],
    ["PUT", "/v1/bundles/app", "not-a-key-of-anybody-at-all-not-one-of-them", "operator_unauthenticated"],
    ["PUT", "/v1/bundles/app", keys.viewer, "operator_refused"],
    ["GET", "/v1/bundles/app/1", keys.viewer, "operator_refused"],
    ["POST", "/v1/bundles/app/refresh", keys.viewer, "operator_refused"],
    ["PUT", "/v1/bundles/other", keys.viewer, "operator_refused"],
    ["PUT", "/v1/bundles/other", keys.pusher, "unknown_bundle"],
    ["PUT", "/v1/bundles/..%2fapp", keys.pusher, "unknown_bundle"],
    ["GET", "/v1/bundles/app/0", keys.pusher, "unknown_generation"],
    ["GET", "/v1/bundles/app/1e3", keys.pusher, "unknown_generation"],
    ["DELETE", "/v1/bundles/app", keys.lead, "method_not_allowed"],
  ];
test.each(strangers)("%s %s is refused: %#", async (method, path, key, code) => {
  const answer = await one.ask(method, path, key, method === "PUT" ? Buffer.from("x") : undefined);
  expect(answer.body["code"]).toBe(code);
  expect(JSON.stringify(answer.body)).not.toContain(key ?? "operator-key");
});

test("a restart brings back what was pushed, by its word too; two at once on one folder there can't be", async () => {
  const second = startReplica({ dir: one.dir });
  await expect(second).rejects.toThrow(
    `persistence_directory: ${join(one.dir, "kept")}: another sidecar has it (process ${process.pid})`,
  );
  await one.stop();
  one = await startReplica({ dir: one.dir });
  expect(await one.inForce()).toBe("r2");
  const { body } = await one.ask("GET", "/v1/bundles/app", keys.viewer);
  expect((body["generations"] as JsonObject[]).map(({ generation }) => generation)).toEqual([5, 4, 3, 2, 1]);
  const refreshed = await one.ask("POST", "/v1/bundles/app/refresh", keys.pusher);
  expect([refreshed.status, refreshed.body["here"]]).toMatchObject([200, { generation: 5 }]);
});

test("an author's commands: push a folder, look, roll back", async () => {
  const folder = join(one.dir, "policies");
  const signing = join(one.dir, "signing.pem");
  await mkdir(folder);
  await writeFile(signing, author.privateKey, { mode: 0o600 });
  await writeFile(join(folder, "app.rego"), 'package app\n\nallow := true\n\nrevision := "cli"\n');
  await writeFile(
    join(folder, "app_test.rego"),
    "package app_test\n\nimport data.app\n\ntest_it if app.allow\n",
  );
  const manifest = { roots: ["app", "app_test"], metadata: { version: 50 } };
  await writeFile(join(folder, ".manifest"), JSON.stringify(manifest));
  const run = async (
    key: "lead" | "pusher",
    ...args: string[]
  ): Promise<readonly [number, string, string]> => {
    let [out, err] = ["", ""];
    const io = { out: (text: string) => (out += text), err: (text: string) => (err += text) };
    const [command = "", ...rest] = args;
    const code = await main([command, "--to", one.url, "-k", join(one.dir, key), ...rest], io);
    return [code, out, err];
  };
  const signer = ["--signing-key", signing, "--signing-alg", "ES256", "--signing-key-id", "author"];
  const [code, out] = await run("pusher", "push", "-n", "app", "-r", "from-the-cli", ...signer, folder);
  expect([code, out]).toEqual([
    0,
    expect.stringContaining("app: generation 6, revision from-the-cli, by pusher"),
  ]);
  const again = await run("pusher", "push", "-n", "app", "-r", "from-the-cli", ...signer, folder);
  expect([again[0], again[1]]).toEqual([
    0,
    expect.stringContaining("generation 6, revision from-the-cli, as before"),
  ]);
  expect(await run("pusher", "push", "-n", "app", folder)).toMatchObject([
    ...[1, "", expect.stringContaining("signature_missing")],
  ]);
  const stale = await run("pusher", "push", "-n", "app", "-r", "other", "--if-match", "3", ...signer, folder);
  expect([stale[0], stale[2]]).toEqual([4, expect.stringContaining("revision from-the-cli, by pusher")]);
  const [, table] = await run("pusher", "bundles", "app");
  expect(table).toContain("from-the-cli  50");
  expect((await run("pusher", "rollback", "-r", "worse", "app"))[0]).toBe(1);
  const [done, back] = await run("lead", "rollback", "-r", "worse", "app");
  expect([done, back]).toEqual([0, expect.stringContaining("generation 7")]);
  expect(await one.inForce()).toBe("r2");
});
