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
  const { parts } = turn;
  const known = attached.listing;
  if (known !== undefined && parts.clock() - known.at < parts.config.mcp.listMaxAgeMs) return known;
  // asked for by the one, it serves the others that come meanwhile
  attached.asking ??= ask(turn, attached, link, decision).finally(() => {
    attached.asking = undefined;
  });
  return attached.asking;
}

async function ask(
  turn: Turn,
  attached: Attached,
  link: Link,
  decision: Decision,
): Promise<Listing | Failed> {
  const { parts, exchange } = turn;
  if (link.hello.capabilities["tools"] === undefined) return remember(attached, parts.clock(), [], []);
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
      const { name, config } = attached;
      const approve = (all: readonly Reviewed[]): Promise<Decision[]> =>
        askInTurns(
          turn,
          all.map((one) => toolCall("tool.approve", name, one.name, one.properties)),
        );
      const reviewed = await parts.mcp.definitions.review(name, config, tools, approve);
      return remember(attached, at, reviewed.tools, reviewed.dropped);
    }
    if (typeof nextCursor !== "string") return { kind: "failed", code: "upstream_invalid" };
    cursor = nextCursor;
  }
  return { kind: "failed", code: "upstream_invalid" };
}

function remember(
  attached: Attached,
  at: number,
  tools: Listing["tools"],
  dropped: Listing["dropped"],
): Listing {
  const byName = new Map(tools.map((one) => [one.name, one]));
  const listing: Listing = { at, tools, byName, dropped };
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
    decisions.push(...(await askAbout(parts, exchange, calls.slice(at, at + maxCalls), [])));
  return decisions;
}
