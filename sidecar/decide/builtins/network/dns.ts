import { lookup as systemLookup } from "node:dns/promises";
import type { RegoValue } from "../../engine/value.js";
import { setOf, typeName } from "../../engine/value.js";
import { BuiltinFault } from "../builtin.js";
import type { Scope, Served } from "../host.js";
import { plainAddress } from "../../../net/addresses.js";
import type { NetworkOutcome } from "./http-builtin.js";
import type { HostList } from "./http-hosts.js";
import { normalHost } from "./http-hosts.js";
import type { Outcome, ServeKept } from "./http-kept.js";
import type { Lane } from "./http-lane.js";
import { createLane, Overloaded } from "./http-lane.js";

/** Finds a name's addresses. Rejects with a `code` as Node's (`ENOTFOUND`) where there are none. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/**
 * Asks the system's resolver: hosts file and search domains count, as for other programs.
 *
 * INVARIANT: at most two names at once, as each takes one of the four threads that files and crypto need, too.
 */
export function createSystemLookup(
  ask: Lookup = async (name) => (await systemLookup(name, { all: true })).map(({ address }) => address),
): Lookup {
  const lane = createLane({ atOnce: 2, waiting: 256 });
  const asked = new Map<string, Promise<readonly string[]>>();
  return (name) => {
    const running = asked.get(name);
    if (running !== undefined) return running;
    const answer = lane.run(() => ask(name)).finally(() => asked.delete(name));
    asked.set(name, answer);
    return answer;
  };
}

/** Gives a name's addresses in their plain form; an address is its own. */
export async function addressesOf(name: string, lookup: Lookup): Promise<readonly string[]> {
  const literal = plainAddress(name);
  if (literal !== undefined) return [literal];
  return (await lookup(name)).flatMap((address) => plainAddress(address) ?? []);
}

export interface LookupBuiltinParts {
  readonly hosts: HostList;
  readonly lookup: Lookup;
  readonly lane: (entry: string) => Lane;
  readonly serve: ServeKept;
  readonly timeoutMs: number;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  readonly count: (outcome: NetworkOutcome) => void;
}

const builtin = "net.lookup_ip_addr";

/** Creates `net.lookup_ip_addr`: all addresses of a listed name, as a set. As in OPA, a timeout ends the evaluation. */
export function createLookupBuiltin(parts: LookupBuiltinParts) {
  const { hosts, lookup, lane, serve, timeoutMs, signal, count } = parts;

  const ask = async (name: string, host: string, entry: string): Promise<Outcome> => {
    const stop = new AbortController();
    const onEnd = (): void => stop.abort();
    const timer = setTimeout(onEnd, timeoutMs);
    signal.addEventListener("abort", onEnd, { once: true });
    const ended = new Promise<undefined>((resolve) => {
      stop.signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    try {
      // the lane is left when the resolver is done, not when nobody waits for it any more
      const asked = lane(`${builtin} ${entry}`).run(() => addressesOf(host, lookup), stop.signal);
      const addresses = await Promise.race([ended, asked]);
      if (addresses === undefined) return halt("timeout");
      if (addresses.length === 0) return fault("failed", `lookup ${name}: no such host`);
      count("answered");
      return { kind: "value", value: setOf(addresses) };
    } catch (error) {
      if (error instanceof Overloaded) return halt("overloaded");
      const reason = isNotFound(error) ? "no such host" : "server misbehaving";
      return fault("failed", `lookup ${name}: ${reason}`);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onEnd);
    }
  };
  const halt = (outcome: NetworkOutcome): Outcome => {
    count(outcome);
    return { kind: "halt" };
  };
  const fault = (outcome: NetworkOutcome, message: string): Outcome => {
    count(outcome);
    return { kind: "fault", fault: new BuiltinFault("eval_builtin_error", message) };
  };

  return (scope: Scope, [name]: readonly RegoValue[]): Served => {
    if (typeof name !== "string") {
      const type = name === undefined ? "undefined" : typeName(name);
      throw new BuiltinFault("eval_type_error", `${builtin}: operand 1 must be string but got ${type}`);
    }
    return serve(scope, builtin, name, () => {
      const host = normalHost(name);
      const listed = host === undefined ? undefined : hosts.find(host, undefined);
      if (host === undefined || listed === undefined) return fault("refused", `disallowed host: ${name}`);
      return ask(name, host, listed.entry);
    });
  };
}

function isNotFound(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "ENOTFOUND";
}
