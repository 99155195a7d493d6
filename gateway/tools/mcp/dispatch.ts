/** Serves a request of either era once its peer is known: the one place where a method is matched with what serves it. */
import type { Call, Decision, JsonObject } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { askAbout } from "../../exchange.js";
import { refusalOf } from "../../models/refuse.js";
import { callTool, complete, getPrompt, readResource, stopped, undecided } from "./call.js";
import { speakCall } from "./describe-call.js";
import { greet } from "./greet.js";
import { listItems } from "./lists.js";
import { metaKeys, supportedVersions } from "./methods.js";
import { setLevel, subscribe } from "./subscribe.js";
import type { Done, Turn } from "./turn.js";

/** Which servers of a place a caller may speak to, by one decision each. */
export interface Spoken {
  readonly allowed: ReadonlyMap<string, Decision>;
  /** The first that allows, or where none does, the first. */
  readonly decision: Decision | undefined;
}

/** Asks which servers of a place the caller may speak to. */
export async function askToSpeak({
  parts,
  exchange,
  place,
}: Pick<Turn, "parts" | "exchange" | "place">): Promise<Spoken> {
  const names = [...place.servers.keys()];
  const only = names.length === 1 ? place.servers.get(names[0] ?? "")?.upstream : undefined;
  const calls: Call[] = names.map(speakCall);
  const decisions = await askAbout(parts, exchange, calls, [], { upstream: only });
  const allowed = new Map(
    names.flatMap((name, i) => (decisions[i]?.allow === true ? [[name, decisions[i]]] : [])),
  );
  const [first] = allowed.values();
  return { allowed, decision: first ?? decisions[0] };
}

/**
 * Serves a request.
 * @param setOwnLevel takes the level of a session's log messages
 */
export async function dispatch(turn: Turn, setOwnLevel: (level: string) => void): Promise<Done> {
  switch (turn.request.row.how) {
    case "call":
      return callTool(turn);
    case "read":
      return readResource(turn);
    case "get":
      return getPrompt(turn);
    case "complete":
      return complete(turn);
    case "subscribe":
    case "unsubscribe":
      return subscribe(turn);
    case "ping":
      return speaking(turn, () => Promise.resolve({ kind: "result", result: {} }));
    case "list":
      return speaking(turn, (allowed) => listItems(turn, allowed));
    case "level": {
      const spoken = await askToSpeak(turn);
      return stopped(turn, spoken.decision) ?? setLevel(turn, spoken.allowed, setOwnLevel);
    }
    case "discover":
      return speaking(turn, async (allowed) => {
        const hello = await greet(turn, allowed);
        if ("kind" in hello) return hello;
        const { capabilities, serverInfo, instructions } = hello;
        const result: JsonObject = {
          resultType: "complete",
          supportedVersions: [...supportedVersions],
          capabilities,
          ...(instructions === undefined ? {} : { instructions }),
          _meta: { [metaKeys.serverInfo]: serverInfo },
          ...{ ttlMs: 0, cacheScope: "private" },
        };
        return { kind: "result", result };
      });
    case "initialize":
    case "listen":
      return undecided(refuse("unknown_method"));
  }
}

async function speaking(
  turn: Turn,
  serve: (allowed: ReadonlyMap<string, Decision>) => Promise<Done["reply"]>,
): Promise<Done> {
  const { allowed, decision } = await askToSpeak(turn);
  const stop = stopped(turn, decision);
  if (stop !== undefined || decision === undefined) return stop ?? undecided(refuse("pdp_unavailable"));
  return { reply: await serve(allowed), decision };
}

/** Refuses who may speak to no server here. */
export function refusedToSpeak(decision: Decision | undefined): Done | undefined {
  if (decision === undefined) return undecided(refuse("pdp_unavailable"));
  if (decision.allow) return undefined;
  return { reply: { kind: "refused", refusal: refusalOf(decision), decision, outcome: "denied" }, decision };
}
