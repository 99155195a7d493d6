/** Digests and MACs, by Node's own crypto. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { stringOperand } from "./operands.js";
import type { NodeBuiltin } from "./to-go.js";

function digest(algorithm: "md5" | "sha1" | "sha256"): NodeBuiltin {
  return (_context, text) => createHash(algorithm).update(stringOperand(text, 1)).digest("hex");
}

function hmac(algorithm: "md5" | "sha1" | "sha256" | "sha512"): NodeBuiltin {
  return (_context, text, key) => {
    const message = stringOperand(text, 1);
    return createHmac(algorithm, stringOperand(key, 2)).update(message).digest("hex");
  };
}

export const crypto: readonly (readonly [string, NodeBuiltin])[] = [
  ["crypto.md5", digest("md5")],
  ["crypto.sha1", digest("sha1")],
  ["crypto.sha256", digest("sha256")],
  ["crypto.hmac.md5", hmac("md5")],
  ["crypto.hmac.sha1", hmac("sha1")],
  ["crypto.hmac.sha256", hmac("sha256")],
  ["crypto.hmac.sha512", hmac("sha512")],
  [
    "crypto.hmac.equal",
    (_context, one, other) => {
      const left = createHash("sha256").update(stringOperand(one, 1)).digest();
      const right = createHash("sha256").update(stringOperand(other, 2)).digest();
      return timingSafeEqual(left, right);
    },
  ],
];
