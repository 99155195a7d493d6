/** What is known of agents by their cards: asked for when it is needed, kept for a while. */
import { parseJson } from "../../../sidecar/contract.js";
import { collect, discard, mediaType } from "../../forward/forward.js";
import type { Forward } from "../../forward/forward.js";
import type { AgentConfig } from "../config.js";
import type { Card } from "./read.js";
import { isSigned, readCard } from "./read.js";

/** Gives an agent's card; undefined where there is none to be had, or it isn't what it must be. */
export type FetchCard = (agent: AgentConfig) => Promise<Card | undefined>;

export interface CardsParts {
  readonly forward: Forward;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
}

/** For so long a card is given without asking again, and, where the agent can't be asked, still given; milliseconds. */
const fresh = 30_000;
const usable = 900_000;
const largest = 2 ** 20;
/** The longest wait for a card, milliseconds. */
const patience = 10_000;

interface Known {
  readonly card: Card;
  readonly at: number;
}

/** Creates the way to the cards: one question at a time for each agent, however many ask. */
export function createFetchCard({ forward, clock }: CardsParts): FetchCard {
  const known = new WeakMap<AgentConfig, Known>();
  const underWay = new WeakMap<AgentConfig, Promise<Card | undefined>>();
  const load = async (agent: AgentConfig): Promise<Card | undefined> => {
    const asked = await ask(forward, agent);
    if (typeof asked === "object") {
      known.set(agent, { card: asked, at: clock() });
      return asked;
    }
    const kept = known.get(agent);
    // a card that doesn't hold is an answer, and counts
    if (asked === "wrong") known.delete(agent);
    else if (kept !== undefined && clock() - kept.at < usable) return kept.card;
    return undefined;
  };
  return (agent) => {
    const kept = known.get(agent);
    if (kept !== undefined && clock() - kept.at < fresh) return Promise.resolve(kept.card);
    const loading = underWay.get(agent) ?? load(agent).finally(() => underWay.delete(agent));
    underWay.set(agent, loading);
    return loading;
  };
}

async function ask(
  forward: Forward,
  { card, cardKeys }: AgentConfig,
): Promise<Card | "wrong" | "unreachable"> {
  const signal = AbortSignal.timeout(patience);
  const headers = { accept: "application/json", "a2a-version": "1.0" };
  const request = { upstream: card, method: "GET", path: "", headers, assertion: undefined, signal } as const;
  const answer = await forward(request);
  if (answer.kind !== "answered") return "unreachable";
  const type = mediaType(answer.headers);
  if (answer.status !== 200 || (type !== "application/json" && type !== "application/a2a+json")) {
    discard(answer.body);
    return "wrong";
  }
  const bytes = await collect(answer.body, largest);
  if (signal.aborted) return "unreachable";
  if (bytes === undefined) return "wrong";
  try {
    const value = parseJson(bytes);
    if (cardKeys !== undefined && !(await isSigned(value, cardKeys))) return "wrong";
    return readCard(value);
  } catch {
    return "wrong";
  }
}
