/** Results of a search in one of OpenAI's stores of vectors. Source: OpenAI API reference, "Search vector store". */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { FoundItem } from "../../../retrieval/adapter.js";

export interface Page {
  readonly items: readonly FoundItem[];
  /** Writes the answer with what may be given. INVARIANT: nothing else of it is left, nor that there was more. */
  rebuild(kept: readonly (FoundItem | undefined)[], giveId: (id: string) => string): JsonObject;
}

/** @throws Error where an answer isn't understood whole */
export function readPage(answer: JsonObject): Page {
  const { object = "vector_store.search_results.page", search_query: query, data } = answer;
  if (!Array.isArray(data)) throw new Error("nothing was found, not even that");
  const chunks = data.map(readContent);
  const items = data.map((one, i) => readItem(one, chunks[i] ?? []));
  const queries = Array.isArray(query) ? query : [query];
  return {
    items,
    rebuild: (kept, giveId) => ({
      object,
      ...(queries.every((one) => typeof one === "string") ? { search_query: query as Json } : {}),
      data: kept.flatMap((item, i) => {
        const [before, result] = [items[i], data[i]];
        if (item === undefined || before === undefined || !isObject(result)) return [];
        const { filename, score } = result;
        const content = item.text === before.text ? (chunks[i] ?? []) : [item.text ?? ""];
        return [
          {
            file_id: giveId(item.id),
            ...(typeof filename === "string" ? { filename } : {}),
            ...(score === undefined ? {} : { score }),
            attributes: item.metadata,
            content: content.map((text) => ({ type: "text", text })),
          },
        ];
      }),
      ...{ has_more: false, next_page: null },
    }),
  };
}

function readItem(value: Json, chunks: readonly string[]): FoundItem {
  const { file_id: id, attributes, score } = isObject(value) ? value : {};
  const metadata = attributes === undefined || attributes === null ? {} : attributes;
  if (typeof id !== "string" || !isObject(metadata)) throw new Error("a result of another form");
  return {
    ...{ ask: 0, id, metadata, text: chunks.join("\n") },
    ...(typeof score === "number" ? { score } : {}),
  };
}

function readContent(value: Json): string[] {
  const { content } = isObject(value) ? value : {};
  if (!Array.isArray(content)) throw new Error("a result without content");
  return content.map((part) => {
    const { type, text } = isObject(part) ? part : {};
    if (type !== "text" || typeof text !== "string") throw new Error("content of another form");
    return text;
  });
}
