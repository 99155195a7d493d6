/** Puts another configuration into effect, whole or not at all. */
import type { Json } from "../../sidecar/contract.js";
import type { GatewayConfig } from "../config.js";
import { GatewayConfigRefused, parseGatewayConfig } from "../config.js";
import type { GatewayLog, GatewayMetrics } from "../exchange.js";
import { alike } from "./alike.js";
import { checkFixed } from "./check-fixed.js";
import { keepUnchanged } from "./keep-unchanged.js";

export type Reloaded =
  | { readonly kind: "applied" }
  /** Nothing has changed. */
  | { readonly kind: "rejected"; readonly problems: readonly string[] };

/** @param read gives the configuration as it is now; what it throws is a problem of the configuration */
export type Reload = (read: () => Json) => Promise<Reloaded>;

export interface ReloadParts {
  readonly first: GatewayConfig;
  /** Puts a configuration in force. @throws Error with what it lacks, in which case nothing has changed */
  readonly apply: (config: GatewayConfig) => Promise<void>;
  readonly log: GatewayLog;
  readonly metrics: Pick<GatewayMetrics, "gatewayReloaded">;
}

/** Creates the reload: one after the other, however many are asked for. */
export function createReload({ first, apply, log, metrics }: ReloadParts): Reload {
  let current = first;
  let last: Promise<unknown> = Promise.resolve();
  const reload = async (read: () => Json): Promise<Reloaded> => {
    try {
      const parsed = parseGatewayConfig(read());
      const fixed = checkFixed(current, parsed);
      if (fixed.length > 0) return { kind: "rejected", problems: fixed };
      const next = keepUnchanged(current, parsed);
      await apply(next);
      const summary = difference(current, next);
      current = next;
      log.info("configuration reloaded", summary);
      return { kind: "applied" };
    } catch (error) {
      const problems =
        error instanceof GatewayConfigRefused
          ? error.problems
          : String((error as { message?: unknown } | null)?.message).split("\n");
      return { kind: "rejected", problems };
    }
  };
  return (read) => {
    const next = last.then(async () => {
      const reloaded = await reload(read);
      metrics.gatewayReloaded(reloaded.kind);
      if (reloaded.kind === "rejected")
        log.warn("configuration not reloaded: nothing has changed", { problems: reloaded.problems });
      return reloaded;
    });
    last = next;
    return next;
  };
}

const listed = ["upstreams", "models", "servers", "stores", "routes"] as const;

/** Says which names came, went and changed. */
function difference(before: GatewayConfig, next: GatewayConfig): Record<string, readonly string[]> {
  const said: Record<string, readonly string[]> = {};
  const say = (what: string, names: readonly string[]): void => {
    if (names.length > 0) said[what] = names;
  };
  for (const kind of listed) {
    const [old, now]: ReadonlyMap<string, unknown>[] = [before[kind], next[kind]];
    if (old === undefined || now === undefined) continue;
    say(
      `${kind}_added`,
      [...now.keys()].filter((name) => !old.has(name)),
    );
    say(
      `${kind}_removed`,
      [...old.keys()].filter((name) => !now.has(name)),
    );
    say(
      `${kind}_changed`,
      [...now].filter(([name, one]) => old.has(name) && !alike(old.get(name), one)).map(([name]) => name),
    );
  }
  return said;
}
