/** Fences for tests: in memory, in a file, over a real Redis. */
import { randomUUID } from "node:crypto";
import type { FencesConfig } from "../../../sidecar/state/fences/config.js";
import type { FenceEvent } from "../../../sidecar/state/fences/event.js";
import type { OpenedFences, OpenFencesParts } from "../../../sidecar/state/fences/open.js";
import { openFences } from "../../../sidecar/state/fences/open.js";
import type { Log } from "../../../sidecar/record/log.js";

export const secret = "a-secret-of-the-fleet-that-is-long-enough";

const nothing = (): void => undefined;
export const quietLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export interface Opened extends OpenedFences {
  readonly events: FenceEvent[];
  /** Kinds of the events so far. */
  kinds(): string[];
}

export async function open(
  config: Partial<FencesConfig> = {},
  parts: Partial<OpenFencesParts> = {},
): Promise<Opened> {
  const events: FenceEvent[] = [];
  const fences = await openFences({
    config: {
      onPartition: "deny",
      staleAfterMs: 30_000,
      pollMs: 40,
      secondPerson: false,
      max: 100,
      rules: [],
      ...config,
    },
    now: Date.now,
    newId: randomUUID,
    log: quietLog,
    onEvent: (event) => events.push(event),
    ...parts,
  });
  return Object.assign(fences, { events, kinds: () => events.map(({ kind }) => kind) });
}
