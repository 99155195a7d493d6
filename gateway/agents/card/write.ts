/** Writes the card that a client gets: the agent as it is to be reached here, in the version that the client asks for. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { Version } from "../methods.js";
import { made } from "../wire/v1.js";
import type { Card } from "./read.js";

export interface Offered {
  /** The agent's address here, without a slash at its end. */
  readonly url: string;
  readonly skills: readonly JsonObject[];
  readonly extensions: readonly JsonObject[];
  /** Scopes that a token should have, where the gateway names any. */
  readonly scopes: readonly string[];
}

/** Which card: of one version, or one that clients of both can read. */
export type CardForm = Version | "both";

const bearer = { scheme: "Bearer", bearerFormat: "JWT" };

/** Members with a value that isn't empty. */
const some = (members: Readonly<Record<string, readonly Json[]>>): JsonObject =>
  Object.fromEntries(
    Object.entries(members)
      .filter(([, value]) => value.length > 0)
      .map(([name, value]) => [name, [...value]]),
  );

/** A card of 1.0: members that are empty and needn't be there aren't, as its signature wants it. */
export function newCard(card: Card, { url, skills, extensions, scopes }: Offered): JsonObject {
  const at = (binding: string, version: Version, path = ""): JsonObject => ({
    ...{ url: `${url}${path}`, protocolBinding: binding, protocolVersion: version },
  });
  return made({
    ...card.about,
    supportedInterfaces: [at("JSONRPC", "1.0"), at("HTTP+JSON", "1.0", "/v1"), at("JSONRPC", "0.3")],
    capabilities: {
      ...{ streaming: card.streaming, pushNotifications: false, extendedAgentCard: card.extended },
      ...some({ extensions }),
    },
    securitySchemes: { bearer: { httpAuthSecurityScheme: bearer } },
    securityRequirements: [{ schemes: { bearer: some({ list: scopes }) } }],
    skills: [...skills],
  });
}

/** A card of 0.3. */
export function oldCard(card: Card, { url, skills, extensions, scopes }: Offered): JsonObject {
  return made({
    ...card.about,
    protocolVersion: "0.3.0",
    ...{ url, preferredTransport: "JSONRPC", additionalInterfaces: [{ url, transport: "JSONRPC" }] },
    capabilities: {
      ...{ streaming: card.streaming, pushNotifications: false, stateTransitionHistory: false },
      ...some({ extensions }),
    },
    supportsAuthenticatedExtendedCard: card.extended,
    securitySchemes: { bearer: { type: "http", ...bearer } },
    security: [{ bearer: [...scopes] }],
    skills: [...skills],
  });
}

/** Adds to a signed card of 1.0 what clients of 0.3 look for; the signature is of 1.0's members. */
export function bothCards(signed: JsonObject, old: JsonObject): JsonObject {
  const schemes = {
    ...inner(old, "securitySchemes", "bearer"),
    ...inner(signed, "securitySchemes", "bearer"),
  };
  const capabilities = { ...inner(old, "capabilities"), ...inner(signed, "capabilities") };
  return made({ ...old, ...signed, capabilities, securitySchemes: { bearer: schemes } });
}

function inner(object: JsonObject, ...path: readonly string[]): JsonObject {
  let at: Json = object;
  for (const name of path) at = isObject(at) ? (at[name] ?? {}) : {};
  return isObject(at) ? at : {};
}
