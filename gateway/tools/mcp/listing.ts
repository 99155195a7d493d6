/** What a server's tools are, as it lists them to this caller, reviewed. */
import type { Decision, Json } from "../../../sidecar/contract.js";
import { maxCalls } from "../../../sidecar/contract.js";
import { askAbout } from "../../exchange.js";
import type { Reviewed } from "../definitions/definitions.js";
import type { Link, LinkAnswer } from "../links/link.js";
import { toolCall } from "./describe-call.js";
import type { Attached, Listing } from "./peer.js";
import type { Turn } from "./turn.js";
import { callerOf } from "./turn.js";

const mostPages = 100;
const mostTools = 10_000;

type Failed = Exclude<LinkAnswer, { kind: "result" }>;

/** Gives a server's tools, asked anew where what is known is too old; what can't be reviewed isn't given. */
export async function toolsOf(
  turn: Turn,
  attached: Attached,
  link: Link,
  decision: Decision,
): Promise<Listing | Failed> {
  const known = await knownTools(turn, attached);
  if (known !== undefined) return known;
  // asked for by the one, it serves the others that come meanwhile
  attached.asking ??= ask(turn, attached, link, decision).finally(() => {
    attached.asking = undefined;
  });
  return attached.asking;
}

/**
 * Gives what is known of a server's tools, where that isn't too old. INVARIANT: what isn't approved any more is
 * quarantined with the next request, not with the next list.
 */
export async function knownTools(turn: Turn, attached: Attached): Promise<Listing | undefined> {
  const { parts } = turn;
  const known = attached.listing;
  if (known === undefined || parts.clock() - known.at >= parts.config.mcp.listMaxAgeMs) return undefined;
  const version = await parts.mcp.definitions.version();
  return version !== undefined && version === known.version
    ? known
    : review(turn, attached, known.raw, known.at);
}

async function ask(
  turn: Turn,
  attached: Attached,
  link: Link,
  decision: Decision,
): Promise<Listing | Failed> {
  const { parts, exchange } = turn;
  if (link.hello.capabilities["tools"] === undefined) return review(turn, attached, [], parts.clock());
  const tools: Json[] = [];
  let cursor: string | undefined;
  const at = parts.clock();
  for (let page = 0; page < mostPages; page++) {
    const answer = await link.request({
      method: "tools/list",
      params: cursor === undefined ? {} : { cursor },
      onMessage: () => undefined,
      // it serves others, too
      signal: AbortSignal.timeout(parts.config.mcp.requestMs),
      caller: callerOf(exchange, decision),
    });
    if (answer.kind !== "result") return answer;
    const { tools: some, nextCursor } = answer.result;
    if (!Array.isArray(some)) return { kind: "failed", code: "upstream_invalid" };
    tools.push(...some);
    if (tools.length > mostTools) return { kind: "failed", code: "upstream_invalid" };
    if (nextCursor === undefined || nextCursor === null) {
      return review(turn, attached, tools, at);
    }
    if (typeof nextCursor !== "string") return { kind: "failed", code: "upstream_invalid" };
    cursor = nextCursor;
  }
  return { kind: "failed", code: "upstream_invalid" };
}

async function review(turn: Turn, attached: Attached, raw: readonly Json[], at: number): Promise<Listing> {
  const { name, config } = attached;
  const { definitions } = turn.parts.mcp;
  const approve = (all: readonly Reviewed[]): Promise<Decision[]> =>
    askInTurns(
      turn,
      all.map((one) => toolCall("tool.approve", name, one.name, one.properties)),
    );
  const { tools, dropped } = await definitions.review(name, config, raw, approve);
  // what changes meanwhile is seen with the next request
  const version = await definitions.version();
  const listing = { at, raw, version, tools, byName: new Map(tools.map((one) => [one.name, one])), dropped };
  attached.listing = listing;
  return listing;
}

/** Asks about more calls than fit into one question. */
export async function askInTurns(
  { parts, exchange }: Pick<Turn, "parts" | "exchange">,
  calls: readonly Parameters<typeof askAbout>[2][number][],
): Promise<Decision[]> {
  const decisions: Decision[] = [];
  for (let at = 0; at < calls.length; at += maxCalls)
    decisions.push(
      ...(await askAbout(parts, exchange, calls.slice(at, at + maxCalls), [], { passing: true })),
    );
  return decisions;
}
