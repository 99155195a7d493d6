import { readFile } from "node:fs/promises";
import type { FetchDocument } from "../../net/fetch.js";
import { parseAddresses } from "../../net/addresses.js";
import { loadUndici } from "../../net/load.js";
import { readBundle } from "./read-bundle.js";
import { createSpiffeConnector } from "./connect-spiffe.js";
import type { FetchBundle } from "./endpoint-feed.js";
import { parseWorkloadId } from "./spiffe-id.js";
import type { BundleFault, BundleSource, SpiffeLimits } from "./types.js";
import { verifyX509Svid } from "./verify-x509-svid.js";
import type { TrustBundle } from "./bundle.js";

export interface FetchBundleParts {
  readonly fetchDocument: FetchDocument;
  readonly now: () => number;
  readonly limits: Pick<SpiffeLimits, "bundleBytes" | "fetchTimeoutMs">;
  readonly closed: AbortSignal;
}

type Web = Extract<BundleSource, { kind: "https_web" }>;
type Spiffe = Extract<BundleSource, { kind: "https_spiffe" }>;

/** Fetches from an endpoint that public CAs, or a configured one, vouch for (SPIFFE Federation section 5.2.1). */
export function fetchByWeb({ url, caFile, addresses }: Web, parts: FetchBundleParts): FetchBundle {
  const allows = parseAddresses(addresses) ?? (() => false);
  return async () => {
    const ca =
      caFile === undefined ? undefined : await readFile(caFile, "utf8").catch(() => "unreadable" as const);
    if (ca === "unreadable") return ca;
    const fetched = await parts.fetchDocument({
      ...{ url, allows },
      ...(ca === undefined ? {} : { ca }),
      maxBytes: parts.limits.bundleBytes,
      timeoutMs: parts.limits.fetchTimeoutMs,
      closed: parts.closed,
    });
    return fetched.kind === "fault" ? fetched.fault : fetched.bytes;
  };
}

/**
 * Fetches from an endpoint that proves its own SPIFFE id: by the bundle that it gave last, or to begin with by one
 * that was exchanged by hand (SPIFFE Federation section 5.2.2). INVARIANT: nothing is read from any other server.
 */
export function fetchBySpiffe(
  { url, endpointId, bootstrapFile }: Spiffe,
  current: () => TrustBundle | undefined,
  parts: FetchBundleParts,
): FetchBundle {
  const { now, limits, closed } = parts;
  const trustDomain = parseWorkloadId(endpointId)?.trustDomain;
  return async () => {
    const bytes = await readFile(bootstrapFile).catch(() => undefined);
    const bundle = current() ?? (bytes === undefined ? undefined : readBundle(bytes));
    if (bundle === undefined) return "unreadable";
    let untrusted = false;
    const connect = createSpiffeConnector({
      timeoutMs: limits.fetchTimeoutMs,
      verify(chain) {
        const find = (name: string) => (name === trustDomain ? bundle.authorities : undefined);
        const svid = verifyX509Svid(chain, find, now(), "server");
        untrusted = svid.kind === "refusal" || svid.spiffeId.id !== endpointId;
        return !untrusted;
      },
    });
    const { Agent, request } = loadUndici();
    const agent = new Agent({ connect, maxResponseSize: limits.bundleBytes });
    const timeout = AbortSignal.timeout(limits.fetchTimeoutMs);
    try {
      const signal = AbortSignal.any([timeout, closed]);
      const { statusCode, body } = await request(url, { dispatcher: agent, signal });
      return statusCode === 200 ? Buffer.from(await body.arrayBuffer()) : "status";
    } catch (error) {
      return untrusted ? "untrusted" : faultOf(error, timeout.aborted);
    } finally {
      void agent.destroy();
    }
  };
}

function faultOf(error: unknown, timedOut: boolean): BundleFault {
  if (timedOut) return "timeout";
  const code = (error as { code?: unknown } | null)?.code;
  return code === "UND_ERR_RES_EXCEEDED_MAX_SIZE" ? "too_large" : "network";
}
