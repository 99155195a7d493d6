/** Settles and extends calls in Redis. */
import type { LimitState } from "../../contract.js";
import { addUsed, countable } from "./activity.js";
import type { Actual, Engine, Reservation } from "./engine.js";
import { openKey, writeReservation } from "./payload.js";
import type { RedisContext } from "./redis-context.js";
import { extendScript, settleScript } from "./script.js";

const nothing: Actual = { units: {}, known: true };

export interface Settling {
  /** Tells whether it reached Redis. */
  settle(decisionId: string, actual: Actual): Promise<boolean>;
  /** Gives back what calls that are denied after all hold in a scope. */
  undo(prefix: string, decisionIds: readonly string[], denied?: boolean): void;
  /** Counts a call without an outcome as having used all that it held. */
  unsettled(decisionId: string): void;
  extend: Engine["extend"];
}

/**
 * Creates what settles calls.
 * @param under resolves when a call that is on its way has been committed
 */
export function createSettling(
  context: RedisContext,
  under: { get(decisionId: string): Promise<unknown> | undefined },
): Settling {
  const { redis, names, sender, activities, open, fleet, nonce, now, leaseMs, onEvent } = context;
  const runSettle = async (
    prefix: string,
    decisionId: string,
    actual: Actual,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<boolean> => {
    const units = Object.fromEntries(
      Object.entries(actual.units).flatMap(([unit, value]) => {
        const count = countable(value);
        return count === undefined ? [] : [[unit, count]];
      }),
    );
    const { input_tokens: input, output_tokens: output, tokens } = units;
    if (tokens === undefined && ((input !== undefined && output !== undefined) || actual.known)) {
      units["tokens"] = (input ?? 0) + (output ?? 0);
    }
    const sent = await sender.run(settleScript, [openKey(prefix, names, decisionId)], {
      ...{ t: now(), P: prefix, d: names.digest("decision", decisionId), units, known: actual.known },
      ...{
        nonce: nonce(),
        ...(actual.currency === undefined ? {} : { currency: actual.currency.slice(0, 8) }),
      },
      ...more,
    });
    if (sent.kind !== "answer") return false;
    const [kind, moved, input_, output_, cost, currency] = sent.answer as [string, string[][], ...string[]];
    if (kind !== "settled") return true;
    for (const [key = "", before, after = ""] of moved) {
      const copy = activities.get(key, now());
      if (copy === undefined || copy.version !== before) continue;
      const used = { input: Number(input_), output: Number(output_), cost: Number(cost) };
      const activity = addUsed(copy.activity, {
        ...used,
        ...(currency === "" ? {} : { currency: currency ?? "" }),
      });
      activities.set(key, { ...copy, version: after, activity }, now() + 86_400_000);
    }
    return true;
  };

  /** Gives back what a call that is denied after all holds in a scope. */
  const undo = (prefix: string, decisionIds: readonly string[], denied = false): void => {
    for (const id of decisionIds) {
      const more = denied ? { denied: true } : {};
      void runSettle(prefix, id, nothing, more).then((done) => {
        // its lease gives it back in the end; until then it is tried once more
        if (!done) setTimeout(() => void runSettle(prefix, id, nothing, more), leaseMs).unref();
      });
    }
  };

  const prefixesOf = async (decisionId: string): Promise<readonly string[] | undefined> => {
    const own = open.get(decisionId);
    if (own !== undefined) return own.prefixes;
    if (!sender.ready) return undefined;
    const index = `cs:{${names.digest("decision", decisionId)}}:i`;
    const text = await redis.getrange(index, 0, 255).catch(() => undefined);
    return text?.split(" ").filter((prefix) => /^cs:\{[\w-]{1,64}\}:$/.test(prefix));
  };

  const settleNow = async (decisionId: string, actual: Actual): Promise<boolean> => {
    await under.get(decisionId);
    const prefixes = await prefixesOf(decisionId);
    if (prefixes === undefined) return false;
    // spent tokens are the tenant's to count; the fleet's record names no task
    const done = await Promise.all(prefixes.map((prefix) => runSettle(prefix, decisionId, actual)));
    if (!done.every(Boolean)) return false;
    open.delete(decisionId);
    return true;
  };

  const unsettled = (decisionId: string): void => {
    onEvent("unsettled", 1);
    void settleNow(decisionId, { units: {}, known: false });
    open.delete(decisionId);
  };

  /** Writes what is to be held more; what lies in Redis may be garbled. */
  const writeAll = (
    prefix: string,
    reserve: readonly (Reservation & { readonly keepMs: number })[],
    more: Partial<Readonly<Record<string, number>>>,
  ) => {
    try {
      return reserve.map(({ member: _, keepMs, ...reservation }, n) => {
        const units = reservation.unit === "distinct_tools" ? 0 : (countable(more[reservation.unit]) ?? 0);
        const written = writeReservation(context, prefix, { ...reservation, take: units }, keepMs, now());
        return { ...written, fields: { ...written.fields, i: n + 1 }, reservation };
      });
    } catch {
      return undefined;
    }
  };

  const extendIn = async (
    prefix: string,
    decisionId: string,
    more: Partial<Readonly<Record<string, number>>>,
  ): ReturnType<Engine["extend"]> => {
    const key = openKey(prefix, names, decisionId);
    const scope = prefix === fleet ? "fleet" : "tenant";
    const own = open.get(decisionId);
    const reserve =
      own?.reserve.filter((one) => one.scope === scope).map((one) => ({ ...one, keepMs: own.keepMs })) ??
      (await redis
        .hget(key, "r")
        .then((text) => JSON.parse(text ?? "[]") as (Reservation & { keepMs: number })[])
        .catch(() => undefined));
    if (reserve === undefined) return { kind: "unavailable", limits: [] };
    const written = writeAll(prefix, reserve, more);
    if (written === undefined) return { kind: "unavailable", limits: [] };
    const sent = await sender.run(extendScript, [key, ...written.map((one) => one.key)], {
      ...{ d: names.digest("decision", decisionId), res: written.map(({ fields }) => fields) },
    });
    if (sent.kind !== "answer") return { kind: "unavailable", limits: [] };
    const [kind, states = []] = sent.answer as ["extended" | "over" | "unknown", string[][]?];
    const limits = written.flatMap((one, n) =>
      states[n] === undefined ? [] : [context.stateFrom(one, one.reservation, states[n])],
    );
    return { kind, limits };
  };

  const extend: Engine["extend"] = async (decisionId, more) => {
    await under.get(decisionId);
    const prefixes = await prefixesOf(decisionId);
    if (prefixes === undefined) return { kind: "unavailable", limits: [] };
    if (prefixes.length === 0) return { kind: "unknown", limits: [] };
    const limits: LimitState[] = [];
    // the fleet's first: what a tenant refuses then is held a little longer, and no more
    for (const prefix of [...prefixes].reverse()) {
      const extended = await extendIn(prefix, decisionId, more);
      limits.unshift(...extended.limits);
      if (extended.kind !== "extended") return { kind: extended.kind, limits };
    }
    return { kind: "extended", limits };
  };

  return { settle: settleNow, undo, unsettled, extend };
}
