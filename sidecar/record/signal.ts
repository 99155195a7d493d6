/** Describes a shared signal that came in or went out. */
import { hash } from "node:crypto";
import type { SignalEvent } from "../signals/told.js";
import type { Digest } from "./fact.js";
import { cut, idOf } from "./fact.js";

export interface SignalRecord {
  readonly type: "signal";
  /** Epoch milliseconds. */
  readonly at: number;
  readonly signal: SignalEvent;
}

/** Most ids of one kind. */
const most = 16;

/** Gives the fields of a signal's event. INVARIANT: whom it is about is a digest, as are the ids that its sender chose. */
export function signalFields({ at, signal }: SignalRecord, digest: Digest): Record<string, unknown> {
  const { direction, peer, event, result, fences, jti, err, subject } = signal;
  return {
    type: "signal",
    timestamp: new Date(at).toISOString(),
    direction,
    peer,
    event,
    result,
    err,
    set: jti === undefined ? undefined : `#${digest.of(jti)}`,
    happened_at: signal.at === undefined ? undefined : new Date(signal.at).toISOString(),
    fences: fences.length === 0 ? undefined : fences.slice(0, most).map((id) => cut(id, 128)),
    tenants: subject?.tenants.slice(0, most).map((tenant) => idOf(digest, tenant)),
    about:
      subject === undefined
        ? undefined
        : Object.fromEntries(
            [...subject.targets].map(([kind, values]) => [
              kind,
              values.slice(0, most).map((value) => `#${digest.of(value)}`),
            ]),
          ),
  };
}

/** Names a signal where its record could not be written in full. */
export function signalId({ at, signal }: SignalRecord): string {
  return hash("sha256", JSON.stringify([at, signal.peer, signal.event, signal.jti ?? ""]), "hex").slice(
    0,
    32,
  );
}
