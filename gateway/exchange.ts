/** One request on its way through the gateway, and the parts that serve all of them. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type {
  Call,
  CallContext,
  Credentials,
  Decision,
  DecisionRequest,
  JsonObject,
  Outcome,
} from "../sidecar/contract.js";
import { refuse } from "../sidecar/contract.js";
import type { FetchCard } from "./agents/card/cards.js";
import type { CardSigner } from "./agents/card/sign.js";
import type { Ask } from "./ask.js";
import type { ChallengeContext } from "./challenge.js";
import type { GatewayConfig, UpstreamConfig } from "./config.js";
import type { AnswerMode } from "./content/answer/inspect.js";
import type { ContentParts, DescribeContent } from "./content/describe.js";
import type { Forward } from "./forward/forward.js";
import type { Dial, Pass } from "./forward/pass.js";
import type { FetchKeys } from "./keys.js";
import type { Extend } from "./limits/extend.js";
import type { RateSpeaker } from "./limits/headers.js";
import { limitHeaders, rateHeaders } from "./limits/headers.js";
import type { Notifier } from "./notify/notifier.js";
import type { UsedFacts } from "./observe/account.js";
import type { PriceTable } from "./observe/price-table.js";
import type { McpParts } from "./tools/mcp/parts.js";
import type { OpenApis } from "./tools/openapi/open-apis.js";
import type { Addresses } from "./retrieval/serve/addresses.js";
import type { Databases } from "./retrieval/postgres/databases.js";
import type { Recent } from "./retrieval/serve/recent.js";
import { handlesOf } from "./live/handles.js";
import type { Cutting } from "./live/cutting.js";
import { denyAs } from "./live/cutting.js";
import type { Live } from "./live/live.js";
import type { Telemetry, Trace } from "./observe/telemetry/trace.js";
import type { Resolve } from "./proxy/reach.js";
import type { CarriedTask, TaskAbout } from "./tasks/carried.js";
import { askWithin } from "./tasks/carried.js";
import { taskHeaders, tellTask } from "./tasks/headers.js";
import type { Reuse } from "./reuse/reuse.js";
import type { Routing } from "./routing/route.js";

export interface GatewayLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface GatewayMetrics {
  gatewayAnswered(kind: string, status: number): void;
  gatewayAsked(micros: number): void;
  /** Counts questions that may be answered by a decision that was given before, by what became of them. */
  gatewayReused(result: "reused" | "asked" | "fenced"): void;
  gatewayFirstByte(micros: number): void;
  /** Counts an attempt at a deployment of a model. */
  gatewayTried(upstream: string, result: string): void;
  /** Counts what a call of a model used and cost, and how its stream went. */
  gatewayUsed(facts: UsedFacts): void;
  /** Observes the wait between two pieces of a streamed answer. */
  gatewayBetweenTokens(micros: number): void;
  /** Counts what became of telling a hook of a decision. */
  gatewayNotified(hook: string, result: string): void;
  /** Counts a reload of the configuration; `started` with the first one isn't one. */
  gatewayReloaded(result: "started" | "applied" | "rejected"): void;
  /** Counts a change of a credential of the gateway's own, or a failure to read it, by its id. */
  gatewayCredential(credential: string, event: string): void;
  /** Counts a call of a tool, by the risk that the configuration gives it. */
  gatewayTool(server: string, risk: string, result: string): void;
  /** Counts what happened to a tool server: its process, its definitions. */
  gatewayToolServer(server: string, event: string): void;
  /** Counts what became of documents that a store gave: given, masked, removed by policy, filtered by the condition. */
  gatewayDocuments(store: string, result: "given" | "masked" | "removed" | "filtered", count: number): void;
}

export interface GatewayParts {
  readonly config: GatewayConfig;
  readonly ask: Ask;
  /** Gives decisions again; absent where that isn't configured. */
  readonly reuse?: Pick<Reuse, "ask"> | undefined;
  /** Asks for more than a call's allowance, in mid-stream. */
  readonly extend: Extend;
  readonly forward: Forward;
  /** For named routes. */
  readonly pass: Pass;
  readonly dial: Dial;
  /** Gives the addresses of names that the forward proxy connects to. */
  readonly resolve: Resolve;
  /** All that is live because it was allowed. */
  readonly live: Live;
  /** For tool servers. */
  readonly mcp: McpParts;
  /** Documents of tool servers that are APIs. */
  readonly openApis: OpenApis;
  readonly routing: Routing;
  /** Those of stores of the kind `postgres`. */
  readonly databases: Pick<Databases, "of">;
  /** What callers asked of collections lately. */
  readonly recentQueries: Recent;
  /** How stores address their collections. */
  readonly addresses: Addresses;
  readonly fetchKeys: FetchKeys;
  /** Gives the cards of agents. */
  readonly fetchCard: FetchCard;
  /** Signs the cards that are given out; absent where there is no key. */
  readonly cardSigner?: CardSigner | undefined;
  readonly report: (outcome: Outcome) => void;
  /** Describes what a request says by facts; absent where none are configured. */
  readonly describeContent?: DescribeContent;
  /** Detectors for answers, and what is done with what they find unless an obligation says more. */
  readonly answers?: { readonly content: ContentParts; readonly mode?: AnswerMode };
  /** Tells hooks of decisions; absent where none are configured. */
  readonly notifier?: Notifier;
  /** Prices from a file; those of deployments go before. */
  readonly prices: PriceTable | undefined;
  /** Absent where no collector is configured. */
  readonly telemetry?: Telemetry | undefined;
  readonly log: GatewayLog;
  readonly metrics: GatewayMetrics;
  readonly newId: () => string;
  /** Keys the binding of MCP sessions to who opened them. */
  readonly sessionSecret: Uint8Array;
  /** The address that clients know, without a slash at its end. */
  readonly publicUrl: () => string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
}

export interface Exchange extends Cutting {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly id: string;
  readonly path: string;
  readonly ip: string | undefined;
  readonly credentials: Credentials;
  /** What a client that is refused may be told to come back with. */
  readonly challenge: ChallengeContext;
  /** {@link GatewayParts.clock} at the start. */
  readonly started: number;
  readonly trace?: Trace | undefined;
  /** What all that is asked within it belongs to. */
  readonly task: CarriedTask;
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/** What is known of a call besides itself. */
export interface AboutCall {
  readonly prompt?: JsonObject;
  readonly content?: JsonObject | undefined;
  readonly upstream?: UpstreamConfig | undefined;
  /** What is to become of the task, or to be made under it. */
  readonly task?: TaskAbout | undefined;
  /** The same may be asked very often, and what becomes of it is reported: its decision may be one that was given before. */
  readonly reusable?: boolean;
  /** Nothing goes on by the decision once it was given: what is listed, what a model proposes. */
  readonly passing?: boolean;
}

/**
 * Asks about calls: one decision each, in order; any failure is a deny. With the upstream that the one call goes to,
 * an allow brings what that upstream is to be told of the caller.
 *
 * INVARIANT: whatever is allowed is in the register of live things from then on, or denied where a fence came meanwhile.
 */
export async function askAbout(
  parts: GatewayParts,
  exchange: Exchange,
  calls: readonly Call[],
  obligations: readonly string[],
  { prompt, content, upstream, task, passing = false, reusable = false }: AboutCall = {},
): Promise<Decision[]> {
  const { environment } = parts.config;
  const claimed = claimedHeaders(exchange.req, parts.config.claimedHeaders);
  // members are set one by one: spread out, an object of its own kind would be made for each request
  const context: Writable<CallContext> = {
    request: { id: exchange.id, method: exchange.req.method ?? "", path: exchange.path },
  };
  if (exchange.ip !== undefined) context.source = { ip: exchange.ip };
  if (environment !== undefined) context.environment = environment;
  if (prompt !== undefined) context.prompt = prompt;
  if (content !== undefined) context.content = content;
  if (claimed !== undefined) context.claimed = { headers: claimed };
  const from = parts.clock();
  const answered = exchange.trace?.ask(calls.length);
  const request: Writable<DecisionRequest> = {
    calls,
    credentials: exchange.credentials,
    context,
    obligations,
  };
  if (upstream?.assertion !== undefined) request.assertion = upstream.assertion.request;
  const answers = await askWithin(exchange.task, task, parts.now, (said) => {
    request.task = said;
    return reusable && parts.reuse !== undefined ? parts.reuse.ask(request, parts.ask) : parts.ask(request);
  });
  tellTask(exchange.res, exchange.task);
  const decisions = answers.map((decision, i) => {
    const call = calls[i];
    if (!decision.allow || call === undefined) return decision;
    const isFree = passing
      ? exchange.wasCut() === undefined && parts.live.fencing(handlesOf(decision, call)) === undefined
      : exchange.alive.allow(parts.live, decision, call);
    return isFree ? decision : denyAs(decision, exchange.wasCut() ?? refuse("fenced"));
  });
  parts.metrics.gatewayAsked((parts.clock() - from) * 1000);
  answered?.(decisions);
  return decisions;
}

/** The longest header value that is passed on as a claim, characters. */
const longestClaim = 256;

function claimedHeaders({ headers }: IncomingMessage, names: readonly string[]): JsonObject | undefined {
  const said = names.flatMap((name) => {
    const value = headers[name];
    return typeof value === "string" && value.length <= longestClaim ? [[name, value] as const] : [];
  });
  return said.length === 0 ? undefined : Object.fromEntries(said);
}

/**
 * The headers that tell a client how it was decided, and how its limits stand.
 * @param speaker whose words it reads limits in
 */
export function decisionHeaders(decision: Decision, speaker: RateSpeaker = "openai"): Record<string, string> {
  const rule = decision.reasons[0]?.rule;
  return {
    "x-countersign-decision-id": decision.decision_id,
    "x-countersign-cache": decision.cache,
    ...(rule === undefined || !/^[\w.:-]{1,128}$/.test(rule) ? {} : { "x-countersign-rule": rule }),
    ...taskHeaders(decision),
    ...(decision.limits === undefined ? {} : rateHeaders(decision.limits, speaker, Date.now())),
    ...limitHeaders(decision),
  };
}

/** Names the upstream that is asked, and the credential that it gets, for the record. */
export function used(
  name: string,
  { apiKey, credentials }: UpstreamConfig,
): Pick<Outcome, "upstream" | "credential"> {
  const own = credentials ?? apiKey;
  return { upstream: name, ...(own === undefined ? {} : { credential: own.id }) };
}

/** How a call ends whose exchange's signal aborted. */
const broken: ReadonlySet<Outcome["outcome"]> = new Set<Outcome["outcome"]>([
  ...(["client_disconnected", "upstream_error", "upstream_timeout"] as const),
]);

/** Reports what became of a decided call. What is told of it may come in pieces, the later ones over the earlier. */
export function conclude(
  parts: GatewayParts,
  exchange: Exchange,
  decision: Decision,
  what: Pick<Outcome, "outcome" | "kind" | "status"> & Partial<Outcome>,
  ...more: readonly (Partial<Outcome> | undefined)[]
): void {
  const cut = exchange.wasCut();
  // what was cut ended because it was allowed no more, whatever its upstream and its client had to do with it
  const isCut = cut !== undefined && cut.code !== "gateway_stopping" && broken.has(what.outcome);
  const outcome: Writable<Outcome> = {
    decision_id: decision.decision_id,
    outcome: isCut ? "denied" : what.outcome,
    kind: what.kind,
    status: isCut && what.status === 499 ? cut.status : what.status,
    duration_ms: Math.round((parts.clock() - exchange.started) * 1000) / 1000,
  };
  tell(outcome, what);
  if (decision.reused !== undefined) outcome.reused = decision.reused;
  for (const piece of more) if (piece !== undefined) tell(outcome, piece);
  exchange.trace?.concluded(outcome);
  parts.report(outcome);
}

/** Sets members one by one: spread out, an object of its own kind would be made for each request. */
function tell(outcome: Writable<Outcome>, piece: Partial<Outcome>): void {
  const { upstream, credential, attempts, bytes, usage, cost, stream, content, retrieval, labels } = piece;
  if (upstream !== undefined) outcome.upstream = upstream;
  if (credential !== undefined) outcome.credential = credential;
  if (attempts !== undefined) outcome.attempts = attempts;
  if (bytes !== undefined) outcome.bytes = bytes;
  if (usage !== undefined) outcome.usage = usage;
  if (cost !== undefined) outcome.cost = cost;
  if (stream !== undefined) outcome.stream = stream;
  if (content !== undefined) outcome.content = content;
  if (retrieval !== undefined) outcome.retrieval = retrieval;
  if (labels !== undefined) outcome.labels = labels;
}
