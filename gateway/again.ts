import type { Call } from "../sidecar/contract.js";

/** Makes the question about a call that goes on since it was allowed: it counts, and holds, nothing more. */
export function again(call: Call): Call {
  const { action } = call;
  return { ...call, action: { ...action, properties: { ...action.properties, recheck: true } } };
}
