/** Takes a security event token: verified, once, and acknowledged only when its effect is in force. */
import type { Apply, Result } from "./apply.js";
import type { TransmitterConfig } from "./config.js";
import { eventName } from "./events.js";
import type { SignalEvent } from "./told.js";
import type { Seen } from "./seen.js";
import type { SecurityEvent, SecurityEventSet, SetRefused, VerifyParts } from "./verify.js";
import { refuseSet, verifySet } from "./verify.js";

export type Taken =
  /** `fresh`: it hadn't been taken before. */
  | { readonly kind: "taken"; readonly fresh: boolean }
  | SetRefused
  /** It couldn't be brought into force now: its transmitter is to send it again. */
  | { readonly kind: "again" };

export interface ReceiveParts extends VerifyParts {
  readonly config: TransmitterConfig;
  readonly apply: Apply;
  readonly seen: Seen;
  /** Whether a verification's state is one that was asked for. */
  readonly isAsked: (state: string) => boolean;
  /** Takes note, for the fleet, that one came. */
  readonly onVerified: (state: string) => Promise<void>;
  readonly tell: (event: SignalEvent) => void;
}

/** Takes a SET. Never rejects: what goes wrong here is to be sent again. */
export type Receive = (token: string) => Promise<Taken>;

export function createReceive(parts: ReceiveParts): Receive {
  const { config, seen, tell } = parts;
  /** INVARIANT: one SET is applied once at a time, however often it is sent at once. */
  const running = new Map<string, Promise<Taken>>();

  const told = (event: string, result: SignalEvent["result"], more: Partial<SignalEvent> = {}): void => {
    tell({ direction: "received", peer: config.name, event, result, fences: [], ...more });
  };

  async function take(set: SecurityEventSet): Promise<Taken> {
    if (await seen.has(set.digest)) {
      told(nameOf(set.events[0]), "duplicate", { jti: set.jti });
      return { kind: "taken", fresh: false };
    }
    for (const event of set.events) {
      const outcome = await takeEvent(event, set);
      if (outcome !== undefined) return outcome;
    }
    await seen.add(set.digest);
    return { kind: "taken", fresh: true };
  }

  /** Gives why an event isn't taken; undefined where it is. */
  async function takeEvent(event: SecurityEvent, { jti }: SecurityEventSet): Promise<Taken | undefined> {
    const name = nameOf(event);
    const about = { jti, at: event.at };
    if (name === "verification" || name === "stream-updated") {
      const result = aboutStream(name, event);
      told(name, typeof result === "string" ? result : "refused", about);
      if (result === "verified" && typeof event.body["state"] === "string") {
        await parts.onVerified(event.body["state"]);
      }
      return typeof result === "string" ? undefined : result;
    }
    const outcome = await parts.apply(event);
    if (outcome.kind === "refused") {
      told(name, "refused", { ...about, err: outcome.err });
      return outcome;
    }
    const { result, fences, subject } = outcome;
    told(name, result, { ...about, fences, ...(subject === undefined ? {} : { subject }) });
    return result === "failed" ? { kind: "again" } : undefined;
  }

  function aboutStream(
    name: "verification" | "stream-updated",
    { body, subject }: SecurityEvent,
  ): Result | SignalEvent["result"] | SetRefused {
    const wanted = config.verification?.streamId;
    const stream = (subject as { id?: unknown } | undefined | null)?.id;
    if (wanted !== undefined && stream !== wanted) {
      return refuseSet("invalid_request", "the event is about another stream");
    }
    if (name === "verification") {
      const { state } = body;
      if (state === undefined) return "verified";
      const isOurs = typeof state === "string" && (config.verification === undefined || parts.isAsked(state));
      return isOurs ? "verified" : refuseSet("invalid_state", "the state isn't one that was asked for");
    }
    switch (body["status"]) {
      case "enabled":
        return "stream_enabled";
      case "paused":
        return "stream_paused";
      case "disabled":
        return "stream_disabled";
      default:
        return refuseSet("invalid_request", "the stream's status isn't known");
    }
  }

  return async (token) => {
    try {
      const verified = await verifySet(token, config, parts);
      if (verified.kind === "unavailable") {
        told("none", "failed");
        return { kind: "again" };
      }
      if (verified.kind === "refused") {
        told("none", "refused", { err: verified.err });
        return verified;
      }
      const under = running.get(verified.digest);
      if (under !== undefined) return await under;
      const taking = take(verified);
      running.set(verified.digest, taking);
      try {
        return await taking;
      } finally {
        running.delete(verified.digest);
      }
    } catch {
      told("none", "failed");
      return { kind: "again" };
    }
  };
}

/** Gives the name under which an event is counted. INVARIANT: from a closed list. */
function nameOf(event: SecurityEvent | undefined): string {
  if (event === undefined) return "none";
  return eventName(event.uri) ?? "other";
}
