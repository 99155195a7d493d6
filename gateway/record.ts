import type { GatewayLog } from "./exchange.js";

export interface Reporter {
  /** Counts outcomes that the sidecar will never hear of. */
  lose(count: number): void;
  /** Says that what answers at the sidecar's socket isn't a sidecar that this gateway can talk to. */
  foreign(): void;
}

const quietMs = 10_000;

/** Creates what says that outcomes were lost: at once, then every ten seconds at most, with their number so far. */
export function createReporter({ log }: { readonly log: GatewayLog }): Reporter {
  let lost = 0;
  const said = new Map<string, number>();
  const warn = (message: string, fields?: Readonly<Record<string, unknown>>): void => {
    const now = Date.now();
    if (now - (said.get(message) ?? 0) < quietMs) return;
    said.set(message, now);
    log.warn(message, fields);
  };
  return {
    lose(count) {
      lost += count;
      warn("outcomes could not be reported to the sidecar", { lost });
    },
    foreign() {
      warn(
        "what listens at the sidecar's socket doesn't speak countersign-frames-2: run the same version of both",
      );
    },
  };
}
