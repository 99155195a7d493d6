/** Tells others what is fenced here. */
import { randomUUID } from "node:crypto";
import type { FenceChange } from "../../contract.js";
import type { Fence, Fences } from "../../state/fences/fences.js";
import type { PostTo } from "../ask.js";
import type { SignalsConfig } from "../config.js";
import type { ReceiverConfig } from "../read-receivers.js";
import type { Seen } from "../seen.js";
import type { SignalEvent } from "../told.js";
import type { FenceTurn } from "./describe.js";
import { describeFence, isTold } from "./describe.js";
import type { HandleStream } from "./manage.js";
import { createManage } from "./manage.js";
import type { Sender, SignSet } from "./send.js";
import { createSender } from "./send.js";

export interface TransmitParts {
  readonly config: SignalsConfig;
  readonly fences: Pick<Fences, "list" | "subscribe">;
  readonly sign?: SignSet;
  readonly publicUrl?: string;
  readonly post: PostTo;
  readonly seen: Seen;
  readonly closed: AbortSignal;
  readonly tell: (event: SignalEvent) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Transmit {
  readonly handle: HandleStream;
  readonly done: Promise<void>;
  close(): void;
}

/** Fences that were set this long before the start are told of, in case nobody did; receivers know a SET by its `jti`. */
const lateMs = 3_600_000;

/** @throws Error where nothing signs, or nobody could say what to tell */
export function openTransmit(parts: TransmitParts): Transmit {
  const { config, fences, sign, now, publicUrl } = parts;
  const { issuer } = config;
  if (sign === undefined)
    throw new Error("signals.transmit needs the section assertion: its keys sign what is told");
  if (issuer === undefined) throw new Error("signals.transmit needs signals.issuer");
  const senders = new Map<ReceiverConfig, Sender>(
    config.transmit.map((receiver) => [receiver, createSender({ ...parts, sign, receiver })]),
  );
  /** What was in force at the last look, so that of a lifted one it is known what it was. */
  let known = new Map<string, Fence>();
  const start = now();

  const say = (fence: Fence, turn: FenceTurn): void => {
    for (const [receiver, sender] of senders) {
      if (!isTold(fence, receiver)) continue;
      for (const message of describeFence(fence, turn, receiver, { issuer, now })) sender.push(message);
    }
  };
  const look = (change: FenceChange): void => {
    if (change.kind === "stale" || change.kind === "fresh") return;
    const before = known;
    known = new Map(fences.list().map((one) => [one.id, one]));
    if (change.kind === "lifted") {
      const inForce = new Set([...known.values()].map(({ match }) => textOf(match)));
      for (const { id } of change.fences) {
        const fence = before.get(id);
        // another one still says the same
        if (fence !== undefined && !inForce.has(textOf(fence.match))) say(fence, "lifted");
      }
      return;
    }
    for (const { id } of change.fences) {
      const fence = known.get(id);
      if (fence !== undefined && !before.has(id) && fence.at >= start - lateMs) say(fence, "added");
    }
  };
  const unsubscribe = fences.subscribe(look);
  return {
    handle: createManage({
      ...{ issuer, now, publicUrl: publicUrl ?? issuer, receivers: config.transmit },
      newId: randomUUID,
      send: (receiver, message) => senders.get(receiver)?.push(message),
    }),
    done: Promise.all([...senders.values()].map(({ done }) => done)).then(() => undefined),
    close: unsubscribe,
  };
}

function textOf(match: Fence["match"]): string {
  return JSON.stringify(Object.entries(match).sort(([a], [b]) => (a < b ? -1 : 1)));
}
