/** Asks a transmitter for a verification event from time to time. Source: OpenID SSF 1.0 section 8.1.4. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { PostTo } from "./ask.js";
import { pause, statusOf } from "./ask.js";
import type { TransmitterConfig, VerificationConfig } from "./config.js";

/** States of verifications. INVARIANT: any member of the fleet knows one that another asked for. */
export interface States {
  make(transmitter: string): string;
  /** Whether a state was made for this transmitter within so many seconds. */
  isOurs(transmitter: string, state: string, seconds: number): boolean;
}

/** @param secret shared by the fleet; a random one where there is no fleet */
export function createStates(secret: string | undefined, now: () => number): States {
  const key = createHmac("sha256", secret ?? randomBytes(32))
    .update("countersign signals verification 1")
    .digest();
  const sign = (transmitter: string, text: string): Buffer =>
    createHmac("sha256", key)
      .update(JSON.stringify([transmitter, text]))
      .digest();
  return {
    make(transmitter) {
      const text = `${now()}.${randomBytes(12).toString("base64url")}`;
      return `${text}.${sign(transmitter, text).toString("base64url")}`;
    },
    isOurs(transmitter, state, seconds) {
      const end = state.lastIndexOf(".");
      const text = state.slice(0, Math.max(0, end));
      const [given, wanted] = [Buffer.from(state.slice(end + 1), "base64url"), sign(transmitter, text)];
      if (given.byteLength !== wanted.byteLength || !timingSafeEqual(given, wanted)) return false;
      const age = now() - Number.parseInt(text, 10);
      return age >= -120_000 && age <= seconds * 1_000;
    },
  };
}

export interface VerificationParts {
  readonly config: TransmitterConfig & { readonly verification: VerificationConfig };
  readonly states: States;
  readonly post: PostTo;
  readonly closed: AbortSignal;
  /** Whether the event with this state came, to any member of the fleet. */
  readonly arrived: (state: string) => Promise<boolean>;
  readonly onSilence: () => void;
}

/** Asks at the interval; a stream by which the event didn't come until the next time is told of. */
export async function runVerification(parts: VerificationParts): Promise<void> {
  const { config, states, post, closed, arrived, onSilence } = parts;
  const { url, streamId, tokenFile, interval } = config.verification;
  while (!closed.aborted) {
    const state = states.make(config.name);
    const fetched = await post({
      ...{
        url,
        tokenFile,
        fetch: config.fetch,
        type: "application/json",
        maxBytes: 65_536,
        timeoutMs: 10_000,
      },
      body: JSON.stringify({ stream_id: streamId, state }),
    });
    if (closed.aborted) return;
    const isTaken = /^2\d\d$/.test(String(statusOf(fetched)));
    await pause(interval * 1_000, closed);
    if (closed.aborted) return;
    if (!isTaken || !(await arrived(state))) onSilence();
  }
}
