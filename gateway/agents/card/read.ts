/** Reads an agent's card, of either version: what a client may be told of it, rebuilt member by member. */
import { createPublicKey } from "node:crypto";
import { flattenedVerify } from "jose";
import type { JWK } from "jose";
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import { isFetchable } from "../facts.js";
import { made } from "../wire/v1.js";
import type { Read } from "../wire/read.js";
import { flag, list, object, ShapeRefused, struct, text } from "../wire/read.js";
import { signedForms } from "./canonical.js";
import { algorithmOf } from "./sign.js";

const shape = (fields: Readonly<Record<string, Read>>, ...required: string[]): Read =>
  object(() => ({ fields, required }));

const skill = shape(
  {
    ...{ id: text, name: text, description: text },
    ...{ tags: list(text), examples: list(text), inputModes: list(text), outputModes: list(text) },
  },
  "id",
);
const card = shape(
  {
    ...{ name: text, description: text, version: text, documentationUrl: text, iconUrl: text },
    provider: shape({ url: text, organization: text }),
    capabilities: shape({
      streaming: flag,
      extendedAgentCard: flag,
      extensions: list(shape({ uri: text, description: text, required: flag, params: struct }, "uri")),
    }),
    ...{ defaultInputModes: list(text), defaultOutputModes: list(text) },
    skills: list(skill),
    supportsAuthenticatedExtendedCard: flag,
  },
  "name",
);

/** Most skills of one agent: as many as are decided at once, but for the agent itself. */
const mostSkills = 500;
/** Ids that read the same in a log, a policy and a configuration. */
const skillId = /^[\x21-\x7e]{1,128}$/;

/** What is known of an agent by its card, whichever version it is of. */
export interface Card {
  readonly name: string;
  /** Members that are the same in both versions, in 1.0's words. */
  readonly about: JsonObject;
  readonly skills: readonly JsonObject[];
  readonly extensions: readonly JsonObject[];
  readonly streaming: boolean;
  readonly extended: boolean;
}

/** @throws ShapeRefused */
export function readCard(value: Json): Card {
  const read = card(value, "card", { strict: false, mostItems: mostSkills }) as JsonObject;
  const { name, description = "", version = "", provider, capabilities, skills } = read;
  const can = isObject(capabilities) ? capabilities : {};
  const all = (Array.isArray(skills) ? skills : []).filter(isObject);
  const ids = all.map(({ id }) => String(id));
  if (!ids.every((id) => skillId.test(id)) || new Set(ids.map(plain)).size < ids.length)
    throw new ShapeRefused("card.skills have ids that aren't plain, or the same id twice");
  const web = (url: Json | undefined): Json | undefined =>
    typeof url === "string" && isFetchable(url, []) ? url : undefined;
  const by = isObject(provider) ? provider : undefined;
  return {
    name: String(name),
    about: made({
      ...{ name, description, version },
      provider:
        by === undefined || web(by["url"]) === undefined
          ? undefined
          : made({ url: by["url"], organization: by["organization"] ?? "" }),
      documentationUrl: web(read["documentationUrl"]),
      iconUrl: web(read["iconUrl"]),
      defaultInputModes: read["defaultInputModes"] ?? [],
      defaultOutputModes: read["defaultOutputModes"] ?? [],
    }),
    skills: all.map(readSkill),
    extensions: (Array.isArray(can["extensions"]) ? can["extensions"] : [])
      .filter(isObject)
      .map(readExtension),
    streaming: can["streaming"] === true,
    extended: can["extendedAgentCard"] === true || read["supportsAuthenticatedExtendedCard"] === true,
  };
}

/** INVARIANT: what says no more than its absence isn't there: signatures are of that form. */
const readExtension = ({ required, ...rest }: JsonObject): JsonObject =>
  made({ ...rest, required: required === true ? true : undefined });

/** Two that a reader could take for one are one. */
const plain = (id: string): string => id.toLowerCase();

function readSkill({ id, name, description, tags, ...lists }: JsonObject): JsonObject {
  const kept = Object.entries(lists).filter(([, value]) => Array.isArray(value) && value.length > 0);
  return made({
    ...{ id, name: name ?? id, description: description ?? "", tags: tags ?? [] },
    ...Object.fromEntries(kept),
  });
}

/** Tells whether one of these keys signed the card. INVARIANT: no key but a configured one counts, whatever the card names. */
export async function isSigned(value: Json, keys: readonly string[]): Promise<boolean> {
  if (!isObject(value) || !Array.isArray(value["signatures"])) return false;
  const signatures = value["signatures"].slice(0, 8).filter(isObject);
  for (const text of keys) {
    const jwk = JSON.parse(text) as JWK;
    const key = createPublicKey({ key: jwk, format: "jwk" } as never);
    for (const one of signatures)
      for (const form of signedForms(value)) {
        const { protected: header, signature } = one;
        if (typeof header !== "string" || typeof signature !== "string") continue;
        const payload = Buffer.from(form).toString("base64url");
        const options = { algorithms: [algorithmOf(key)] };
        const verified = await flattenedVerify({ protected: header, signature, payload }, key, options).then(
          ({ protectedHeader }) => protectedHeader?.kid === jwk.kid,
          () => false,
        );
        if (verified) return true;
      }
  }
  return false;
}
