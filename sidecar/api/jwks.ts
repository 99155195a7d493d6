import type { RequestListener } from "node:http";
import { sendJson } from "./http.js";

/** Where the public keys of assertions lie; the second is where verifiers of Pomerium's assertion look. */
export const jwksPaths = ["/.well-known/jwks.json", "/.well-known/pomerium/jwks.json"];

/** Serves the keys (RFC 7517), to be kept for five minutes: the next key is published long before it signs. */
export function createJwks(keys: () => string): RequestListener {
  return (_req, res) => {
    sendJson(res, 200, keys(), {
      "cache-control": "public, max-age=300, must-revalidate",
    });
  };
}
