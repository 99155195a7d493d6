/** Texts in Gemini's streams: each event is a whole answer whose parts go on. Source: Gemini API reference, "Generating content". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { AnswerWords, Rest, Visitor } from "./visitor.js";
import { placeOf, wholeOf } from "./visitor.js";

/** Thoughts are a text of their own; parts have no numbers, so that all that is said is one text. */
const textPath = (parts: string, thought: boolean): string => `${parts}/${thought ? "thought" : "said"}/text`;

const partOf = ({ path, text }: Rest): JsonObject =>
  path.endsWith("/thought/text") ? { text, thought: true } : { text };

/** What is left of a candidate's texts goes before what ends them: another thing than text, or the candidate's end. */
function visitAnswer(event: JsonObject, visitor: Visitor): JsonObject[] {
  const { candidates, ...head } = event;
  const said = wholeOf(visitor, "", head);
  if (!Array.isArray(candidates)) {
    return [candidates === undefined ? said : { ...said, candidates: visitor.unknown("", candidates) }];
  }
  return [{ ...said, candidates: candidates.map((one) => visitCandidate(one, visitor)) }];
}

function visitCandidate(candidate: Json, visitor: Visitor): Json {
  if (!isObject(candidate)) return visitor.unknown("/candidates", candidate);
  const { content, logprobsResult: logprobs, ...others } = candidate;
  const at = `/candidates/${placeOf(candidate["index"])}`;
  const out = wholeOf(visitor, at, others);
  if (logprobs !== undefined) out["logprobsResult"] = visitor.echo(logprobs);
  const { parts = [], ...about } = isObject(content) ? content : {};
  if (!Array.isArray(parts)) return { ...out, content: visitor.unknown(at, content ?? null) };
  const left = parts.flatMap((part) => visitPart(part, `${at}/content/parts`, visitor));
  const ended = typeof candidate["finishReason"] === "string" ? visitor.end(at).map(partOf) : [];
  if (content === undefined && ended.length === 0) return out;
  if (content !== undefined && !isObject(content)) return { ...out, content: visitor.whole(at, content) };
  const said = wholeOf(visitor, `${at}/content`, about);
  const all = [...left, ...ended];
  // a content without parts stays one
  const none = isObject(content) && content["parts"] === undefined && all.length === 0;
  return { ...out, content: { ...said, ...(none ? {} : { parts: all }) } };
}

function visitPart(part: Json, parts: string, visitor: Visitor): Json[] {
  if (!isObject(part)) return [visitor.unknown(parts, part)];
  const { text, ...others } = part;
  if (typeof text === "string") {
    const path = textPath(parts, part["thought"] === true);
    return [{ ...wholeOf(visitor, `${parts}/0`, others), text: visitor.piece(path, text, "text") }];
  }
  return [...visitor.end(parts).map(partOf), visitor.whole(`${parts}/0`, part)];
}

export const geminiWords: AnswerWords = { events: () => visitAnswer, named: false, repeats: false };
