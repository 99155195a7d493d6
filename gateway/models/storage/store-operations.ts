/** What can be done with a store of vectors, and with files in it. Source: OpenAI API reference, "Vector stores". */
import type { ActionName } from "../../../sidecar/contract.js";
import type { Check } from "../fields.js";
import { either, flag, list, object, positive, text } from "../fields.js";

const make: Readonly<Record<string, Check>> = {
  name: text,
  description: text,
  file_ids: list,
  expires_after: object,
  chunking_strategy: object,
  metadata: object,
};
const change = { name: text, expires_after: object, metadata: object };
export const attach = { file_id: text, attributes: object, chunking_strategy: object };
const alter = { attributes: object };
const attachAll = { file_ids: list, files: list, attributes: object, chunking_strategy: object };
const search = {
  query: either(text, list),
  filters: object,
  max_num_results: positive,
  ranking_options: object,
  rewrite_query: flag,
};

export interface StoreOperation {
  readonly action: ActionName;
  readonly method: "GET" | "POST" | "DELETE";
  /** Behind the store's path; `{}` stands for the second id. */
  readonly behind: string;
  /** Absent: it takes no body. */
  readonly fields?: Readonly<Record<string, Check>>;
  readonly required?: readonly string[];
  /** What the second id is of. */
  readonly second?: "file" | "files";
  /** What the answer is. */
  readonly gives: "store" | "file" | "files" | "found" | "content";
}

const inStore = "vector_store.update";
/** INVARIANT: what isn't here isn't served: lists of a store's files among it, whose ids belong to several people. */
export const storeOperations = {
  create: { action: "vector_store.create", method: "POST", behind: "", fields: make, gives: "store" },
  read: { action: "vector_store.read", method: "GET", behind: "", gives: "store" },
  update: { action: inStore, method: "POST", behind: "", fields: change, gives: "store" },
  delete: { action: "vector_store.delete", method: "DELETE", behind: "", gives: "store" },
  attach: {
    ...{
      action: inStore,
      method: "POST",
      behind: "/files",
      fields: attach,
      required: ["file_id"],
      gives: "file",
    },
  },
  readFile: {
    action: "vector_store.read",
    method: "GET",
    behind: "/files/{}",
    second: "file",
    gives: "file",
  },
  alterFile: {
    ...{ action: inStore, method: "POST", behind: "/files/{}", second: "file", fields: alter, gives: "file" },
  },
  detach: { action: inStore, method: "DELETE", behind: "/files/{}", second: "file", gives: "file" },
  fileContent: {
    ...{ action: "vector_store.read", method: "GET", behind: "/files/{}/content", second: "file" },
    gives: "content",
  },
  attachAll: { action: inStore, method: "POST", behind: "/file_batches", fields: attachAll, gives: "files" },
  readFiles: {
    ...{
      action: "vector_store.read",
      method: "GET",
      behind: "/file_batches/{}",
      second: "files",
      gives: "files",
    },
  },
  cancelFiles: {
    ...{
      action: inStore,
      method: "POST",
      behind: "/file_batches/{}/cancel",
      second: "files",
      gives: "files",
    },
  },
  search: {
    ...{ action: "retrieval.query", method: "POST", behind: "/search", fields: search, required: ["query"] },
    gives: "found",
  },
} as const satisfies Record<string, StoreOperation>;
export type StoreAction = keyof typeof storeOperations;
