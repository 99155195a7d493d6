/** Watches a child: what it may not say is counted, and one that says too much of it, or has nothing to do, is ended. */
import type { CommandConfig } from "../../command-config.js";
import type { LinkParts } from "../parts.js";
import { createRate, mostUnasked } from "../rate.js";
import type { Child } from "./child.js";

export interface Watch {
  /** Something came that is no message, or may not be said. */
  violated(): void;
  /** Something came beside replies and progress; `true`: it's too much. */
  unasked(): boolean;
  /** Something was asked. */
  begins(): void;
  /** It was answered. */
  ends(): void;
  /** When the last answer was given, by the clock, milliseconds; undefined while there is something to answer. */
  idleSince(): number | undefined;
  close(): void;
}

/** Lines of a child that aren't messages, until it is ended. Some print a greeting. */
const mostViolations = 32;

export function watchChild(
  {
    log,
    clock,
    command: { name, idleMs },
  }: Pick<LinkParts, "log" | "clock"> & { readonly command: CommandConfig },
  child: () => Child | undefined,
  onIdle: () => void,
): Watch {
  let [violations, busy] = [0, 0];
  let since = clock();
  const floods = createRate(clock, mostUnasked);
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
    unasked() {
      if (!floods()) return false;
      child()?.kill("garbage");
      return true;
    },
    begins() {
      busy++;
      clearTimeout(timer);
    },
    ends() {
      since = clock();
      if (--busy === 0 && !closed) rest();
    },
    idleSince: () => (busy > 0 ? undefined : since),
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
