/** What waits for its service on the disk: it survives kills, is bounded, and nobody else's files are taken for it. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createBlockMaker, linesOf } from "../../sidecar/record/upload/block.js";
import type { Block } from "../../sidecar/record/upload/block.js";
import { openOutbox } from "../../sidecar/record/upload/outbox.js";
import type { BlockStore } from "../../sidecar/record/upload/store.js";
import { headOf } from "../../sidecar/record/spill/frame.js";
import type { SpillParts } from "../../sidecar/record/spill/spill.js";
import { openSpill } from "../../sidecar/record/spill/spill.js";
import { configOf, lineOf, numbersOf, until } from "./spilling.js";

let directory: string;
const stores: BlockStore[] = [];
const children: ChildProcess[] = [];
const told: string[] = [];
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "spill-")), "spill");
  told.length = 0;
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const store of stores.splice(0)) await store.close();
  await rm(join(directory, ".."), { recursive: true });
});

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const make = createBlockMaker({ most: 32_000, now: () => 1_000, onTooLarge: () => undefined });
const blocksOf = (numbers: readonly number[]) => make(numbers.map((n) => lineOf(n)));

async function opened(changes: Partial<SpillParts> = {}): Promise<BlockStore> {
  const store = await openSpill({
    ...{ directory, maxBytes: 2 ** 24, strict: false, now: () => 1_000 },
    onDropped: (reason, count) => told.push(`${reason} ${count}`),
    onOdd: (what, file) => told.push(`${what} ${file}`),
    ...changes,
  });
  stores.push(store);
  return store;
}

const numbersIn = async (blocks: readonly Block[]) =>
  (await Promise.all(blocks.map(linesOf))).flat().map((line) => (JSON.parse(line) as { n: number }).n);

/** Takes all that waits, as an upload would. */
async function drain(store: BlockStore): Promise<number[]> {
  const numbers: number[] = [];
  for (let taken = await store.peek(32_000); taken !== undefined; taken = await store.peek(32_000)) {
    numbers.push(...(await numbersIn(taken.blocks)));
    await taken.done();
  }
  return numbers;
}

const segmentsIn = async (slot: string) =>
  (await readdir(join(directory, slot))).filter((name) => name.endsWith(".segment"));

describe("what waits", () => {
  test("comes out in order, while more goes in, and leaves nothing behind", async () => {
    const store = await opened();
    const numbers: number[] = [];
    for (let n = 0; n < 5_000; n += 100) {
      await store.append(await blocksOf(upTo(100, n)));
      if (n % 700 !== 0) continue;
      const taken = await store.peek(9_000);
      numbers.push(...(await numbersIn(taken?.blocks ?? [])));
      await taken?.done();
    }
    numbers.push(...(await drain(store)));
    expect(numbers).toEqual(upTo(5_000));
    expect(store.waiting()).toEqual({ bytes: 0, spilledBytes: 0 });
    await store.close();
    expect(await segmentsIn("0")).toEqual([]);
    expect(told).toEqual([]);
  });

  test("is there after a restart, from where it was sent to; only its owner can read it", async () => {
    const store = await opened();
    for (const n of [0, 100, 200]) await store.append(await blocksOf(upTo(100, n)));
    await (await store.peek(1))?.done();
    await store.close();
    const [name = ""] = await segmentsIn("0");
    expect((await stat(join(directory, "0", name))).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, "0"))).mode & 0o777).toBe(0o700);
    const again = await opened();
    expect(again.waiting().spilledBytes).toBeGreaterThan(0);
    await again.append(await blocksOf(upTo(10, 300)));
    expect(await drain(again)).toEqual(upTo(210, 100));
  });

  test("is bounded: the oldest are dropped and counted; in strict mode nothing is, and more is refused", async () => {
    const buffered = await opened({ maxBytes: 40_000 });
    for (let n = 0; n < 4_000; n += 100) await buffered.append(await blocksOf(upTo(100, n)));
    expect(buffered.waiting().spilledBytes).toBeLessThanOrEqual(40_000);
    const left = await drain(buffered);
    expect(left).toEqual(upTo(left.length, 4_000 - left.length));
    expect(left.length).toBeGreaterThan(100);
    const lost = told.map((line) => Number(/^spill_full (\d+)$/.exec(line)?.[1]));
    expect(lost.reduce((sum, count) => sum + count, 0)).toBe(4_000 - left.length);
    told.length = 0;
    const strict = await opened({ maxBytes: 40_000, strict: true });
    let taken = 0;
    await expect(async () => {
      for (; taken < 4_000; taken += 100) await strict.append(await blocksOf(upTo(100, taken)));
    }).rejects.toThrow("full");
    expect(await drain(strict)).toEqual(upTo(taken));
    expect(told).toEqual([]);
    await strict.append(await blocksOf([1]));
  });
});

describe("several processes", () => {
  test("have a place each; what one left behind is sent by another", async () => {
    const first = await opened();
    const second = await opened();
    const third = await opened({ adoptEveryMs: 5 });
    await first.append(await blocksOf(upTo(10)));
    await second.append(await blocksOf(upTo(10, 10)));
    expect((await readdir(directory)).sort()).toEqual(["0", "1", "2"]);
    expect(await third.peek(1e6)).toBeUndefined();
    await first.close();
    await second.close();
    await until(() => third.waiting().spilledBytes > 0);
    const numbers: number[] = [];
    while (numbers.length < 20) numbers.push(...(await drain(third)));
    expect(numbers.sort((a, b) => a - b)).toEqual(upTo(20));
  });

  test.each([
    ["buffered", [1, 31]],
    ["strict", [7]],
  ])("%s: killed while it writes, nothing that was taken is lost", async (mode, afters) => {
    for (const [round, after] of afters.entries()) {
      const said = await spilling([mode]);
      await until(() => said.length > after);
      await end(said.child, "SIGKILL");
      const taken = Number(said.at(-1));
      const store = await opened();
      const numbers = await drain(store);
      expect({ round, numbers: numbers.slice(0, taken) }).toEqual({ round, numbers: upTo(taken) });
      // what came after is whole, too, and in order
      expect(numbers).toEqual(upTo(numbers.length));
      await store.close();
    }
  });

  test("one that lives keeps its place; one that is gone doesn't, though another has its number", async () => {
    const said = await spilling(["buffered", "20"]);
    await until(() => said.at(-1) === "20");
    const store = await opened();
    expect((await readdir(directory)).sort()).toEqual(["0", "1"]);
    expect(await drain(store)).toEqual([]);
    const lock = join(directory, "0", "lock");
    const owner = JSON.parse(await readFile(lock, "utf8")) as Record<string, unknown>;
    await end(said.child, "SIGKILL");
    await writeFile(lock, JSON.stringify({ ...owner, pid: process.pid, began: "1" }));
    expect(await drain(await opened())).toEqual(upTo(20));
    // of one elsewhere (another container) nothing is known, but that it was here lately
    await writeFile(join(directory, "3.lock"), "");
    await mkdir(join(directory, "3"), { mode: 0o700 });
    await writeFile(join(directory, "3", "lock"), JSON.stringify({ ...owner, place: "elsewhere" }));
    await writeFile(join(directory, "3", "1.segment"), framed((await blocksOf([7]))[0]), { mode: 0o600 });
    expect(await drain(await opened())).toEqual([]);
  });
});

describe("hostile or damaged", () => {
  test.each([
    ["a link", async (path: string) => symlink(await mkdtemp(join(tmpdir(), "spill-")), path), "link"],
    ["a file", (path: string) => writeFile(path, ""), "EEXIST|no directory"],
    ["others may write", async (path: string) => (await mkdir(path), chmod(path, 0o777)), "chmod 700"],
    ["others may read", async (path: string) => (await mkdir(path), chmod(path, 0o755)), "chmod 700"],
  ])("a directory: %s", async (_name, prepare, words) => {
    await prepare(directory);
    await expect(opened()).rejects.toThrow(new RegExp(words));
    if (words === "chmod 700") return;
    await rm(directory);
    // the same one below
    await mkdir(directory, { mode: 0o700 });
    await prepare(join(directory, "0"));
    await expect(opened()).rejects.toThrow(new RegExp(words));
  });

  test("a tail that was cut off anywhere costs the block that was being written, and no other", async () => {
    const whole = Buffer.concat(
      (await Promise.all([0, 10, 20].map((n) => blocksOf(upTo(10, n))))).flat().map(framed),
    );
    const starts = whole.length / 3;
    for (const length of [0, 1, 31, 32, 33, whole.length - 1, Math.floor(starts * 2.5)]) {
      await place(whole.subarray(0, length));
      const numbers = await drain(await opened());
      expect(numbers).toEqual(upTo(numbers.length));
      expect(numbers.length % 10).toBe(0);
      expect(numbers.length).toBeGreaterThanOrEqual(Math.floor(length / (starts + 50)) * 10);
      await stores.pop()?.close();
    }
    expect(told.filter((line) => !line.startsWith("torn"))).toEqual([]);
  });

  test("a changed byte ends its segment where it is, is counted, and the next segment is sent", async () => {
    const whole = Buffer.concat(
      (await Promise.all([0, 10].map((n) => blocksOf(upTo(10, n))))).flat().map(framed),
    );
    const next = framed((await blocksOf([77]))[0]);
    for (const at of [0, 4, 9, 13, 17, 21, 25, 40, Math.floor(whole.length / 2) + 40]) {
      told.length = 0;
      const bad = Buffer.from(whole);
      bad[at] = (bad[at] ?? 0) ^ 0x10;
      await place(bad, next);
      const numbers = await drain(await opened());
      expect(numbers).toEqual(at < whole.length / 2 ? [77] : [...upTo(10), 77]);
      expect(told.join()).toMatch(/torn|corrupt/);
      await stores.pop()?.close();
      expect(await segmentsIn("0")).toEqual([]);
    }
  });

  test("ten gigabytes whose head lies take no memory, and no time", async () => {
    const [block] = await blocksOf([1]);
    for (const length of [0, 2 ** 26, 2 ** 32 - 1]) {
      const head = block === undefined ? Buffer.alloc(32) : headOf(block);
      head.writeUInt32LE(length, 8);
      await place(head, framed(block));
      await truncate(join(directory, "0", "0.segment"), 10 * 2 ** 30);
      const before = process.memoryUsage().arrayBuffers;
      const store = await opened();
      expect(await drain(store)).toEqual([1]);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(80 * 2 ** 20);
      await stores.pop()?.close();
    }
  });

  test("links, pipes, other people's files are left alone and said so", async () => {
    const [block] = await blocksOf([1]);
    await place(framed(block));
    const slot = join(directory, "0");
    await rename(join(slot, "0.segment"), join(slot, "kept"));
    await symlink("kept", join(slot, "0.segment"));
    await link(join(slot, "kept"), join(slot, "1.segment"));
    await writeFile(join(slot, "2.segment"), framed(block), { mode: 0o600 });
    await chmod(join(slot, "2.segment"), 0o666);
    await run("mkfifo", ["-m", "600", join(slot, "3.segment")]);
    await mkdir(join(slot, "4.segment"));
    await writeFile(join(slot, "5.segment.txt"), "x");
    const store = await opened();
    expect(await drain(store)).toEqual([]);
    expect(told).toEqual([0, 1, 2, 3, 4].map((n) => `foreign ${n}.segment`));
    await store.append(await blocksOf([9]));
    expect(await drain(store)).toEqual([9]);
  });

  test("a word of how far it was sent that is none sends it again", async () => {
    for (const said of ["", "x\n", "-000000000000001\n", "999999999999999\n", "000000000000007\n"]) {
      told.length = 0;
      await place(framed((await blocksOf(upTo(3)))[0]));
      await writeFile(join(directory, "0", "0.sent"), said);
      const numbers = await drain(await opened());
      expect(numbers).toEqual(upTo(3));
      await stores.pop()?.close();
    }
  });
});

describe("a service that is away", () => {
  test("at an orderly end what it doesn't take in time is on the disk, for the next start", async () => {
    const outbox = await openOutbox({
      ...{ reporting: configOf(), isDecision: () => true, now: Date.now, closeMs: 20 },
      post: (_body, signal) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            resolve({ kind: "failed", message: "stopped" });
          });
        }),
      openSpill: ({ onDropped }) =>
        openSpill({
          directory,
          maxBytes: 2 ** 24,
          strict: false,
          now: Date.now,
          onDropped,
          onOdd: () => undefined,
        }),
      events: {
        onDropped: (reason) => told.push(reason),
        ...{
          onUploaded: () => undefined,
          onFailed: () => undefined,
          onTooLarge: () => undefined,
          onRefused: () => undefined,
        },
      },
    });
    for (const n of upTo(50)) await outbox.write(`${lineOf(n)}\n`);
    await outbox.close();
    expect(await drain(await opened())).toEqual(upTo(50));
    expect(told).toEqual([]);
  });

  test("loses nothing: all waits on the disk, in little memory, and arrives once it is back", async () => {
    const most = 4_000;
    let away = true;
    const numbers: number[] = [];
    const dropped: string[] = [];
    const outbox = await openOutbox({
      ...{
        reporting: configOf({ trigger: "immediate", maxDelayMs: 50 }),
        isDecision: () => true,
        now: Date.now,
      },
      post: (body) => {
        if (away) return Promise.resolve({ kind: "failed", message: "away" });
        numbers.push(...numbersOf(Buffer.from(body)));
        return Promise.resolve({ kind: "answered", status: 200 });
      },
      openSpill: ({ onDropped }) =>
        openSpill({
          directory,
          maxBytes: 2 ** 26,
          strict: false,
          now: Date.now,
          onDropped,
          onOdd: () => undefined,
        }),
      events: {
        onDropped: (reason) => dropped.push(reason),
        onUploaded: () => undefined,
        onFailed: () => undefined,
        onTooLarge: () => undefined,
        onRefused: () => undefined,
      },
    });
    for (let n = 0; n < most; n += 200)
      await outbox.write(
        upTo(200, n)
          .map((i) => `${lineOf(i)}\n`)
          .join(""),
      );
    const { spilled_bytes: spilled, buffered_bytes: buffered, code, oldest } = outbox.status();
    expect({ buffered, code }).toEqual({ buffered: 0, code: "decision_log_error" });
    expect(spilled).toBeGreaterThan(most * 20);
    expect(Date.parse(oldest ?? "")).toBeLessThanOrEqual(Date.now());
    away = false;
    await until(() => numbers.length >= most);
    expect(numbers).toEqual(upTo(most));
    expect(dropped).toEqual([]);
    await outbox.close();
    expect(await segmentsIn("0")).toEqual([]);
  });
});

function framed(block: Block | undefined): Buffer {
  return block === undefined ? Buffer.alloc(0) : Buffer.concat([headOf(block), block.deflated]);
}

/** Puts segments where a process of ours would have left them. */
async function place(...segments: readonly Uint8Array[]): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(join(directory, "0"), { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  for (const [n, bytes] of segments.entries()) {
    const file = await open(join(directory, "0", `${n}.segment`), "w", 0o600);
    await file.writeFile(bytes);
    await file.close();
  }
}

type Said = string[] & { child: ChildProcess };

async function spilling(args: readonly string[]): Promise<Said> {
  const script = fileURLToPath(new URL("spill-child.js", import.meta.url));
  const child = spawn(process.execPath, [script, directory, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const said = Object.assign([] as string[], { child });
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.push(...text.split("\n").filter((line) => line !== ""));
  });
  await until(() => said.length > 0);
  return said;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = once(child, "close");
  child.kill(signal);
  await gone;
}

async function run(command: string, args: readonly string[]): Promise<void> {
  await once(spawn(command, args, { stdio: "ignore" }), "close");
}
