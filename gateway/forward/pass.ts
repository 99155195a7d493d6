/** Sends a request of a named route as it was decided: any method, any body, the headers that the route chose. */
import type { Readable } from "node:stream";
import type { buildConnector, Dispatcher, Pool } from "undici";
import type { Assertion } from "../../sidecar/contract.js";
import type { UpstreamConfig } from "../config.js";
import { keepFromBody } from "./keep-secrets.js";

export interface PassRequest {
  readonly upstream: UpstreamConfig;
  readonly method: string;
  /** Within the upstream's own path; with its query. */
  readonly path: string;
  /** INVARIANT: made name by name by the route; nothing that the client sent travels unless it was chosen. */
  readonly headers: Readonly<Record<string, string>>;
  readonly assertion: Assertion | undefined;
  readonly body: Buffer | string | Readable | undefined;
  readonly signal: AbortSignal;
}

export type PassAnswer =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      readonly body: ReturnType<typeof keepFromBody>;
      /** Tells whether a text holds the credential that was sent. */
      readonly quotesKey: (text: string) => boolean;
    }
  | {
      readonly kind: "failed";
      readonly code:
        "upstream_unavailable" | "upstream_timeout" | "upstream_invalid" | "assertion_unavailable";
    }
  | { readonly kind: "aborted" };

export type Pass = (request: PassRequest) => Promise<PassAnswer>;

/** What says who asks: the gateway's own credential, and what the sidecar signed. */
export interface OwnHeaders {
  readonly headers: Readonly<Record<string, string>>;
  /** The values in them that nobody else may see. */
  readonly secrets: readonly string[];
}

export type Identify = (upstream: UpstreamConfig, assertion: Assertion | undefined) => OwnHeaders | undefined;

/** Gives what a connection of another kind needs; undefined where the upstream wants an assertion and there is none. */
export type Dial = (
  upstream: UpstreamConfig,
  assertion: Assertion | undefined,
) => (OwnHeaders & { readonly connect: buildConnector.connector }) | undefined;

export interface PassParts {
  readonly poolOf: (upstream: UpstreamConfig) => Pool;
  /** Undefined where the upstream wants an assertion and there is none. @throws Error where the credential is missing */
  readonly identify: Identify;
}

/** Gives the path at an upstream, whose own path stands in front. */
export function pathAt({ url }: UpstreamConfig, path: string): string {
  return `${url.pathname.replace(/\/$/, "")}${path}` || "/";
}

/** Creates the way of named routes to their upstreams. Redirects aren't followed; upgrades aren't accepted. */
export function createPass({ poolOf, identify }: PassParts): Pass {
  return async ({ upstream, method, path, headers, assertion, body, signal }) => {
    try {
      const own = identify(upstream, assertion);
      if (own === undefined) return { kind: "failed", code: "assertion_unavailable" };
      const answer = await poolOf(upstream).request({
        path: pathAt(upstream, path),
        method: method as Dispatcher.HttpMethod,
        // a route's headers never stand in for these
        headers: { ...headers, "accept-encoding": "identity", ...own.headers },
        body: body ?? null,
        signal,
      });
      answer.body.on("error", () => undefined);
      const encoding = answer.headers["content-encoding"];
      if (encoding !== undefined && encoding !== "identity") {
        answer.body.dump({ limit: 65_536 }).catch(() => undefined);
        return { kind: "failed", code: "upstream_invalid" };
      }
      return {
        kind: "answered",
        status: answer.statusCode,
        headers: answer.headers,
        body: keepFromBody(answer.body, own.secrets),
        quotesKey: (text) => own.secrets.some((secret) => text.includes(secret)),
      };
    } catch (error) {
      if (signal.aborted) return { kind: "aborted" };
      const code = String((error as { code?: unknown } | null)?.code);
      return {
        kind: "failed",
        code: code.includes("TIMEOUT") ? "upstream_timeout" : "upstream_unavailable",
      };
    }
  };
}
