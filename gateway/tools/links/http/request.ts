/** Sends one request, and waits for its one reply: on the answer, or where the server's stream is taken up again. */
import type { ErrorCode, JsonObject } from "../../../../sidecar/contract.js";
import type { Forwarded } from "../../../forward/forward.js";
import { discard, mediaType } from "../../../forward/forward.js";
import type { ParamHeaders, ProtocolHeaders } from "../../../forward/headers.js";
import type { Deadline } from "../deadline.js";
import { createDeadline } from "../deadline.js";
import type { LinkCaller } from "../link.js";
import type { Reply } from "../messages.js";
import type { LinkParts } from "../parts.js";
import type { Beside, Read } from "./reply.js";
import { readReplies, readReply } from "./reply.js";
import type { Answered, Send } from "./send.js";
import type { Cursor } from "./stream.js";

export interface RequestParts extends Pick<LinkParts, "sleep"> {
  readonly send: Send;
  readonly headers: ProtocolHeaders;
  readonly deadline: Deadline;
}

export interface Asked {
  readonly caller: LinkCaller;
  readonly beside: Beside;
  /** Whether a stream that broke may be taken up where it was. */
  readonly resumes: boolean;
  readonly paramHeaders?: ParamHeaders | undefined;
  /** Tells a status that says all, whatever the body says. */
  readonly final?: (status: number) => boolean;
}

export type Replied =
  | Reply
  | { readonly kind: "failed"; readonly code: ErrorCode }
  /** No reply, and a status that says that there won't be one. */
  | { readonly kind: "status"; readonly status: number; readonly headers: SessionHeaders };

/** What an answer says beside its reply. */
export type SessionHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Between two tries to take up a stream, unless the server says so itself; milliseconds. */
const resumeMs = 1_000;
/** Tries in a row that bring nothing. */
const mostTries = 5;

export async function requestReply(
  { send, headers, deadline, sleep }: RequestParts,
  message: { readonly id: number; readonly method: string; readonly params: JsonObject },
  { caller, beside, resumes, paramHeaders, final }: Asked,
  onHeaders?: (headers: SessionHeaders) => void,
): Promise<Replied> {
  const { id } = message;
  const cursor: Cursor = {};
  /** Has one answer, and reads it. */
  const exchange = async (
    ask: (signal: AbortSignal) => Promise<Forwarded>,
    read: (answer: Answered, leave: () => void) => Promise<Read>,
  ): Promise<Read | Exclude<Forwarded, Answered> | Extract<Replied, { kind: "status" }>> => {
    const one = createDeadline([deadline.signal]);
    try {
      const answer = await ask(one.signal);
      if (answer.kind !== "answered") return answer;
      const { status, headers: told } = answer;
      if (final?.(status) === true) {
        discard(answer.body);
        return { kind: "status", status, headers: told };
      }
      onHeaders?.(told);
      const got = await read(answer, one.abort);
      return got.kind === "invalid" && status >= 300 ? { kind: "status", status, headers: told } : got;
    } finally {
      one.settle();
    }
  };
  const awaited = { id, beside, cursor };
  let read = await exchange(
    (signal) => send.post({ jsonrpc: "2.0", ...message }, { headers, paramHeaders, caller, signal }),
    (answer, leave) => readReply(answer, { ...awaited, leave }),
  );
  let tries = 0;
  while (read.kind === "cut" || read.kind === "ended") {
    const { lastId } = cursor;
    if (!resumes || lastId === undefined || tries++ === mostTries || deadline.why() !== undefined) break;
    await sleep(cursor.retryMs ?? resumeMs, deadline.signal);
    const again = await exchange(
      (signal) => send.get({ headers: { ...headers, "last-event-id": lastId }, caller, signal }),
      (answer, leave) =>
        answer.status === 200 && mediaType(answer.headers) === "text/event-stream"
          ? readReplies(answer, { ...awaited, leave })
          : refuse(answer),
    );
    // what failed may be there again soon
    if (again.kind !== "failed") read = again;
    if (cursor.lastId !== lastId) tries = 0;
  }
  switch (read.kind) {
    case "reply":
      return read.answer;
    case "status":
      return read;
    case "failed":
    case "cut":
      return { kind: "failed", code: read.code };
    case "aborted":
      return { kind: "failed", code: "upstream_timeout" };
    // a stream that ends before the reply is no answer
    case "ended":
    case "invalid":
      return { kind: "failed", code: "upstream_invalid" };
  }
}

function refuse({ body }: Answered): Promise<Read> {
  discard(body);
  return Promise.resolve({ kind: "invalid" });
}
