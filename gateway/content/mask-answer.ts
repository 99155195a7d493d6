/** Masks what a model answers, plain and streamed, in the words of each protocol. */
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../../sidecar/contract.js";
import { readEvents } from "../events.js";
import type { AnswerForm } from "./answer/words.js";
import { answerWords } from "./answer/words.js";
import type { Form, Visitor } from "./answer/visitor.js";
import { maskBody, maskValue } from "./mask-body.js";
import type { TextMasker } from "./mask-stream.js";
import { createTextMasker } from "./mask-stream.js";
import type { Masking } from "./mask-text.js";
import { hidden } from "./mask-text.js";
import { follow } from "./pointer.js";

/** An answer that can't be masked: then it is none. */
export class CantMaskAnswer extends Error {
  override readonly name = "CantMaskAnswer";
}

/** Masks a whole answer. @throws CantMaskAnswer */
export function maskAnswer(answer: JsonObject, masking: Masking): JsonObject {
  const out = maskBody(withoutProbabilities(answer), masking, { answer: true });
  if (out === undefined) throw new CantMaskAnswer();
  return out;
}

/** The probabilities of tokens say the text once more; what is spoken can't be masked. */
function withoutProbabilities(answer: JsonObject): JsonObject {
  const { choices, candidates, output } = answer;
  const silent = (list: Json, name: string): Json =>
    Array.isArray(list)
      ? list.map((one) => (isObject(one) && one[name] !== undefined ? { ...one, [name]: null } : one))
      : list;
  const spoken = (Array.isArray(choices) ? choices : []).some((choice) => {
    const message = isObject(choice) ? choice["message"] : undefined;
    return isObject(message) && isObject(message["audio"]);
  });
  if (spoken) throw new CantMaskAnswer();
  return {
    ...answer,
    ...(choices === undefined ? {} : { choices: silent(choices, "logprobs") }),
    ...(candidates === undefined ? {} : { candidates: without(candidates, "logprobsResult") }),
    ...(output === undefined ? {} : { output: mapItems(output) }),
  };
}

function without(list: Json, name: string): Json {
  if (!Array.isArray(list)) return list;
  return list.map((one) =>
    isObject(one) ? Object.fromEntries(Object.entries(one).filter(([key]) => key !== name)) : one,
  );
}

/** The parts of a response's items. */
function mapItems(output: Json): Json {
  if (!Array.isArray(output)) return output;
  return output.map((item) =>
    isObject(item) && Array.isArray(item["content"])
      ? { ...item, content: item["content"].map(withoutTokens) }
      : item,
  );
}

const withoutTokens = (part: Json): Json =>
  isObject(part) && part["logprobs"] !== undefined ? { ...part, logprobs: [] } : part;

/** Masks a stream of events; what a tool is called with is held until it is whole. @throws CantMaskAnswer */
export async function* maskEvents(
  body: AsyncIterable<Buffer>,
  masking: Masking,
  form: AnswerForm,
  limit: number,
): AsyncGenerator<Buffer> {
  const { events, named } = answerWords[form];
  const visit = events();
  const { visitor, isOpen } = createMaskVisitor(masking, limit);
  for await (const { data } of readEvents(body, limit)) {
    // a comment keeps the connection alive, and says nothing
    if (data === undefined) yield Buffer.from(":\n\n");
    else if (data === "[DONE]") {
      // INVARIANT: no text is lost: a stream that didn't end its choices or blocks isn't whole
      if (isOpen()) throw new CantMaskAnswer();
      yield Buffer.from("data: [DONE]\n\n");
    } else {
      const value = parseJson(data);
      if (!isObject(value)) throw new CantMaskAnswer();
      const text = visit(value, visitor).map((event) => write(event, named));
      yield Buffer.from(text.join(""));
    }
  }
  if (isOpen()) throw new CantMaskAnswer();
}

function write(event: JsonObject, named: boolean): string {
  const { type } = event;
  const name = named && typeof type === "string" && /^[\w.-]{1,128}$/.test(type) ? `event: ${type}\n` : "";
  return `${name}data: ${stringifyJson(event)}\n\n`;
}

function createMaskVisitor(
  masking: Masking,
  limit: number,
): { readonly visitor: Visitor; readonly isOpen: () => boolean } {
  const open = new Map<string, TextMasker>();
  const visitor: Visitor = {
    piece(path, text, form) {
      const masker = open.get(path) ?? createMasker(path, form, masking, limit);
      open.set(path, masker);
      return masker.push(text);
    },
    whole(path, value) {
      const out = maskValue(value, masking, { path, answer: true });
      if (out === undefined) throw new CantMaskAnswer();
      return out;
    },
    echo: (value) => (Array.isArray(value) ? [] : null),
    unknown() {
      throw new CantMaskAnswer();
    },
    end(path) {
      const ended = [...open].filter(([one]) => one === path || one.startsWith(`${path}/`));
      for (const [one] of ended) open.delete(one);
      return ended
        .map(([one, masker]) => ({ path: one, text: masker.end() }))
        .filter(({ text }) => text !== "");
    },
  };
  return { visitor, isOpen: () => open.size > 0 };
}

function createMasker(path: string, form: Form, masking: Masking, limit: number): TextMasker {
  const { patterns, pointers } = masking;
  const way = follow(pointers ?? "all", path);
  if (form === "json") return createJsonMasker(path, masking, limit);
  if (way !== "all") return { push: (piece) => piece, end: () => "" };
  return patterns === undefined ? createCover(masking) : createTextMasker({ ...masking, patterns });
}

/** Says once that there was a text. */
function createCover(masking: Masking): TextMasker {
  let said = false;
  return {
    push(piece) {
      if (said || piece === "") return "";
      said = true;
      return hidden(masking);
    },
    end: () => "",
  };
}

/** Holds JSON text until it is whole. */
function createJsonMasker(path: string, masking: Masking, limit: number): TextMasker {
  let text = "";
  return {
    push(piece) {
      text += piece;
      if (text.length > limit) throw new CantMaskAnswer();
      return "";
    },
    end() {
      const way = follow(masking.pointers ?? "all", path);
      if (way === undefined) return text;
      const pointers = way === "all" ? [["arguments"]] : way.map((pointer) => ["arguments", ...pointer]);
      const masked = maskValue({ arguments: text }, { ...masking, pointers }, { answer: true });
      const said = isObject(masked) ? masked["arguments"] : undefined;
      if (typeof said !== "string") throw new CantMaskAnswer();
      return said;
    },
  };
}
