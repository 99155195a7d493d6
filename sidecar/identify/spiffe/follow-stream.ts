import { Client, credentials, Metadata, status as codes, type StatusObject } from "@grpc/grpc-js";
import type { Followed } from "./follow.js";
import { methodOf, type StreamName } from "./workload-proto.js";

export interface FollowParts {
  readonly client: Client;
  /** Told each message; what it throws counts as a failure of the stream. */
  readonly onMessage: (message: object) => void;
  /** Told the name of the status that ended the stream. */
  readonly onFailed: (status: string) => void;
  readonly firstPauseMs: number;
  readonly mostPauseMs: number;
}

/**
 * Follows one of the Workload API's streams for good: ends are answered by asking again, at doubling distances with
 * some chance in them. Source: SPIFFE Workload Endpoint section 6, Workload API section 4.
 */
export function followStream(name: StreamName, parts: FollowParts): Followed {
  const { path, requestSerialize, responseDeserialize } = methodOf(name);
  let live = false;
  let closed = false;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let cancel: () => void = () => undefined;

  function open(): void {
    const metadata = new Metadata();
    // proves that no page or proxy was made to ask (Workload Endpoint section 6.1)
    metadata.set("workload.spiffe.io", "true");
    const call = parts.client.makeServerStreamRequest(
      ...([path, requestSerialize, responseDeserialize, {}, metadata] as const),
    );
    let ended = false;
    const end = (status: string): void => {
      if (ended || closed) return;
      ended = true;
      live = false;
      call.cancel();
      parts.onFailed(status);
      const pause = Math.min(parts.firstPauseMs * 2 ** Math.min(failures, 16), parts.mostPauseMs);
      failures += 1;
      timer = setTimeout(open, pause * (0.75 + Math.random() / 2));
    };
    cancel = () => {
      call.cancel();
    };
    call.on("data", (message: object) => {
      if (ended || closed) return;
      try {
        parts.onMessage(message);
        [live, failures] = [true, 0];
      } catch {
        end("INVALID_MESSAGE");
      }
    });
    call.on("error", (error: Partial<StatusObject>) => {
      end(codes[error.code ?? codes.UNKNOWN] ?? "UNKNOWN");
    });
    call.on("end", () => {
      end("ENDED");
    });
  }
  open();
  return {
    live: () => live,
    close() {
      closed = true;
      live = false;
      clearTimeout(timer);
      cancel();
    },
  };
}

/** Opens the connection to an agent's Unix socket; it is made when the first stream asks. */
export function openClient(socket: string): Client {
  return new Client(`unix://${socket}`, credentials.createInsecure(), {
    "grpc.keepalive_time_ms": 360_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.enable_http_proxy": 0,
  });
}
