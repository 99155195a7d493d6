/** Puts together what is live, the fences that cut it, and what happens while nobody tells of them. */
import type { FenceChange, FencePoint } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";
import type { LinkParts } from "../link.js";
import type { Live } from "./live.js";
import { createLive } from "./live.js";
import type { VigilConfig } from "./vigil.js";
import { createVigil } from "./vigil.js";

export interface OpenLive {
  readonly log: {
    info(message: string, fields?: Readonly<Record<string, unknown>>): void;
    error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  };
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** The one in force. */
  readonly config: () => VigilConfig;
}

export function openLive({ log, now, config }: OpenLive): {
  readonly live: Live;
  /** For a sidecar at the other end of a link, which can be lost. */
  readonly far: NonNullable<LinkParts["point"]>;
  /** For one in the same process. */
  readonly near: FencePoint;
  /** Ends what doesn't end by itself. */
  close(): void;
} {
  const live = createLive({
    now,
    onFault: (error) => {
      const fault = (error as { name?: unknown } | null)?.name;
      log.error("something live could not be cut in its own words", { fault: String(fault) });
    },
  });
  const vigil = createVigil(config, (why) => {
    const cut = live.end({}, refuse(why === "lost" ? "pdp_unavailable" : "fences_stale"));
    if (why === "lost") log.error("the sidecar can't be reached: what was live is cut", { cut });
    else if (cut > 0) log.error("the sidecar can't know what is fenced off: what was live is cut", { cut });
  });
  const change = (what: FenceChange): void => {
    if (what.kind === "stale") vigil.stale();
    if (what.kind === "fresh" || what.kind === "all") vigil.fresh();
    const cut = live.apply(what);
    if (cut > 0) log.info("what is fenced off was cut", { cut });
  };
  return {
    live,
    far: {
      change(what) {
        vigil.beat();
        change(what);
      },
      count: live.census,
      joined: vigil.joined,
      lost: vigil.lost,
    },
    near: { change, count: (...what) => Promise.resolve(live.census(...what)) },
    close() {
      vigil.close();
      live.close();
    },
  };
}
