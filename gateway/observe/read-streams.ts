import type { Fields } from "../../sidecar/contract.js";

/** How streams are kept alive. */
export interface StreamsConfig {
  /** Absent: only what comes from upstream is sent. */
  readonly heartbeatMs?: number;
}

/** Reads `streams`. */
export function readStreamsConfig(fields: Fields): StreamsConfig {
  const heartbeatMs = fields.integer("heartbeat_ms", 10, 600_000);
  fields.end();
  return heartbeatMs === undefined ? {} : { heartbeatMs };
}

/** Gives the heartbeat of a protocol's streams; none where it isn't configured, or the protocol has none. */
export function heartbeatOf(
  { streams }: { readonly streams?: StreamsConfig },
  { heartbeat: event }: { readonly heartbeat?: string },
): { readonly everyMs: number; readonly event: string } | undefined {
  const everyMs = streams?.heartbeatMs;
  return everyMs === undefined || event === undefined ? undefined : { everyMs, event };
}
