import { isObject } from "../../../sidecar/contract.js";
import type { LinkAnswer } from "./link.js";
import { modernErrors, withSessions } from "./revisions.js";

/**
 * Tells whether who answers a probe like this may speak a revision with sessions. An error that only a modern server
 * gives means that it is one; it may speak the older revisions, too. Source: 2026-07-28, "Versioning".
 */
export function speaksBefore({ code, data }: Extract<LinkAnswer, { kind: "error" }>): boolean {
  if (code === modernErrors.version) {
    const supported = isObject(data) ? data["supported"] : undefined;
    return Array.isArray(supported) && supported.some((one) => withSessions.includes(String(one)));
  }
  return code !== modernErrors.headerMismatch && code !== modernErrors.capability;
}
