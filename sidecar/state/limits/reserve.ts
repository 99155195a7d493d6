/** Makes reservations: what one call counts against one limit, under a key that says nothing of whose it is. */
import { createHash } from "node:crypto";
import type { JsonObject } from "../../contract.js";
import type { Reservation, Window } from "../engine/engine.js";
import type { Dimension } from "./dimensions.js";
import { canonical, valueOf } from "./dimensions.js";
import type { Counted } from "./limits.js";
import type { Known } from "./dimensions.js";
import type { LimitRule } from "./rule.js";
import { takeOf } from "./units.js";

/** Who asks for a limit; those of one never count with those of another. */
export type Source = "configuration" | "policy" | "task";

/**
 * Gives the key of a limit for a call. INVARIANT: injective: two calls have one key only where the limit, its window and
 * every value agree; an absent value is one of its own. A digest: what lies in a store names nobody.
 */
export function keyOf(
  source: Source,
  { name, unit, currency, window, per }: Pick<LimitRule, "name" | "unit" | "currency" | "window" | "per">,
  known: Known,
  extra: JsonObject | undefined,
): string {
  const values = per.map((dimension) => [label(dimension), valueOf(dimension, known)?.whole ?? null]);
  const task = window.kind === "lifetime" ? (known.task.lineage[0] ?? known.task.id) : null;
  const whole = [source, name, unit, currency ?? null, label(window), task, values];
  const own = extra === undefined ? null : canonical(extra);
  return createHash("sha256")
    .update(JSON.stringify([whole, own]))
    .digest("base64url")
    .slice(0, 32);
}

function label(value: Dimension | Window): string {
  return JSON.stringify(value);
}

export type Reserved =
  | { readonly kind: "reserved"; readonly reservation: Reservation }
  | { readonly kind: "none" }
  | { readonly kind: "unknown" };

/** Makes the reservation of a call for a limit. */
export function reserve(source: Source, rule: LimitRule, counted: Counted, extra?: JsonObject): Reserved {
  const took = takeOf(rule.unit, counted.call, rule.currency);
  if (took.kind === "none") return took;
  // a limit that only warns doesn't stop what has no price
  if (took.kind === "unknown") return rule.soft ? { kind: "none" } : took;
  const { name, unit, window, currency, amount, soft } = rule;
  return {
    kind: "reserved",
    reservation: {
      ...{
        name,
        key: keyOf(source, rule, counted, extra),
        scope: scopeOf(source, rule),
        unit,
        window,
        amount,
      },
      take: took.take,
      ...(took.member === undefined ? {} : { member: took.member }),
      ...(soft ? { soft } : {}),
      ...(isFleeting(rule, counted) ? { fleeting: true } : {}),
      ...(currency === undefined ? {} : { currency }),
    },
  };
}

/** A task that a request without a token began: who leaves its token out begins another. */
function isFleeting({ window, per }: LimitRule, { task }: Counted): boolean {
  return task.born === "request" && !task.proven && (window.kind === "lifetime" || per.includes("task"));
}

/** INVARIANT: a policy's limits are its tenant's; a configured one that doesn't count by tenant holds over all of them. */
function scopeOf(source: Source, { per, window }: LimitRule): Reservation["scope"] {
  const own = source !== "configuration" || window.kind === "lifetime";
  return own || per.includes("tenant") || per.includes("task") ? "tenant" : "fleet";
}
