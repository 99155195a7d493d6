/** Gives each request to the configuration in force when it came, and ends a configuration after its last request. */
import type { RequestListener, ServerResponse } from "node:http";

export interface Generation {
  /** @param proxy the local proxy whose own Unix socket the requests come through */
  listener(proxy: string | undefined): RequestListener;
  /** Called once, after it was replaced and its last request has ended. */
  end(): void;
}

export interface Generations {
  /** Listens in the name of whichever generation is in force. */
  listener(proxy?: string): RequestListener;
  /** Puts another one in force; what is under way ends where it began. */
  replace(next: Generation): void;
}

interface Living {
  readonly generation: Generation;
  readonly listeners: Map<string | undefined, RequestListener>;
  underWay: number;
  replaced: boolean;
}

export function createGenerations(first: Generation): Generations {
  const live = (generation: Generation): Living => {
    return { generation, listeners: new Map(), underWay: 0, replaced: false };
  };
  let current = live(first);
  const endIfDone = (one: Living): void => {
    if (one.replaced && one.underWay === 0) one.generation.end();
  };
  const count = (one: Living, res: ServerResponse): void => {
    one.underWay++;
    res.once("close", () => {
      one.underWay--;
      endIfDone(one);
    });
  };
  const listenerOf = (one: Living, proxy: string | undefined): RequestListener => {
    const known = one.listeners.get(proxy) ?? one.generation.listener(proxy);
    one.listeners.set(proxy, known);
    return known;
  };
  return {
    listener: (proxy) => (req, res) => {
      count(current, res);
      listenerOf(current, proxy)(req, res);
    },
    replace(next) {
      const before = current;
      current = live(next);
      before.replaced = true;
      endIfDone(before);
    },
  };
}
