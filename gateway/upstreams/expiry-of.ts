import { isObject, parseJson } from "../../sidecar/contract.js";

/**
 * Reads when a token ends by its own words, epoch milliseconds; undefined where it doesn't show.
 * For how long to keep what belongs to it only: nothing is verified here.
 */
export function expiryOf(token: string): number | undefined {
  const [, payload, ...rest] = token.split(".");
  if (payload === undefined || rest.length !== 1) return undefined;
  try {
    const claims = parseJson(Buffer.from(payload, "base64url"));
    const expiry = isObject(claims) ? Number(claims["exp"]) : Number.NaN;
    return Number.isFinite(expiry) ? expiry * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
