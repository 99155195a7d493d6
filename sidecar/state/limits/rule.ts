/** A limit as an operator or a policy writes it, read strictly. */
import type { Fields, LimitUnit, Problems } from "../../contract.js";
import { isObject, limitUnits } from "../../contract.js";
import type { Window } from "../engine/engine.js";
import type { Dimension } from "./dimensions.js";
import { readDimension } from "./dimensions.js";
import { readNanos } from "./nanos.js";

export interface LimitRule {
  /** Goes into headers, metrics and the policy input. */
  readonly name: string;
  readonly unit: LimitUnit;
  /** Whole number; of `cost`, billionths. */
  readonly amount: number;
  readonly currency?: string;
  readonly window: Window;
  readonly per: readonly Dimension[];
  /** It only warns. */
  readonly soft: boolean;
  /** The share of the amount from which on it warns, above 0 and below 1. */
  readonly warnAt?: number;
}

/** Denials aren't held before they happen: policies and automatic fences count them. */
const units = limitUnits.filter((unit) => unit !== "denials");
const namePattern = /^[a-z0-9][a-z0-9_.:-]{0,63}$/;
const mostDimensions = 8;
const longestWindowMs = 366 * 86_400_000;
const spans = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Reads what configuration and obligations have in common; the caller ends the fields. */
export function readRule(fields: Fields, problems: Problems): LimitRule {
  const name = fields.required("name");
  if (!namePattern.test(name))
    problems.add(fields.at("name"), "must be a-z, 0-9, _ . : -, at most 64 characters");
  const unit = fields.oneOf("unit", units);
  if (unit === undefined && !fields.has("unit")) problems.add(fields.at("unit"), "is required");
  const window = readWindow(fields, unit, problems);
  const per = (fields.strings("per") ?? []).flatMap((text) => {
    const dimension = readDimension(text);
    if (dimension === undefined)
      problems.add(fields.at("per"), "names no dimension, and no path of the input");
    return dimension === undefined ? [] : [dimension];
  });
  if (per.length > mostDimensions) problems.add(fields.at("per"), `at most ${mostDimensions}`);
  const warnAt = readShare(fields, problems);
  return {
    ...{ name, unit: unit ?? "requests", window, per },
    ...readAmount(fields, unit, problems),
    soft: fields.boolean("soft") ?? false,
    ...(warnAt === undefined ? {} : { warnAt }),
  };
}

function readAmount(
  fields: Fields,
  unit: LimitUnit | undefined,
  problems: Problems,
): Pick<LimitRule, "amount" | "currency"> {
  if (unit !== "cost") {
    const amount = fields.integer("amount", 0, Number.MAX_SAFE_INTEGER);
    if (amount === undefined && !fields.has("amount")) problems.add(fields.at("amount"), "is required");
    return { amount: amount ?? 0 };
  }
  const amount = readNanos(fields.required("amount"));
  if (amount === undefined)
    problems.add(fields.at("amount"), 'must be a decimal as text, e.g. "500.00", below 9000000');
  const currency = fields.required("currency");
  if (!/^[A-Z]{3}$/.test(currency)) problems.add(fields.at("currency"), "must be three capital letters");
  return { amount: amount ?? 0, currency };
}

function readWindow(fields: Fields, unit: LimitUnit | undefined, problems: Problems): Window {
  const given = fields.raw("window");
  const sliding = fields.boolean("sliding") ?? false;
  const window = windowOf(fields, sliding, problems);
  if (given === undefined && unit === "concurrent") return { kind: "concurrent" };
  if (given === undefined) problems.add(fields.at("window"), "is required");
  if ((unit === "concurrent") !== (window.kind === "concurrent") && given !== undefined)
    problems.add(fields.at("window"), "is concurrent for the unit concurrent, and for no other");
  if (sliding && window.kind !== "sliding")
    problems.add(fields.at("sliding"), "is for windows of a length, such as 60s");
  return window;
}

function windowOf(fields: Fields, sliding: boolean, problems: Problems): Window {
  const value = fields.raw("window");
  if (isObject(value)) {
    const calendar = fields.nested("window");
    const period = calendar.oneOf("calendar", ["day", "week", "month"]);
    if (period === undefined && !calendar.has("calendar"))
      problems.add(calendar.at("calendar"), "is required");
    const timeZone = calendar.string("time_zone") ?? "UTC";
    if (!isZone(timeZone)) problems.add(calendar.at("time_zone"), "is no IANA time zone");
    calendar.end();
    return { kind: "calendar", period: period ?? "day", timeZone };
  }
  if (value === "task") return { kind: "lifetime" };
  if (value === "concurrent") return { kind: "concurrent" };
  const match = typeof value === "string" ? /^([1-9]\d{0,6})([smhd])$/.exec(value) : null;
  const ms = Number(match?.[1]) * spans[(match?.[2] ?? "s") as keyof typeof spans];
  const fits = match !== null && ms <= longestWindowMs;
  if (!fits && value !== undefined) {
    const forms = "such as 60s, 1m, 1h or 30d (at most 366d), task, concurrent, or {calendar, time_zone}";
    problems.add(fields.at("window"), `must be a length ${forms}`);
  }
  return { kind: sliding ? "sliding" : "fixed", ms: fits ? ms : 60_000 };
}

function isZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return true;
  } catch {
    return false;
  }
}

function readShare(fields: Fields, problems: Problems): number | undefined {
  const value = fields.raw("warn_at");
  if (value === undefined) return undefined;
  if (typeof value === "number" && value > 0 && value < 1) return value;
  return problems.add(fields.at("warn_at"), "must be a share above 0 and below 1");
}
