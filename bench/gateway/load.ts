/** Keeps connections busy, and takes nothing for an answer that isn't whole: status, length and end of each are checked. */
import { connect } from "node:net";
import { createAnswerReader } from "./read-answer.js";

export interface Requests {
  readonly port: number;
  readonly bytes: Buffer;
  /** Where a token stands in the bytes, and the next one of the same length; undefined ends the turn. */
  readonly token?: { readonly at: number; readonly next: () => string | undefined };
  /** What each answer must be; undefined bytes where they aren't known yet. */
  readonly whole: { readonly bytes?: number; readonly done: boolean };
}

export interface Turn extends Requests {
  readonly connections: number;
  /** Milliseconds; what is under way then is waited for. */
  readonly duration: number;
  /** So many answers are waited for, even where that takes longer. */
  readonly least?: number;
}

export interface Measured {
  readonly requests: number;
  readonly perSecond: number;
  /** Milliseconds until the answer was whole. */
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds until the body's first byte. */
  readonly firstP50: number;
  readonly firstP99: number;
}

/** Applies load for a while. @throws Error on any answer that isn't what it must be */
export async function applyLoad(turn: Turn): Promise<Measured> {
  const took: number[] = [];
  const first: number[] = [];
  let sent = 0;
  const start = performance.now();
  const end = start + turn.duration;
  const goOn = (now: number): boolean => (now < end || sent < (turn.least ?? 1)) && ++sent > 0;
  await Promise.all(Array.from({ length: turn.connections }, () => drive(turn, goOn, took, first)));
  const elapsed = performance.now() - start;
  const [all, firsts] = [Float64Array.from(took).sort(), Float64Array.from(first).sort()];
  return {
    requests: all.length,
    perSecond: (all.length / elapsed) * 1_000,
    p50: at(all, 0.5),
    p99: at(all, 0.99),
    firstP50: at(firsts, 0.5),
    firstP99: at(firsts, 0.99),
  };
}

/** Sends one request; gives the whole answer. */
export function askOnce({ port, bytes }: Pick<Requests, "port" | "bytes">): Promise<{
  readonly status: number;
  readonly body: string;
}> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const reader = createAnswerReader((piece) => pieces.push(Buffer.from(piece)));
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    socket.on("error", reject);
    socket.on("close", () => {
      reject(new Error(`closed before the answer was whole: ${Buffer.concat(pieces).toString()}`));
    });
    socket.on("data", (chunk) => {
      if (!reader.take(chunk)) return;
      resolve({ status: reader.status, body: Buffer.concat(pieces).toString() });
      socket.destroy();
    });
    socket.write(bytes);
  });
}

function drive(
  { port, bytes, token, whole }: Turn,
  goOn: (now: number) => boolean,
  took: number[],
  first: number[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    // this connection's own copy: written to only while no request is under way
    const own = Buffer.from(bytes);
    const reader = createAnswerReader();
    let sent = 0;
    let firstAt = 0;
    const finish = (error?: Error): void => {
      socket.removeAllListeners("close");
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    const send = (): void => {
      const now = performance.now();
      const text = token?.next();
      if ((token !== undefined && text === undefined) || !goOn(now)) {
        finish();
        return;
      }
      if (token !== undefined && text !== undefined) own.write(text, token.at, "latin1");
      reader.reset();
      firstAt = 0;
      sent = now;
      socket.write(own);
    };
    socket.on("error", finish);
    socket.on("close", () => {
      finish(new Error("the server closed a connection"));
    });
    socket.on("connect", send);
    socket.on("data", (chunk) => {
      let complete = false;
      try {
        complete = reader.take(chunk);
      } catch (error) {
        finish(error as Error);
        return;
      }
      if (firstAt === 0 && reader.bytes > 0) firstAt = performance.now();
      if (!complete) return;
      const wrong = faultOf(reader, whole);
      if (wrong !== undefined) {
        finish(new Error(`${wrong}: ${chunk.toString("latin1").slice(0, 500)}`));
        return;
      }
      took.push(performance.now() - sent);
      first.push(firstAt - sent);
      send();
    });
  });
}

function faultOf(
  { status, bytes, done }: { status: number; bytes: number; done: boolean },
  whole: Requests["whole"],
): string | undefined {
  if (status !== 200) return `answered ${status}`;
  if (whole.done && !done) return "a stream ended without [DONE]";
  if (whole.bytes !== undefined && whole.bytes !== bytes) return `${bytes} bytes for ${whole.bytes}`;
  return undefined;
}

function at(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
