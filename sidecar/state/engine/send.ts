import { createHash } from "node:crypto";
import { inTime } from "../../contract.js";
import type { RedisLink } from "../../net/redis.js";

/** What became of a step: what Redis said; nothing was sent; or it may have been done or not. */
export type Sent =
  | { readonly kind: "answer"; readonly answer: unknown }
  | { readonly kind: "unsent" | "refused" }
  /** Tells what became of it in the end; undefined where that won't be known. */
  | { readonly kind: "uncertain"; readonly later: Promise<unknown> };

export interface Sender {
  /** Does one step; waits for at most so long. Never rejects. */
  run(script: string, keys: readonly string[], argument: unknown, waitMs?: number): Promise<Sent>;
  /** Whether something could be sent now. */
  readonly ready: boolean;
}

/** Steps without an answer, at most: what a Redis that stands still can hold of our memory. */
const mostUnanswered = 4_096;

/** Creates what sends steps; a script that Redis doesn't know is sent along. */
export function createSender(redis: RedisLink, waitMs: number): Sender {
  const shas = new Map<string, string>();
  let unanswered = 0;
  const sha = (script: string): string => {
    const known = shas.get(script) ?? createHash("sha1").update(script).digest("hex");
    shas.set(script, known);
    return known;
  };
  const send = async (script: string, keys: readonly string[], text: string): Promise<unknown> => {
    unanswered++;
    try {
      return await redis.evalsha(sha(script), keys.length, ...keys, text);
    } catch (error) {
      if (!messageOf(error).startsWith("NOSCRIPT")) throw error;
      return await redis.eval(script, keys.length, ...keys, text);
    } finally {
      unanswered--;
    }
  };
  const isReady = (): boolean => redis.status === "ready" && unanswered < mostUnanswered;
  return {
    async run(script, keys, argument, wait = waitMs) {
      if (!isReady()) return { kind: "unsent" };
      const sent = send(script, keys, JSON.stringify(argument));
      try {
        const answer = await inTime(sent, wait, "late" as const);
        if (answer !== "late") return { kind: "answer", answer };
        return { kind: "uncertain", later: sent.catch(() => undefined) };
      } catch (error) {
        // Redis itself refused (OOM, READONLY, a foreign type), or the connection went
        return /^[A-Z]{3,}[ :]|Error running script|script:/.test(messageOf(error))
          ? { kind: "refused" }
          : { kind: "uncertain", later: Promise.resolve(undefined) };
      }
    },
    get ready() {
      return isReady();
    },
  };
}

function messageOf(error: unknown): string {
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === "string" ? message : "";
}
