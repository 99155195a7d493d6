import type { CallContext, Credentials, DecisionRequest, JsonObject } from "../contract.js";

/**
 * Makes the request of a caller that is no enforcement point: it gets a decision on its own credentials, from where
 * it really comes, and whatever it says of the surroundings stands under `context.claimed`.
 */
export function ownRequest(
  request: DecisionRequest,
  credentials: Credentials,
  seen: { readonly ip: string | undefined; readonly requestId: string },
): DecisionRequest {
  const { source, environment, request: stated, prompt, content, claimed } = request.context;
  const said: JsonObject = {
    ...(source === undefined ? {} : { source: { ...source } }),
    ...(environment === undefined ? {} : { environment }),
    request: { ...stated },
    ...(prompt === undefined ? {} : { prompt }),
    ...(content === undefined ? {} : { content }),
    ...(claimed === undefined ? {} : claimed),
  };
  const context: CallContext = {
    ...(seen.ip === undefined ? {} : { source: { ip: seen.ip } }),
    request: { id: seen.requestId, method: "POST", path: "/v1/decisions" },
    claimed: said,
  };
  return { ...request, credentials, context };
}
