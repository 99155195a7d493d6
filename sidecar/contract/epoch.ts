/** Epochs: numbers that grow, so that what was kept for somebody before counts no more. */
import type { Handle } from "./fence.js";
import { handleOf } from "./fence.js";
import type { Json } from "./json.js";
import { isObject } from "./json.js";

/** Whose epoch can be bumped: everything that a caller is known by, nothing of what it asks for. */
export const epochKinds = [
  /** All there is; its value is `*`. */
  "everything",
  "tenant",
  /** Who calls, or for whom: whoever acts on the subject's behalf is meant, too. */
  "subject",
  "workload",
  "task",
  "session",
  "token",
  "device",
] as const;
export type EpochKind = (typeof epochKinds)[number];

/** Whose epoch is bumped: one kind; with a tenant beside it, only there. */
export type EpochMatch = Partial<Readonly<Record<EpochKind, string>>>;

/** What an enforcement point that reuses decisions is told. */
export interface EpochChange {
  /**
   * `listening`: from now on all is told; `deaf`: something may be missed; `bumped`: what is known by any of the handles was
   * bumped (with one of a tenant before a line break: only there); `changed`: policies or data are others. With all but
   * `bumped`, nothing that was kept counts any more.
   */
  readonly kind: "listening" | "deaf" | "bumped" | "changed";
  readonly handles: readonly Handle[];
}

const changes = ["listening", "deaf", "bumped", "changed"] as const;

/** Reads a change; undefined where any of it isn't one. */
export function readEpochChange(value: Json): EpochChange | undefined {
  if (!isObject(value)) return undefined;
  const { handles } = value;
  const kind = changes.find((known) => known === value["kind"]);
  if (kind === undefined || !Array.isArray(handles)) return undefined;
  const read = handles.filter((one) => typeof one === "string");
  return read.length === handles.length ? { kind, handles: read } : undefined;
}

const everywhere = handleOf("everything", "*");

/**
 * Gives the handles that a bump stands under; what is known by one of them is reached.
 * A bump within a tenant stands under `tenant:T`, a line break, and the handle: no handle holds one.
 */
export function bumpedHandles(match: EpochMatch): readonly Handle[] {
  const { tenant } = match;
  const kind = epochKinds.find((one) => one !== "tenant" && match[one] !== undefined);
  if (kind === undefined) return tenant === undefined ? [] : [handleOf("tenant", tenant)];
  if (kind === "everything") return [everywhere];
  const value = match[kind] ?? "";
  const handles = [handleOf(kind, value)];
  if (kind === "subject") handles.push(handleOf("chain", value));
  return tenant === undefined ? handles : handles.map((one) => `${handleOf("tenant", tenant)}\n${one}`);
}
