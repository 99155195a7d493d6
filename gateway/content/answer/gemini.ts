/** Texts in Gemini's streams: each event is a whole answer whose parts go on. Source: Gemini API reference, "Generating content". */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { AnswerWords, Rest, Visitor } from "./visitor.js";
import { afterEnd, placeOf, wholeOf } from "./visitor.js";

/** Thoughts are a text of their own; parts have no numbers, so that all that is said is one text. */
const textPath = (parts: string, thought: boolean): string => `${parts}/${thought ? "thought" : "said"}/text`;

const partOf = ({ path, text }: Rest): JsonObject =>
  path.endsWith("/thought/text") ? { text, thought: true } : { text };

/** What is left of a candidate's texts goes before what ends them: another thing than text, or the candidate's end. */
function visitAnswer(event: JsonObject, visitor: Visitor, ended: Set<string>): JsonObject[] {
  const { candidates, ...head } = event;
  const said = wholeOf(visitor, "", head);
  if (!Array.isArray(candidates)) {
    return [candidates === undefined ? said : { ...said, candidates: visitor.unknown("", candidates) }];
  }
  return [{ ...said, candidates: candidates.map((one) => visitCandidate(one, visitor, ended)) }];
}

function visitCandidate(candidate: Json, visitor: Visitor, ended: Set<string>): Json {
  if (!isObject(candidate)) return visitor.unknown("/candidates", candidate);
  const { content, logprobsResult: logprobs, ...others } = candidate;
  const at = `/candidates/${placeOf(candidate["index"])}`;
  const out = wholeOf(visitor, at, others);
  if (logprobs !== undefined) out["logprobsResult"] = visitor.echo(logprobs);
  const { parts = [], ...about } = isObject(content) ? content : {};
  if (!Array.isArray(parts)) return { ...out, content: visitor.unknown(at, content ?? null) };
  const grows = ended.has(at) ? afterEnd(visitor) : visitor;
  const left = parts.flatMap((part) => visitPart(part, `${at}/content/parts`, grows));
  const ends = typeof candidate["finishReason"] === "string";
  if (ends) ended.add(at);
  const rests = ends ? visitor.end(at).map(partOf) : [];
  if (content === undefined && rests.length === 0) return out;
  if (content !== undefined && !isObject(content)) return { ...out, content: visitor.whole(at, content) };
  const said = wholeOf(visitor, `${at}/content`, about);
  const all = [...left, ...rests];
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

function createVisit(): (event: JsonObject, visitor: Visitor) => JsonObject[] {
  const ended = new Set<string>();
  return (event, visitor) => visitAnswer(event, visitor, ended);
}

export const geminiWords: AnswerWords = { events: createVisit, named: false, repeats: false };
