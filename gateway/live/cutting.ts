/** How one exchange is ended by somebody else than its client or its upstream. */
import type { ServerResponse } from "node:http";
import type { Call, Decision, Refusal } from "../../sidecar/contract.js";
import { handlesOf } from "./handles.js";
import type { Alive, Live, LiveKind } from "./live.js";

/** Says to the client why it is ended, with the decision that had allowed it, as the deny that it is now. */
export type Words = (refusal: Refusal, decision: Decision | undefined) => void;

export interface Cutting {
  /** Aborts when the client goes away, or when the exchange is cut. */
  readonly signal: AbortSignal;
  /**
   * Ends the exchange, now: what is under way for it stops, and the client is told why in its protocol's words, as the
   * answer or as the last of one that has begun. Its outcome is `denied`. The first one counts.
   */
  readonly cut: (refusal: Refusal) => void;
  /** Tells why it was cut; undefined where it wasn't. */
  readonly wasCut: () => Refusal | undefined;
  /** Sets how the client is told; `before`: where its answer hasn't begun, `after`: where it has. */
  readonly endBy: (words: { readonly before?: Words; readonly after?: Words }) => void;
  readonly alive: Registered;
}

/** An exchange in the register: from its first allowed call until its client's answer is closed, and nobody holds it. */
export interface Registered {
  /** Notes an allowed call; `false` where a fence forbids it. */
  allow(live: Live, decision: Decision, call: Call): boolean;
  /** Says what it is, where that isn't told by its calls. */
  become(kind: LiveKind, route?: string): void;
  /** Keeps it in the register though its client has left; gives what lets go. */
  hold(): () => void;
}

/** Turns a decision into the deny that came after it: none of why it was allowed is told as why it is denied. */
export function denyAs(decision: Decision, { code, message }: Refusal): Decision {
  return { ...decision, allow: false, obligations: [], reasons: [{ code, message }] };
}

/** What an answer may take to end by itself after it was cut, milliseconds. */
const graceMs = 1_000;

/** @param res the client's; absent where there is none, and the signal tells when it left */
export function createCutting(res: ServerResponse | undefined, leaves?: AbortSignal): Cutting {
  const gone = new AbortController();
  let was: Refusal | undefined;
  let before: Words | undefined;
  let after: Words | undefined;
  let first: Decision | undefined;
  let closed = false;
  let holds = 0;
  let alive: Alive | undefined;
  let kind: LiveKind | undefined;
  let route: string | undefined;
  const settle = (): void => {
    if (!closed || holds > 0) return;
    alive?.release();
    alive = undefined;
  };
  const close = (): void => {
    closed = true;
    settle();
  };
  res?.on("close", () => {
    if (!res.writableFinished) gone.abort();
    close();
  });
  // what is still written after its end is nobody's to read
  res?.on("error", () => undefined);
  const left = (): void => {
    gone.abort();
    close();
  };
  leaves?.addEventListener("abort", left, { once: true });
  if (leaves?.aborted === true) left();
  const cut = (refusal: Refusal): void => {
    if (was !== undefined || (closed && holds === 0)) return;
    was = refusal;
    const began = res?.headersSent === true;
    try {
      (began ? after : before)?.(refusal, first === undefined ? undefined : denyAs(first, refusal));
    } finally {
      gone.abort();
      // INVARIANT: whoever is cut is let go, also one that doesn't read
      if (res !== undefined && !closed) setTimeout(() => res.destroy(), graceMs).unref();
    }
  };
  return {
    signal: gone.signal,
    cut,
    wasCut: () => was,
    endBy(words) {
      before = words.before ?? before;
      after = words.after ?? after;
    },
    alive: {
      allow(live, decision, call) {
        // INVARIANT: nothing is allowed any more to what was cut
        if (was !== undefined) return false;
        const handles = handlesOf(decision, call);
        if (closed && holds === 0) return live.fencing(handles) === undefined;
        first ??= decision;
        alive ??= live.begin({
          kind: kind ?? kindOf(call),
          route,
          cut,
        });
        return alive.under(decision, handles) === undefined;
      },
      become(as, at) {
        kind = as;
        route = at;
        alive?.become(as, at);
      },
      hold() {
        holds++;
        let held = true;
        return () => {
          if (!held) return;
          held = false;
          holds--;
          settle();
        };
      },
    },
  };
}

function kindOf({ action }: Call): LiveKind {
  if (action.name === "network.connect") return "tunnel";
  if (action.name === "websocket.open") return "websocket";
  return action.properties["stream"] === true ? "stream" : "call";
}
