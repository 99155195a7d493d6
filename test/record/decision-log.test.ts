import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createDecisionLog } from "../../sidecar/record/decision-log.js";
import type { DecisionLogLimits, DecisionLogMode } from "../../sidecar/record/decision-log.js";
import { appendSink, fileSink, streamSink } from "../../sidecar/record/sink.js";
import type { Sink } from "../../sidecar/record/sink.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "record-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A sink that a test opens and closes: each write waits while it is held. */
function heldSink() {
  const written: string[] = [];
  const waiting: { lines: string; resolve: () => void; reject: (error: Error) => void }[] = [];
  let held = true;
  let closed = false;
  const sink: Sink = {
    write: (lines) => {
      if (!held) {
        written.push(lines);
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => waiting.push({ lines, resolve, reject }));
    },
    close: async () => {
      closed = true;
    },
  };
  const settle = (fail: boolean) => {
    const next = waiting.shift();
    if (next === undefined) return;
    if (fail) return next.reject(new Error("disk full"));
    written.push(next.lines);
    next.resolve();
  };
  const release = () => {
    held = false;
    while (waiting.length > 0) settle(false);
  };
  return { sink, written, waiting, settle, release, closed: () => closed, hold: () => (held = true) };
}

function logOn(sink: Sink, mode: DecisionLogMode, limits: DecisionLogLimits = {}) {
  const counts: Record<"written" | "dropped" | "failed", number> & { excluded?: number } = {
    ...{ written: 0, dropped: 0, failed: 0 },
  };
  const log = createDecisionLog<number>({
    sink,
    mode,
    line: (record) => JSON.stringify({ n: record }),
    onEvents: (result, count) => (counts[result] = (counts[result] ?? 0) + count),
    limits: { everyMs: 1, ...limits },
  });
  return { log, counts };
}

const numbers = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { n: number }).n);
const upTo = (n: number, from = 0) => Array.from({ length: n - from }, (_, i) => i + from);
const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
};

test.each(["buffered", "strict"] as const)(
  "%s: what a policy wants left out is no line, and no loss",
  async (mode) => {
    const written: string[] = [];
    const counts: Record<string, number> = {};
    const log = createDecisionLog<number>({
      sink: { write: async (lines) => void written.push(lines), close: async () => undefined },
      mode,
      line: (n) => (n % 3 === 0 ? undefined : JSON.stringify({ n })),
      onEvents: (result, count) => (counts[result] = (counts[result] ?? 0) + count),
    });
    await Promise.all(upTo(9).map((n) => log.record(n)));
    await log.flush();
    expect(numbers(written.join(""))).toEqual([1, 2, 4, 5, 7, 8]);
    expect(counts).toEqual({ written: 6, excluded: 3 });
    // nothing is written where nothing is left
    written.length = 0;
    await log.record(0);
    await log.close();
    expect(written).toEqual([]);
  },
);

describe("buffered", () => {
  test("writes everything in order, in batches, by itself", async () => {
    const { sink, written, release } = heldSink();
    release();
    const { log, counts } = logOn(sink, "buffered", { batch: 100 });
    for (const n of upTo(1_050)) expect(log.record(n)).toBeUndefined();
    expect(written).toEqual([]); // nothing on the caller's time
    await until(() => counts.written === 1_050);
    expect(numbers(written.join(""))).toEqual(upTo(1_050));
    // one that takes long to write gives way before it is full
    const sizes = written.map((lines) => numbers(lines).length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThanOrEqual(15);
    await log.close();
  });

  test("drops the oldest when the queue is full, and counts them", async () => {
    const { sink, written, release, waiting } = heldSink();
    const { log, counts } = logOn(sink, "buffered", { events: 10, batch: 5 });
    log.record(0);
    await until(() => waiting.length === 1);
    for (const n of upTo(26, 1)) log.record(n);
    expect(counts.dropped).toBe(15);
    release();
    await log.flush();
    expect(numbers(written.join(""))).toEqual([0, ...upTo(26, 16)]);
    expect(counts).toEqual({ written: 11, dropped: 15, failed: 0 });
    await log.close();
  });

  test("bounds the content that waiting records keep alive", async () => {
    const { sink, written, release, waiting } = heldSink();
    const { log, counts } = logOn(sink, "buffered", { bytes: 1_000 });
    log.record(0, 900);
    await until(() => waiting.length === 1);
    for (const n of [1, 2, 3]) log.record(n, 600);
    expect(counts.dropped).toBe(2);
    release();
    await log.close();
    expect(numbers(written.join(""))).toEqual([0, 3]);
  });

  test("doesn't digest more than some large records in one turn, nor in the one that records them", async () => {
    const { sink, written, release } = heldSink();
    release();
    let turn = 0;
    let going = true;
    const count = (): void => {
      turn++;
      if (going) setImmediate(count);
    };
    count();
    const turns: number[] = [];
    const log = createDecisionLog<number>({
      sink,
      mode: "buffered",
      line: (record) => {
        turns.push(turn);
        return JSON.stringify({ n: record });
      },
    });
    const recorded = turn;
    for (const n of upTo(6)) log.record(n, 600_000);
    await until(() => turns.length === 6);
    going = false;
    await log.close();
    const perTurn = new Map<number, number>();
    for (const one of turns) perTurn.set(one, (perTurn.get(one) ?? 0) + 1);
    expect(perTurn.has(recorded)).toBe(false);
    expect(Math.max(...perTurn.values())).toBeLessThanOrEqual(2);
    expect(numbers(written.join(""))).toEqual(upTo(6));
  });

  test("writes each record as it was when it was recorded, also where the sink is slow", async () => {
    const { sink, written, release, waiting } = heldSink();
    const log = createDecisionLog<{ n: number }>({
      sink,
      mode: "buffered",
      line: (record) => JSON.stringify(record),
    });
    const first = { n: 1 };
    log.record(first);
    await until(() => waiting.length === 1);
    const second = { n: 2 };
    log.record(second);
    await new Promise((resolve) => setImmediate(resolve));
    // its line is written by now, though the sink has not taken the first
    second.n = 99;
    release();
    await log.close();
    expect(numbers(written.join(""))).toEqual([1, 2]);
  });

  test("asks the sink for one batch at a time", async () => {
    const { sink, waiting, release } = heldSink();
    const { log, counts } = logOn(sink, "buffered", { batch: 2 });
    for (const n of upTo(10)) log.record(n);
    await until(() => waiting.length > 0);
    for (const n of upTo(20, 10)) log.record(n);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(waiting).toHaveLength(1);
    release();
    await log.flush();
    expect(counts.written).toBe(20);
    await log.close();
  });

  test("tries a failed write again and loses nothing", async () => {
    const { sink, written, waiting, settle, release } = heldSink();
    const { log, counts } = logOn(sink, "buffered");
    for (const n of upTo(3)) log.record(n);
    for (let attempt = 0; attempt < 2; attempt++) {
      await until(() => waiting.length === 1);
      settle(true);
    }
    release();
    await log.close();
    expect(numbers(written.join(""))).toEqual([0, 1, 2]);
    expect(counts).toEqual({ written: 3, dropped: 0, failed: 6 });
  });

  test("close writes what is left, and a record after it is counted as dropped", async () => {
    const { sink, written, release, closed } = heldSink();
    release();
    const { log, counts } = logOn(sink, "buffered", { everyMs: 60_000 });
    for (const n of upTo(500)) log.record(n);
    await log.close();
    expect(numbers(written.join(""))).toEqual(upTo(500));
    expect(closed()).toBe(true);
    expect(log.record(500)).toBeUndefined();
    expect(counts).toEqual({ written: 500, dropped: 1, failed: 0 });
  });

  test("close gives up on a destination that hangs, and counts what it leaves", async () => {
    const { sink } = heldSink();
    const { log, counts } = logOn(sink, "buffered", { waitMs: 10, batch: 2 });
    for (const n of upTo(5)) log.record(n);
    await log.close();
    expect(counts).toEqual({ written: 0, dropped: 5, failed: 0 });
  });

  test("close gives up on a destination that fails, and counts what it leaves", async () => {
    const sink: Sink = { write: () => Promise.reject(new Error("no space")), close: async () => undefined };
    const { log, counts } = logOn(sink, "buffered");
    for (const n of upTo(5)) log.record(n);
    await log.close();
    expect(counts.written).toBe(0);
    expect(counts.dropped).toBe(5);
  });
});

describe("strict", () => {
  test("settles a record only when its line is written", async () => {
    const { sink, waiting, settle } = heldSink();
    const { log } = logOn(sink, "strict");
    let settled = false;
    const recorded = log.record(1)?.then(() => (settled = true));
    await until(() => waiting.length === 1);
    expect(settled).toBe(false);
    settle(false);
    await recorded;
    expect(settled).toBe(true);
  });

  const faults: readonly { readonly name: string; readonly sink: () => Sink }[] = [
    {
      name: "the write fails",
      sink: () => ({ write: () => Promise.reject(new Error("no space")), close: async () => undefined }),
    },
    { name: "the write hangs", sink: () => heldSink().sink },
  ];
  test.each(faults)("rejects when $name", async ({ sink }) => {
    const { log, counts } = logOn(sink(), "strict", { waitMs: 10 });
    await expect(log.record(1)).rejects.toMatchObject({ message: expect.stringContaining("decision log") });
    expect(counts).toEqual({ written: 0, dropped: 0, failed: 1 });
  });

  test("refuses at once while the destination hangs, and takes records again when it is back", async () => {
    const { sink, release, waiting, written } = heldSink();
    const { log } = logOn(sink, "strict", { waitMs: 10, batch: 1 });
    const first = log.record(1);
    const second = log.record(2);
    await expect(first).rejects.toMatchObject({ message: expect.any(String) });
    await expect(second).rejects.toMatchObject({ message: expect.any(String) });
    expect(waiting).toHaveLength(1);
    await expect(log.record(3)).rejects.toMatchObject({ message: expect.any(String) });
    release();
    await log.flush();
    await log.record(4);
    expect(numbers(written.join(""))).toEqual([1, 4]); // 1 is late: a record too many, never one too few
  });

  test("refuses the newest when the queue is full", async () => {
    const { sink, release, written } = heldSink();
    const { log } = logOn(sink, "strict", { events: 2 });
    const kept = [log.record(1), log.record(2)];
    await expect(log.record(3)).rejects.toMatchObject({ message: expect.any(String) });
    release();
    await Promise.all(kept);
    expect(numbers(written.join(""))).toEqual([1, 2]);
  });

  test("refuses after close", async () => {
    const { sink, release } = heldSink();
    release();
    const { log } = logOn(sink, "strict");
    await log.close();
    await expect(log.record(1)).rejects.toMatchObject({ message: expect.any(String) });
  });
});

describe("the file", () => {
  test("is appended to, and readable by its owner only", async () => {
    const path = join(folder, "decisions.jsonl");
    await writeFile(path, '{"n":-1}\n', { mode: 0o644 });
    for (const n of [0, 1]) {
      const { log } = logOn(await fileSink(path, { sync: n === 1 }), "strict");
      await log.record(n);
      await log.close();
    }
    expect(numbers(await readFile(path, "utf8"))).toEqual([-1, 0, 1]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test("ends a torn line before it goes on", async () => {
    let text = "";
    let space = 5;
    const file = {
      appendFile: async (data: unknown) => {
        text += String(data).slice(0, space);
        if (space < String(data).length) throw new Error("no space");
      },
      datasync: async () => undefined,
      close: async () => undefined,
    };
    const { log } = logOn(appendSink(file), "strict");
    await expect(log.record(1)).rejects.toMatchObject({ message: expect.any(String) });
    space = 1_000;
    await log.record(2);
    expect(text).toBe('{"n":\n{"n":2}\n');
  });

  test("that can't be written rejects in strict mode", async () => {
    const { log } = logOn(await fileSink("/dev/full"), "strict");
    await expect(log.record(1)).rejects.toMatchObject({ message: expect.any(String) });
    await log.close();
  });
});

describe("the stream", () => {
  test("sets the pace: a slow reader gets everything", async () => {
    const stream = new PassThrough({ highWaterMark: 64 });
    const { log, counts } = logOn(streamSink(stream), "buffered", { batch: 10 });
    for (const n of upTo(100)) log.record(n);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(counts.written).toBeLessThan(100);
    let text = "";
    stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await log.close();
    expect(numbers(text)).toEqual(upTo(100));
    expect(stream.writableEnded).toBe(false); // stdout isn't ours to end
  });

  test("that breaks rejects in strict mode, and doesn't throw", async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
    const { log } = logOn(streamSink(stream), "strict");
    for (const n of [1, 2])
      await expect(log.record(n)).rejects.toMatchObject({ message: expect.any(String) });
  });

  test("stdout of a process that ends by itself has every line", async () => {
    const module = (name: string) => fileURLToPath(new URL(`../../sidecar/record/${name}`, import.meta.url));
    const script = `
      import { createDecisionLog } from ${JSON.stringify(module("decision-log.js"))};
      import { streamSink } from ${JSON.stringify(module("sink.js"))};
      const log = createDecisionLog({ sink: streamSink(process.stdout), mode: "buffered", line: JSON.stringify });
      for (let n = 0; n < 3000; n++) log.record({ n });
    `;
    const stdout = await new Promise<string>((resolve, reject) =>
      execFile(process.execPath, ["--input-type=module", "-e", script], (error, out) =>
        error === null ? resolve(out) : reject(error),
      ),
    );
    expect(numbers(stdout)).toEqual(upTo(3000));
  });
});
