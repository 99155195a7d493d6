/** Opens the upstream's side of a connection. */
import { WebSocket } from "ws";
import type { Assertion, ErrorCode } from "../../../sidecar/contract.js";
import type { Dial } from "../../forward/pass.js";
import { pathAt } from "../../forward/pass.js";
import type { RouteConfig } from "../config.js";
import type { WebSocketConfig } from "./config.js";

export interface DialRequest {
  readonly route: RouteConfig;
  readonly config: WebSocketConfig;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly subprotocols: readonly string[];
  readonly assertion: Assertion | undefined;
  readonly signal: AbortSignal;
}

/** What holds for both sides: no extensions, bounded messages and fragments, UTF-8 checked. */
export function limitsOf({ maxMessage }: WebSocketConfig) {
  return {
    perMessageDeflate: false,
    maxPayload: maxMessage,
    maxFragments: 1_024,
    maxBufferedChunks: 16_384,
    skipUTF8Validation: false,
    closeTimeout: 2_000,
  } as const;
}

/** Connects; the socket that is given is paused. Nothing is followed anywhere. */
export async function dialUpstream(
  dial: Dial,
  request: DialRequest,
): Promise<
  | { readonly kind: "open"; readonly socket: WebSocket; readonly secrets: readonly string[] }
  | { readonly kind: "failed"; code: ErrorCode }
> {
  const { route, config, path, headers, subprotocols, assertion, signal } = request;
  const { upstream } = route;
  const reached = dial(upstream, assertion);
  if (reached === undefined) return { kind: "failed", code: "assertion_unavailable" };
  const url = new URL(pathAt(upstream, path), upstream.url.origin.replace(/^http/, "ws"));
  const own = Object.fromEntries(
    Object.entries(reached.headers).filter(([name]) => !["accept-encoding", "content-type"].includes(name)),
  );
  return new Promise((resolve) => {
    const socket = new WebSocket(url, [...subprotocols], {
      ...limitsOf(config),
      headers: { ...headers, ...own },
      followRedirects: false,
      handshakeTimeout: upstream.headersTimeoutMs,
      createConnection: ((_options: object, made: (error: Error | null, socket?: unknown) => void) => {
        const { hostname, host, protocol, port } = upstream.url;
        reached.connect({ hostname, host, protocol, port }, (error, connected) => {
          made(error, connected ?? undefined);
        });
      }) as never,
    });
    const fail = (code: ErrorCode): void => {
      signal.removeEventListener("abort", gone);
      resolve({ kind: "failed", code });
      socket.terminate();
    };
    const gone = (): void => {
      fail("upstream_unavailable");
    };
    signal.addEventListener("abort", gone);
    socket.on("error", (error: Error) => {
      fail(/timed? ?out/i.test(error.message) ? "upstream_timeout" : "upstream_unavailable");
    });
    // a redirect, a refusal, or an answer to a question that nobody asked
    socket.on("unexpected-response", (_request, answer) => {
      answer.resume();
      fail("upstream_invalid");
    });
    socket.on("open", () => {
      signal.removeEventListener("abort", gone);
      socket.pause();
      resolve({ kind: "open", socket, secrets: reached.secrets });
    });
  });
}
