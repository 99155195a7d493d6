/** What a tool server asks of its client (sampling, elicitation, roots): decided before the client sees it, and again when it answers. */
import type { Decision, Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, stringifyJson } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude } from "../../exchange.js";
import type { ToolMasking } from "../results/mask.js";
import { maskSaid } from "../results/mask-said.js";
import type { Peer } from "./peer.js";
import { inputCall } from "./describe-call.js";
import { serverRequests } from "./methods.js";
import { readElicitation, readElicited, readRoots, readSampled, readSampling } from "./read-input.js";

/** Something that a client was asked, and hasn't answered yet. */
export interface Pending {
  readonly settle: (answer: InputAnswer) => void;
  /** Nobody will answer. */
  readonly abandon: () => void;
}

export type InputAnswer =
  { readonly result: JsonObject } | { readonly error: { readonly code: number; readonly message: string } };

export interface InputContext {
  readonly parts: GatewayParts;
  readonly exchange: Exchange;
  readonly peer: Pick<Peer, "capabilities" | "elicited">;
  readonly server: string;
  /** The tool, resource or prompt that is at work; absent for what a server asks of its own accord. */
  readonly during?: string;
  /** What the decision on what is at work has masked in what comes of it. */
  readonly masks?: readonly ToolMasking[];
}

/** Something that may be asked. */
export interface Input {
  readonly method: string;
  readonly params: JsonObject;
  /** What policy is told of it. */
  readonly facts: JsonObject;
  readonly decision: Decision;
}

const noSuchMethod: InputAnswer = { error: { code: -32601, message: "not offered" } };
const badParams: InputAnswer = { error: { code: -32602, message: "invalid params" } };
const notAllowed: InputAnswer = { error: { code: -32001, message: "not allowed" } };
/** The answer of a client that isn't there. */
export const noAnswer: InputAnswer = { error: { code: -32603, message: "no answer" } };

const mostBytes = 2 ** 20;
const mostElicited = 256;

/** Decides whether a client may be asked; gives the input, or what the server is answered. */
export async function judgeInput(
  context: InputContext,
  method: string,
  params: JsonObject,
): Promise<Input | InputAnswer> {
  const row = Object.hasOwn(serverRequests, method) ? serverRequests[method] : undefined;
  const able = row === undefined ? undefined : context.peer.capabilities[row.capability];
  if (row === undefined || !isObject(able)) return noSuchMethod;
  const { _meta, task, ...said } = params;
  const stray = Object.keys(said).some((name) => !row.params.includes(name));
  const bytes = Buffer.byteLength(stringifyJson(said));
  // a task would go on where nobody decides
  if (stray || task !== undefined || bytes > mostBytes) return badParams;
  // INVARIANT: what the result would be without isn't given by asking for something
  const fields = maskSaid(said, context.masks ?? []);
  const read = fields && readers[row.action](fields, able);
  if (fields === undefined || read === undefined) return badParams;
  const facts: JsonObject = { ...read, bytes };
  // people and models read what they are asked: it is looked at as arguments are
  if (row.action !== "roots.list") facts["facts"] = context.parts.mcp.describeArguments(fields);
  if (context.during !== undefined) facts["during"] = context.during;
  const [decision] = await askAbout(
    context.parts,
    context.exchange,
    [inputCall(row.action, context.server, facts, "request")],
    [],
  );
  if (decision === undefined) return notAllowed;
  tell(context, decision, decision.allow ? "forwarded" : "denied");
  if (!decision.allow) return notAllowed;
  const { elicitationId } = fields;
  const { elicited } = context.peer;
  if (typeof elicitationId === "string" && elicited.size < mostElicited) elicited.add(elicitationId);
  return { method, params: fields, facts, decision };
}

/** Decides whether a client's answer may reach the server; gives what it gets. */
export async function judgeInputAnswer(
  context: InputContext,
  { method, params, facts }: Omit<Input, "decision">,
  answer: InputAnswer,
): Promise<InputAnswer> {
  if ("error" in answer) return answer;
  const row = Object.hasOwn(serverRequests, method) ? serverRequests[method] : undefined;
  if (row === undefined) return notAllowed;
  const { _meta, ...result } = answer.result;
  const bytes = Buffer.byteLength(stringifyJson(result));
  const said = bytes > mostBytes ? undefined : answerReaders[row.action](result, params);
  if (said === undefined) return badParams;
  // what a client says is looked at as arguments are
  const about = { ...facts, answer: { ...said, bytes, facts: context.parts.mcp.describeArguments(result) } };
  const [decision] = await askAbout(
    context.parts,
    context.exchange,
    [inputCall(row.action, context.server, about, "response")],
    [],
  );
  if (decision === undefined) return notAllowed;
  tell(context, decision, decision.allow ? "forwarded" : "denied");
  return decision.allow ? { result } : notAllowed;
}

const readers = {
  "sampling.create": readSampling,
  "elicitation.create": readElicitation,
  "roots.list": (): JsonObject => ({}),
} as const;

const answerReaders: Readonly<
  Record<keyof typeof readers, (result: JsonObject, params: JsonObject) => JsonObject | undefined>
> = {
  "sampling.create": readSampled,
  "elicitation.create": readElicited,
  "roots.list": readRoots,
};

function tell(
  { parts, exchange, server }: InputContext,
  decision: Decision,
  outcome: "forwarded" | "denied",
): void {
  conclude(parts, exchange, decision, {
    ...{ kind: "tool", outcome, status: outcome === "denied" ? 403 : 200, upstream: server },
  });
}

/** Leaves of a client's capabilities what is carried here. */
export function carriedCapabilities(said: Json | undefined): JsonObject {
  const carried: JsonObject = {};
  if (!isObject(said)) return carried;
  for (const [name, parts] of [
    ["sampling", ["context", "tools"]],
    ["elicitation", ["form", "url"]],
    ["roots", ["listChanged"]],
  ] as const) {
    const has = said[name];
    if (!isObject(has)) continue;
    const kept: JsonObject = {};
    for (const part of parts) {
      const value = has[part];
      if (isObject(value)) kept[part] = {};
      else if (value === true) kept[part] = true;
    }
    carried[name] = kept;
  }
  return carried;
}
