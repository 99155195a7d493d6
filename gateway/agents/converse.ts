/** The way of one operation: decided, carried to the agent, and its answer decided again. */
import { randomUUID } from "node:crypto";
import type { Decision, JsonObject, Outcome, Refusal } from "../../sidecar/contract.js";
import { isObject, refuse } from "../../sidecar/contract.js";
import type { Beside } from "../enforce/beside.js";
import { takeBeside } from "../enforce/beside.js";
import { readMasking } from "../enforce/mask.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude, used } from "../exchange.js";
import { collect, discard, mediaType } from "../forward/forward.js";
import { hooksOf, tell } from "../models/inspect.js";
import { refusalOf } from "../models/refuse.js";
import { hintAt } from "../tasks/headers.js";
import { exchangeFor } from "../tasks/read-handing.js";
import type { Asked, Described } from "./asked.js";
import { describeAsked, mapTask, openIds, sealIds } from "./asked.js";
import { serveExtendedCard } from "./card/extended.js";
import type { AgentConfig } from "./config.js";
import { isOffered } from "./config.js";
import type { Door } from "./door.js";
import { contentOf, isFetchable } from "./facts.js";
import type { Bound, IdKind } from "./ids.js";
import { isOwn, readId, sealId } from "./ids.js";
import { createJudge, requestDuties } from "./judge.js";
import { maskMessage } from "./mask.js";
import { streamEvents } from "./stream.js";
import type { Got } from "./upstream.js";
import { readWhole, writeRequest } from "./upstream.js";
import { made } from "./wire/v1.js";
import { Untranslatable } from "./wire/v03.js";

/** A conversation that was allowed. */
export interface Talk {
  readonly name: string;
  readonly agent: AgentConfig;
  readonly asked: Asked;
  readonly described: Described;
  readonly decision: Decision;
  readonly beside: Beside;
  readonly door: Door;
  readonly bound: Bound;
  /** Concludes the request. */
  readonly end: (outcome: Outcome["outcome"], status: number, more?: Partial<Outcome>) => void;
  readonly refuseAs: (refusal: Refusal, outcome: Outcome["outcome"], decision?: Decision) => void;
}

/** Serves one operation. */
export async function converse(
  parts: GatewayParts,
  exchange: Exchange,
  name: string,
  { door, asked }: { readonly door: Door; readonly asked: Asked },
): Promise<void> {
  const agent = parts.config.agents.get(name);
  const hosts = parts.config.mediaHosts;
  const described = describeAsked(name, asked, hosts);
  const message = isObject(asked.params["message"]) ? asked.params["message"] : undefined;
  const said = message === undefined ? undefined : contentOf(partsOf(message), message["metadata"]);
  const content = said && (await parts.describeContent?.(said.body, said.files));
  const prompt = { bytes: asked.bytes, method: asked.operation };
  const begins = asked.operation === "send" || asked.operation === "stream";
  const handing = begins ? agent?.tasks : undefined;
  const exchanged = handing && exchangeFor(name, handing, parts.now());
  const task = exchanged && { exchange: exchanged };
  const about = { prompt, content, upstream: agent?.upstream, task };
  hintAt(exchange.task, described.call.resource.properties["context_id"]);
  const [decision] = await askAbout(parts, exchange, [described.call], requestDuties, about);
  if (decision === undefined) return void door.refuse(exchange, refuse("pdp_unavailable"));
  let upstream: Partial<Outcome> = {};
  const end: Talk["end"] = (outcome, status, more = {}) => {
    conclude(parts, exchange, decision, { kind: "agent", outcome, status }, upstream, more);
  };
  exchange.endBy({
    before: (refusal, by) => {
      door.refuse(exchange, refusal, by);
    },
  });
  const refuseAs: Talk["refuseAs"] = (refusal, outcome, by = decision) => {
    end(outcome, door.refuse(exchange, refusal, by));
  };
  if (!decision.allow || decision.subject === undefined) return refuseAs(refusalOf(decision), "denied");
  if (agent === undefined) return refuseAs(refuse("unknown_agent"), "denied");
  const bound: Bound = { agent: name, subject: decision.subject, secret: parts.sessionSecret };
  const wrong = check(described, agent, message, bound, hosts);
  if (wrong !== undefined) return refuseAs(wrong, "denied");
  const taken = takeBeside(decision.obligations, { answer: [], scans: false, hasHook: hooksOf(parts) });
  const masked = taken && maskRequest(taken.others, message);
  if (taken === undefined || masked === undefined || !(await tell(parts, taken.beside, decision, "request")))
    return refuseAs(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable");
  upstream = used(name, agent.upstream);
  const { beside } = taken;
  const talk: Talk = { name, agent, asked, described, decision, beside, door, bound, end, refuseAs };
  const params = made({ ...asked.params, ...(masked === "none" ? {} : { message: masked }) });
  return carry(parts, exchange, talk, openIds(params, opener));
}

const partsOf = (message: JsonObject): JsonObject[] =>
  Array.isArray(message["parts"]) ? message["parts"].filter(isObject) : [];

/** Says what of a request that policy allows is still not to be carried. */
function check(
  { ids, skill }: Described,
  agent: AgentConfig,
  message: JsonObject | undefined,
  bound: Bound,
  hosts: readonly string[],
): Refusal | undefined {
  if (ids?.every(([kind, named]) => isOwn(kind, named, bound)) !== true) return refuse("unknown_agent_task");
  if (skill !== undefined && !isOffered(skill, agent.skills)) return refuse("unknown_skill");
  const extensions = message?.["extensions"];
  if (Array.isArray(extensions) && !extensions.every((one) => agent.extensions.includes(String(one))))
    return refuse("invalid_request", "an extension is not offered");
  const urls = message === undefined ? [] : partsOf(message).flatMap(({ url }) => url ?? []);
  if (!urls.every((url) => typeof url === "string" && isFetchable(url, hosts))) return refuse("part_refused");
  return undefined;
}

/** Carries out masks on the message; undefined where that can't be done. */
function maskRequest(
  obligations: Decision["obligations"],
  message: JsonObject | undefined,
): JsonObject | "none" | undefined {
  const masks = obligations.map(({ type, properties }) =>
    type === "mask" ? readMasking(properties, "request", []) : undefined,
  );
  if (!masks.every((one) => one !== undefined)) return undefined;
  return message === undefined ? "none" : maskMessage(message, masks);
}

/** INVARIANT: whose the ids are was checked before. */
const opener = (kind: IdKind, sealed: string): string => readId(kind, sealed)?.id ?? "";

async function carry(parts: GatewayParts, exchange: Exchange, talk: Talk, params: JsonObject): Promise<void> {
  const { agent, asked, decision, door, end, refuseAs } = talk;
  // tasks of all callers are one caller's at the agent; whose they are can't be told but by a context of ours
  if (asked.operation === "list" && params["contextId"] === undefined)
    return refuseAs(refuse("list_refused"), "denied");
  const id = randomUUID();
  const outgoing = writeOr(agent, asked, params, id);
  if (outgoing.kind === "refusal") return refuseAs(outgoing, "denied");
  const answer = await parts.forward({
    ...outgoing.request,
    upstream: agent.upstream,
    assertion: decision.assertion,
    task: decision.task_handed?.token,
    caller: exchange.credentials,
    signal: exchange.signal,
  });
  if (answer.kind === "aborted") return end("client_disconnected", 499);
  if (answer.kind === "failed")
    return refuseAs(
      refuse(answer.code),
      answer.code === "upstream_timeout" ? "upstream_timeout" : "upstream_error",
    );
  const type = mediaType(answer.headers);
  const streams = asked.operation === "stream" || asked.operation === "subscribe";
  const judge = createJudge(parts, exchange, talk.described.call, talk);
  const wanted = expectedOf(params, asked);
  if (streams && type === "text/event-stream" && answer.status === 200)
    return streamEvents(exchange, talk, { body: answer.body, id, judge, wanted });
  if (type !== "application/json" && type !== "application/a2a+json") {
    discard(answer.body);
    return refuseAs(refuse("upstream_invalid"), "upstream_error");
  }
  const bytes = await collect(answer.body, agent.maxAnswer);
  if (exchange.signal.aborted) return end("client_disconnected", 499);
  const got: Got = bytes === undefined ? { kind: "invalid" } : readWhole(agent, asked.operation, bytes, id);
  if (got.kind === "fault") return end("forwarded", door.fault(exchange, got.fault, decision));
  // what says that it failed isn't a result
  const failed = answer.status >= 300 || streams || got.kind === "invalid";
  if (failed || !fits(got, wanted)) return refuseAs(refuse("upstream_invalid"), "upstream_error");
  if (got.kind === "card") return serveExtendedCard(parts, exchange, talk, got.card);
  return give(exchange, talk, judge, got);
}

/** Gives a whole answer, or all tasks that may be given. */
async function give(
  exchange: Exchange,
  talk: Talk,
  judge: ReturnType<typeof createJudge>,
  got: Extract<Got, { kind: "event" | "tasks" }>,
): Promise<void> {
  const { door, decision, bound, end } = talk;
  const seal = (kind: IdKind, one: string): string => sealId(kind, one, bound);
  if (got.kind === "event") {
    const judged = await judge.event(got.event);
    if (judged.kind === "denied")
      return end("denied", door.refuse(exchange, judged.refusal, judged.decision), judge.outcome());
    const whole = talk.asked.operation !== "send";
    const answer = { kind: "event", event: sealIds(judged.event, seal) } as const;
    return end("forwarded", door.answer(exchange, answer, whole, decision), judge.outcome());
  }
  const tasks: JsonObject[] = [];
  const listed = got.tasks["tasks"];
  for (const task of Array.isArray(listed) ? listed.filter(isObject) : []) {
    const judged = await judge.event(made({ task }));
    // what may not be seen isn't there
    if (judged.kind === "event") tasks.push(mapTask(judged.event["task"] as JsonObject, seal));
  }
  const next = got.tasks["nextPageToken"];
  const nextPageToken = typeof next === "string" && next !== "" ? seal("page", next) : "";
  // how many there are in all would tell of those that aren't shown
  const answer = made({ tasks, nextPageToken, pageSize: tasks.length, totalSize: tasks.length });
  end("forwarded", door.answer(exchange, { kind: "tasks", tasks: answer }, true, decision), judge.outcome());
}

function writeOr(agent: AgentConfig, asked: Asked, params: JsonObject, id: string) {
  try {
    return { kind: "request", request: writeRequest(agent, asked, params, id) } as const;
  } catch (error) {
    if (error instanceof Untranslatable) return refuse("untranslatable", error.message);
    throw error;
  }
}

/** What an answer must be about. */
export interface Wanted {
  readonly task?: string;
  readonly context?: string;
}

function expectedOf(params: JsonObject, { operation }: Asked): Wanted {
  const { id, contextId } = params;
  if (operation === "list" && typeof contextId === "string") return { context: contextId };
  return typeof id === "string" ? { task: id } : {};
}

/** INVARIANT: an answer about another task, or of another context, than was asked for isn't given. */
export function fits(got: Got, { task, context }: Wanted): boolean {
  if (got.kind === "tasks") {
    const { tasks } = got.tasks;
    return !Array.isArray(tasks) || tasks.every((one) => isObject(one) && one["contextId"] === context);
  }
  if (got.kind !== "event" || task === undefined) return true;
  const { task: whole, message, statusUpdate, artifactUpdate } = got.event;
  if (isObject(whole)) return whole["id"] === task;
  const one = [message, statusUpdate, artifactUpdate].find(isObject);
  return one?.["taskId"] === undefined || one["taskId"] === task;
}
