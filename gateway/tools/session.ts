import { createHmac, timingSafeEqual } from "node:crypto";
import type { Decision } from "../../sidecar/contract.js";

type Subject = NonNullable<Decision["subject"]>;

/**
 * Binds an upstream's session id to who opened it and at which server: the id that clients get carries an
 * HMAC over all of it, so that a session can be used by nobody else and nowhere else.
 */
export function sealSession(id: string, server: string, subject: Subject, secret: Uint8Array): string {
  const name = Buffer.from(id).toString("base64url");
  return `${name}.${mac(id, server, subject, secret).toString("base64url")}`;
}

/** Gives the upstream's session id, or undefined where this subject has no such session at this server. */
export function openSession(
  sealed: string,
  server: string,
  subject: Subject,
  secret: Uint8Array,
): string | undefined {
  const [name = "", tag = "", ...rest] = sealed.split(".");
  const id = Buffer.from(name, "base64url").toString();
  const expected = mac(id, server, subject, secret);
  const given = Buffer.from(tag, "base64url");
  const authentic = given.byteLength === expected.byteLength && timingSafeEqual(given, expected);
  return authentic && rest.length === 0 && id !== "" ? id : undefined;
}

function mac(id: string, server: string, { tenant, type, id: subject }: Subject, secret: Uint8Array): Buffer {
  return createHmac("sha256", secret)
    .update(JSON.stringify([id, server, tenant, type, subject]))
    .digest();
}
