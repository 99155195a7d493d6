/** Keeps what was sent upstream as a credential from coming back: an answer that quotes it ends before it does. */
import type { IncomingHttpHeaders } from "node:http";
import type { AnswerBody } from "./request.js";

/** What is shorter may stand in any text, characters. */
const shortest = 12;

/** Leaves out the headers of an answer that quote a secret. */
export function keepFromHeaders(
  headers: IncomingHttpHeaders,
  secrets: readonly string[],
): IncomingHttpHeaders {
  if (secrets.length === 0) return headers;
  const quotes = (value: string): boolean => secrets.some((secret) => value.includes(secret));
  const entries = Object.entries(headers);
  const kept = entries.filter(([, value]) => ![value].flat().some((one) => one !== undefined && quotes(one)));
  return kept.length === entries.length ? headers : Object.fromEntries(kept);
}

/**
 * Passes a body on until a secret stands in it, then fails. Bytes that may be the beginning of one are held back until
 * more of the body is there: INVARIANT: not even a part of a secret was given out when it fails.
 */
export function keepFromBody(body: AnswerBody, secrets: readonly string[]): AnswerBody {
  const written = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
  const patterns = [...new Set(written)]
    .filter((text) => text.length >= shortest)
    .map((text) => Buffer.from(text));
  if (patterns.length === 0) return body;
  return {
    dump: (options) => body.dump(options),
    [Symbol.asyncIterator]: () => watch(body[Symbol.asyncIterator](), patterns),
  };
}

function watch(pieces: AsyncIterator<Buffer>, patterns: readonly Buffer[]): AsyncIterator<Buffer> {
  let held: Buffer | undefined;
  const next = (): Promise<IteratorResult<Buffer>> => pieces.next().then(take);
  const take = (got: IteratorResult<Buffer>): IteratorResult<Buffer> | Promise<IteratorResult<Buffer>> => {
    if (got.done === true) {
      const last = held;
      held = undefined;
      return last === undefined ? got : { done: false, value: last };
    }
    const piece = held === undefined ? got.value : Buffer.concat([held, got.value]);
    held = undefined;
    if (patterns.some((pattern) => piece.includes(pattern))) return refuse();
    const open = piece.length - Math.max(...patterns.map((pattern) => begun(piece, pattern)));
    if (open === piece.length) return { done: false, value: piece };
    held = piece.subarray(open);
    return open === 0 ? next() : { done: false, value: piece.subarray(0, open) };
  };
  const refuse = async (): Promise<never> => {
    await pieces.return?.();
    throw new Error("the answer quotes a credential");
  };
  return {
    next,
    return: async () => {
      await pieces.return?.();
      return { done: true, value: undefined };
    },
  };
}

/** How many bytes at a piece's end are the beginning of a pattern. */
function begun(piece: Buffer, pattern: Buffer): number {
  const [first = 0] = pattern;
  let at = piece.indexOf(first, Math.max(0, piece.length - pattern.length + 1));
  while (at >= 0) {
    const length = piece.length - at;
    if (piece.compare(pattern, 0, length, at) === 0) return length;
    at = piece.indexOf(first, at + 1);
  }
  return 0;
}
