/** Opens a link to a child of the holder's own. */
import type { CommandConfig } from "../../command-config.js";
import { createExclusive } from "../duplex/exclusive.js";
import type { Greeting } from "../duplex/greet.js";
import { greet } from "../duplex/greet.js";
import type { Era, Holder, Link, LinkCaller } from "../link.js";
import type { LinkParts } from "../parts.js";
import type { Child } from "./child.js";
import type { Children } from "./children.js";
import { keyOf } from "./key.js";
import { watchChild } from "./watch.js";

export interface ChildLinkParts extends LinkParts {
  readonly children: Children;
  readonly command: CommandConfig;
  readonly requestMs: number;
  /** Which era the configuration names, or the server was found to speak. */
  readonly era: () => Era | undefined;
  readonly learnt: (era: Era | undefined) => void;
  /** Aborts when the gateway ends. */
  readonly life: AbortSignal;
}

export async function openOwnChild(
  parts: ChildLinkParts,
  holder: Holder,
  caller: LinkCaller,
  signal: AbortSignal,
): Promise<Link | Exclude<Greeting, { era: Era }>> {
  const { command, children } = parts;
  const attempt = async (era: Era | undefined): Promise<Link | Exclude<Greeting, { era: Era }>> => {
    const running: { child?: Child } = {};
    const watch = watchChild(
      parts,
      () => running.child,
      () => {
        // the holder is told when it is gone
        void running.child?.stop();
      },
    );
    const exclusive = createExclusive({
      ...{ newId: parts.newId, requestMs: parts.requestMs, holder, opener: caller },
      send: (message) => running.child?.send(message) ?? false,
      violated: watch.violated,
      unasked: watch.unasked,
      stop: () => running.child?.stop() ?? Promise.resolve(),
    });
    const hooks = {
      receive: exclusive.peer.receive,
      idleSince: watch.idleSince,
      onQuote: exclusive.peer.withhold,
      onEnd(code: Parameters<typeof exclusive.end>[0]) {
        watch.close();
        exclusive.end(code);
      },
    };
    const started = await children.start(command, keyOf(command.isolation, holder), hooks, signal);
    if (started.kind !== "started") {
      watch.close();
      return started;
    }
    running.child = started.child;
    watch.begins();
    const greeting = await greet(exclusive.peer, holder, era, caller, signal);
    watch.ends();
    if (!("era" in greeting)) {
      void started.child.stop();
      return greeting;
    }
    parts.learnt(greeting.era);
    const link = exclusive.link(greeting);
    return {
      ...link,
      async request(request) {
        watch.begins();
        const answer = await link.request(request);
        watch.ends();
        return answer;
      },
    };
  };
  const first = await attempt(parts.era());
  // some end at what they don't know
  const again = "kind" in first && first.kind === "failed" && first.probing === true;
  if (again && parts.era() === undefined) return attempt("session");
  if ("kind" in first && first.kind === "failed") parts.learnt(undefined);
  return first;
}
