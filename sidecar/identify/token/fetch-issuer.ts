import type { FetchDocument, FetchRequest } from "../../net/fetch.js";
import { placeOf, type Place } from "../../net/place.js";
import { LoadFailed } from "./load-failed.js";
import { readSmallFile } from "./read-small-file.js";
import type { FetchConfig } from "./types.js";

export interface FetchParts {
  readonly fetchDocument: FetchDocument;
  readonly closed: AbortSignal;
  readonly limits: { readonly fetchTimeoutMs: number };
}

/** What to ask of a place, beyond its URL. */
export interface Ask {
  readonly config: FetchConfig;
  /** Origins that the operator wrote. */
  readonly named: readonly string[];
  readonly maxBytes: number;
  readonly request?: Pick<FetchRequest, "method" | "headers" | "body">;
}

/**
 * Fetches a JSON document of an issuer, as its configuration allows.
 * @throws LoadFailed
 */
export async function fetchIssuer(url: string, ask: Ask, parts: FetchParts): Promise<Uint8Array> {
  const { config, request } = ask;
  const place = placeOf(url, config, ask.named);
  if (typeof place === "string") throw new LoadFailed("address");
  const fetched = await parts.fetchDocument({
    ...request,
    url: place.url,
    allows: place.allows,
    headers: { ...(await authorization(place, config)), ...request?.headers },
    ...(config.ca_file === undefined ? {} : { ca: await readSmallFile(config.ca_file) }),
    maxBytes: ask.maxBytes,
    timeoutMs: parts.limits.fetchTimeoutMs,
    closed: parts.closed,
  });
  if (fetched.kind === "fault") throw new LoadFailed(fetched.fault, fetched.status);
  return fetched.bytes;
}

async function authorization(place: Place, { token_file }: FetchConfig): Promise<Record<string, string>> {
  if (token_file === undefined || !place.named) return {};
  return { authorization: `Bearer ${(await readSmallFile(token_file)).trim()}` };
}
