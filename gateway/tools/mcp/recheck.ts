/** Decides a stream of what servers say of their own accord anew from time to time: tokens end, and policies change. */
import { stopped } from "./call.js";
import { askToSpeak } from "./dispatch.js";
import type { Turn } from "./turn.js";

/**
 * Asks whether the caller may still speak to the servers that it hears of.
 * @param servers those that it was allowed when the stream began
 * @param also whether all else that was decided then still holds
 * @param stop ends the stream; called also where it can't be decided
 * @returns what ends the asking
 */
export function recheck(
  about: Pick<Turn, "parts" | "exchange" | "place" | "peer">,
  servers: Iterable<string>,
  also: () => Promise<boolean>,
  stop: () => void,
): () => void {
  const names = [...servers];
  const holds = async (): Promise<boolean> => {
    const { allowed, decision } = await askToSpeak(about);
    return stopped(about, decision) === undefined && names.every((name) => allowed.has(name)) && also();
  };
  let asking = false;
  const timer = setInterval(() => {
    if (asking) return;
    asking = true;
    holds()
      .then((still) => {
        if (!still) end();
      }, end)
      .finally(() => {
        asking = false;
      });
  }, about.parts.config.mcp.recheckMs).unref();
  const end = (): void => {
    clearInterval(timer);
    stop();
  };
  return () => {
    clearInterval(timer);
  };
}
