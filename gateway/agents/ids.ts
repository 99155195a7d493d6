/** The ids of an agent's tasks and contexts: sealed to who got them, so that they are of use to nobody else. */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Decision } from "../../sidecar/contract.js";

export type IdKind = "task" | "context" | "page";

export interface Bound {
  readonly agent: string;
  readonly subject: NonNullable<Decision["subject"]>;
  readonly secret: Uint8Array;
}

/** What an id says, before it is known whether it may. */
export interface Named {
  readonly id: string;
  readonly mac: Buffer;
}

const prefixes: Readonly<Record<IdKind, string>> = { task: "task-", context: "ctx-", page: "page-" };
const macBytes = 32;

export function sealId(kind: IdKind, id: string, bound: Bound): string {
  const said = Buffer.concat([macOf(kind, id, bound), Buffer.from(id)]);
  return prefixes[kind] + said.toString("base64url");
}

/** Reads an id; undefined where it isn't of a form that was ever given out. Whose it is tells {@link isOwn}. */
export function readId(kind: IdKind, sealed: string): Named | undefined {
  if (!sealed.startsWith(prefixes[kind])) return undefined;
  const text = sealed.slice(prefixes[kind].length);
  const bytes = Buffer.from(text, "base64url");
  // one spelling only
  if (bytes.length <= macBytes || bytes.toString("base64url") !== text) return undefined;
  const said = bytes.subarray(macBytes);
  const id = said.toString();
  return Buffer.from(id).equals(said) ? { id, mac: bytes.subarray(0, macBytes) } : undefined;
}

/** Tells whether this subject got this id from this agent. */
export function isOwn(kind: IdKind, { id, mac }: Named, bound: Bound): boolean {
  return timingSafeEqual(mac, macOf(kind, id, bound));
}

function macOf(kind: IdKind, id: string, { agent, subject, secret }: Bound): Buffer {
  const { tenant, type, id: who, chain } = subject;
  return createHmac("sha256", secret)
    .update(JSON.stringify(["a2a", kind, id, agent, tenant, type, who, chain]))
    .digest();
}
