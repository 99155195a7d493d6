/** Texts in the streams of OpenAI's responses. Source: OpenAI API reference, "Responses", "Streaming events". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { AnswerWords, Form, Visitor } from "./visitor.js";
import { afterEnd, placeOf, wholeOf } from "./visitor.js";

interface Growing {
  /** Where it stands in its item. */
  readonly place: (event: JsonObject) => string;
  /** What the event at its end calls it. */
  readonly field: string;
  readonly form: Form;
}

const inContent =
  (field: string) =>
  ({ content_index: index }: JsonObject): string =>
    `content/${placeOf(index)}/${field}`;

/** Texts that come by `….delta` and are said again by `….done`; those of transcriptions, too. */
const growing: Readonly<Record<string, Growing>> = {
  "response.output_text": { place: inContent("text"), field: "text", form: "text" },
  "response.refusal": { place: inContent("refusal"), field: "refusal", form: "text" },
  "response.reasoning_text": { place: inContent("text"), field: "text", form: "text" },
  "response.reasoning_summary_text": {
    place: ({ summary_index: index }) => `summary/${placeOf(index)}/text`,
    field: "text",
    form: "text",
  },
  "transcript.text": { place: () => "text", field: "text", form: "text" },
  "response.function_call_arguments": { place: () => "arguments", field: "arguments", form: "json" },
};

/** What says nothing in pieces. */
const wholeEvents =
  /^(?:error|response\.(?:created|queued|in_progress|completed|failed|incomplete|output_item\.\w+|content_part\.\w+|reasoning_summary_part\.\w+|output_text\.annotation\.added|web_search_call\.\w+|image_generation_call\.\w+))$/;

function createVisit(): (event: JsonObject, visitor: Visitor) => JsonObject[] {
  /** How much later events are numbered than the upstream's. */
  let shift = 0;
  const ended = new Set<string>();
  const numbered = (event: JsonObject): JsonObject => {
    const { sequence_number: number } = event;
    return shift === 0 || typeof number !== "number" ? event : { ...event, sequence_number: number + shift };
  };
  return (event, visitor) => {
    const type = String(event["type"]);
    const item = `/output/${placeOf(event["output_index"])}`;
    const [, name = "", verb = ""] = /^(.+)\.(delta|done)$/.exec(type) ?? [];
    const text = Object.hasOwn(growing, name) ? growing[name] : undefined;
    if (text === undefined || verb === "") {
      const left = wholeEvents.test(type) ? visitWhole(event, item, visitor) : visitor.unknown("", event);
      const ends =
        type === "response.output_item.done" ? item : /^response\.(?:comp|fail|inc)/.test(type) ? "" : "?";
      if (ends !== "?") ended.add(ends);
      // INVARIANT: no text is lost: what wasn't ended by its own event isn't known
      if (ends !== "?" && visitor.end(ends).length > 0) visitor.unknown(ends, null);
      return [numbered(isObject(left) ? left : {})];
    }
    const path = `${item}/${text.place(event)}`;
    if (verb === "delta") {
      const { delta, logprobs } = event;
      if (typeof delta !== "string")
        return [numbered({ ...event, delta: visitor.unknown(path, delta ?? null) })];
      const grows = [path, item, ""].some((one) => ended.has(one)) ? afterEnd(visitor) : visitor;
      const said = { ...event, delta: grows.piece(path, delta, text.form) };
      return [numbered(logprobs === undefined ? said : { ...said, logprobs: visitor.echo(logprobs) })];
    }
    ended.add(path);
    const rests = visitor.end(path).map((rest): JsonObject => {
      const about = Object.fromEntries(
        Object.entries(event).filter(([one]) => one !== text.field && one !== "logprobs"),
      );
      const more = event["logprobs"] === undefined ? {} : { logprobs: [] };
      return { ...about, type: `${name}.delta`, delta: rest.text, ...more };
    });
    const { [text.field]: said = null, logprobs } = event;
    const whole = visitor.whole(item, pathTo(text, event, said));
    const done = { ...event, [text.field]: valueAt(whole, text, event) };
    if (logprobs !== undefined) done["logprobs"] = visitor.echo(logprobs);
    return [...rests, done].map((one, i) => {
      // each is numbered by its own: the first keeps the number of what it stands for
      const out = numbered(one);
      if (i < rests.length) shift++;
      return out;
    });
  };
}

/** Puts a value where it stands in its item, so that its place says what it is. */
function pathTo({ place }: Growing, event: JsonObject, value: Json): JsonObject {
  const [field = "", index, inner] = place(event).split("/");
  return index === undefined || inner === undefined ? { [field]: value } : { [field]: [{ [inner]: value }] };
}

function valueAt(item: Json, { place }: Growing, event: JsonObject): Json {
  const [field = "", index, inner] = place(event).split("/");
  const value = isObject(item) ? (item[field] ?? null) : null;
  if (index === undefined || inner === undefined) return value;
  const [first] = Array.isArray(value) ? value : [];
  return isObject(first) ? (first[inner] ?? null) : null;
}

function visitWhole(event: JsonObject, at: string, visitor: Visitor): JsonObject {
  const { type = null, response, item, part, ...about } = event;
  const { content_index: index, summary_index: summary, ...others } = about;
  const out: JsonObject = { type, ...wholeOf(visitor, "", others) };
  if (index !== undefined) out["content_index"] = index;
  if (summary !== undefined) out["summary_index"] = summary;
  if (response !== undefined) out["response"] = visitor.whole("", response);
  if (item !== undefined) out["item"] = visitor.whole(at, item);
  const list = summary === undefined ? "content" : "summary";
  if (part !== undefined) out["part"] = visitor.whole(`${at}/${list}/0`, part);
  return out;
}

export const responsesWords: AnswerWords = { events: createVisit, named: true, repeats: true };
