/** Watches a child: what it may not say is counted, and one that says too much of it, or has nothing to do, is ended. */
import type { CommandConfig } from "../../command-config.js";
import type { LinkParts } from "../parts.js";
import type { Child } from "./child.js";

export interface Watch {
  /** Something came that is no message, or may not be said. */
  violated(): void;
  /** Something came that nobody waits for. */
  idleTalk(): void;
  /** Something was asked. */
  begins(): void;
  /** It was answered. */
  ends(): void;
  close(): void;
}

/** Lines of a child that aren't messages, until it is ended. Some print a greeting. */
const mostViolations = 32;
/** Messages that nobody waits for, since something was last asked. */
const mostIdleTalk = 10_000;

export function watchChild(
  { log, command: { name, idleMs } }: Pick<LinkParts, "log"> & { readonly command: CommandConfig },
  child: () => Child | undefined,
  onIdle: () => void,
): Watch {
  let [violations, talk, busy] = [0, 0, 0];
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const rest = (): void => {
    clearTimeout(timer);
    timer = setTimeout(onIdle, idleMs).unref();
  };
  rest();
  return {
    violated() {
      violations++;
      if (violations === 1) log.warn("a tool server's process says what is no message", { server: name });
      if (violations === mostViolations) child()?.kill("garbage");
    },
    idleTalk() {
      if (++talk === mostIdleTalk) child()?.kill("garbage");
    },
    begins() {
      talk = 0;
      busy++;
      clearTimeout(timer);
    },
    ends() {
      if (--busy === 0 && !closed) rest();
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
