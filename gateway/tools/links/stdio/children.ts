/** Starts children within their limits, and ever more slowly those that fail. */
import type { ErrorCode } from "../../../../sidecar/contract.js";
import type { CommandConfig } from "../../command-config.js";
import type { BackOff } from "../back-off.js";
import { createBackOff } from "../back-off.js";
import type { LinkParts } from "../parts.js";
import type { Child, ChildEnd, ChildParts } from "./child.js";
import { startChild } from "./child.js";

export interface Children {
  /** @param key for whom it is: each has its own failures, and a share of the children there may be */
  start(command: CommandConfig, key: string, hooks: ChildHooks, signal: AbortSignal): Promise<Started>;
  close(): Promise<void>;
}

export type Started =
  | { readonly kind: "started"; readonly child: Child }
  | { readonly kind: "failed"; readonly code: ErrorCode }
  | { readonly kind: "aborted" };

export interface ChildHooks extends Pick<ChildParts, "receive" | "onQuote"> {
  /** Called once; the code is what requests that are under way fail with. */
  readonly onEnd: (code: ErrorCode) => void;
  /** Since when it has nothing to do, by the clock, milliseconds; undefined while it has. Absent: it doesn't make room for others. */
  readonly idleSince?: () => number | undefined;
}

interface Kind {
  readonly running: Map<Child, { readonly key: string; readonly idleSince: () => number | undefined }>;
  readonly failing: Map<string, { readonly backOff: BackOff; notBefore: number }>;
}

/** What is waited for until a child may be started again, milliseconds; longer waits fail at once. */
const patienceMs = 5_000;
/** A child that had nothing to do for so long makes room for another of the same caller's, milliseconds. */
const restedMs = 60_000;
/** What is remembered of failures. */
const mostFailing = 1_000;

/** What children are given of our own environment. INVARIANT: nothing that could be a secret. */
const inherited = ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"] as const;

export function createChildren(parts: LinkParts): Children {
  const { clock, random, sleep, log, happened = () => undefined } = parts;
  const kinds = new Map<CommandConfig, Kind>();
  let closed = false;
  const all = (): Child[] => [...kinds.values()].flatMap(({ running }) => [...running.keys()]);
  const killAll = (): void => {
    for (const child of all()) child.kill("stopped");
  };
  // INVARIANT: they don't outlive the gateway, unless that is killed itself
  process.on("exit", killAll);
  const kindOf = (command: CommandConfig): Kind => {
    const known = kinds.get(command) ?? { running: new Map(), failing: new Map() };
    kinds.set(command, known);
    return known;
  };
  /** The caller's child that had nothing to do for longest, where another needs its place. */
  const restedOf = (command: CommandConfig, key: string): Child | undefined => {
    const { running } = kindOf(command);
    if (closed || sameOf(running, key) < shareOf(command)) return undefined;
    let [longest, at]: [Child | undefined, number] = [undefined, clock() - restedMs];
    for (const [child, one] of running) {
      const since = one.key === key ? one.idleSince() : undefined;
      if (since !== undefined && since <= at) [longest, at] = [child, since];
    }
    return longest;
  };
  const environmentOf = ({ env }: CommandConfig): Pick<ChildParts, "environment" | "secrets"> => {
    const environment: Record<string, string> = {};
    for (const name of inherited) {
      const value = parts.environment[name];
      if (value !== undefined) environment[name] = value;
    }
    const secrets: string[] = [];
    for (const [name, source] of env) {
      const value = parts.readSecret(source);
      environment[name] = value;
      // what stands in the configuration itself is a setting
      if (!("value" in source)) secrets.push(value);
    }
    return { environment, secrets };
  };
  const ended = (command: CommandConfig, key: string, lived: number, end: ChildEnd): void => {
    const { failing } = kindOf(command);
    const { minMs, maxMs } = command.restart;
    const { why, code, signal, stderrBytes } = end;
    const said = { server: command.name, why, code, signal, stderr_bytes: stderrBytes };
    happened(command.name, why);
    if (why === "stopped") {
      failing.delete(key);
      log.info("a tool server's process ended", said);
      return;
    }
    log.warn("a tool server's process failed", said);
    const one = failing.get(key) ?? { backOff: createBackOff(minMs, maxMs, random), notBefore: 0 };
    if (lived > maxMs) one.backOff.reset();
    one.notBefore = clock() + one.backOff.next();
    failing.set(key, one);
    for (const oldest of failing.keys()) {
      if (failing.size <= mostFailing) break;
      failing.delete(oldest);
    }
  };
  return {
    async start(command, key, hooks, signal) {
      const { running, failing } = kindOf(command);
      const wait = (failing.get(key)?.notBefore ?? 0) - clock();
      if (wait > patienceMs) return unavailable;
      if (wait > 0) await sleep(wait, signal);
      if (signal.aborted) return { kind: "aborted" };
      // clients that go without ending their sessions leave children behind
      for (let child = restedOf(command, key); child !== undefined; child = restedOf(command, key)) {
        log.info("a caller's idle process makes room for another", { server: command.name });
        await child.stop();
        if (signal.aborted) return { kind: "aborted" };
      }
      if (closed) return unavailable;
      if (running.size >= command.maxChildren || sameOf(running, key) >= shareOf(command)) {
        log.warn("a tool server has too many processes", { server: command.name, running: running.size });
        happened(command.name, "too_many");
        return tooMany;
      }
      const from = clock();
      let child: Child;
      try {
        child = startChild({
          ...{ ...environmentOf(command), command, receive: hooks.receive, onQuote: hooks.onQuote },
          onEnd(end) {
            running.delete(child);
            ended(command, key, clock() - from, end);
            if (running.size === 0 && failing.size === 0) kinds.delete(command);
            hooks.onEnd(end.why in invalid ? "upstream_invalid" : "upstream_unavailable");
          },
        });
      } catch {
        // a secret that can't be read, arguments that are too long
        log.warn("a tool server's process can't be started", { server: command.name });
        return unavailable;
      }
      happened(command.name, "started");
      running.set(child, { key, idleSince: hooks.idleSince ?? (() => undefined) });
      return { kind: "started", child };
    },
    async close() {
      closed = true;
      await Promise.all(all().map((child) => child.stop()));
      process.off("exit", killAll);
    },
  };
}

const unavailable = { kind: "failed", code: "upstream_unavailable" } as const;
const tooMany = { kind: "failed", code: "too_many_sessions" } as const;
/** Endings that tell of what was said. */
const invalid = { too_long: true, garbage: true, unread: true };

function sameOf(running: Kind["running"], key: string): number {
  return [...running.values()].filter((one) => one.key === key).length;
}

/** INVARIANT: no one caller has all the children that there may be. */
function shareOf({ isolation, maxChildren }: CommandConfig): number {
  return isolation === "caller" ? Math.max(1, Math.floor(maxChildren / 4)) : 1;
}
