/** What is kept on disk: whole after a crash at any point, believed no more than what arrives, and nobody else's to write. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Activation } from "../../sidecar/bundles/activation.js";
import type { BundleConfig } from "../../sidecar/bundles/config.js";
import { createKeep } from "../../sidecar/bundles/keep/keep.js";
import { ownDirectory } from "../../sidecar/bundles/keep/own.js";
import { silentMs } from "../../sidecar/net/lock-directory.js";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { tarGz } from "../rego/tar.js";
import type { Brought } from "./bring.js";
import { bring, bundleOf, configOf, verifyNothing } from "./bring.js";

const ownModule = new URL("../../sidecar/bundles/keep/own.js", import.meta.url);

let toolchain: Toolchain;
let cacheDir: string;
let directory: string;
const open: Brought[] = [];
beforeAll(async () => {
  toolchain = createToolchain({});
  cacheDir = await mkdtemp(join(tmpdir(), "countersign-keep-cache-"));
});
afterAll(async () => {
  await toolchain.close();
  await rm(cacheDir, { recursive: true, force: true });
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "countersign-keep-"));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await rm(directory, { recursive: true, force: true });
});

/** A sidecar that starts: it brings in what is kept, as far as it may. */
const start = async (
  config: Partial<BundleConfig> = {},
): Promise<Brought & { recalled: Activation | string }> => {
  const wish = { persist: true, verify: { ...verifyNothing, version: true }, ...config };
  const brought = bring({ toolchain, cacheDir, directory, bundles: [configOf("app", wish)] });
  open.push(brought);
  const kept = await brought.keep?.read("app");
  const recalled =
    kept?.kind === "kept"
      ? await brought.store.arrive({
          ...{ name: "app", origin: "persisted" },
          content: { bytes: kept.bytes, deltas: kept.deltas },
        })
      : kept?.kind === "rejected"
        ? (kept.errors[0]?.code ?? "")
        : "none";
  return Object.assign(brought, { recalled });
};
const push = (to: Brought, bytes: Uint8Array, more: object = {}): Promise<Activation> =>
  to.store.arrive({ name: "app", origin: "push", content: { bytes }, ...more });
const dataRego = "package app\n\nlevel := data.app.facts.level\n";
const version = (n: number): Uint8Array =>
  bundleOf({
    rego: dataRego,
    revision: `r${n}`,
    files: { "app/facts/data.json": `{"level":${n}}` },
    metadata: { version: n },
  });
const delta = (n: number, base: string): Uint8Array =>
  tarGz([
    {
      name: "patch.json",
      body: JSON.stringify({ data: [{ op: "replace", path: "/app/facts/level", value: n }] }),
    },
    {
      name: ".manifest",
      body: JSON.stringify({ revision: `r${n}`, roots: ["app"], metadata: { version: n, base } }),
    },
  ]);
const folder = (): string => join(directory, "bundles", "app");
const level = (of: Brought): unknown => of.ask("app", "app/level");

describe("a start", () => {
  test("brings back the last that was in force, changes included, in OPA's layout", async () => {
    const first = await start();
    expect(first.recalled).toBe("none");
    expect(await push(first, version(1))).toMatchObject({ kind: "activated" });
    expect(await push(first, delta(2, "r1"))).toMatchObject({ kind: "activated", facts: { type: "delta" } });
    expect(await push(first, delta(3, "r2"))).toMatchObject({ kind: "activated" });
    expect(level(first)).toBe(3);
    const second = await start();
    expect(second.recalled).toMatchObject({ kind: "activated", facts: { version: 3 } });
    expect(level(second)).toBe(3);
    expect(second.store.status()[0]).toMatchObject({ origin: "persisted", active_revision: "r3" });
    expect(await push(second, version(2))).toMatchObject({ code: "version_rollback" });
    // a snapshot takes the place of all of it
    expect(await push(second, version(4))).toMatchObject({ kind: "activated" });
    expect((await readdir(folder())).sort()).toEqual(["bundle.tar.gz", "mark.json"]);
    expect(await readFile(join(folder(), "bundle.tar.gz"))).toEqual(Buffer.from(version(4)));
    for (const name of ["bundle.tar.gz", "mark.json"])
      expect((await stat(join(folder(), name))).mode & 0o777).toBe(0o600);
    expect((await stat(folder())).mode & 0o777).toBe(0o700);
  });

  test("after a rollback by an operator's word brings back what was rolled back to", async () => {
    const first = await start();
    await push(first, version(5));
    await push(first, version(2), { override: { reason: "5 is bad", by: "ann" } });
    const second = await start();
    expect(second.recalled).toMatchObject({ kind: "activated", facts: { version: 2 } });
    expect(await push(second, version(3))).toMatchObject({ code: "version_rollback" });
    expect(await push(second, version(6))).toMatchObject({ kind: "activated" });
  });
});

describe("whatever a crash leaves, the next start serves", () => {
  test.each<[string, (first: Brought) => Promise<void>, number]>([
    [
      "a file that is half written",
      async () => {
        await writeFile(join(folder(), ".fresh-00000000-0000-0000-0000-000000000000"), "half");
      },
      1,
    ],
    [
      "the new bundle, and the mark of the one before",
      async () => {
        await createKeep(directory).snapshot("app", version(2));
      },
      2,
    ],
    [
      "changes, and the mark from before them",
      async (first) => {
        await first.keep?.delta("app", delta(2, "r1"));
      },
      2,
    ],
    [
      "changes that were made to the bundle before",
      async (first) => {
        await first.keep?.delta("app", delta(2, "r1"));
        await writeFile(join(folder(), "bundle.tar.gz"), version(3), { mode: 0o600 });
      },
      3,
    ],
  ])("%s", async (_what, crash, expected) => {
    const first = await start();
    await push(first, version(1));
    await crash(first);
    const second = await start();
    expect(second.recalled).toMatchObject({ kind: "activated" });
    expect(level(second)).toBe(expected);
    expect(await push(second, version(9))).toMatchObject({ kind: "activated" });
    expect((await readdir(folder())).sort()).toEqual(["bundle.tar.gz", "mark.json"]);
  });
});

describe("what somebody else did to it isn't believed", () => {
  const place = (name: string): string => join(folder(), name);
  test.each<[string, () => Promise<void>, string]>([
    ["an older bundle in its place", () => writeFile(place("bundle.tar.gz"), version(1)), "version_rollback"],
    [
      "a damaged bundle",
      () => writeFile(place("bundle.tar.gz"), version(2).subarray(0, 80)),
      "bundle_truncated",
    ],
    [
      "a mark that is lower",
      () => writeFile(place("mark.json"), '{"mark":{"version":1},"sum":"x"}'),
      "mark_unreadable",
    ],
    ["a mark that is no mark", () => writeFile(place("mark.json"), "{}"), "mark_unreadable"],
    ["a mark that others may write", () => chmod(place("mark.json"), 0o666), "mark_unreadable"],
    ["a bundle that others may write", () => chmod(place("bundle.tar.gz"), 0o620), "keep_damaged"],
    ["a folder that others may write", () => chmod(folder(), 0o777), "keep_damaged"],
    [
      "a link in the place of the bundle",
      async () => {
        await writeFile(join(directory, "elsewhere"), version(3));
        await rm(place("bundle.tar.gz"));
        await symlink(join(directory, "elsewhere"), place("bundle.tar.gz"));
      },
      "keep_damaged",
    ],
    [
      "changes of which one is missing",
      async () => {
        const keep = createKeep(directory);
        await keep.read("app");
        await keep.delta("app", delta(3, "r2"));
        await keep.delta("app", delta(4, "r3"));
        const [first = ""] = (await readdir(folder())).filter((name) => name.startsWith("delta-001"));
        await rm(place(first));
      },
      "keep_damaged",
    ],
  ])("%s", async (_what, change, code) => {
    const first = await start();
    await push(first, version(2));
    await change();
    const second = await start();
    expect(second.recalled).toEqual(
      typeof second.recalled === "string" ? code : expect.objectContaining({ code }),
    );
    expect(second.store.current().bundles).toEqual([]);
  });
});

test("where the mark can't be written nothing new comes into force; where the bundle can't, a push isn't acknowledged", async () => {
  const first = await start();
  await push(first, version(1));
  // a folder can't be replaced by a file
  await rm(join(folder(), "mark.json"));
  await mkdir(join(folder(), "mark.json", "in the way"), { recursive: true });
  expect(await push(first, version(2))).toMatchObject({ code: expect.stringMatching(/^mark_un/) });
  expect(level(first)).toBe(1);
  await rm(join(folder(), "mark.json"), { recursive: true });
  await rm(join(folder(), "bundle.tar.gz"));
  await mkdir(join(folder(), "bundle.tar.gz", "in the way"), { recursive: true });
  expect(await push(first, version(3))).toMatchObject({ code: "keep_failed" });
  expect(level(first)).toBe(1);
  // what a service gives, it gives again: it comes into force, and that it isn't kept is said
  const served = { ...{ name: "app", origin: "service" as const }, content: { bytes: version(3) } };
  expect(await first.store.arrive(served)).toMatchObject({ kind: "activated" });
  expect(level(first)).toBe(3);
  expect(first.store.status()[0]).toMatchObject({ code: "keep_failed", active_revision: "r3" });
});

test("what fails in the last step, kept already, is taken back with its mark", async () => {
  const bundles = [configOf("app", { persist: true, verify: { ...verifyNothing, version: true } })];
  const to = bring({ toolchain, cacheDir, directory, bundles });
  open.push(to);
  await to.keep?.read("app");
  const reconfigured = {
    // by then it was looked at by rules that aren't configured any more
    confirm() {
      bundles.splice(0, 1, ...bundles.map((one) => ({ ...one })));
      return Promise.resolve(true);
    },
  };
  const place = (name: string): string => join(folder(), name);
  const files = async (): Promise<unknown> => {
    const names = (await readdir(folder()).catch(() => [])).sort();
    return Promise.all(names.map(async (name) => [name, await readFile(place(name), "utf8")]));
  };
  const outdated = {
    code: "activation_failed",
    message: expect.stringContaining("its configuration changed"),
  };
  expect(await push(to, version(3), reconfigured)).toMatchObject(outdated);
  expect(existsSync(place("bundle.tar.gz"))).toBe(false);
  expect(await push(to, version(1))).toMatchObject({ kind: "activated" });
  const before = await files();
  expect(await push(to, version(2), reconfigured)).toMatchObject(outdated);
  expect(await push(to, delta(2, "r1"), reconfigured)).toMatchObject(outdated);
  expect(await files()).toEqual(before);
  expect((await start()).store.status()[0]).toMatchObject({ version: 1 });
  expect(await push(to, delta(2, "r1"))).toMatchObject({ kind: "activated", facts: { type: "delta" } });
  expect((await start()).store.status()[0]).toMatchObject({ version: 2 });
});

test("no name leads out of the folder, nor to another bundle's", async () => {
  const keep = createKeep(directory);
  const names = ["a", "a/b", "..", "../a", "a/../b", ".", "", "a/bundle.tar.gz", "a//b", "%2e%2e", ".hidden"];
  const folders = names.map((name) => keep.folderOf(name));
  expect(new Set(folders).size).toBe(names.length);
  for (const place of folders) expect(place.startsWith(join(directory, "bundles") + "/")).toBe(true);
  for (const name of names) await keep.snapshot(name, Buffer.from(name));
  for (const name of names)
    expect(await keep.read(name)).toMatchObject({ kind: "kept", bytes: Buffer.from(name), deltas: [] });
  expect(existsSync(join(directory, "..", "bundle.tar.gz"))).toBe(false);
});

describe("a directory is one sidecar's at a time", () => {
  const own = (waitMs = 0, waited: number[] = []): ReturnType<typeof ownDirectory> =>
    ownDirectory({ directory, waitMs, onWait: (ms) => waited.push(ms) });
  const lock = (): string => join(directory, "lock");

  test("another one is told who has it, and gets it once it is given back", async () => {
    const first = await own();
    await expect(own(60_000)).rejects.toThrow(
      `persistence_directory: ${directory}: another sidecar has it (process ${process.pid}): give each one of its own`,
    );
    await first.release();
    await (await own()).release();
    expect(existsSync(lock())).toBe(false);
  });

  test("what a killed one left is taken over at once, and its number says nothing of another process", async () => {
    const program = `import { ownDirectory } from ${JSON.stringify(ownModule.href)};
      await ownDirectory({ directory: ${JSON.stringify(directory)}, onWait() {} });
      process.stdout.write("has it"); setInterval(() => {}, 1_000);`;
    const other = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "pipe" });
    await once(other.stdout, "data");
    await expect(own()).rejects.toThrow(`another sidecar has it (process ${other.pid})`);
    other.kill("SIGKILL");
    await once(other, "exit");
    const left = JSON.parse(await readFile(lock(), "utf8")) as object;
    await (await own()).release();
    await writeFile(lock(), JSON.stringify({ ...left, pid: process.pid }));
    await (await own()).release();
  });

  test("of elsewhere it is waited for, and taken once it was silent; what can't be read likewise", async () => {
    const waited: number[] = [];
    const elsewhere = JSON.stringify({ place: "elsewhere", pid: 1, began: "1", id: "x" });
    for (const left of [elsewhere, "{"]) {
      await writeFile(lock(), left);
      await expect(own(0, waited)).rejects.toThrow("in another container or on another machine");
      const before = new Date(Date.now() - silentMs - 1_000);
      await utimes(lock(), before, before);
      await (await own(0, waited)).release();
    }
    await writeFile(lock(), elsewhere);
    const waiting = own(600_000, waited);
    await rm(lock());
    await (await waiting).release();
  });
});

test("a directory that others may write is refused at the start", async () => {
  await createKeep(directory).open();
  await chmod(directory, 0o777);
  await expect(createKeep(directory).open()).rejects.toThrow(
    `persistence_directory: ${directory}: others may write`,
  );
});
