/** Polls a transmitter for SETs. Source: RFC 8936. */
import { isObject, parseJson } from "../contract.js";
import type { PostTo } from "./ask.js";
import { backOff, pause } from "./ask.js";
import type { PollConfig, TransmitterConfig } from "./config.js";
import type { Receive } from "./receive.js";
import { maxSet, refuseSet, type SetRefused } from "./verify.js";

export interface PollParts {
  readonly config: TransmitterConfig & { readonly poll: PollConfig };
  readonly receive: Receive;
  readonly post: PostTo;
  readonly closed: AbortSignal;
  /** Milliseconds of a clock that nobody sets. */
  readonly clock: () => number;
  /** Told of each change between working and not. */
  readonly onFault: (fault: string | undefined) => void;
}

/** Bytes of the largest answer. */
const mostBytes = 4 * 1024 * 1024;
/** How long a transmitter may hold a poll, milliseconds. */
const held = 60_000;
const answered = 10_000;
/** A poll that was held so long was a long one: the next follows at once. */
const wasLong = 1_000;

interface Answer {
  readonly sets: readonly (readonly [jti: string, token: unknown])[];
  readonly more: boolean;
}

/**
 * Polls until it is closed. INVARIANT: a SET is acknowledged in the poll after it took effect; what was not told to the
 * transmitter, because the poll failed, is told in the next one; what couldn't take effect isn't mentioned, and comes again.
 */
export async function runPoll({ config, receive, post, closed, clock, onFault }: PollParts): Promise<void> {
  const { url, tokenFile, interval, long, maxEvents } = config.poll;
  let acks: string[] = [];
  let errors: Record<string, SetRefused> = {};
  let failures = 0;
  /** Whether the transmitter may hold the next one. */
  let mayWait = false;
  while (!closed.aborted) {
    const hasErrors = Object.keys(errors).length > 0;
    const body = {
      maxEvents,
      // what there is to tell isn't held up
      returnImmediately: !long || !mayWait || acks.length > 0 || hasErrors,
      ...(acks.length > 0 ? { ack: acks } : {}),
      ...(hasErrors ? { setErrs: said(errors) } : {}),
    };
    const from = clock();
    const fetched = await post({
      ...{ url, tokenFile, fetch: config.fetch, type: "application/json", maxBytes: mostBytes },
      body: JSON.stringify(body),
      timeoutMs: body.returnImmediately ? answered : held,
    });
    if (closed.aborted) return;
    const answer = fetched.kind === "fetched" ? readAnswer(fetched.bytes) : undefined;
    // a long poll that ends without an answer told nothing: what it brought is told again
    if (answer === undefined) {
      failures++;
      mayWait = false;
      onFault(fetched.kind === "fault" ? fetched.fault : "invalid");
      await pause(backOff(interval * 1_000, failures), closed);
      continue;
    }
    failures = 0;
    onFault(undefined);
    acks = [];
    errors = {};
    let progress = 0;
    let waits = 0;
    for (const [jti, token] of answer.sets.slice(0, maxEvents)) {
      const taken =
        typeof token === "string" && token.length <= maxSet
          ? await receive(token)
          : refuseSet("invalid_request", "the SET isn't text of a sane size");
      if (taken.kind === "again") waits++;
      else if (taken.kind === "refused") errors = { ...errors, [jti]: taken };
      else {
        acks.push(jti);
        if (taken.fresh) progress++;
      }
      if (closed.aborted) return;
    }
    mayWait = true;
    // INVARIANT: a transmitter that says the same again and again is asked at the interval, whatever it says is more
    if (progress > 0 && waits === 0) continue;
    // one that is to hold the poll, and doesn't, is asked at the interval, too
    const next = body.returnImmediately || clock() - from >= wasLong;
    if (long && answer.sets.length === 0 && !answer.more && next) continue;
    await pause(interval * 1_000, closed);
  }
}

function said(errors: Readonly<Record<string, SetRefused>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(errors).map(([jti, { err, description }]) => [jti, { err, description }]),
  );
}

function readAnswer(bytes: Uint8Array): Answer | undefined {
  try {
    const value = parseJson(bytes, { depth: 4 });
    if (!isObject(value)) return undefined;
    const { sets = {}, moreAvailable } = value;
    if (!isObject(sets)) return undefined;
    return { sets: Object.entries(sets), more: moreAvailable === true };
  } catch {
    return undefined;
  }
}
