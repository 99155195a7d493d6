/** Reads what a server says of itself when it is greeted. */
import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { Hello } from "./link.js";
import { metaNames, stateless, withSessions } from "./revisions.js";

/** Reads the result of `initialize`; undefined where it is none, or of a revision that isn't known. */
export function readInitialized(
  result: JsonObject,
): { readonly version: string; readonly hello: Hello } | undefined {
  const { protocolVersion, capabilities, serverInfo, instructions } = result;
  if (typeof protocolVersion !== "string" || !withSessions.includes(protocolVersion)) return undefined;
  const hello = readHello(capabilities, serverInfo, instructions);
  return hello && { version: protocolVersion, hello };
}

/** Reads the result of `server/discover`; undefined where it is none, or our revision isn't among the server's. */
export function readDiscovery(result: JsonObject): Hello | undefined {
  const { supportedVersions, capabilities, _meta, instructions } = result;
  if (!Array.isArray(supportedVersions) || !supportedVersions.includes(stateless)) return undefined;
  return readHello(
    capabilities,
    (isObject(_meta) ? _meta[metaNames.serverInfo] : undefined) ?? {},
    instructions,
  );
}

function readHello(
  capabilities: JsonObject[string] | undefined,
  serverInfo: JsonObject[string] | undefined,
  instructions: JsonObject[string] | undefined,
): Hello | undefined {
  if (!isObject(capabilities) || !isObject(serverInfo)) return undefined;
  if (instructions === undefined || instructions === null) return { capabilities, serverInfo };
  return typeof instructions === "string" ? { capabilities, serverInfo, instructions } : undefined;
}
