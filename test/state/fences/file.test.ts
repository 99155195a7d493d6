/** The file that survives restarts of everything. */
import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createFenceSeal } from "../../../sidecar/state/fences/seal.js";
import type { Opened } from "./world.js";
import { open, secret } from "./world.js";

let dir: string;
let file: string;
let fences: Opened | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "countersign-fences-"));
  file = join(dir, "fences");
});
afterEach(async () => {
  await fences?.close();
  await chmod(dir, 0o700);
  await rm(dir, { recursive: true, force: true });
});

const restart = async (with_ = secret, max = 100): Promise<Opened> => {
  await fences?.close();
  fences = await open({ max }, { dir, secret: with_ });
  return fences;
};
const bob = { match: { subject: "bob" }, reason: "left", by: "ann" } as const;
const cuts = (one: Opened, subject = "bob"): unknown => one.check([`subject:${subject}`]);

test("fences, lifts and what waits for a second person are there again", async () => {
  let one = await restart();
  await one.add(bob);
  const other = await one.add({ ...bob, match: { subject: "cid" } });
  await one.lift(other.kind === "done" ? other.fence.id : "", "ann");
  one = await restart();
  expect(one.list()).toMatchObject([{ match: { subject: "bob" }, reason: "left", by: "ann" }]);
  expect(cuts(one, "cid")).toBeUndefined();
  expect(one.status()).toEqual({
    ...{ in_force: 1, waiting_for_second_person: 0, kept: ["memory", "file"], stale: false },
    file_damaged: false,
  });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test("it is rewritten when most of it is over, and holds what counts", async () => {
  let one = await restart();
  const kept = await one.add(bob);
  const id = kept.kind === "done" ? kept.fence.id : "";
  for (let i = 0; i < 40; i++) {
    const added = await one.add({ ...bob, match: { subject: `s${i}` } });
    await one.lift(added.kind === "done" ? added.fence.id : "", "ann");
  }
  one = await restart();
  expect(cuts(one)).toMatchObject({ id });
  expect((await readFile(file, "utf8")).split("\n").length).toBeLessThan(1_200);
});

const lines = async (): Promise<string[]> => (await readFile(file, "utf8")).split("\n");
/** What is done to the file, and whether the fence of bob is still in force. */
const attacks: Record<string, { do: () => Promise<unknown>; keeps: boolean; secret?: string }> = {
  "the line of a fence is taken out": {
    keeps: false,
    do: async () => writeFile(file, (await lines()).filter((line) => !line.includes('"bob"')).join("\n")),
  },
  "a line is changed": {
    keeps: true,
    do: async () => writeFile(file, (await readFile(file, "utf8")).replace('"cid"', '"dee"')),
  },
  "lines change places": {
    keeps: true,
    do: async () => {
      const [head = "", a = "", b = "", ...rest] = await lines();
      await writeFile(file, [head, b, a, ...rest].join("\n"));
    },
  },
  "a lift is forged": {
    keeps: true,
    do: async () => {
      const [, line = ""] = await lines();
      const [mac = "", id = "", sealed = ""] = line.split(" ");
      const forged = sealed.replace('"active"', '"lifted"').replace('"version":1', '"version":9');
      await writeFile(file, `${await readFile(file, "utf8")}${mac} ${id} ${forged}\n`);
    },
  },
  "a lift is sealed by another secret": {
    keeps: true,
    do: async () => {
      const [, line = ""] = await lines();
      const id = line.split(" ")[1] ?? "";
      const seal = createFenceSeal("another-secret-of-another-fleet-of-length");
      const lifted = { ...bob, id, version: 9, state: "lifted", at: 1 } as const;
      await writeFile(file, `${await readFile(file, "utf8")}x ${id} ${seal.close(lifted)}\n`);
    },
  },
  "the head is gone": { keeps: false, do: async () => writeFile(file, (await lines()).slice(1).join("\n")) },
  "it is empty": { keeps: false, do: () => writeFile(file, "") },
  "it is garbage": { keeps: false, do: () => writeFile(file, Buffer.alloc(5_000, 7)) },
  "it is a link to elsewhere": {
    keeps: false,
    do: async () => {
      await rm(file);
      await symlink("/dev/null", file);
    },
  },
  "it is read under another secret": {
    keeps: false,
    do: () => Promise.resolve(),
    secret: "another-secret-of-another-fleet-of-length",
  },
};
describe("a file that isn't as it was left", () => {
  test.each(Object.entries(attacks))("%s: told, denied, and never lifted", async (_name, attack) => {
    const before = await restart();
    await before.add(bob);
    await before.add({ ...bob, match: { subject: "cid" } });
    await before.close();
    fences = undefined;
    await attack.do();
    const one = await restart(attack.secret);
    expect(one.kinds()).toContain("file_damaged");
    expect(one.status()).toMatchObject({ stale: true, file_damaged: true });
    // nobody knows what else was in it: nothing is allowed until somebody looked
    expect(cuts(one, "nobody")).toBe("fences_stale");
    if (attack.keeps) expect(cuts(one)).toMatchObject({ match: { subject: "bob" } });
    // nor is it made look right by the next change
    expect(await one.add({ ...bob, match: { subject: "eve" } })).toMatchObject({ kind: "unwritten" });
    expect((await restart(attack.secret)).status().file_damaged).toBe(true);
  });

  test("a last line that a crash cut off was never told to be written", async () => {
    const before = await restart();
    await before.add(bob);
    await before.add({ ...bob, match: { subject: "cid" } });
    await before.close();
    fences = undefined;
    const text = await readFile(file, "utf8");
    await writeFile(file, text.slice(0, -20));
    let one = await restart();
    expect(one.status().file_damaged).toBe(false);
    expect([cuts(one), cuts(one, "cid")]).toMatchObject([{ match: { subject: "bob" } }, undefined]);
    await one.add({ ...bob, match: { subject: "dee" } });
    one = await restart();
    expect(one.status().file_damaged).toBe(false);
    expect(one.list()).toHaveLength(2);
  });
});
