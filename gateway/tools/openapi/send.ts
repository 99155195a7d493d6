/** Sends what was built, and reads the answer: of bounded size, and of nothing but its words. */
import type { Assertion, Credentials, Json } from "../../../sidecar/contract.js";
import { JsonRefused, parseJson } from "../../../sidecar/contract.js";
import type { UpstreamConfig } from "../../config.js";
import type { Forward } from "../../forward/forward.js";
import { collect, discard, mediaType } from "../../forward/forward.js";
import { createDeadline } from "../links/deadline.js";
import type { BuiltRequest } from "./build-request.js";
import type { Operation } from "./operation.js";
import { isJsonType } from "./read-body.js";

/** What an API said. */
export type Content =
  | { readonly kind: "none" }
  | { readonly kind: "json"; readonly value: Json }
  | { readonly kind: "text"; readonly text: string; readonly mediaType: string };

export type Sent =
  /** `status` is a success. */
  | { readonly kind: "answered"; readonly status: number; readonly content: Content }
  /** The API refused the request (4xx); what it said of it only where the document says that it does. */
  | { readonly kind: "refused"; readonly status: number; readonly content: Content }
  | {
      readonly kind: "failed";
      readonly code:
        "upstream_unavailable" | "upstream_timeout" | "upstream_invalid" | "assertion_unavailable";
    }
  | { readonly kind: "aborted" };

export interface Sending {
  readonly forward: Forward;
  readonly upstream: UpstreamConfig;
  readonly operation: Operation;
  readonly request: BuiltRequest;
  readonly assertion: Assertion | undefined;
  readonly credentials: Credentials;
  /** The longest that it may take, milliseconds; ten minutes unless given. */
  readonly requestMs?: number | undefined;
  /** Any of them ends it. */
  readonly signals: readonly AbortSignal[];
}

/** The largest answer, and the largest error, bytes. */
const largest = { answer: 8 * 2 ** 20, error: 64 * 2 ** 10 } as const;
const utf8 = new TextDecoder("utf-8", { fatal: true });

const longestMs = 600_000;

/** Sends a request. Redirects aren't followed; of headers nothing comes back. Never rejects. */
export async function sendOperation(sending: Sending): Promise<Sent> {
  const deadline = createDeadline(sending.signals, sending.requestMs ?? longestMs);
  const sent = await sendWithin(sending, deadline.signal);
  deadline.settle();
  const isLate = sent.kind === "aborted" && deadline.why() === "timeout";
  return isLate ? { kind: "failed", code: "upstream_timeout" } : sent;
}

async function sendWithin(sending: Sending, signal: AbortSignal): Promise<Sent> {
  const { forward, upstream, operation, request, assertion, credentials } = sending;
  const { method, path, headers, body } = request;
  const answer = await forward({
    ...{ upstream, method, path, assertion, caller: credentials, signal, operationHeaders: headers },
    headers: { accept: operation.accept },
    ...(body === undefined ? {} : { body: body.text, contentType: body.contentType }),
  });
  if (answer.kind !== "answered")
    return answer.kind === "aborted" ? answer : { kind: "failed", code: answer.code };
  const { status } = answer;
  if (status < 200 || (status >= 300 && status < 400) || status >= 500) {
    discard(answer.body);
    return { kind: "failed", code: "upstream_invalid" };
  }
  const refused = status >= 400;
  const media = mediaType(answer.headers);
  const declared = operation.declared(status);
  // an error that nobody declared is the server's, or its framework's, and may tell of its inside
  if (refused && !(isJsonType(media) && declared.has(media))) {
    discard(answer.body);
    return { kind: "refused", status, content: { kind: "none" } };
  }
  const bytes = await collect(answer.body, refused ? largest.error : largest.answer);
  if (signal.aborted) return { kind: "aborted" };
  const content = bytes === undefined ? undefined : readContent(bytes, media, answer.headers["content-type"]);
  if (refused) return { kind: "refused", status, content: content ?? { kind: "none" } };
  return content === undefined
    ? { kind: "failed", code: "upstream_invalid" }
    : { kind: "answered", status, content };
}

/** Undefined where it is neither JSON nor text, or not what it says. */
function readContent(bytes: Buffer, media: string, type: string | undefined): Content | undefined {
  if (bytes.byteLength === 0) return { kind: "none" };
  const charset = /;\s*charset\s*=\s*"?([\w.-]+)"?/i.exec(type ?? "")?.[1]?.toLowerCase();
  if (charset !== undefined && charset !== "utf-8" && charset !== "us-ascii") return undefined;
  try {
    if (isJsonType(media)) return { kind: "json", value: parseJson(bytes) };
    if (!media.startsWith("text/")) return undefined;
    return { kind: "text", text: utf8.decode(bytes), mediaType: media };
  } catch (error) {
    if (error instanceof JsonRefused || (error as { name?: unknown }).name === "TypeError") return undefined;
    throw error;
  }
}
