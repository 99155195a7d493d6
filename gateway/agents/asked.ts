/** One operation that a client asks an agent for, whatever the binding and the version that it speaks. */
import type { Call, JsonObject } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";
import { metadataNames, partsFacts } from "./facts.js";
import type { IdKind, Named } from "./ids.js";
import { readId } from "./ids.js";
import type { Operation } from "./methods.js";
import { actions } from "./methods.js";
import { made } from "./wire/v1.js";

export interface Asked {
  readonly operation: Exclude<Operation, "push">;
  /** In the form of 1.0, rebuilt; ids as the client has them. */
  readonly params: JsonObject;
  /** URIs of `A2A-Extensions`. */
  readonly extensions: readonly string[];
  /** Bytes of the request. */
  readonly bytes: number;
}

export interface Described {
  readonly call: Call;
  /** The ids that the request names; undefined where one is of no form that was ever given out. */
  readonly ids: readonly (readonly [IdKind, Named])[] | undefined;
  /** The skill that the message says it is for. */
  readonly skill: string | undefined;
}

/** What metadata calls the skill that a message is for; A2A has no field of its own. */
const skillNames = ["skill", "skillId", "skill_id"];

/** Describes for policy what is asked for. */
export function describeAsked(agent: string, asked: Asked, hosts: readonly string[]): Described {
  const { operation, params } = asked;
  const message = isObject(params["message"]) ? params["message"] : undefined;
  const named = namesOf(operation, params, message);
  const ids = named.map(([kind, sealed]) => [kind, readId(kind, sealed)] as const);
  const idOf = (kind: IdKind): string | undefined => ids.find(([of]) => of === kind)?.[1]?.id;
  const skill = skillOf(params, message);
  const about = { agent, skill, task_id: idOf("task"), context_id: idOf("context") };
  const ofMessage = operation === "send" || operation === "stream";
  return {
    call: {
      kind: "agent",
      action: {
        name: actions[operation],
        properties: { phase: "request", stream: operation === "stream" || operation === "subscribe" },
      },
      resource: {
        type: "agent",
        id: agent,
        properties: made({
          ...about,
          ...(ofMessage ? messageFacts(params, message ?? {}, hosts) : {}),
          extensions: [...asked.extensions],
        }),
      },
    },
    ids: ids.every((one): one is readonly [IdKind, Named] => one[1] !== undefined)
      ? (ids as (readonly [IdKind, Named])[])
      : undefined,
    skill,
  };
}

function messageFacts(params: JsonObject, message: JsonObject, hosts: readonly string[]): JsonObject {
  const set = isObject(params["configuration"]) ? params["configuration"] : {};
  const { referenceTaskIds: references, extensions } = message;
  const { count, bytes, kinds, parts } = partsFacts(message["parts"] as JsonObject[], hosts);
  return made({
    ...{ role: message["role"], parts, parts_count: count, bytes, kinds },
    metadata: metadataNames(params["metadata"], message["metadata"]),
    reference_tasks: Array.isArray(references) ? references.length : 0,
    message_extensions: extensions,
    return_immediately: set["returnImmediately"] === true,
    accepted_output_modes: set["acceptedOutputModes"],
    history_length: set["historyLength"],
  });
}

/** All ids of ours that a request names. */
function namesOf(
  operation: Operation,
  params: JsonObject,
  message: JsonObject | undefined,
): (readonly [IdKind, string])[] {
  const names: (readonly [IdKind, string])[] = [];
  const add = (kind: IdKind, value: unknown): void => {
    if (typeof value === "string") names.push([kind, value]);
  };
  if (operation !== "list") add("task", params["id"]);
  add("context", params["contextId"]);
  add("page", params["pageToken"]);
  add("task", message?.["taskId"]);
  add("context", message?.["contextId"]);
  const references = message?.["referenceTaskIds"];
  if (Array.isArray(references)) for (const one of references) add("task", one);
  return names;
}

/** INVARIANT: two that disagree are no skill that anybody has: policy sees both. */
function skillOf(params: JsonObject, message: JsonObject | undefined): string | undefined {
  const said = [params["metadata"], message?.["metadata"]].flatMap((metadata) =>
    isObject(metadata) ? skillNames.flatMap((name) => metadata[name] ?? []) : [],
  );
  const skills = [...new Set(said.map((one) => (typeof one === "string" ? one : "?")))];
  return skills.length === 0 ? undefined : skills.join(" ");
}

/** Rebuilds params with the agent's own ids. @param open gives the agent's id for a client's */
export function openIds(params: JsonObject, open: (kind: IdKind, sealed: string) => string): JsonObject {
  const { message } = params;
  return made({
    ...params,
    id: opened("task", params["id"], open),
    contextId: opened("context", params["contextId"], open),
    pageToken: opened("page", params["pageToken"], open),
    message: isObject(message) ? mapMessage(message, open) : undefined,
  });
}

type Give = (kind: IdKind, id: string) => string;

const opened = (kind: IdKind, value: JsonObject[string] | undefined, give: Give): string | undefined =>
  typeof value === "string" ? give(kind, value) : undefined;

function mapMessage(message: JsonObject, give: Give): JsonObject {
  const { referenceTaskIds: references } = message;
  return made({
    ...message,
    contextId: opened("context", message["contextId"], give),
    taskId: opened("task", message["taskId"], give),
    referenceTaskIds: Array.isArray(references)
      ? references.map((one) => give("task", String(one)))
      : undefined,
  });
}

function mapStatus(status: JsonObject[string] | undefined, give: Give): JsonObject | undefined {
  if (!isObject(status)) return undefined;
  const { message } = status;
  return made({ ...status, message: isObject(message) ? mapMessage(message, give) : undefined });
}

export function mapTask(task: JsonObject, give: Give): JsonObject {
  const { history } = task;
  return made({
    ...task,
    id: opened("task", task["id"], give),
    contextId: opened("context", task["contextId"], give),
    status: mapStatus(task["status"], give),
    history: Array.isArray(history) ? history.map((one) => mapMessage(one as JsonObject, give)) : undefined,
  });
}

/** Rebuilds an event with ids of ours. @param seal gives the client's id for an agent's */
export function sealIds(event: JsonObject, seal: Give): JsonObject {
  const { task, message, statusUpdate, artifactUpdate } = event;
  if (isObject(task)) return made({ task: mapTask(task, seal) });
  if (isObject(message)) return made({ message: mapMessage(message, seal) });
  const update = (isObject(statusUpdate) ? statusUpdate : artifactUpdate) as JsonObject;
  const mapped = made({
    ...update,
    taskId: opened("task", update["taskId"], seal),
    contextId: opened("context", update["contextId"], seal),
    status: mapStatus(update["status"], seal),
  });
  return made(isObject(statusUpdate) ? { statusUpdate: mapped } : { artifactUpdate: mapped });
}
