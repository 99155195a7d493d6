/** Passes an answer on as it comes, where it is neither JSON nor events: sound, text, a file. */
import { passOn } from "../../forward/forward.js";
import type { Relayed } from "../relay.js";
import type { AnswerParts } from "./relay.js";

export async function relayRaw(parts: AnswerParts): Promise<Relayed> {
  const { res, status, headers, body, signal, inspect } = parts;
  try {
    await inspect?.opaque();
  } catch {
    return { kind: "refused" };
  }
  if (signal.aborted) return { kind: "relayed", ended: "aborted", bytes: 0, stalled: false, used: {} };
  // what a browser makes of it is decided by its type alone
  res.writeHead(status, { ...headers, "x-content-type-options": "nosniff" });
  const passed = await passOn(body, res, signal);
  // half of it must not look whole
  if (passed.ended !== "whole") res.destroy();
  else res.end();
  return { kind: "relayed", ...passed, stalled: false, used: {} };
}
