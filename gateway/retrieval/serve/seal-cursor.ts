import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import type { Decision } from "../../../sidecar/contract.js";
import type { Cursors } from "../cursors.js";

type Subject = NonNullable<Decision["subject"]>;

/** The cursors of one request. */
export interface OpenCursors extends Cursors {
  /** Whether all that were taken were given to who asks. INVARIANT: nothing is sent before that is known. */
  areOf(subject: Subject | undefined): boolean;
  /** Says for whom cursors are given from now on. */
  giveTo(subject: Subject): void;
}

const form = /^[A-Za-z0-9_-]{40,8192}$/;

/** Seals what stores give to find their place again: with AES-256-GCM, to caller, store and collection. */
export function openCursors(secret: Uint8Array, store: string): OpenCursors {
  // most requests have no cursor: what one needs is worked out when the first is given or taken
  let derived: Buffer | undefined;
  const key = (): Buffer =>
    (derived ??= Buffer.from(hkdfSync("sha256", secret, "", "countersign cursors of stores", 32)));
  const owners: string[] = [];
  let giving: Subject | undefined;
  const about = (collection: string): Buffer => Buffer.from(JSON.stringify([store, collection]));
  return {
    give(cursor, collection) {
      if (giving === undefined) throw new Error("a cursor for nobody");
      const iv = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key(), iv).setAAD(about(collection));
      const sealed = [cipher.update(JSON.stringify([cursor, ownerOf(giving)])), cipher.final()];
      return Buffer.concat([iv, ...sealed, cipher.getAuthTag()]).toString("base64url");
    },
    take(sealed, collection) {
      const bytes = Buffer.from(form.test(sealed) ? sealed : "", "base64url");
      if (bytes.length < 29) return undefined;
      try {
        const cipher = createDecipheriv("aes-256-gcm", key(), bytes.subarray(0, 12)).setAAD(
          about(collection),
        );
        cipher.setAuthTag(bytes.subarray(-16));
        const text = Buffer.concat([cipher.update(bytes.subarray(12, -16)), cipher.final()]).toString();
        const [cursor, owner] = JSON.parse(text) as [string, string];
        owners.push(owner);
        return cursor;
      } catch {
        return undefined;
      }
    },
    areOf: (subject) => owners.every((one) => subject !== undefined && one === ownerOf(subject)),
    giveTo(subject) {
      giving = subject;
    },
  };
}

/** One identity: an agent that calls for another user is another. */
export function ownerOf({ tenant, type, id, chain }: Subject): string {
  return createHash("sha256")
    .update(JSON.stringify([tenant, type, id, chain ?? null]))
    .digest("base64url");
}
