/** Lists of what servers have: what a caller couldn't use, it doesn't see. */
import type { Decision, Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, refuse } from "../../../sidecar/contract.js";
import { isPipeline, refusalOf } from "../../models/refuse.js";
import { findFlags } from "../definitions/flags/flags.js";
import { readUri, promptCall, resourceCall, templateCall, toolCall } from "./describe-call.js";
import { askInTurns, toolsOf } from "./listing.js";
import type { Listing, Offered } from "./peer.js";
import { keyOf } from "./peer.js";
import { seal, unseal } from "./seal-state.js";
import type { Reply, Turn } from "./turn.js";
import { callerOf, failure, linkTo, refused } from "./turn.js";

/** How the items of a method are read; undefined: not one that can be offered. */
interface Kind {
  readonly field: string;
  /** What of an item says where it is. INVARIANT: nothing else does: else one server could hide what another has. */
  readonly address: string;
  read(turn: Turn, server: string, item: JsonObject): Offered | undefined;
}

const kinds: Readonly<Record<string, Kind>> = {
  "resources/list": {
    field: "resources",
    address: "uri",
    read(_turn, server, item) {
      const uri = readUri(item["uri"]);
      if ("kind" in uri) return undefined;
      const given = pick(item, ["uri", "name", "title", "description", "mimeType", "annotations", "size"]);
      return { given, call: resourceCall("resource.list", server, uri, flagsOf(given)) };
    },
  },
  "resources/templates/list": {
    field: "resourceTemplates",
    address: "uriTemplate",
    read(_turn, server, item) {
      const template = item["uriTemplate"];
      if (typeof template !== "string" || !/^[\x21-\x7e]{1,2048}$/.test(template)) return undefined;
      const given = pick(item, ["uriTemplate", "name", "title", "description", "mimeType", "annotations"]);
      return { given, call: templateCall(server, template, flagsOf(given)) };
    },
  },
  "prompts/list": {
    field: "prompts",
    address: "name",
    read({ place }, server, item) {
      const { name } = item;
      if (typeof name !== "string" || !/^[\x21-\x7e]{1,256}$/.test(name)) return undefined;
      const given = pick(item, ["name", "title", "description", "arguments"]);
      const call = promptCall("prompt.list", server, name, flagsOf(given));
      return { given: { ...given, name: place.nameOf(server, name) }, call };
    },
  },
};

/** Leaves of an item what both revisions know. */
function pick(item: JsonObject, names: readonly string[]): JsonObject {
  const given: JsonObject = {};
  for (const name of [...names, "icons"]) {
    const value = item[name];
    if (value !== undefined) given[name] = value;
  }
  return given;
}

/** Says what is odd about what a server writes of an item, as of a tool's definition. */
function flagsOf({ title, description, arguments: args }: JsonObject): JsonObject {
  if (title === undefined && description === undefined && args === undefined) return {};
  const { flags } = findFlags(
    "item",
    { title: title ?? "", description: description ?? "", inputSchema: { args: args ?? "" } },
    undefined,
  );
  return flags.size === 0 ? {} : { flags: [...flags].sort() };
}

/** What a client is told of how long a list stays true, milliseconds: who may see it can change at any moment. */
const ttlMs = 0;
const cursorMs = 3_600_000;
const mostItems = 10_000;

/** Gives a list of all servers of the place that may be spoken to. */
export async function listItems(turn: Turn, allowed: ReadonlyMap<string, Decision>): Promise<Reply> {
  const { request, era } = turn;
  const given =
    request.method === "tools/list" ? await listTools(turn, allowed) : await listOthers(turn, allowed);
  if (isReply(given)) return given;
  // the list is this caller's own
  const cache = era === "stateless" ? { resultType: "complete", ttlMs, cacheScope: "private" } : {};
  return { kind: "result", result: { ...given, ...cache } };
}

/** Lists have no such member. */
const isReply = (given: JsonObject | Reply): given is Reply => "kind" in given;

async function listTools(turn: Turn, allowed: ReadonlyMap<string, Decision>): Promise<JsonObject | Reply> {
  // all come at once
  if (turn.request.params["cursor"] !== undefined)
    return refused(refuse("invalid_params", "the cursor is not known"));
  const found = await Promise.all(
    [...allowed].map(async ([server, decision]) => {
      const linked = await linkTo(turn, server, decision);
      if ("failed" in linked) return linked.failed;
      const listing = await toolsOf(turn, linked.attached, linked.link, decision);
      if ("kind" in listing) return failure(listing.kind === "failed" ? listing.code : "upstream_invalid");
      return { server, listing };
    }),
  );
  if (turn.signal.aborted) return { kind: "aborted" };
  const failed = oneFailed(found);
  if (failed !== undefined) return failed;
  const items = found.flatMap((one) => ("kind" in one ? [] : offeredAt(turn.place, one.server, one.listing)));
  const decisions = await askInTurns(
    turn,
    items.map(({ call }) => call),
  );
  const stopped = stoppedBy(decisions);
  if (stopped !== undefined) return stopped;
  const tools = items.filter((_item, i) => decisions[i]?.allow === true).map(({ given }) => given);
  return { tools };
}

/** Freezes a value and all that is in it. */
function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const one of Object.values(value)) freeze(one);
}

function offeredAt(place: Turn["place"], server: string, listing: Listing): readonly Offered[] {
  if (listing.offered?.route === place.route) return listing.offered.items;
  const items = listing.tools.flatMap((one): Offered[] => {
    if (one.quarantined) return [];
    const name = place.nameOf(server, one.name);
    const call = toolCall("tool.list", server, one.name, one.properties);
    // who is asked may remember what it read of it
    freeze(call.resource);
    return [{ call, given: name === one.name ? one.tool : { ...one.tool, name } }];
  });
  listing.offered = { route: place.route, items };
  return items;
}

async function listOthers(turn: Turn, allowed: ReadonlyMap<string, Decision>): Promise<JsonObject | Reply> {
  const { request, parts, exchange, signal } = turn;
  const kind = kinds[request.method];
  if (kind === undefined) return refused(refuse("unknown_method"));
  const from = readCursor(turn, allowed);
  if (from === undefined) return refused(refuse("invalid_params", "the cursor is not known"));
  const pages = await Promise.all(
    [...from].map(async ([server, cursor]) => {
      const decision = allowed.get(server);
      if (decision === undefined) return { server, items: [] };
      const linked = await linkTo(turn, server, decision);
      if ("failed" in linked) return linked.failed;
      if (linked.link.hello.capabilities[request.row.needs ?? ""] === undefined) return { server, items: [] };
      const answer = await linked.link.request({
        method: request.method,
        params: cursor === "" ? {} : { cursor },
        onMessage: () => undefined,
        signal,
        caller: callerOf(exchange, decision),
      });
      if (answer.kind === "aborted") return { kind: "aborted" } as const;
      // who says that it has resources may still have no templates
      if (answer.kind === "error" && answer.code === -32601) return { server, items: [] };
      const list = answer.kind === "result" ? answer.result[kind.field] : undefined;
      const next = answer.kind === "result" ? (answer.result["nextCursor"] ?? undefined) : undefined;
      if (!Array.isArray(list) || list.length > mostItems || (next !== undefined && typeof next !== "string"))
        return failure(answer.kind === "failed" ? answer.code : "upstream_invalid");
      const items = list.flatMap((item) => (isObject(item) ? (kind.read(turn, server, item) ?? []) : []));
      return { server, items, ...(next === undefined ? {} : { next }) };
    }),
  );
  if (signal.aborted) return { kind: "aborted" };
  const failed = oneFailed(pages);
  if (failed !== undefined) return failed;
  const read = pages.flatMap((page) => ("kind" in page ? [] : [page]));
  const items: readonly Offered[] = unclaimed(read, kind.address);
  const decisions = await askInTurns(
    turn,
    items.map(({ call }) => call),
  );
  const stopped = stoppedBy(decisions);
  if (stopped !== undefined) return stopped;
  const more = Object.fromEntries(
    read.flatMap(({ server, next }) => (next === undefined ? [] : [[server, next]])),
  );
  return {
    [kind.field]: items.filter((_item, i) => decisions[i]?.allow === true).map(({ given }) => given),
    ...(Object.keys(more).length === 0
      ? {}
      : { nextCursor: seal(more, purposeOf(turn), parts.now() + cursorMs, parts.sessionSecret) }),
  };
}

/** Leaves out what two servers say is theirs, as it can't be read: which of them is asked would be anybody's guess. */
function unclaimed(
  pages: readonly { readonly server: string; readonly items: readonly Offered[] }[],
  address: string,
): Offered[] {
  const addressOf = ({ given }: Offered): Json => given[address] ?? null;
  const owners = new Map<Json, string>();
  const twice = new Set<Json>();
  for (const { server, items } of pages) {
    for (const item of items) {
      const key = addressOf(item);
      if ((owners.get(key) ?? server) !== server) twice.add(key);
      owners.set(key, server);
    }
  }
  return pages.flatMap(({ items }) => items.filter((item) => !twice.has(addressOf(item))));
}

/** INVARIANT: what a server gave as a cursor goes back to that server, for this caller and this list alone. */
function readCursor(turn: Turn, allowed: ReadonlyMap<string, Decision>): Map<string, string> | undefined {
  const { cursor } = turn.request.params;
  if (cursor === undefined) return new Map([...allowed.keys()].map((server) => [server, ""]));
  const { parts } = turn;
  const opened =
    typeof cursor === "string"
      ? unseal(cursor, purposeOf(turn), parts.now(), parts.sessionSecret)
      : undefined;
  if (opened === undefined) return undefined;
  return new Map(
    Object.entries(opened).flatMap(([server, one]) => (typeof one === "string" ? [[server, one]] : [])),
  );
}

const purposeOf = ({ place, request, peer }: Turn): string[] => [
  ...["cursor", place.route, request.method, keyOf(peer.subject)],
];

/** A server that fails takes only its own part out of a list; alone, it fails the list. */
function oneFailed(found: readonly (object | Reply)[]): Reply | undefined {
  const failures = found.filter((one): one is Reply => "kind" in one);
  return failures.length === found.length ? failures[0] : undefined;
}

/** INVARIANT: a failure of the decision point isn't an empty list. */
function stoppedBy(decisions: readonly Decision[]): Reply | undefined {
  const failed = decisions.find((decision) => !decision.allow && isPipeline(decision));
  return failed && { kind: "refused", refusal: refusalOf(failed), decision: failed, outcome: "denied" };
}
