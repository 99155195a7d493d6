import type { Assertion, Refusal } from "../../../sidecar/contract.js";
import { JsonRefused, parseJson, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { GatewayParts } from "../../exchange.js";
import { collect, discard } from "../../forward/forward.js";
import type { SentRequest, StoreAnswer } from "../adapter.js";
import type { StoreConfig } from "../config.js";

/** Bytes of one answer. */
const maxAnswer = 64 * 2 ** 20;

type Fetched =
  | (StoreAnswer & { readonly kind: "answer"; readonly bytes: number })
  | { readonly kind: "failed"; readonly refusal: Refusal; readonly timedOut: boolean }
  | { readonly kind: "aborted" };

interface Sending {
  readonly assertion: Assertion | undefined;
  readonly signal: AbortSignal;
}

type Parts = Pick<GatewayParts, "forward" | "addresses">;

/** Sends a request to a store and reads its answer; what the store says of its own errors isn't passed on. */
export async function fetchFrom(
  parts: Parts,
  store: StoreConfig,
  sent: SentRequest,
  sending: Sending,
): Promise<Fetched> {
  const { addressed, ...request } = sent;
  if (addressed === undefined) return fetchOne(parts, store, request, sending);
  const { addresses } = parts;
  const known = addresses.get(store, addressed.by.path);
  const path = known === undefined ? undefined : addressed.path(known);
  if (typeof path === "string") {
    const answer = await fetchOne(parts, store, { ...request, path }, sending);
    // the collection that had the name isn't there any more: nothing was done, and another may have the name now
    if (answer.kind !== "failed" || answer.refusal.status !== 404) return answer;
  }
  addresses.drop(store, addressed.by.path);
  return fetchAnew(parts, store, { request, addressed }, sending);
}

/** Asks for the address first. */
async function fetchAnew(
  parts: Parts,
  store: StoreConfig,
  {
    request,
    addressed,
  }: { readonly request: SentRequest; readonly addressed: Required<SentRequest>["addressed"] },
  sending: Sending,
): Promise<Fetched> {
  const told = await fetchOne(parts, store, addressed.by, sending);
  if (told.kind !== "answer") return told;
  const path = addressed.path(told);
  if (typeof path !== "string") return { kind: "failed", refusal: path, timedOut: false };
  parts.addresses.keep(store, addressed.by.path, told);
  return fetchOne(parts, store, { ...request, path }, sending);
}

async function fetchOne(
  { forward }: Pick<GatewayParts, "forward">,
  { upstream }: StoreConfig,
  sent: SentRequest,
  { assertion, signal }: Sending,
): Promise<Fetched> {
  const { method, path, body, ndjson = false, headers } = sent;
  const text =
    body === undefined
      ? undefined
      : ndjson && Array.isArray(body)
        ? body.map((line) => `${stringifyJson(line)}\n`).join("")
        : stringifyJson(body);
  const answer = await forward({
    ...{ upstream, method, path, assertion, signal },
    headers: { accept: "application/json", ...headers },
    ...(text === undefined ? {} : { body: text }),
    ...(ndjson ? { contentType: "application/x-ndjson" } : {}),
  });
  if (answer.kind === "aborted") return answer;
  if (answer.kind === "failed")
    return { kind: "failed", refusal: refuse(answer.code), timedOut: answer.code === "upstream_timeout" };
  const { status } = answer;
  if (status >= 400) {
    discard(answer.body);
    return { kind: "failed", refusal: { ...refuse("upstream_refused"), status }, timedOut: false };
  }
  const bytes = await collect(answer.body, maxAnswer);
  if (signal.aborted) return { kind: "aborted" };
  if (bytes === undefined) return { kind: "failed", refusal: refuse("upstream_invalid"), timedOut: false };
  if (bytes.length === 0) return { kind: "answer", status, value: undefined, bytes: 0 };
  try {
    return { kind: "answer", status, value: parseJson(bytes), bytes: bytes.length };
  } catch (error) {
    if (!(error instanceof JsonRefused)) throw error;
    return { kind: "failed", refusal: refuse("upstream_invalid"), timedOut: false };
  }
}
