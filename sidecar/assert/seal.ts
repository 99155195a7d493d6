import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

/** Encrypts and authenticates what a fleet shares where others can read and write. */
export interface KeySeal {
  /** The name to keep the key of an epoch under; it tells nothing, and another secret gives another. */
  nameOf(epoch: number): string;
  /** Writes `1.<base64url of nonce, tag, ciphertext>`. */
  close(name: string, plain: Buffer): string;
  /** Gives what was closed under this very name; undefined for everything else. */
  open(name: string, text: string): Buffer | undefined;
}

const version = "1.";
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Creates the seal of a fleet from its secret: AES-256-GCM under a key derived by HKDF-SHA256 (RFC 5869).
 * INVARIANT: names and sealing have keys of their own, and the name is authenticated with the value: one that was made
 * for another fleet, issuer, algorithm or epoch doesn't open.
 *
 * @param secret 32 characters or more
 * @param context what members must agree on besides: issuer, algorithm, rotation
 */
export function createKeySeal(secret: string, context: readonly string[]): KeySeal {
  const salt = JSON.stringify(context);
  const derive = (use: string, bytes: number): Buffer =>
    Buffer.from(hkdfSync("sha256", secret, salt, `countersign assertion keys ${version}${use}`, bytes));
  const key = derive("seal", 32);
  const prefix = `countersign:a1:${derive("names", 16).toString("base64url")}`;
  return {
    nameOf: (epoch) => `${prefix}:${epoch}`,
    close(name, plain) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(version + name));
      const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
      return version + Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64url");
    },
    open(name, text) {
      if (!text.startsWith(version)) return undefined;
      const bytes = Buffer.from(text.slice(version.length), "base64url");
      if (bytes.length <= nonceBytes + tagBytes) return undefined;
      try {
        const opener = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes), {
          authTagLength: tagBytes,
        });
        opener.setAAD(Buffer.from(version + name));
        opener.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
        return Buffer.concat([opener.update(bytes.subarray(nonceBytes + tagBytes)), opener.final()]);
      } catch {
        return undefined;
      }
    },
  };
}
