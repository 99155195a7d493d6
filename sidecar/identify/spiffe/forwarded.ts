import { createHash } from "node:crypto";
import { refuse } from "../../contract.js";
import type { VerifyOutcome } from "../verified.js";
import type { VerifyCertificates } from "./certificates.js";
import { parseXfcc } from "./xfcc.js";

/**
 * Creates the method for certificates that a local proxy forwards: verified like those of a connection of our own, but
 * that the proxy saw the key in use. INVARIANT: only a configured proxy is believed, by the name of its own socket.
 */
export function createForwarded(
  verify: VerifyCertificates,
  proxies: readonly string[],
): (value: string, proxy: string) => Promise<VerifyOutcome> {
  const believed = new Set(proxies);
  return async (value, proxy) => {
    if (!believed.has(proxy)) return refuse("forwarded_certificate_untrusted");
    const element = parseXfcc(value);
    const leaf = element?.chain[0];
    if (element === undefined || leaf === undefined) return refuse("forwarded_certificate_malformed");
    const { hash, chain, uris } = element;
    if (hash !== createHash("sha256").update(leaf).digest("hex")) {
      return refuse("forwarded_certificate_mismatch", "Hash");
    }
    const verified = await verify(chain.map((der) => der.toString("base64")));
    if (verified.kind === "refusal") return verified;
    if (uris.length > 1 || (uris[0] !== undefined && uris[0] !== verified.workload?.id)) {
      return refuse("forwarded_certificate_mismatch", "URI");
    }
    return verified;
  };
}
