/** Requests that name one thing: a tool to call, a resource to read, a prompt to get, a completion. */
import type { Decision, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import { askAbout } from "../../exchange.js";
import { refusalOf } from "../../models/refuse.js";
import { kindsOf } from "../arguments/kinds-of.js";
import { maskArguments, toolObligations } from "../results/apply.js";
import type { ResultOf } from "../results/shape.js";
import type { Reviewed } from "../definitions/definitions.js";
import { checkParamHeaders } from "./check-headers.js";
import type { Heard } from "./converse.js";
import { converse } from "./converse.js";
import type { UriFacts } from "./describe-call.js";
import { completionCall, promptCall, readUri, resourceCall, speakCall, toolCall } from "./describe-call.js";
import { judgeHeard } from "./judge-result.js";
import { knownTools, toolsOf } from "./listing.js";
import { ownerOf } from "./owner.js";
import { isHolder } from "./peer.js";
import { takeDuties } from "./take-duties.js";
import type { Done, Turn } from "./turn.js";
import { failure, linkTo, refused, usedServer } from "./turn.js";
import { paramHeadersOf } from "../links/param-headers.js";

const name = /^[\x21-\x7e]{1,300}$/;

/** Serves `tools/call`. */
export async function callTool(turn: Turn): Promise<Done> {
  const named: Named = {};
  const done = await callNamed(turn, named);
  const { reply } = done;
  const result = reply.kind === "result" ? "answered" : reply.kind === "refused" ? reply.outcome : reply.kind;
  // INVARIANT: servers of the configuration only
  if (named.server !== undefined) turn.parts.metrics.gatewayTool(named.server, named.risk ?? "", result);
  return done;
}

/** What a call turned out to be of. */
interface Named {
  server?: string;
  risk?: string;
}

async function callNamed(turn: Turn, named: Named): Promise<Done> {
  const { params } = turn.request;
  const args = params["arguments"] ?? {};
  if (typeof params["name"] !== "string" || !name.test(params["name"]))
    return undecided(refuse("invalid_params", "params.name must be the name of a tool"));
  if (!isObject(args)) return undecided(refuse("invalid_params", "params.arguments must be an object"));
  const found = turn.place.find(params["name"]);
  if (found === undefined) return undecided(refuse("unknown_tool"));
  named.server = found.server;
  const told = usedServer(turn, found.server);
  const tool = await reviewedTool(turn, found.server, found.name);
  if ("done" in tool) return { ...tool.done, told };
  const { reviewed } = tool;
  const risk = reviewed?.properties["risk"];
  if (typeof risk === "string") named.risk = risk;
  const kinds = kindsOf(turn.place.servers.get(found.server), found.name);
  const facts = turn.parts.mcp.describeArguments(args, kinds);
  const about: JsonObject = { ...reviewed?.properties, arguments: args, facts };
  const [decision] = await askAbout(
    turn.parts,
    turn.exchange,
    [toolCall("tool.call", found.server, found.name, about)],
    toolObligations,
    {
      ...{ prompt: { method: "tools/call" }, reusable: true },
      upstream: turn.place.servers.get(found.server)?.upstream,
    },
  );
  const stop = stopped(turn, decision);
  if (stop !== undefined) return { ...stop, told };
  const allowed = decision as Decision;
  const halt = (refusal: Refusal): Done => ({ reply: refused(refusal), decision: allowed, told });
  if (reviewed === undefined) return halt(refuse("unknown_tool"));
  if (reviewed.quarantined) return halt(refuse("tool_quarantined"));
  const paramHeaders = checkParamHeaders(
    turn.exchange.req.headers,
    args,
    reviewed.paramHeaders,
    turn.era === "stateless",
  );
  if (isRefusal(paramHeaders)) return halt(paramHeaders);
  const problem = reviewed.checkArguments(args);
  if (problem !== undefined) return halt(refuse("invalid_arguments", problem));
  const duties = await takeDuties(turn, allowed);
  if ("reply" in duties) return { ...duties, told };
  const masked = maskArguments(args, duties, reviewed.checkArguments);
  if (masked === undefined) return halt(refuse("obligation_unsatisfiable"));
  const linked = await linkTo(turn, found.server, allowed);
  if ("failed" in linked) return { reply: linked.failed, decision: allowed, told };
  const heard = await converse({
    ...{ turn, ...linked, during: found.name, decision: allowed, masks: duties.resultMasks },
    // what repeats arguments repeats those that are sent: masked ones, and also where the client need not repeat any
    paramHeaders: paramHeadersOf(masked, reviewed.paramHeaders),
    params: { name: found.name, arguments: masked },
  });
  const ask = (result: JsonObject) =>
    toolCall("tool.call", found.server, found.name, { ...reviewed.properties, result }, "response");
  const done = await judgeHeard({ turn, decision: allowed, duties, of: "tools/call", ask, reviewed }, heard);
  return { ...done, told: { ...told, ...done.told } };
}

/** Finds what is known of a tool; a server that nobody asked yet is asked, once the caller may speak to it. */
async function reviewedTool(
  turn: Turn,
  server: string,
  own: string,
): Promise<{ readonly reviewed: Reviewed | undefined } | { readonly done: Done }> {
  const { parts, peer, place } = turn;
  const known = peer.attached.get(server);
  const usable = known !== undefined && known.config === place.servers.get(server) && !known.lost;
  const listed = usable ? await knownTools(turn, known) : undefined;
  if (listed !== undefined) return { reviewed: listed.byName.get(own) };
  const upstream = place.servers.get(server)?.upstream;
  const [decision] = await askAbout(parts, turn.exchange, [speakCall(server)], [], { upstream });
  const stop = stopped(turn, decision);
  if (stop !== undefined) return { done: stop };
  const allowed = decision as Decision;
  const linked = await linkTo(turn, server, allowed);
  if ("failed" in linked) return { done: { reply: linked.failed, decision: allowed } };
  const listing = await toolsOf(turn, linked.attached, linked.link, allowed);
  if (!("kind" in listing)) return { reviewed: listing.byName.get(own) };
  const reply =
    listing.kind === "aborted"
      ? listing
      : failure(listing.kind === "failed" ? listing.code : "upstream_invalid");
  return { done: { reply, decision: allowed } };
}

/** Serves `resources/read`. */
export async function readResource(turn: Turn): Promise<Done> {
  const uri = readUri(turn.request.params["uri"]);
  if (isRefusal(uri)) return undecided(uri);
  const server = await ownerOf(turn, uri.text);
  if (typeof server !== "string") return undecided(server);
  const told = usedServer(turn, server);
  const ask = (result: JsonObject) => resourceCall("resource.read", server, uri, { result }, "response");
  return {
    ...(await pass(
      turn,
      server,
      resourceCall("resource.read", server, uri),
      { uri: uri.text },
      uri.text,
      ask,
    )),
    told,
  };
}

/** Serves `prompts/get`. */
export async function getPrompt(turn: Turn): Promise<Done> {
  const { params } = turn.request;
  const args = params["arguments"] ?? {};
  if (typeof params["name"] !== "string" || !name.test(params["name"]))
    return undecided(refuse("invalid_params", "params.name must be the name of a prompt"));
  if (!isObject(args) || !Object.values(args).every((one) => typeof one === "string"))
    return undecided(refuse("invalid_params", "params.arguments must hold texts"));
  const found = turn.place.find(params["name"]);
  if (found === undefined) return undecided(refuse("unknown_prompt"));
  const { server } = found;
  const facts = turn.parts.mcp.describeArguments(args);
  const call = promptCall("prompt.get", server, found.name, { arguments: args, facts });
  const sent = params["arguments"] === undefined ? {} : { arguments: args };
  const ask = (result: JsonObject) => promptCall("prompt.get", server, found.name, { result }, "response");
  const done = await pass(turn, server, call, { name: found.name, ...sent }, found.name, ask);
  return { ...done, told: { ...usedServer(turn, server), ...done.told } };
}

/** Serves `completion/complete`. */
export async function complete(turn: Turn): Promise<Done> {
  const { params } = turn.request;
  const [first, second] = turn.place.servers.keys();
  const ref = params["ref"];
  const template = isObject(ref) ? ref["uri"] : undefined;
  const only =
    second === undefined ? first : typeof template === "string" ? await ownerOf(turn, template) : undefined;
  if (typeof only === "object") return undecided(only);
  const read = completionCall(params, turn.place.find, only);
  if (isRefusal(read)) return undecided(read);
  const { _meta, ...sent } = read.params;
  return {
    ...(await pass(turn, read.server, read.call, sent, "completion")),
    told: usedServer(turn, read.server),
  };
}

/** Decides, asks the server, and decides on what it gives where `ask` says how. */
async function pass(
  turn: Turn,
  server: string,
  call: Parameters<typeof askAbout>[2][number],
  params: JsonObject,
  during: string,
  ask?: (result: JsonObject) => typeof call,
): Promise<Done> {
  const [decision] = await askAbout(
    turn.parts,
    turn.exchange,
    [call],
    ask === undefined ? [] : toolObligations,
    {
      prompt: { method: turn.request.method },
      upstream: turn.place.servers.get(server)?.upstream,
    },
  );
  const stop = stopped(turn, decision);
  if (stop !== undefined) return stop;
  const allowed = decision as Decision;
  const linked = await linkTo(turn, server, allowed);
  if ("failed" in linked) return { reply: linked.failed, decision: allowed };
  const duties = await takeDuties(turn, allowed);
  if ("reply" in duties) return duties;
  const heard: Heard = await converse({
    ...{ turn, ...linked, during, decision: allowed, params },
    masks: duties.resultMasks,
  });
  const of = turn.request.method as ResultOf;
  return judgeHeard({ turn, decision: allowed, duties, of, ...(ask === undefined ? {} : { ask }) }, heard);
}

/** INVARIANT: whoever isn't who the session or the link is for gets no further, as if there were none. */
export function stopped(turn: Pick<Turn, "peer">, decision: Decision | undefined): Done | undefined {
  if (decision === undefined) return undecided(refuse("pdp_unavailable"));
  if (!decision.allow)
    return {
      reply: { kind: "refused", refusal: refusalOf(decision), decision, outcome: "denied" },
      decision,
    };
  return isHolder(turn.peer, decision) ? undefined : { reply: refused(refuse("unknown_session")), decision };
}

export function undecided(refusal: Refusal): Done {
  return { reply: refused(refusal), decision: undefined };
}

function isRefusal(value: Refusal | UriFacts | object): value is Refusal {
  return "kind" in value && value.kind === "refusal";
}
