/** The one connection to the sidecar, on which every question and outcome goes (docs/api.md, frames). */
import type { Socket } from "node:net";
import type { EpochChange, ErrorCode, FencePoint, FrameWriter } from "../sidecar/contract.js";
import {
  createFrameReader,
  createFrameWriter,
  frameKinds,
  framesProtocol,
  isObject,
  parseJson,
  readEpochChange,
  readFenceChange,
  readFenceMatch,
} from "../sidecar/contract.js";

export type Unanswered = Extract<ErrorCode, "pdp_unavailable" | "pdp_timeout">;

export interface Link {
  /** Connects, and again whenever the connection is lost: fences come unasked. */
  keep(): void;
  /** Asks; gives the answer's bytes, or why there is none. Never rejects. */
  ask(question: string, deadlineMs: number): Promise<Buffer | Unanswered>;
  /** Asks for more than a call's allowance, alike. */
  extend(extension: string, deadlineMs: number): Promise<Buffer | Unanswered>;
  /** Tells an outcome, at least once; never waits. */
  tell(outcome: string): void;
  /** Waits until the sidecar has taken all outcomes, for so many milliseconds at most. */
  flush(longestMs: number): Promise<void>;
  close(): void;
}

export interface LinkParts {
  /** Begins to connect to the sidecar's socket. */
  readonly connect: () => Socket;
  /** Told how many outcomes could not be delivered. */
  readonly onLost: (count: number) => void;
  /** Told that the sidecar doesn't speak this protocol. */
  readonly onForeign: () => void;
  /** Takes fences as they change, and counts what they would cut. */
  readonly point?: Pick<FencePoint, "change"> & {
    readonly count: (...match: Parameters<FencePoint["count"]>) => Readonly<Record<string, number>>;
    /** Takes what ends the reuse of decisions; where it is there, the sidecar is asked to tell. */
    readonly epochs?: ((change: EpochChange) => void) | undefined;
    /** Told that the sidecar is there, and that it isn't any more. */
    readonly joined: () => void;
    readonly lost: () => void;
  };
}

interface Question {
  readonly kind: number;
  readonly text: string;
  readonly settle: (answer: Buffer | Unanswered) => void;
  /** On how many connections it was sent. */
  sent: number;
}

const largestAnswer = 8 * 2 ** 20;
/** Outcomes that may wait for the sidecar. */
const mostOutcomes = 10_000;
/** What isn't sent yet, beyond which nothing is asked any more, bytes. */
const mostUnsent = 64 * 2 ** 20;
const reconnectMs = 250;
/** The longest answer to the request for another protocol, bytes. */
const longestHead = 4_096;

/** Creates the link; it connects when it is first used, and again when it must. */
export function createLink({ connect, onLost, onForeign, point }: LinkParts): Link {
  const questions = new Map<number, Question>();
  const outcomes = new Map<number, string>();
  let nextId = 1;
  let socket: Socket | undefined;
  /** Absent until the sidecar has agreed. */
  let writer: FrameWriter | undefined;
  let closed = false;
  let kept = false;
  let again: NodeJS.Timeout | undefined;
  let told: (() => void)[] = [];

  const settle = (id: number, answer: Buffer | Unanswered): void => {
    const question = questions.get(id);
    if (question === undefined) return;
    questions.delete(id);
    question.settle(answer);
  };
  const sendQuestion = (id: number, question: Question): void => {
    if (writer === undefined) return;
    question.sent++;
    writer.add(question.kind, id, question.text);
  };
  const take = (kind: number, id: number, payload: Buffer): void => {
    if (kind === frameKinds.answer || kind === frameKinds.extend) settle(id, payload);
    else if (kind === frameKinds.refusal) {
      if (outcomes.delete(id)) onLost(1);
      else settle(id, "pdp_unavailable");
    } else if (kind === frameKinds.taken) {
      // in the order in which they were told
      for (const one of outcomes.keys()) {
        if (one > id) break;
        outcomes.delete(one);
      }
      if (outcomes.size === 0) for (const resolve of told.splice(0)) resolve();
    } else if (kind === frameKinds.fences || kind === frameKinds.census || kind === frameKinds.epochs)
      hear(kind, id, payload);
    else drop();
  };
  /** INVARIANT: what isn't understood isn't passed over: without this connection, live things are cut in time. */
  const hear = (kind: number, id: number, payload: Buffer): void => {
    let value;
    try {
      value = parseJson(payload);
    } catch {
      drop();
      return;
    }
    if (kind === frameKinds.fences) {
      const change = readFenceChange(value);
      if (change === undefined) drop();
      else point?.change(change);
      return;
    }
    if (kind === frameKinds.epochs) {
      const change = readEpochChange(value);
      if (change === undefined) drop();
      else point?.epochs?.(change);
      return;
    }
    const match = isObject(value) ? readFenceMatch(value["match"]) : undefined;
    const before = isObject(value) ? value["issued_before"] : undefined;
    const live =
      match === undefined ? {} : (point?.count(match, typeof before === "number" ? before : undefined) ?? {});
    writer?.add(frameKinds.counted, id, JSON.stringify({ live }));
  };

  const open = (): void => {
    if (socket !== undefined || closed) return;
    clearTimeout(again);
    again = undefined;
    const mine = connect();
    socket = mine;
    const reader = createFrameReader(largestAnswer, take);
    let head: Buffer | undefined = Buffer.alloc(0);
    mine.on("data", (chunk: Buffer) => {
      if (head === undefined) {
        if (!reader(chunk)) mine.destroy();
        return;
      }
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0 && head.length < longestHead) return;
      const agreed =
        end >= 0 && /^HTTP\/1\.1 101 /.test(head.toString("latin1", 0, 13)) && upgrades(head, end);
      if (!agreed) {
        onForeign();
        mine.destroy();
        return;
      }
      const rest = head.subarray(end + 4);
      head = undefined;
      begin(mine);
      if (rest.length > 0 && !reader(rest)) mine.destroy();
    });
    mine.on("error", () => mine.destroy());
    mine.on("end", () => mine.destroy());
    mine.on("close", () => {
      if (socket === mine) lose();
    });
    mine.write(
      `GET /v1/decisions HTTP/1.1\r\nHost: sidecar\r\nConnection: Upgrade\r\nUpgrade: ${framesProtocol}\r\n\r\n`,
    );
  };
  const begin = (mine: Socket): void => {
    writer = createFrameWriter((bytes) => {
      if (!mine.destroyed) mine.write(bytes);
    });
    point?.joined();
    if (point?.epochs !== undefined) writer.add(frameKinds.epochs, 0, "");
    for (const [id, question] of questions) sendQuestion(id, question);
    for (const [id, outcome] of outcomes) writer.add(frameKinds.outcome, id, outcome);
  };
  const drop = (): void => {
    socket?.destroy();
  };
  /** A connection that a restarted sidecar left behind says nothing about the new one; asking twice is harmless. */
  const lose = (): void => {
    const agreed = writer !== undefined;
    socket = undefined;
    writer = undefined;
    for (const [id, { sent }] of [...questions]) {
      if (!agreed || sent > 1) settle(id, "pdp_unavailable");
    }
    point?.lost();
    if (questions.size > 0) open();
    else if ((outcomes.size > 0 || kept) && !closed) {
      again ??= setTimeout(open, reconnectMs);
      // nobody waits for it
      if (outcomes.size === 0) again.unref();
    }
  };

  const put = (kind: number, text: string, deadlineMs: number): Promise<Buffer | Unanswered> =>
    new Promise((resolve) => {
      if (closed || (socket?.writableLength ?? 0) > mostUnsent) {
        resolve("pdp_unavailable");
        return;
      }
      const id = nextId++;
      // after a pause of this process the answer may lie here: what has arrived is looked at once more
      const timer = setTimeout(() => setImmediate(settle, id, "pdp_timeout"), deadlineMs);
      const question: Question = {
        ...{ kind, text, sent: 0 },
        settle: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
      };
      questions.set(id, question);
      if (socket === undefined) open();
      else sendQuestion(id, question);
    });

  return {
    keep() {
      kept = true;
      if (again === undefined) open();
    },
    ask: (text, deadlineMs) => put(frameKinds.question, text, deadlineMs),
    extend: (text, deadlineMs) => put(frameKinds.extend, text, deadlineMs),
    tell(outcome) {
      if (closed || outcomes.size >= mostOutcomes) {
        onLost(1);
        return;
      }
      const id = nextId++;
      outcomes.set(id, outcome);
      if (writer !== undefined) writer.add(frameKinds.outcome, id, outcome);
      else if (again === undefined) open();
    },
    async flush(longestMs) {
      if (outcomes.size === 0) return;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        told.push(resolve);
        timer = setTimeout(resolve, longestMs);
      });
      clearTimeout(timer);
    },
    close() {
      closed = true;
      clearTimeout(again);
      writer?.flush();
      socket?.end();
      setTimeout(drop, 100).unref();
      for (const id of [...questions.keys()]) settle(id, "pdp_unavailable");
      if (outcomes.size > 0) onLost(outcomes.size);
      outcomes.clear();
      told = [];
    },
  };
}

function upgrades(head: Buffer, end: number): boolean {
  const lines = head.toString("latin1", 0, end).toLowerCase().split("\r\n");
  return lines.includes(`upgrade: ${framesProtocol}`);
}
