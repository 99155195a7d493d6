/** Reads `fences.rules`: what fences by itself. */
import type { ActionName, Fields, FenceKind, Problems } from "../../contract.js";
import { actionNames } from "../../contract.js";

export type When =
  /** So many denials within a time, of one of what the rule fences by. */
  | { readonly kind: "denials"; readonly count: number; readonly withinMs: number }
  /** A tool is asked for, allowed or not: `server/tool`. */
  | { readonly kind: "tool"; readonly tool: string }
  | {
      readonly kind: "action";
      readonly action: ActionName;
      readonly count: number;
      readonly withinMs: number;
    }
  /** A task spends so many times its budget, or an amount in billionths. */
  | { readonly kind: "spend"; readonly factor: number; readonly amount?: Amount };

export interface Amount {
  readonly nanos: number;
  readonly currency: string;
}

/** What a rule may fence: who calls, or what they do; never what others use, too. */
export const watchKinds = [
  ...(["task", "session", "token", "subject", "workload", "chain", "device"] as const),
] satisfies readonly FenceKind[];
export type WatchKind = (typeof watchKinds)[number];

export interface WatchRule {
  readonly name: string;
  readonly when: When;
  readonly by: readonly WatchKind[];
  /** Of the fence. */
  readonly seconds: number;
  /** Milliseconds for which the same cause doesn't fence the same again. */
  readonly coolDownMs: number;
}

/** Most denials or actions that are counted for one rule. */
export const mostCounted = 100;

export function readWatchRules(items: readonly Fields[], problems: Problems): WatchRule[] {
  const names = new Set<string>();
  if (items.length > 64) problems.add("fences.rules", "at most 64");
  return items.map((fields) => {
    const name = fields.required("name");
    if (!/^[a-z0-9][a-z0-9_.-]{0,62}$/.test(name))
      problems.add(fields.at("name"), "must be a-z, 0-9, _ . -, at most 63 characters");
    if (names.has(name)) problems.add(fields.at("name"), "is taken");
    names.add(name);
    const when = readWhen(fields.nested("when"), problems);
    const by = readKinds(fields, problems);
    const seconds = fields.integer("seconds", 1, 2_592_000) ?? 900;
    const coolDown = fields.integer("cool_down", 0, 2_592_000) ?? seconds;
    fields.end();
    return { name, when, by, seconds, coolDownMs: coolDown * 1_000 };
  });
}

function readKinds(fields: Fields, problems: Problems): WatchKind[] {
  const given = fields.strings("by") ?? ["task"];
  const known = watchKinds.filter((kind) => given.includes(kind));
  if (known.length !== given.length || known.length === 0)
    problems.add(fields.at("by"), `must be some of ${watchKinds.join(", ")}`);
  return known;
}

function readWhen(fields: Fields, problems: Problems): When {
  const kinds = ["denials", "tool", "action", "spend_factor", "spend"].filter((name) => fields.has(name));
  if (kinds.length !== 1)
    problems.add(fields.at("denials"), "give one of denials, tool, action, spend_factor, spend");
  const denials = fields.integer("denials", 1, mostCounted);
  const tool = fields.string("tool");
  const action = fields.oneOf("action", actionNames);
  const factor = readFactor(fields, problems);
  const amount = fields.has("spend") ? readAmount(fields.nested("spend"), problems) : undefined;
  const counted = denials !== undefined || action !== undefined;
  const count = (action === undefined ? denials : fields.integer("count", 1, mostCounted)) ?? 1;
  const withinMs = counted ? readSpan(fields, problems) : 0;
  fields.end();
  if (tool !== undefined) {
    if (!/^[^/]+\/.+$/.test(tool)) problems.add(fields.at("tool"), "must be server/tool");
    return { kind: "tool", tool };
  }
  if (action !== undefined) return { kind: "action", action, count, withinMs };
  if (factor !== undefined || amount !== undefined)
    return { kind: "spend", factor: factor ?? 1, ...(amount === undefined ? {} : { amount }) };
  return { kind: "denials", count, withinMs };
}

function readFactor(fields: Fields, problems: Problems): number | undefined {
  const value = fields.raw("spend_factor");
  if (value === undefined) return undefined;
  if (typeof value === "number" && value > 0 && value <= 1_000) return value;
  return problems.add(fields.at("spend_factor"), "must be a number above 0, at most 1000");
}

function readAmount(fields: Fields, problems: Problems): Amount | undefined {
  const [amount, currency] = [fields.required("amount"), fields.required("currency")];
  fields.end();
  if (!/^\d{1,6}(?:\.\d{1,9})?$/.test(amount)) return problems.add(fields.at("amount"), "must be a decimal");
  if (!/^[A-Z]{3}$/.test(currency)) problems.add(fields.at("currency"), "must be three capital letters");
  return { nanos: Math.round(Number(amount) * 1e9), currency };
}

/** A span such as `60s` or `10m`, at most an hour. */
function readSpan(fields: Fields, problems: Problems): number {
  const [, count = "", unit = "s"] = /^(\d{1,4})(s|m|h)$/.exec(fields.string("within") ?? "60s") ?? [];
  const ms = Number(count) * { s: 1_000, m: 60_000, h: 3_600_000 }[unit as "s" | "m" | "h"];
  if (count === "" || ms < 1_000 || ms > 3_600_000)
    problems.add(fields.at("within"), "must be seconds or minutes, e.g. 60s, at most 1h");
  return ms;
}
