import { randomUUID } from "node:crypto";
import type { GatewayMetrics } from "../exchange.js";
import { sleep } from "../routing/sleep.js";
import type { Secrets } from "../secrets/open-secrets.js";
import type { Notifier } from "./notifier.js";
import { createNotifier } from "./notifier.js";
import type { HookConfig } from "./read-config.js";

export interface OpenHooks {
  readonly notifier: Notifier;
  /** Waits a while for what is on its way, milliseconds. */
  close(waitMs: number): Promise<void>;
}

/**
 * Opens the hooks of one configuration, with their secrets; undefined where there are none.
 * @throws Error where a secret can't be had, or isn't one
 */
export async function openHooks(
  hooks: ReadonlyMap<string, HookConfig> | undefined,
  secrets: Secrets,
  metrics: Pick<GatewayMetrics, "gatewayNotified">,
): Promise<OpenHooks | undefined> {
  if (hooks === undefined || hooks.size === 0) return undefined;
  const open = await secrets.open([...hooks.values()].map(({ secret }) => secret));
  let closed = false;
  try {
    const notifier = createNotifier({
      hooks,
      secretsOf: ({ secret }) => open.of(secret).values(),
      newId: randomUUID,
      now: Date.now,
      random: Math.random,
      sleep,
      notified: (hook, result) => {
        metrics.gatewayNotified(hook, result);
      },
    });
    return {
      notifier,
      async close(waitMs) {
        await notifier.close(waitMs);
        if (closed) return;
        closed = true;
        open.close();
      },
    };
  } catch (error) {
    open.close();
    throw error;
  }
}
