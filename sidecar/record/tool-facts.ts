/** Keeps what the record may say of a tool: which definition, what it may do, and what was found in arguments and result. */
import { isObject } from "../contract.js";
import type { Call, Json, JsonObject } from "../contract.js";

const definition = /^sha256:[0-9a-f]{64}$/;
/** Kinds, flags and reasons. */
const word = /^[a-z][a-z0-9_]{0,31}$/;
/** Labels, as operators choose them. */
const label = /^[A-Za-z0-9_.:/@+-]{1,64}$/;
/** Names of tools, resources and prompts; their ids are recorded, too. */
const name = /^[A-Za-z0-9_./-]{1,128}$/;
const mediaType = /^[a-z]{1,16}\/[a-z0-9.+-]{1,48}$/;
const most = 64;

type Keep = (value: Json) => Json | undefined;

const scalar: Keep = (value) => (typeof value === "number" || typeof value === "boolean" ? value : undefined);
const text =
  (form: RegExp): Keep =>
  (value) =>
    typeof value === "string" && form.test(value) ? value : undefined;
const oneOf =
  (...values: readonly string[]): Keep =>
  (value) =>
    typeof value === "string" && values.includes(value) ? value : undefined;
const list =
  (form: RegExp): Keep =>
  (value) =>
    Array.isArray(value)
      ? value.filter((item) => typeof item === "string" && form.test(item)).slice(0, most)
      : undefined;
/** Kind → how many. */
const counts: Keep = (value) => {
  if (!isObject(value)) return undefined;
  const kept = Object.entries(value).filter(([kind, count]) => word.test(kind) && typeof count === "number");
  return Object.fromEntries(kept.slice(0, most));
};
/** INVARIANT: members are those of the table; what stands beside them (hosts, paths, words of commands) is content. */
const object =
  (members: Readonly<Record<string, Keep>>): Keep =>
  (value) => {
    if (!isObject(value)) return undefined;
    const out: JsonObject = {};
    for (const [name, keep] of Object.entries(members)) {
      const member = Object.hasOwn(value, name) ? value[name] : undefined;
      const kept = member === undefined ? undefined : keep(member);
      if (kept !== undefined) out[name] = kept;
    }
    return out;
  };

const links = object({ count: scalar, private: scalar, odd: scalar, traversal: scalar });

const argumentFacts = object({
  ...{ chars: scalar, values: scalar, depth: scalar, texts: scalar, truncated: scalar, unreadable: scalar },
  ...{ private: scalar, traversal: scalar, pii: counts, hidden: counts },
  secrets: object({ count: scalar, kinds: counts }),
  shell: object({ complete: scalar, why: list(word) }),
});

const keepTool = object({
  definition_digest: text(definition),
  definition_status: oneOf("approved", "new", "changed"),
  definition_flags: list(word),
  risk: oneOf("low", "medium", "high", "critical"),
  effect: oneOf("read", "write", "external"),
  labels: list(label),
  // what servers ask of clients
  during: text(name),
  mode: oneOf("form", "url"),
  ...{ asks_for_secret: scalar, messages: scalar, max_tokens: scalar },
  answer: object({ bytes: scalar, facts: argumentFacts }),
  facts: argumentFacts,
  result: object({
    ...{ bytes: scalar, is_error: scalar, status: scalar, texts: scalar, chars: scalar },
    ...{ unknown_members: scalar, scanned: scalar, why: list(word), media_types: list(mediaType) },
    structured: object({ present: scalar, valid: scalar }),
    media: object({ count: scalar, bytes: scalar }),
    ...{ blocks: counts, links, resources: links },
    ...{ secrets: counts, pii: counts, injection: counts, internals: counts },
  }),
});

/** Gives what is kept of a call of kind `tool`; undefined where there is nothing. */
export function toolFacts({ kind, resource }: Call): Json | undefined {
  if (kind !== "tool") return undefined;
  const kept = keepTool(resource.properties);
  return isObject(kept) && Object.keys(kept).length > 0 ? kept : undefined;
}
