/** Texts in the streams of Anthropic's messages. Source: Anthropic API reference, "Streaming messages". */
import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { AnswerWords, Visitor } from "./visitor.js";
import { afterEnd, placeOf, wholeOf } from "./visitor.js";

/** What a delta's text is called, by its type, and where it stands in the whole. */
const deltas = {
  text_delta: { field: "text", place: "text", form: "text" },
  thinking_delta: { field: "thinking", place: "thinking", form: "text" },
  input_json_delta: { field: "partial_json", place: "input", form: "json" },
} as const;
/** Those that say all at once. */
const wholeDeltas = ["citations_delta", "signature_delta"];

const isKnown = (type: unknown): type is keyof typeof deltas =>
  typeof type === "string" && Object.hasOwn(deltas, type);

/** What is left of a block's text goes before the event that ends it. */
function visitEvent(event: JsonObject, visitor: Visitor, ended: Set<string>): JsonObject[] {
  const { type, index = 0, delta, content_block: block, ...others } = event;
  const at = `/content/${placeOf(index)}`;
  const grows = ended.has(at) ? afterEnd(visitor) : visitor;
  if (type === "content_block_delta" && isObject(delta)) {
    const { type: kind, ...said } = delta;
    if (wholeDeltas.includes(String(kind))) {
      return [{ ...event, delta: { ...wholeOf(visitor, at, said), type: kind ?? null } }];
    }
    const known = isKnown(kind) ? deltas[kind] : undefined;
    const piece = known === undefined ? undefined : delta[known.field];
    if (known === undefined || typeof piece !== "string") {
      return [{ ...event, delta: visitor.unknown(at, delta) }];
    }
    const text = grows.piece(`${at}/${known.place}`, piece, known.form);
    return [{ ...event, delta: { ...delta, [known.field]: text } }];
  }
  if (type === "content_block_start" && isObject(block)) {
    const field = ["text", "thinking"].find((name) => typeof block[name] === "string");
    const piece = field === undefined ? undefined : block[field];
    if (field === undefined || typeof piece !== "string") {
      return [{ ...event, content_block: visitor.whole(at, block) }];
    }
    const rest = Object.fromEntries(Object.entries(block).filter(([name]) => name !== field));
    const left = wholeOf(visitor, at, rest);
    return [{ ...event, content_block: { ...left, [field]: grows.piece(`${at}/${field}`, piece, "text") } }];
  }
  if (type === "content_block_stop") {
    ended.add(at);
    return [...visitor.end(at).map((rest) => deltaOf(rest, event)), event];
  }
  return [
    {
      ...{ type: type ?? null },
      ...(event["index"] === undefined ? {} : { index }),
      ...(delta === undefined ? {} : { delta: visitor.whole("", delta) }),
      ...wholeOf(visitor, "", others),
    },
  ];
}

function deltaOf(
  { path, text }: { readonly path: string; readonly text: string },
  { index = 0 }: JsonObject,
): JsonObject {
  const place = path.slice(path.lastIndexOf("/") + 1);
  const [type, { field }] = Object.entries(deltas).find(([, one]) => one.place === place) ?? [
    "text_delta",
    deltas.text_delta,
  ];
  return { type: "content_block_delta", index, delta: { type, [field]: text } };
}

function createVisit(): (event: JsonObject, visitor: Visitor) => JsonObject[] {
  const ended = new Set<string>();
  return (event, visitor) => visitEvent(event, visitor, ended);
}

export const anthropicWords: AnswerWords = { events: createVisit, named: true, repeats: false };
