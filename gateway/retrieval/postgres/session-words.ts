/** What sessions say: how a statement failed, and of their settings. */
import type { Duplex } from "node:stream";
import type { Failure } from "./errors.js";
import { NotAllowed, refuseSql } from "./sql/refuse.js";
import * as wire from "./wire/messages.js";

/** Settings whose changes clients are told. */
export const told: ReadonlyMap<string, string> = new Map([
  ["application_name", "application_name"],
  ["timezone", "TimeZone"],
  ["datestyle", "DateStyle"],
  ["intervalstyle", "IntervalStyle"],
  ["client_encoding", "client_encoding"],
]);

export const aborted = "current transaction is aborted, commands ignored until end of transaction block";

/** A statement that failed, with what the client is told. */
export class Failing extends Error {
  override readonly name = "Failing";
  constructor(readonly failure: Failure) {
    super(failure.refusal.code);
  }
}

export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof Failing) return error.failure;
  return error instanceof NotAllowed ? refuseSql(error) : undefined;
}

/** Of one column of text. */
export function rowOf(name: string): Buffer {
  return wire.rowDescription([{ name, type: 25, size: 65_535, modifier: -1, format: 0 }]);
}

/** Waits until the client has taken what was written, so that nothing piles up. */
export function drained(socket: Duplex): Promise<void> {
  if (!socket.writableNeedDrain || socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}
