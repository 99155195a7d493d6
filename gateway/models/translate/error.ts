/** An upstream's error in the words of a client of the other protocol. Sources: OpenAI's and Anthropic's API references, "Errors". */
import { isObject, parseJson } from "../../../sidecar/contract.js";
import type { ProtocolName } from "../protocol.js";

/** By status: what clients of each protocol tell errors by. */
const kinds: Readonly<Record<number, { readonly anthropic: string; readonly code: string | null }>> = {
  400: { anthropic: "invalid_request_error", code: null },
  404: { anthropic: "not_found_error", code: "model_not_found" },
  408: { anthropic: "timeout_error", code: null },
  413: { anthropic: "request_too_large", code: "context_length_exceeded" },
  422: { anthropic: "invalid_request_error", code: null },
  429: { anthropic: "rate_limit_error", code: "rate_limit_exceeded" },
};

/** Says an error, of which both protocols have the message; undefined where it isn't one. */
export function translateError(error: Buffer, status: number, to: ProtocolName): string | undefined {
  const message = messageOf(error);
  if (message === undefined) return undefined;
  const { anthropic, code } = kinds[status] ?? { anthropic: "api_error", code: null };
  if (to === "anthropic") return JSON.stringify({ type: "error", error: { type: anthropic, message } });
  const type = status === 429 ? "rate_limit_error" : "invalid_request_error";
  return JSON.stringify({ error: { message, type, param: null, code } });
}

function messageOf(error: Buffer): string | undefined {
  try {
    const said = parseJson(error);
    const inner = isObject(said) ? said["error"] : undefined;
    const message = isObject(inner) ? inner["message"] : undefined;
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}
