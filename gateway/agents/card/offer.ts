/** Makes of an agent's card the one that a caller may see: its skills decided one by one. */
import type { Call, JsonObject } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout } from "../../exchange.js";
import { jwksPath } from "../../keys.js";
import type { AgentConfig } from "../config.js";
import { isOffered } from "../config.js";
import type { Card } from "./read.js";
import type { CardForm, Offered } from "./write.js";
import { bothCards, newCard, oldCard } from "./write.js";

/** Whether a caller may know that there is such an agent; with more properties, that it has such a skill. */
export function describeCall(agent: string, skill: JsonObject = {}): Call {
  return {
    kind: "agent",
    action: { name: "agent.describe", properties: { phase: "request" } },
    resource: { type: "agent", id: agent, properties: { agent, ...skill } },
  };
}

/** Gives the card for this caller; undefined where skills can't be decided on. */
export async function offerCard(
  parts: GatewayParts,
  exchange: Exchange,
  { name, agent, card }: { readonly name: string; readonly agent: AgentConfig; readonly card: Card },
  form: CardForm,
): Promise<JsonObject | undefined> {
  const offered = card.skills.filter(({ id }) => isOffered(String(id), agent.skills));
  const calls = offered.map(({ id, tags }) => describeCall(name, { skill: String(id), tags: tags ?? [] }));
  const decisions = calls.length === 0 ? [] : await askAbout(parts, exchange, calls, [], { passing: true });
  if (decisions.length !== calls.length) return undefined;
  const url = `${parts.publicUrl()}/a2a/${name}`;
  const offer: Offered = {
    url,
    skills: offered.filter((_, i) => decisions[i]?.allow === true),
    extensions: card.extensions.filter(({ uri }) => agent.extensions.includes(String(uri))),
    scopes: parts.config.resourceMetadata.scopes,
  };
  const sign = async (one: JsonObject): Promise<JsonObject> =>
    (await parts.cardSigner?.sign(one, `${parts.publicUrl()}${jwksPath}`)) ?? one;
  if (form === "0.3") return sign(oldCard(card, offer));
  const signed = await sign(newCard(card, offer));
  return form === "both" ? bothCards(signed, oldCard(card, offer)) : signed;
}
