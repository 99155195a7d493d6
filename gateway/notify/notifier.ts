/** Tells configured hooks of decisions: signed, tried again, never more than a bounded number at a time. */
import { Pool } from "undici";
import type { Decision } from "../../sidecar/contract.js";
import type { HookConfig } from "./read-config.js";
import { readHookSecret, signHook } from "./sign.js";

/** What a hook is told: why and where it was decided, never what was said. */
export interface Notice {
  readonly hook: string;
  /** Whether the request waits until the hook has taken it. */
  readonly required: boolean;
}

export type NotifyResult = "delivered" | "failed" | "dropped";

export interface NotifierParts {
  readonly hooks: ReadonlyMap<string, HookConfig>;
  /** Gives the secret of a hook as it is now, and what was before while that overlaps. */
  readonly secretsOf: (hook: HookConfig) => readonly string[];
  readonly newId: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  /** Waits, or until the signal aborts. Never rejects. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly notified: (hook: string, result: NotifyResult) => void;
}

export interface Notifier {
  has(hook: string): boolean;
  /** Tells a hook; false only where it had to be told, and wasn't. Never rejects. */
  notify(notice: Notice, about: Decision, phase: "request" | "response"): Promise<boolean>;
  /** Waits a while for what is on its way. */
  close(waitMs: number): Promise<void>;
}

/** Waits before further attempts, milliseconds; each by chance between half of it and all. */
const pauses = [500, 2_000, 8_000, 30_000] as const;
/** Most that wait for one hook, and most that are under way at a time. */
const mostWaiting = 1_000;
const mostUnderWay = 8;
/** Most requests that wait for one hook at a time: what is beyond is denied. */
const mostRequired = 64;
const mostNamed = 64;

interface Job {
  readonly id: string;
  readonly body: string;
}

interface Hook {
  readonly config: HookConfig;
  readonly pool: Pool;
  readonly waiting: Job[];
  underWay: number;
  required: number;
}

/** @throws Error where a hook's secret isn't one */
export function createNotifier(parts: NotifierParts): Notifier {
  const { now, notified } = parts;
  const stopped = new AbortController();
  const running = new Set<Promise<void>>();
  const hooks = new Map(
    [...parts.hooks].map(([name, config]): [string, Hook] => {
      keysOf(name, parts.secretsOf(config));
      const { timeoutMs } = config;
      const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connections: 2 * mostUnderWay };
      const pool = new Pool(config.url.origin, { connect: { timeout: timeoutMs }, ...limits });
      return [name, { config, pool, waiting: [], underWay: 0, required: 0 }];
    }),
  );

  /** Tries once; only a 2xx counts, and no redirect is followed. */
  async function attempt(name: string, { config, pool }: Hook, { id, body }: Job): Promise<boolean> {
    try {
      const { url, timeoutMs } = config;
      const { statusCode, body: answer } = await pool.request({
        path: `${url.pathname}${url.search}`,
        method: "POST",
        headers: {
          "content-type": "application/json",
          "user-agent": "countersign",
          ...signHook(id, Math.floor(now() / 1000), body, keysOf(name, parts.secretsOf(config))),
        },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      });
      answer.on("error", () => undefined);
      answer.dump({ limit: 16_384 }).catch(() => undefined);
      return statusCode >= 200 && statusCode < 300;
    } catch {
      return false;
    }
  }

  async function deliver(name: string, hook: Hook, job: Job): Promise<void> {
    for (let tried = 0; !stopped.signal.aborted; tried++) {
      if (await attempt(name, hook, job)) {
        notified(name, "delivered");
        return;
      }
      const pause = pauses[tried];
      if (pause === undefined) break;
      await parts.sleep((pause * (1 + parts.random())) / 2, stopped.signal);
    }
    notified(name, "failed");
  }

  function work(name: string, hook: Hook): void {
    while (hook.underWay < mostUnderWay) {
      const job = hook.waiting.shift();
      if (job === undefined) return;
      hook.underWay++;
      const done: Promise<void> = deliver(name, hook, job).finally(() => {
        hook.underWay--;
        running.delete(done);
        work(name, hook);
      });
      running.add(done);
    }
  }

  return {
    has: (name) => hooks.has(name),
    async notify({ hook: name, required }, about, phase) {
      const hook = hooks.get(name);
      if (hook === undefined) return !required;
      const job = { id: `msg_${parts.newId()}`, body: bodyOf(about, phase, now()) };
      if (!required) {
        if (hook.waiting.length >= mostWaiting) notified(name, "dropped");
        else {
          hook.waiting.push(job);
          work(name, hook);
        }
        return true;
      }
      if (hook.required >= mostRequired) {
        notified(name, "dropped");
        return false;
      }
      hook.required++;
      const taken = await attempt(name, hook, job);
      hook.required--;
      notified(name, taken ? "delivered" : "failed");
      return taken;
    },
    async close(waitMs) {
      const waited = new AbortController();
      const work = async (): Promise<void> => {
        while (running.size > 0) await Promise.all(running);
      };
      await Promise.race([work(), parts.sleep(waitMs, waited.signal)]);
      waited.abort();
      stopped.abort();
      await Promise.all([...hooks.values()].map(({ pool }) => pool.destroy()));
      await Promise.all(running);
    },
  };
}

function keysOf(name: string, secrets: readonly string[]): Buffer[] {
  const keys = secrets.map(readHookSecret).filter((key) => key !== undefined);
  if (keys.length === 0) {
    throw new Error(`the secret of notify.${name} must be whsec_ and 24 to 64 bytes in base64`);
  }
  return keys;
}

/** INVARIANT: codes and ids, no message, property or content. */
function bodyOf(decision: Decision, phase: string, at: number): string {
  const { decision_id, allow, reasons, rules, subject } = decision;
  const named = (names: readonly string[]): string[] =>
    names.slice(0, mostNamed).map((one) => one.slice(0, 128));
  return JSON.stringify({
    type: "countersign.decision",
    timestamp: new Date(at).toISOString(),
    data: {
      decision_id,
      phase,
      allow,
      reasons: named(reasons.map(({ code }) => code)),
      rules: named(rules),
      ...(subject === undefined ? {} : { tenant: subject.tenant }),
    },
  });
}
