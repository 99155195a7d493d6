import type { JsonObject } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";

/** Tells whether streams from there are asked for usage: what a deployment says goes before what its upstream is. */
export function asksUsage(
  { askUsage }: { readonly askUsage?: boolean },
  { tellsUsage }: { readonly tellsUsage?: true },
): boolean {
  return askUsage ?? tellsUsage !== true;
}

/**
 * Asks for the usage of a stream, in OpenAI's words.
 * @returns undefined where the client asked for it already
 */
export function askUsage(body: JsonObject): JsonObject | undefined {
  const { stream_options: given } = body;
  const options = isObject(given) ? given : {};
  if (options["include_usage"] === true) return undefined;
  return { ...body, stream_options: { ...options, include_usage: true } };
}
