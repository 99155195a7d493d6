/** Connects to a host: its name resolved once, each address looked at, and that address connected to. */
import { lookup } from "node:dns/promises";
import type { Socket } from "node:net";
import { connect, isIP } from "node:net";
import { isNever, isPublicAddress } from "./addresses.js";
import type { ForwardProxyConfig } from "./config.js";
import type { Target } from "./target.js";

/** Gives the addresses of a name. Rejects where it has none. */
export type Resolve = (name: string) => Promise<readonly string[]>;

export const resolveByMachine: Resolve = async (name) => {
  const found = await lookup(name, { all: true, order: "verbatim" });
  return found.map(({ address }) => address);
};

export type Reached =
  | { readonly kind: "reached"; readonly socket: Socket }
  | {
      readonly kind: "failed";
      readonly code: "destination_refused" | "upstream_unavailable" | "upstream_timeout";
    };

/** Most addresses of a name that are looked at, and tried. */
const mostAddresses = 16;
const mostTries = 3;

/**
 * Resolves and connects. INVARIANT: the address that is connected to is the one that was looked at; a name that leads to a
 * network by one of its addresses leads nowhere.
 */
export async function reach(
  { host, port, kind }: Target,
  config: ForwardProxyConfig,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<Reached> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(config.connectMs)]);
  const failed = (): Reached => ({
    kind: "failed",
    code: until.aborted && !signal.aborted ? "upstream_timeout" : "upstream_unavailable",
  });
  const addresses = kind === "ip" ? [host] : await resolveUntil(resolve, host, until);
  if (addresses === undefined || addresses.length === 0) return failed();
  const own = config.privateHosts.includes(host);
  const fits = (address: string): boolean =>
    isIP(address) !== 0 && !isNever(address) && (own || isPublicAddress(address));
  if (addresses.length > mostAddresses || !addresses.every(fits))
    return { kind: "failed", code: "destination_refused" };
  for (const address of addresses.slice(0, mostTries)) {
    const socket = await dial(address, port, until);
    if (socket !== undefined) return { kind: "reached", socket };
    if (until.aborted) break;
  }
  return failed();
}

async function resolveUntil(
  resolve: Resolve,
  name: string,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  let stop = (): void => undefined;
  const aborted = new Promise<undefined>((done) => {
    stop = () => {
      done(undefined);
    };
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([resolve(name), aborted]);
  } catch {
    return undefined;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Connects to an address; undefined where that doesn't work. */
function dial(address: string, port: number, signal: AbortSignal): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(undefined);
      return;
    }
    const socket = connect({ host: address, port, allowHalfOpen: true });
    const settle = (result: Socket | undefined): void => {
      signal.removeEventListener("abort", stop);
      socket.off("error", stop);
      if (result === undefined) socket.destroy();
      resolve(result);
    };
    const stop = (): void => {
      settle(undefined);
    };
    signal.addEventListener("abort", stop, { once: true });
    socket.once("error", stop);
    socket.once("connect", () => {
      socket.on("error", () => socket.destroy());
      settle(socket);
    });
  });
}
