/** How things are called in Redis, and how labels are sealed there. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import type { LabelOrigin } from "../../contract.js";

/** A label as it lies in Redis. */
export interface SealedLabel {
  readonly name: string;
  /** Even: it is on; odd: it was taken off. It only grows. */
  readonly generation: number;
  /** Epoch milliseconds. */
  readonly until: number;
  /** Absent where it was taken off. */
  readonly origin?: LabelOrigin;
  readonly text: string;
}

export interface Names {
  /** Begins the names of all that is a tenant's; undefined: the fleet's. */
  prefix(tenant: string | undefined): string;
  /** Names something by what it is; it tells nothing, and has 22 characters. */
  digest(kind: string, value: string): string;
  /** Writes `1.<generation>.<until>.<base64url of nonce, tag, ciphertext>`. */
  seal(key: string, label: Omit<SealedLabel, "text">): SealedLabel;
  /** Gives what was sealed for this key and field; undefined for everything else. */
  open(key: string, field: string, text: string): SealedLabel | undefined;
}

const nonceBytes = 12;
const tagBytes = 16;
const sealed = /^1\.(\d{1,15})\.(\d{1,15})\.([\w-]{38,8192})$/;
const mostDigests = 50_000;

/**
 * Creates the names and the seal of a fleet from its secret: HMAC-SHA256 and AES-256-GCM under keys derived by HKDF-SHA256
 * (RFC 5869). INVARIANT: key, field, generation and end are authenticated with what is sealed: it holds nowhere else.
 */
export function createNames(secret: string): Names {
  const derive = (use: string): Buffer =>
    Buffer.from(hkdfSync("sha256", secret, "countersign state 1", use, 32));
  const [namesKey, sealKey] = [derive("names"), derive("labels")];
  const known = new Map<string, string>();
  const digest = (kind: string, value: string): string => {
    const name = `${kind}:${value}`;
    let found = known.get(name);
    if (found === undefined) {
      found = createHmac("sha256", namesKey).update(name, "utf16le").digest("base64url").slice(0, 22);
      if (known.size >= mostDigests) known.clear();
      known.set(name, found);
    }
    return found;
  };
  const bound = (key: string, field: string, generation: number | string, until: number | string): Buffer =>
    Buffer.from(JSON.stringify([key, field, String(generation), String(until)]));
  return {
    digest,
    prefix: (tenant) => (tenant === undefined ? "cs:{fleet}:" : `cs:{${digest("tenant", tenant)}}:`),
    seal(key, label) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", sealKey, nonce, { authTagLength: tagBytes });
      cipher.setAAD(bound(key, digest("label", label.name), label.generation, label.until));
      const plain = Buffer.from(JSON.stringify([label.name, label.origin ?? null]));
      const bytes = Buffer.concat([cipher.update(plain), cipher.final()]);
      const body = Buffer.concat([nonce, cipher.getAuthTag(), bytes]).toString("base64url");
      return { ...label, text: `1.${label.generation}.${label.until}.${body}` };
    },
    open(key, field, text) {
      const [, generation = "", until = "", body = ""] = sealed.exec(text) ?? [];
      const bytes = Buffer.from(body, "base64url");
      if (bytes.length <= nonceBytes + tagBytes) return undefined;
      try {
        const opener = createDecipheriv("aes-256-gcm", sealKey, bytes.subarray(0, nonceBytes), {
          authTagLength: tagBytes,
        });
        opener.setAAD(bound(key, field, generation, until));
        opener.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
        const plain = Buffer.concat([opener.update(bytes.subarray(nonceBytes + tagBytes)), opener.final()]);
        // only we could have written it
        const [name, origin] = JSON.parse(plain.toString("utf8")) as [string, LabelOrigin | null];
        const label = { name, generation: Number(generation), until: Number(until), text };
        return origin === null ? label : { ...label, origin };
      } catch {
        return undefined;
      }
    },
  };
}
