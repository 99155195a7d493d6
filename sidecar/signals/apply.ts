/** Brings what an event asks for into force. */
import type { FenceMatch } from "../contract.js";
import { fenceKinds } from "../contract.js";
import type { Fence, Fences } from "../state/fences/fences.js";
import type { TransmitterConfig } from "./config.js";
import type { Rule, TargetKind } from "./events.js";
import { eventName, isGrant, secondsOf } from "./events.js";
import type { Subject } from "./subject.js";
import { readSubject } from "./subject.js";
import type { SecurityEvent, SetError } from "./verify.js";

export type Result =
  | "fenced"
  | "lifted"
  | "bumped"
  /** Taken, and configured to do nothing. */
  | "ignored"
  | "unknown"
  | "unmapped"
  /** Something that happened later counts already. */
  | "stale"
  /** Fences that only people may lift stay. */
  | "kept"
  | "failed";

export interface Applied {
  readonly kind: "applied";
  readonly result: Result;
  /** Ids of the fences that were set or lifted. */
  readonly fences: readonly string[];
  readonly subject?: Subject;
}

export type ApplyOutcome =
  Applied | { readonly kind: "refused"; readonly err: SetError; readonly description: string };

/** Makes what is remembered of something count no more; resolves once it does, and rejects where that can't be known. */
export type Bump = (
  kind: TargetKind,
  id: string,
  tenant: string | undefined,
  why: { readonly by: string; readonly reason: string },
) => void | Promise<void>;

export interface ApplyParts {
  readonly fences: Pick<Fences, "add" | "lift" | "list">;
  readonly bump: Bump;
}

export type Apply = (event: SecurityEvent) => Promise<ApplyOutcome>;

/** Most pairs of subject and event whose last lift is remembered. */
const mostLifts = 10_000;

/**
 * Creates what applies a transmitter's events. What was applied is found again: the same event twice changes nothing.
 * INVARIANT: `failed` wherever one of the effects isn't in force, and then the event isn't acknowledged.
 */
export function createApply(config: TransmitterConfig, { fences, bump }: ApplyParts): Apply {
  const by = `signal:${config.name}`;
  /** When what was lifted was lifted, by what it named. */
  const lifts = new Map<string, number>();

  async function fence(name: string, event: SecurityEvent, rule: Rule, subject: Subject): Promise<Applied> {
    const kind = rule.fence?.find((one) => subject.targets.has(one));
    if (kind === undefined) return { kind: "applied", result: "failed", fences: [] };
    const past = rule.issued_before === true && !isGrant(kind);
    const { seconds = secondsOf(kind, past) } = rule;
    const issuedBefore = past ? endOfSecond(cutAt(event, config.maxAge)) : undefined;
    const set: string[] = [];
    let stale = 0;
    for (const match of matchesOf(kind, subject)) {
      const key = textOf(name, match);
      if ((lifts.get(key) ?? -Infinity) > event.at) {
        stale++;
        continue;
      }
      const before = fences.list().filter((one) => isOurs(one, by, name) && textOf(name, one.match) === key);
      const result = await fences.add({
        ...{ match, by, reason: reasonOf(name, event.at) },
        ...(seconds === "until_lifted" ? {} : { seconds }),
        ...(issuedBefore === undefined ? {} : { issued_before: issuedBefore }),
      });
      if (result.kind !== "done") return { kind: "applied", result: "failed", fences: set };
      set.push(result.fence.id);
      // one cause doesn't fill the list: the newest stands for those before it that end no later
      for (const one of before) {
        const isCovered =
          (one.expires ?? Infinity) <= (result.fence.expires ?? Infinity) &&
          (one.issued_before ?? Infinity) <= (result.fence.issued_before ?? Infinity);
        if (one.id !== result.fence.id && timeOf(one) <= event.at && isCovered) await fences.lift(one.id, by);
      }
    }
    return { kind: "applied", result: set.length === 0 && stale > 0 ? "stale" : "fenced", fences: set };
  }

  async function lift(event: SecurityEvent, names: readonly string[], subject: Subject): Promise<Applied> {
    const lifted: string[] = [];
    let kept = false;
    for (const kind of subject.targets.keys()) {
      for (const match of matchesOf(kind, subject)) {
        for (const name of names) {
          const key = textOf(name, match);
          remember(lifts, key, event.at);
          for (const one of fences.list()) {
            if (!isOurs(one, by, name) || textOf(name, one.match) !== key || timeOf(one) > event.at) continue;
            const result = await fences.lift(one.id, by);
            if (result.kind === "unwritten") return { kind: "applied", result: "failed", fences: lifted };
            if (result.kind === "done") lifted.push(one.id);
            else kept = true;
          }
        }
      }
    }
    return { kind: "applied", result: kept ? "kept" : "lifted", fences: lifted };
  }

  return async (event) => {
    const rules = config.events.get(event.uri);
    if (rules === undefined) return { kind: "applied", result: "unknown", fences: [] };
    const held = rules.filter(({ when }) => when === undefined || holds(when, event));
    if (!held[0] || !hasEffect(held[0])) return { kind: "applied", result: "ignored", fences: [] };
    const subject = readSubject(event.subject, config);
    switch (subject.kind) {
      case "malformed":
        return refused("invalid_request", "the subject is missing or malformed");
      case "foreign":
        return refused("access_denied", "the transmitter may not speak of this tenant or issuer");
      case "unmapped":
        return unmapped();
      case "subject":
        break;
    }
    const rule = held.find(
      ({ fence }) => fence === undefined || fence.some((one) => subject.targets.has(one)),
    );
    if (rule === undefined) return unmapped();
    const name = eventName(event.uri) ?? event.uri;
    let applied: Applied = { kind: "applied", result: hasEffect(rule) ? "bumped" : "ignored", fences: [] };
    if (rule.fence !== undefined) applied = await fence(name, event, rule, subject);
    else if (rule.lift !== undefined) applied = await lift(event, rule.lift, subject);
    if (
      applied.result !== "failed" &&
      rule.epoch === true &&
      !(await forget(subject, { by, reason: name }))
    ) {
      applied = { ...applied, result: "failed" };
    }
    return { ...applied, subject };
  };

  async function forget({ tenants, targets }: Subject, why: Parameters<Bump>[3]): Promise<boolean> {
    try {
      for (const [kind, values] of targets) {
        if (kind === "tenant" && targets.size > 1) continue;
        for (const value of values) {
          for (const tenant of tenants) await bump(kind, value, tenant === "*" ? undefined : tenant, why);
        }
      }
      return true;
    } catch {
      return false;
    }
  }

  function unmapped(): ApplyOutcome {
    return config.unmapped === "refuse"
      ? refused("invalid_request", "the subject's format isn't mapped here")
      : { kind: "applied", result: "unmapped", fences: [] };
  }
}

function refused(err: SetError, description: string): ApplyOutcome {
  return { kind: "refused", err, description };
}

function hasEffect({ fence, lift, epoch }: Rule): boolean {
  return (fence?.length ?? 0) > 0 || (lift?.length ?? 0) > 0 || epoch === true;
}

function holds(when: NonNullable<Rule["when"]>, { body }: SecurityEvent): boolean {
  return Object.entries(when).every(([field, values]) => {
    const said = Object.hasOwn(body, field) ? body[field] : undefined;
    return typeof said === "string" && values.includes(said.toLowerCase());
  });
}

/** INVARIANT: a match names the tenant, unless the transmitter may speak for any. */
function matchesOf(kind: TargetKind, { tenants, targets }: Subject): FenceMatch[] {
  const values = targets.get(kind) ?? [];
  if (kind === "tenant") return values.map((tenant) => ({ tenant }));
  return values.flatMap((value) =>
    tenants.map((tenant): FenceMatch => (tenant === "*" ? { [kind]: value } : { tenant, [kind]: value })),
  );
}

/** INVARIANT: a time that is too long ago to be told of now is no reason to cut nothing: then all from before the telling is. */
function cutAt({ at, told }: SecurityEvent, maxAge: number): number {
  return at < told - maxAge * 1_000 ? told : at;
}

/** INVARIANT: tokens and events tell seconds; what was issued in the same one is cut, too. */
function endOfSecond(at: number): number {
  return (Math.floor(at / 1_000) + 1) * 1_000;
}

function textOf(name: string, match: FenceMatch): string {
  return JSON.stringify([name, fenceKinds.map((kind) => match[kind] ?? null)]);
}

/** Writes why a fence is there; {@link timeOf} reads it again. */
function reasonOf(name: string, at: number): string {
  return `${name} at ${new Date(at).toISOString()}`;
}

function isOurs({ by, reason }: Fence, ours: string, name: string): boolean {
  return by === ours && reason.startsWith(`${name} at `);
}

/** When what a fence is for happened, epoch milliseconds. */
function timeOf({ reason, at }: Fence): number {
  const time = Date.parse(reason.slice(reason.lastIndexOf(" at ") + 4));
  return Number.isNaN(time) ? at : time;
}

function remember(lifts: Map<string, number>, key: string, at: number): void {
  const before = lifts.get(key) ?? -Infinity;
  lifts.delete(key);
  if (lifts.size >= mostLifts) lifts.delete(lifts.keys().next().value ?? "");
  lifts.set(key, Math.max(before, at));
}
