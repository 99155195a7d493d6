/** Wires epochs: where they are shared, who is told of them, and what is counted. */
import type { SidecarConfig } from "../config.js";
import type { EpochMatch } from "../contract.js";
import type { Log } from "../record/log.js";
import type { Metrics } from "../record/metrics.js";
import type { Epochs } from "../state/epochs/epochs.js";
import { openEpochs } from "../state/epochs/open.js";
import { readStateSecret } from "../state/secret.js";

export interface WireEpochsParts {
  readonly config: Pick<SidecarConfig, "cache" | "state">;
  readonly metrics: Pick<Metrics, "epochs">;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Has those who keep what they know of credentials look at them anew once they are bumped, wherever that was. */
export function forgetBumped(epochs: Pick<Epochs, "subscribe">, forget: (about?: EpochMatch) => void): void {
  epochs.subscribe((change) => {
    if (change.kind === "missed") forget();
    if (change.kind === "bumped")
      for (const { match } of change.bumps) if (match.task === undefined) forget(match);
  });
}

/**
 * Opens the epochs of a sidecar: in the Redis of the cache, where what they guard lies, too: both are lost and set back
 * together. Where only `state` has a Redis, in that one.
 * @throws Error where the fleet's secret can't be read
 */
export function wireEpochs({ config, metrics, log, now }: WireEpochsParts): Epochs {
  const epochs = openEpochs({
    shared: placeOf(config),
    cacheTtl: config.cache.ttl,
    ...{ now, log },
    onEvent: ({ kind, ...event }) => {
      metrics.epochs.event(kind, "count" in event ? event.count : 1);
    },
  });
  let heard = false;
  epochs.subscribe(({ kind }) => {
    if (kind === "missed") metrics.epochs.event(kind, 1);
    if (kind === "deaf" && heard)
      log.warn("bumps of epochs may be missed: what METADATA lets be kept isn't reused", {});
    if (kind === "listening" || kind === "deaf") heard = kind === "listening";
  });
  metrics.epochs.readFrom(() => ({ held: epochs.list().length, listening: epochs.listening() }));
  return epochs;
}

function placeOf({ cache, state }: WireEpochsParts["config"]): Parameters<typeof openEpochs>[0]["shared"] {
  if (cache.redisAt !== undefined && cache.secret !== undefined)
    return { redisAt: cache.redisAt, secret: cache.secret };
  const secret = readStateSecret(state);
  return state.redisAt === undefined || secret === undefined ? undefined : { redisAt: state.redisAt, secret };
}
