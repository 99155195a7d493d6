import type { StreamName } from "./workload-proto.js";

export interface Followed {
  /** Whether the stream is open and has given a message. */
  live(): boolean;
  close(): void;
}

/** Follows a stream of one agent; the promise settles with its first message or failure. */
export type Follow = (
  name: StreamName,
  onMessage: (message: object) => void,
) => { stream: Followed; first: Promise<void> };

/** Waits for a promise, but no longer than this. */
export async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, limit]);
  clearTimeout(timer);
}
