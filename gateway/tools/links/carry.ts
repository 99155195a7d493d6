import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { Holder } from "./link.js";
import { metaNames, stateless } from "./revisions.js";

/** Gives a request's params with what each request of the stateless era carries. */
export function carry(
  { clientInfo, capabilities }: Pick<Holder, "clientInfo" | "capabilities">,
  params: JsonObject,
): JsonObject {
  const given = params["_meta"];
  const _meta: JsonObject = {
    ...(isObject(given) ? given : {}),
    [metaNames.version]: stateless,
    [metaNames.clientInfo]: clientInfo,
    [metaNames.clientCapabilities]: capabilities,
  };
  return { ...params, _meta };
}
