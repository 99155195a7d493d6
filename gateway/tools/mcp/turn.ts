/** One request of a client on its way to its reply, and what both eras give for it. */
import type { Decision, ErrorCode, Json, JsonObject, Outcome, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { used } from "../../exchange.js";
import type { Era, Link, LinkCaller } from "../links/link.js";
import type { InputAnswer } from "./inputs.js";
import type { Attached, Peer } from "./peer.js";
import { attach } from "./peer.js";
import type { Place } from "./place.js";
import type { RpcRequest } from "./read-message.js";

export interface Turn {
  readonly parts: GatewayParts;
  readonly exchange: Exchange;
  readonly place: Place;
  readonly peer: Peer;
  readonly era: Era;
  readonly request: RpcRequest;
  /** Ends with the client, or with its wish. */
  readonly signal: AbortSignal;
  /** The least level of log messages that the client wants. */
  readonly level: string | undefined;
  /** Tells the client something meanwhile. */
  readonly say: (message: JsonObject) => void;
  /** Asks the client, and waits for its answer; absent in the era where it is asked by an answer. */
  readonly askClient?: (method: string, params: JsonObject) => Promise<InputAnswer>;
}

/** What a request comes to. */
export type Reply =
  | { readonly kind: "result"; readonly result: JsonObject }
  | {
      readonly kind: "refused";
      readonly refusal: Refusal;
      readonly decision?: Decision;
      readonly outcome: Outcome["outcome"];
      readonly data?: JsonObject;
    }
  /** An error of the server's, in words that may be given on. */
  | { readonly kind: "error"; readonly code: number; readonly message: string; readonly data?: Json }
  | { readonly kind: "aborted" };

/** A reply with the decision that it stands under, and what is told of it. */
export interface Done {
  readonly reply: Reply;
  /** Absent where nothing was decided. */
  readonly decision: Decision | undefined;
  readonly told?: Partial<Outcome>;
}

export function refused(refusal: Refusal, outcome: Outcome["outcome"] = "denied"): Reply {
  return { kind: "refused", refusal, outcome };
}

export function callerOf({ credentials }: Exchange, decision: Decision | undefined): LinkCaller {
  return { assertion: decision?.assertion, credentials };
}

/** Gives the link to a server, opened under a decision that allowed to speak to it. */
export async function linkTo(
  { parts, exchange, peer, place, signal }: Turn,
  server: string,
  decision: Decision,
): Promise<{ readonly link: Link; readonly attached: Attached } | { readonly failed: Reply }> {
  const config = place.servers.get(server);
  if (config === undefined) return { failed: refused(refuse("unknown_server")) };
  const caller = callerOf(exchange, decision);
  const attached = attach(peer, parts.mcp.openLink, server, config, caller, signal);
  const link = await attached.link;
  if (!("kind" in link)) return { link, attached };
  return { failed: link.kind === "aborted" ? { kind: "aborted" } : failure(link.code) };
}

export function failure(code: ErrorCode): Reply {
  return refused(refuse(code), code === "upstream_timeout" ? "upstream_timeout" : "upstream_error");
}

/** Says which server was asked, for the record. */
export function usedServer({ place }: Turn, server: string): Partial<Outcome> {
  const upstream = place.servers.get(server)?.upstream;
  return upstream === undefined ? { upstream: server } : used(server, upstream);
}
