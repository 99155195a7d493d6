/** Links to a child that several holders share. INVARIANT: none of them hears of what another one does. */
import type { ErrorCode, JsonObject } from "../../../../sidecar/contract.js";
import { carry } from "../carry.js";
import { createDeadline } from "../deadline.js";
import type { Greeted } from "../duplex/greet.js";
import { greet } from "../duplex/greet.js";
import type { Peer } from "../duplex/peer.js";
import { createPeer } from "../duplex/peer.js";
import type { Subscriptions } from "../duplex/subscriptions.js";
import { createSubscriptions } from "../duplex/subscriptions.js";
import type { Holder, Link, LinkAnswer, LinkCaller, LinkRequest, ListenFilter } from "../link.js";
import type { Message } from "../messages.js";
import type { Child } from "./child.js";
import type { ChildLinkParts } from "./own-child.js";
import type { Watch } from "./watch.js";
import { watchChild } from "./watch.js";

export interface SharedChild {
  open(holder: Holder, caller: LinkCaller, signal: AbortSignal): Promise<Link | Failed>;
}

type Failed = { readonly kind: "failed"; readonly code: ErrorCode } | { readonly kind: "aborted" };

interface Running {
  readonly greeted: Greeted;
  readonly peer: Peer;
  readonly watch: Watch;
}

interface Seat {
  readonly holder: Holder;
  readonly uris: Set<string>;
  listens?: { readonly filter: ListenFilter; readonly caller: LinkCaller };
  subscriptions?: { readonly of: Peer; readonly them: Subscriptions };
}

const listChanged = /^notifications\/(?:tools|prompts|resources)\/list_changed$/;
const nobodyThere = { code: -32_601, message: "nobody is there to be asked" };
const nobody: LinkCaller = { assertion: undefined, credentials: {} };

/** @param key whose it is; @param clientInfo the gateway's own */
export function createSharedChild(parts: ChildLinkParts, key: string, clientInfo: JsonObject): SharedChild {
  const { command, children, life, sleep } = parts;
  const seats = new Set<Seat>();
  let current: Promise<Running | Failed> | undefined;

  const listening = (): Seat[] => [...seats].filter(({ listens }) => listens !== undefined);
  const hear =
    (greeted: Greeted | undefined, peer: Peer, watch: Watch) =>
    (message: Exclude<Message, { kind: "reply" }>) => {
      const { method, params } = message;
      if (watch.unasked()) return;
      if (message.kind === "request") {
        if (greeted?.era === "stateless") watch.violated();
        else if (method === "ping") void peer.tell({ id: message.id, result: {} }, nobody);
        // it can't be told in whose name it asks
        else void peer.tell({ id: message.id, error: nobodyThere }, nobody);
        return;
      }
      const { uri } = params;
      for (const seat of listening()) {
        if (greeted?.era === "stateless") seat.subscriptions?.them.take(method, params);
        else if (listChanged.test(method)) seat.holder.onMessage({ method, params: {} });
        else if (
          method === "notifications/resources/updated" &&
          typeof uri === "string" &&
          seat.uris.has(uri)
        )
          seat.holder.onMessage({ method, params: { uri } });
      }
    };

  const start = async (): Promise<Running | Failed> => {
    const here: { child?: Child; greeted?: Greeted } = {};
    const idle = (): void => {
      if (listening().length === 0) void here.child?.stop();
    };
    const watch = watchChild(parts, () => here.child, idle);
    const peer: Peer = createPeer({
      ...{ requestMs: parts.requestMs, violated: watch.violated },
      send: (message) => here.child?.send(message) ?? false,
      hear: (message) => {
        hear(here.greeted, peer, watch)(message);
      },
    });
    const onEnd = (code: ErrorCode): void => {
      watch.close();
      peer.end(code);
      if (here.greeted === undefined) return;
      current = undefined;
      void goOn();
    };
    const started = await children.start(
      command,
      key,
      { receive: peer.receive, onQuote: peer.withhold, onEnd },
      life,
    );
    if (started.kind !== "started") {
      watch.close();
      return started;
    }
    here.child = started.child;
    // INVARIANT: nobody's capabilities are told: it could ask nobody in particular
    watch.begins();
    const greeting = await greet(peer, { capabilities: {}, clientInfo }, parts.era(), nobody, life);
    watch.ends();
    if (!("era" in greeting)) {
      void started.child.stop();
      // some end at what they don't know
      parts.learnt(greeting.kind === "failed" && greeting.probing === true ? "session" : undefined);
      return greeting;
    }
    parts.learnt(greeting.era);
    here.greeted = greeting;
    const now = { greeted: greeting, peer, watch };
    for (const seat of seats) resume(seat, now);
    return now;
  };
  /** Gives the child that runs, or starts one. What one holder gives up isn't given up for others. */
  const running = async (signal: AbortSignal): Promise<Running | Failed> => {
    current ??= start().then((now) => {
      if ("kind" in now) current = undefined;
      return now;
    });
    let gone = (): void => undefined;
    const aborted = new Promise<Failed>((resolve) => {
      gone = () => {
        resolve({ kind: "aborted" });
      };
      signal.addEventListener("abort", gone);
      if (signal.aborted) gone();
    });
    const first = await Promise.race([current, aborted]);
    signal.removeEventListener("abort", gone);
    return first;
  };
  /** Starts another child for those who listen. */
  const goOn = async (): Promise<void> => {
    while (listening().length > 0 && !life.aborted) {
      if (!("kind" in (await running(life)))) return;
      await sleep(command.restart.maxMs, life);
    }
  };
  /** Has a new child know what the one before knew. */
  const resume = (seat: Seat, { greeted, peer }: Running): void => {
    const { listens, uris, holder } = seat;
    if (listens === undefined) return;
    if (greeted.era === "stateless") {
      seat.subscriptions?.them.close();
      seat.subscriptions = { of: peer, them: createSubscriptions(peer, holder) };
      seat.subscriptions.them.listen(listens.filter, listens.caller);
    } else {
      for (const uri of uris) {
        const asking = { params: { uri }, signal: life, caller: listens.caller, onMessage: () => undefined };
        void peer.request({ ...asking, method: "resources/subscribe" });
      }
    }
  };

  const request = async (seat: Seat, asking: LinkRequest): Promise<LinkAnswer> => {
    const now = await running(asking.signal);
    if ("kind" in now) return now;
    const { greeted, peer, watch } = now;
    const { method, params } = asking;
    const { uri } = params;
    // what it logs can't be told apart, so that nobody is given any of it
    if (greeted.era === "session" && method === "logging/setLevel") {
      return { kind: "error", code: -32_601, message: "Method not found" };
    }
    if (greeted.era === "session" && method === "resources/unsubscribe" && typeof uri === "string") {
      seat.uris.delete(uri);
      if ([...seats].some(({ uris }) => uris.has(uri))) return { kind: "result", result: {} };
    }
    watch.begins();
    const carried = greeted.era === "stateless" ? carry(seat.holder, params) : params;
    const answer = await peer.request({ ...asking, params: carried });
    watch.ends();
    if (answer.kind === "result" && method === "resources/subscribe" && typeof uri === "string")
      seat.uris.add(uri);
    return answer;
  };

  return {
    async open(holder, _caller, signal) {
      const seat: Seat = { holder, uris: new Set() };
      const now = await running(signal);
      if ("kind" in now) return now;
      seats.add(seat);
      const mine = new AbortController();
      const { era, hello } = now.greeted;
      const capabilities = { ...hello.capabilities };
      // what it logs can't be told apart, so that nobody is given any of it
      delete capabilities["logging"];
      return {
        era,
        hello: { ...hello, capabilities },
        async request(asking) {
          if (mine.signal.aborted) return { kind: "failed", code: "upstream_unavailable" };
          const deadline = createDeadline([asking.signal, mine.signal]);
          const answer = await request(seat, { ...asking, signal: deadline.signal });
          deadline.settle();
          return answer;
        },
        // what a client says of itself, it says to one that isn't only its own
        notify: () => Promise.resolve(false),
        respond: () => Promise.resolve(false),
        listen(filter, caller) {
          if (mine.signal.aborted) return;
          seat.listens = { filter, caller };
          void running(mine.signal).then((child) => {
            if (!("kind" in child) && child.greeted.era === "stateless") resume(seat, child);
          });
        },
        close() {
          mine.abort();
          seats.delete(seat);
          seat.subscriptions?.them.close();
          return Promise.resolve();
        },
      };
    },
  };
}
