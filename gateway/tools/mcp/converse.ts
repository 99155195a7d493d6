/** Has a server answer a request, with all that it asks of the client before it does, in either's words. */
import { createHash } from "node:crypto";
import type { Decision, JsonObject } from "../../../sidecar/contract.js";
import { isObject, refuse, stringifyJson } from "../../../sidecar/contract.js";
import { callerHandles } from "../../live/handles.js";
import type { Link, LinkAnswer } from "../links/link.js";
import { hear, sentMeta } from "./from-server.js";
import type { Input, InputAnswer, InputContext } from "./inputs.js";
import { judgeInput, judgeInputAnswer } from "./inputs.js";
import type { ToolMasking } from "../results/mask.js";
import type { Attached } from "./peer.js";
import { hearFrom, keyOf } from "./peer.js";
import type { Run, Wanted } from "./run.js";
import { startRun } from "./run.js";
import { seal, unseal } from "./seal-state.js";
import type { Reply, Turn } from "./turn.js";
import { callerOf, failure, refused } from "./turn.js";

export interface Conversation {
  readonly turn: Turn;
  readonly attached: Attached;
  readonly link: Link;
  /** What is at work, for policy. */
  readonly during: string;
  readonly decision: Decision;
  /** As they are sent, without `_meta`, `inputResponses`, `requestState`. */
  readonly params: JsonObject;
  readonly paramHeaders?: Readonly<Record<string, string>>;
  /** What the decision has masked in the result, and so in all that the server says before it. */
  readonly masks: readonly ToolMasking[];
}

/** How often a server may ask for input instead of answering. */
const mostRounds = 16;
const mostInputs = 16;

/** Gives a result to be decided on, or what there is instead. `asks`: a result that asks for input, ready for the client. */
export type Heard =
  | { readonly kind: "result"; readonly result: JsonObject }
  | { readonly kind: "asks"; readonly result: JsonObject }
  | { readonly kind: "other"; readonly answer: Exclude<LinkAnswer, { kind: "result" }> }
  | { readonly kind: "refused"; readonly reply: Reply };

/** Asks a server. */
export async function converse(about: Conversation): Promise<Heard> {
  const { turn } = about;
  const { requestState, inputResponses } = turn.request.params;
  if (requestState === undefined) {
    if (inputResponses !== undefined && turn.era === "session")
      return refusedAs(refused(refuse("invalid_params", "this revision has no inputResponses")));
    if (inputResponses !== undefined && !isObject(inputResponses))
      return refusedAs(refused(refuse("invalid_params", "inputResponses must be an object")));
    // answers to nothing that was asked through here stay here: whoever needs them asks
    return follow(about, start(about, {}));
  }
  return resume(about, requestState, inputResponses);
}

const refusedAs = (reply: Reply): Heard => ({ kind: "refused", reply });

function start(about: Conversation, more: JsonObject): Run {
  const { turn, link, decision, params, paramHeaders } = about;
  const { parts, exchange, request } = turn;
  const meta = request.params["_meta"];
  const wanted = isObject(meta) ? meta["progressToken"] : undefined;
  const token = wanted === undefined ? undefined : parts.newId();
  // in the stateless era each request says its level
  const level = link.era === "stateless" ? turn.level : undefined;
  const sent = sentMeta(request.params, token, level);
  const run = startRun({
    link,
    method: request.method,
    params: { ...params, ...more, ...(Object.keys(sent).length === 0 ? {} : { _meta: sent }) },
    caller: callerOf(exchange, decision),
    ...(paramHeaders === undefined || link.era !== "stateless" ? {} : { paramHeaders }),
    maxMessages: parts.config.mcp.maxMessages,
    hear: () => undefined,
  });
  run.hear = hearing(about, token);
  return run;
}

function hearing({ turn, attached, masks }: Conversation, token: string | undefined): Run["hear"] {
  const meta = turn.request.params["_meta"];
  const progressToken = isObject(meta) ? meta["progressToken"] : undefined;
  return (message) => {
    if (message.method.endsWith("/list_changed")) hearFrom(turn.peer, attached, message);
    // INVARIANT: progress is of this request: another's token can't be guessed, and is not this one's
    if (message.method === "notifications/progress" && message.params["progressToken"] !== token) return;
    const said = hear(message, true, {
      progressToken,
      level: turn.level,
      subscribed: attached.subscribed,
      elicited: turn.peer.elicited,
      masks,
    });
    if (said !== undefined && !message.method.endsWith("/list_changed")) turn.say(said);
  };
}

/** Follows a request to its reply, or to where the client must be asked. */
async function follow(about: Conversation, first: Run, rounds = 0): Promise<Heard> {
  const { turn } = about;
  let run = first;
  const abort = (): void => {
    run.abort();
  };
  turn.signal.addEventListener("abort", abort, { once: true });
  if (turn.signal.aborted) abort();
  try {
    for (let round = rounds; round < mostRounds; round++) {
      const step = await run.next();
      if (step.kind === "flooded") return refusedAs(failure("upstream_invalid"));
      if (step.kind === "wanted") {
        const asked = await askNow(about, run, step.wanted);
        if (asked === "answered") continue;
        // from here on the run ends with its own clock, not with this request
        turn.signal.removeEventListener("abort", abort);
        return asked;
      }
      const { answer } = step;
      if (answer.kind !== "result") return { kind: "other", answer };
      if (answer.result["resultType"] !== "input_required") return { kind: "result", result: answer.result };
      const again = await askByResult(about, answer.result);
      if ("kind" in again) return again;
      run = start(about, again.more);
      if (turn.signal.aborted) abort();
    }
    run.abort();
    return refusedAs(failure("upstream_invalid"));
  } finally {
    turn.signal.removeEventListener("abort", abort);
  }
}

function contextOf({ turn, attached, during, masks }: Conversation): InputContext {
  const { parts, exchange, peer } = turn;
  return { parts, exchange, peer, server: attached.name, during, masks };
}

/** What a server of sessions asks while it works: the client is asked at once, or by an answer that asks. */
async function askNow(about: Conversation, run: Run, wanted: readonly Wanted[]): Promise<"answered" | Heard> {
  const { turn, decision } = about;
  const caller = callerOf(turn.exchange, decision);
  const context = contextOf(about);
  const later: { wanted: Wanted; input: Input }[] = [];
  await Promise.all(
    wanted.map(async (one) => {
      const input = await judgeInput(context, one.method, one.params);
      if (!("method" in input)) await run.link.respond(one.id, input, caller);
      else if (turn.askClient === undefined) later.push({ wanted: one, input });
      else {
        const answer = await turn.askClient(input.method, input.params);
        await run.link.respond(one.id, await judgeInputAnswer(context, input, answer), caller);
      }
    }),
  );
  if (later.length === 0) return "answered";
  const asked = new Map(later.map((one, i) => [`input-${i + 1}`, one]));
  const { parts } = turn;
  const handles = callerHandles(decision).add(`server:${about.attached.name}`);
  if (turn.request.row.how === "call") handles.add(`tool:${about.attached.name}/${about.during}`);
  const name = parts.mcp.parked.park(
    { run, asked, owner: keyOf(turn.peer.subject), decision, handles },
    parts.config.mcp.inputMs,
  );
  if (name === undefined) {
    run.abort();
    return refusedAs(refused(refuse("too_many_sessions")));
  }
  return {
    kind: "asks",
    result: asking(
      about,
      [...asked].map(([key, { input }]) => [key, input]),
      { parked: name },
    ),
  };
}

/** What a server of the stateless era asks by its answer: the client is asked so, too, or at once. */
async function askByResult(
  about: Conversation,
  result: JsonObject,
): Promise<Heard | { readonly more: JsonObject }> {
  const { turn } = about;
  const { inputRequests = {}, requestState } = result;
  const known = turn.request.row.mayNeedInput === true && isObject(inputRequests);
  if (!known || (requestState !== undefined && typeof requestState !== "string"))
    return refusedAs(failure("upstream_invalid"));
  const requests = Object.entries(inputRequests);
  if (requests.length > mostInputs || (requests.length === 0 && requestState === undefined))
    return refusedAs(failure("upstream_invalid"));
  const context = contextOf(about);
  const inputs: [string, Input][] = [];
  for (const [key, asked] of requests) {
    const { method, params = {}, ...others } = isObject(asked) ? asked : { method: null };
    if (typeof method !== "string" || !isObject(params) || Object.keys(others).length > 0)
      return refusedAs(failure("upstream_invalid"));
    const input = await judgeInput(context, method, params);
    // the server could go on with what it got, or ask the same again: so the request ends here
    if (!("method" in input)) return refusedAs(refused(refuse("input_refused")));
    inputs.push([key, input]);
  }
  const state = requestState === undefined ? {} : { requestState };
  const { askClient } = turn;
  if (askClient === undefined) {
    const held = Object.fromEntries(
      inputs.map(([key, { method, params, facts }]) => [key, { method, params, facts }]),
    );
    return { kind: "asks", result: asking(about, inputs, { ...state, asked: held }) };
  }
  const answers: JsonObject = {};
  for (const [key, input] of inputs) {
    const answer = await judgeInputAnswer(context, input, await askClient(input.method, input.params));
    if ("error" in answer) return refusedAs(refused(refuse("input_refused")));
    answers[key] = answer.result;
  }
  return { more: { ...(inputs.length === 0 ? {} : { inputResponses: answers }), ...state } };
}

/** Makes the answer that asks, with all that is needed to go on, for this caller and this request alone. */
function asking(
  about: Conversation,
  inputs: readonly (readonly [string, Input])[],
  held: JsonObject,
): JsonObject {
  const { parts } = about.turn;
  const until = parts.now() + parts.config.mcp.inputMs;
  return {
    resultType: "input_required",
    ...(inputs.length === 0
      ? {}
      : {
          inputRequests: Object.fromEntries(
            inputs.map(([key, { method, params }]) => [key, { method, params }]),
          ),
        }),
    requestState: seal(held, purposeOf(about), until, parts.sessionSecret),
  };
}

/** INVARIANT: a state serves this caller, at this server where it is now, and this route, for this method with these parameters. */
function purposeOf({ turn, attached, params }: Conversation): string[] {
  const digest = createHash("sha256").update(stringifyJson(params)).digest("base64url");
  const { upstream, command } = attached.config;
  const where = upstream?.url.href ?? JSON.stringify(command?.argv);
  return [turn.place.route, attached.name, where, turn.request.method, digest, keyOf(turn.peer.subject)];
}

/** Goes on with a request whose client was asked. */
async function resume(
  about: Conversation,
  state: JsonObject[string],
  responses: JsonObject[string] | undefined,
): Promise<Heard> {
  const { turn } = about;
  const { parts } = turn;
  if (typeof state !== "string" || (responses !== undefined && !isObject(responses)))
    return refusedAs(refused(refuse("invalid_params", "requestState is text, inputResponses an object")));
  const held = unseal(state, purposeOf(about), parts.now(), parts.sessionSecret);
  if (held === undefined) return refusedAs(refused(refuse("unknown_request_state")));
  const context = contextOf(about);
  const judge = async (key: string, input: Omit<Input, "decision">): Promise<InputAnswer> => {
    const said = responses?.[key];
    if (!isObject(said)) return { error: { code: -32603, message: "no answer" } };
    return judgeInputAnswer(context, input, { result: said });
  };
  if (typeof held["parked"] === "string") {
    const parked = parts.mcp.parked.take(held["parked"]);
    if (parked === undefined) return refusedAs(refused(refuse("unknown_request_state")));
    const caller = callerOf(turn.exchange, about.decision);
    parked.run.hear = hearing(about, undefined);
    for (const [key, { wanted, input }] of parked.asked)
      await parked.run.link.respond(wanted.id, await judge(key, input), caller);
    return follow(about, parked.run);
  }
  const answers: JsonObject = {};
  for (const [key, one] of Object.entries(isObject(held["asked"]) ? held["asked"] : {})) {
    if (!isObject(one) || typeof one["method"] !== "string") continue;
    const [params, facts] = [one["params"], one["facts"]];
    if (!isObject(params) || !isObject(facts)) continue;
    // one that isn't answered is asked again by the server
    if (responses?.[key] === undefined) continue;
    const answer = await judge(key, { method: one["method"], params, facts });
    if ("error" in answer) return refusedAs(refused(refuse("input_refused")));
    answers[key] = answer.result;
  }
  const { requestState } = held;
  return follow(
    about,
    start(about, {
      ...(Object.keys(answers).length === 0 ? {} : { inputResponses: answers }),
      ...(requestState === undefined ? {} : { requestState }),
    }),
  );
}
