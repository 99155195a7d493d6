/** Ids of what an upstream keeps for its clients: bound to who made it, so that they are of use to nobody else. */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Decision } from "../../../sidecar/contract.js";

type Subject = NonNullable<Decision["subject"]>;

/** Who asks, and where what it names is kept. */
export interface Bound {
  readonly subject: Subject;
  /** The name of the upstream in the configuration. */
  readonly upstream: string;
  /** The name of the model that is asked. */
  readonly model: string;
  readonly secret: Uint8Array;
}

const macBytes = 32;
/** What an id begins with at the provider; kept, so that clients see what they know. */
const form = /^([a-z]{1,16}[_-])([A-Za-z0-9_-]{44,1024})$/;

/** What an id says, before it is known whether it may. */
export interface Named {
  readonly prefix: string;
  readonly id: string;
  /** The model that made it. */
  readonly model: string;
  readonly mac: Buffer;
}

/** Gives the id that a client gets for an upstream's: with the model, and an HMAC over all that it is bound to. */
export function sealId(id: string, prefix: string, bound: Bound): string {
  const said = Buffer.from(JSON.stringify([id, bound.model]));
  return prefix + Buffer.concat([macOf(prefix, id, bound), said]).toString("base64url");
}

/** Reads an id; undefined where it isn't of a form that was ever given out. Whose it is tells {@link isOwn}. */
export function readId(sealed: string): Named | undefined {
  const [, prefix = "", text = ""] = form.exec(sealed) ?? [];
  const bytes = Buffer.from(text, "base64url");
  // one spelling only
  if (text === "" || bytes.toString("base64url") !== text) return undefined;
  try {
    const said: unknown = JSON.parse(bytes.subarray(macBytes).toString());
    if (!Array.isArray(said) || said.length !== 2) return undefined;
    const [id, model] = said as unknown[];
    if (typeof id !== "string" || typeof model !== "string" || id === "") return undefined;
    return { prefix, id, model, mac: bytes.subarray(0, macBytes) };
  } catch {
    return undefined;
  }
}

/** Tells whether this subject got this id from this upstream. */
export function isOwn({ prefix, id, model, mac }: Named, bound: Omit<Bound, "model">): boolean {
  return timingSafeEqual(mac, macOf(prefix, id, { ...bound, model }));
}

function macOf(prefix: string, id: string, { subject, upstream, model, secret }: Bound): Buffer {
  const { tenant, type, id: who } = subject;
  return createHmac("sha256", secret)
    .update(JSON.stringify(["stored", prefix, id, upstream, model, tenant, type, who]))
    .digest();
}
