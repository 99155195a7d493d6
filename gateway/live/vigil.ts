/** Decides what becomes of live things while the sidecar can't tell of fences. */
import type { Fields } from "../../sidecar/contract.js";

export interface VigilConfig {
  /** `deny`: what is live is cut; `keep`: it goes on, and only what is new is denied. */
  readonly onLost: "deny" | "keep";
  /** Milliseconds without the sidecar after which it counts as lost. */
  readonly lostAfterMs: number;
  /** Milliseconds after the sidecar said that it can't know its fences. */
  readonly staleAfterMs: number;
}

/** Reads `sidecar.fences`. */
export function readVigil(fields: Fields): VigilConfig {
  const config: VigilConfig = {
    onLost: fields.oneOf("on_lost", ["deny", "keep"]) ?? "deny",
    lostAfterMs: fields.integer("lost_after_ms", 100, 3_600_000) ?? 10_000,
    staleAfterMs: fields.integer("stale_after_ms", 0, 3_600_000) ?? 0,
  };
  fields.end();
  return config;
}

export interface Vigil {
  /** The sidecar is there. */
  joined(): void;
  /** It told something of fences: from now on its silence is a loss, too. */
  beat(): void;
  /** Its connection is gone. */
  lost(): void;
  /** It said that it can't know its fences. */
  stale(): void;
  /** It can again. */
  fresh(): void;
  close(): void;
}

/** While it is stale, what a decision from just before let begin is looked for again after so many milliseconds. */
const againMs = 500;

/** @param config the one in force; @param cut called where the sidecar is lost for too long, and while it is stale for too long */
export function createVigil(config: () => VigilConfig, cut: (why: "lost" | "stale") => void): Vigil {
  let staleTimer: NodeJS.Timeout | undefined;
  const cutStale = (): void => {
    if (config().onLost === "deny") cut("stale");
    staleTimer = setTimeout(cutStale, againMs).unref();
  };
  const fresh = (): void => {
    clearTimeout(staleTimer);
    staleTimer = undefined;
  };
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const clear = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  const start = (): void => {
    if (closed) return;
    timer = setTimeout(() => {
      timer = undefined;
      if (config().onLost === "deny") cut("lost");
    }, config().lostAfterMs).unref();
  };
  return {
    joined: clear,
    beat() {
      clear();
      start();
    },
    lost() {
      if (timer === undefined) start();
    },
    stale() {
      if (closed || staleTimer !== undefined) return;
      const { staleAfterMs } = config();
      if (staleAfterMs === 0) cutStale();
      else staleTimer = setTimeout(cutStale, staleAfterMs).unref();
    },
    fresh,
    close() {
      closed = true;
      clear();
      fresh();
    },
  };
}
