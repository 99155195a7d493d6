/** Passes the results of a batch on, line by line: calls of tools in them are decided as in any answer. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { createDecideCalls } from "../calls/decide.js";
import type { DecideCalls } from "../calls/guard.js";
import { mayCall } from "../calls/guard.js";
import { anthropic } from "../anthropic.js";
import { openai } from "../openai.js";
import { responses } from "../operations/responses.js";
import type { BatchUrl } from "./lines.js";

/** The longest line, bytes. */
const longest = 16 * 2 ** 20;

type Whole = (answer: JsonObject, decide: DecideCalls) => Promise<JsonObject | undefined>;

const finders: Partial<Readonly<Record<BatchUrl, Whole>>> = {
  "/v1/chat/completions": (answer, decide) => openai.calls.whole(answer, decide),
  "/v1/responses": (answer, decide) => responses.calls?.whole(answer, decide) ?? Promise.reject(new Error()),
  "/v1/messages": (answer, decide) => anthropic.calls.whole(answer, decide),
};

/** @param modelOf the model here that gave an answer of the model that it names @throws Error for what are no results */
export async function* passResults(
  parts: GatewayParts,
  exchange: Exchange,
  url: BatchUrl,
  modelOf: (named: Json | undefined) => string,
  body: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  const whole = finders[url];
  for await (const line of linesOf(body)) {
    const text = line.toString();
    const value = parseJson(line);
    if (!isObject(value)) throw new Error("a result that is none");
    const place = answerIn(url, value);
    if (whole === undefined || place === undefined || !mayCall(text)) {
      yield Buffer.from(`${text}\n`);
      continue;
    }
    // what a request offered isn't known any more: then nothing was
    const decide = createDecideCalls(parts, exchange, { model: modelOf(place.answer["model"]), offered: [] });
    const left = await whole(place.answer, decide);
    yield Buffer.from(`${left === undefined ? text : stringifyJson(place.with(left))}\n`);
  }
}

interface Place {
  readonly answer: JsonObject;
  with(answer: JsonObject): JsonObject;
}

/**
 * Finds the model's answer: OpenAI's `response.body`, Anthropic's `result.message`.
 * INVARIANT: where it stands is for the batch's kind to say, for that is where its client looks; never for the line.
 */
function answerIn(url: BatchUrl, line: JsonObject): Place | undefined {
  const [outerName, name] = url === "/v1/messages" ? ["result", "message"] : ["response", "body"];
  const { [outerName]: outer } = line;
  // readers of Go take a key in other letters for this one
  if (hasOther(line, outerName) || (isObject(outer) && hasOther(outer, name)))
    throw new Error("a key in other letters");
  if (!isObject(outer)) return undefined;
  const { [name]: answer } = outer;
  if (answer === undefined || answer === null) return undefined;
  if (!isObject(answer)) throw new Error("an answer that is none");
  return { answer, with: (left) => ({ ...line, [outerName]: { ...outer, [name]: left } }) };
}

function hasOther(value: JsonObject, name: string): boolean {
  return Object.keys(value).some((key) => key !== name && key.normalize("NFKC").toLowerCase() === name);
}

async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    let from = 0;
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, from)) {
      const line = Buffer.concat([...held, chunk.subarray(from, at)]);
      if (line.length > longest) throw new Error("a line is too long");
      if (line.length > 0) yield line;
      held = [];
      size = 0;
      from = at + 1;
    }
    const rest = chunk.subarray(from);
    size += rest.length;
    if (size > longest) throw new Error("a line is too long");
    if (rest.length > 0) held.push(rest);
  }
  if (size > 0) yield Buffer.concat(held);
}
