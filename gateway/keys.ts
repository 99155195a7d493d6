import type { Dispatcher } from "undici";
import type { JsonObject } from "../sidecar/contract.js";
import { isObject, parseJson, refuse, stringifyJson } from "../sidecar/contract.js";
import type { Exchange } from "./exchange.js";
import { send } from "./http.js";

export const jwksPath = "/.well-known/jwks.json";

/** Gives the public keys of assertions, as the sidecar publishes them; undefined where there are none to be had. */
export type FetchKeys = () => Promise<string | undefined>;

export interface KeysParts {
  /** Reaches the sidecar. */
  readonly dispatcher: Dispatcher;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
}

/** For so long a set is given without asking again, and, where the sidecar can't be asked, still given; milliseconds. */
const fresh = 1_000;
const usable = 3_600_000;
const maxKeys = 65_536;

/** Creates the way to the sidecar's keys: one question at a time, however many ask. */
export function createFetchKeys({ dispatcher, clock }: KeysParts): FetchKeys {
  let known: { readonly text: string | undefined; readonly at: number } | undefined;
  let underWay: Promise<string | undefined> | undefined;
  const load = async (): Promise<string | undefined> => {
    const asked = await ask(dispatcher);
    // public keys don't go bad within an hour; that a sidecar signs nothing is its answer, and counts
    const kept = known !== undefined && clock() - known.at < usable ? known.text : undefined;
    if (asked.kind === "failed") return kept;
    known = { text: asked.text, at: clock() };
    return asked.text;
  };
  return () => {
    if (known !== undefined && clock() - known.at < fresh) return Promise.resolve(known.text);
    underWay ??= load().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}

type Asked = { readonly kind: "answered"; readonly text: string | undefined } | { readonly kind: "failed" };

async function ask(dispatcher: Dispatcher): Promise<Asked> {
  try {
    const { statusCode, body } = await dispatcher.request({
      origin: "http://sidecar",
      path: jwksPath,
      method: "GET",
      headersTimeout: 2_000,
      bodyTimeout: 2_000,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxKeys) return { kind: "failed" };
      chunks.push(chunk);
    }
    if (statusCode === 404) return { kind: "answered", text: undefined };
    const bytes = Buffer.concat(chunks, size);
    const set = statusCode === 200 ? parseJson(bytes) : undefined;
    return isObject(set) && Array.isArray(set["keys"])
      ? { kind: "answered", text: bytes.toString() }
      : { kind: "failed" };
  } catch {
    return { kind: "failed" };
  }
}

/** Serves the keys to upstreams that verify assertions, and, of the gateway's own, to clients that verify cards. */
export async function serveKeys(
  fetchKeys: FetchKeys,
  exchange: Exchange,
  own: readonly JsonObject[] = [],
): Promise<void> {
  const keys = withOwn(await fetchKeys(), own);
  if (keys === undefined) {
    const { code, message, fix, status } = refuse("assertion_unavailable");
    send(exchange.res, status, JSON.stringify({ code, message, fix }));
  } else send(exchange.res, 200, keys, { "cache-control": "public, max-age=300, must-revalidate" });
}

/** Adds the gateway's own keys to the sidecar's. */
function withOwn(keys: string | undefined, own: readonly JsonObject[]): string | undefined {
  if (own.length === 0) return keys;
  const set = keys === undefined ? undefined : parseJson(keys);
  const known = isObject(set) && Array.isArray(set["keys"]) ? set["keys"] : [];
  return stringifyJson({ keys: [...known, ...own] });
}
