import type { JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { Adapter } from "../../adapter.js";
import { ask } from "./ask.js";
import type { HttpOperation } from "./classify.js";
import { classify } from "./classify.js";
import { narrow } from "./narrow.js";
import { set } from "./point.js";
import { results } from "./results.js";

/** Stores that are spoken to by a mapping (docs/gateway-retrieval-http.md): queries, nothing else. */
export const http: Adapter<HttpOperation> = {
  routes: [{ name: "query", method: "POST", path: "{query.path}", treated: "decided" }],
  mostFetched: 10_000,
  ...{ classify, narrow, results, ask },
  // a search gives the best first, whatever it is
  inOrder: () => true,
  empty: ({ mapping }) => set({}, mapping.documents, []) ?? [],
  lookUp() {
    throw new Error("nothing is written here, so nothing is looked up");
  },
  lookedUp: () => refuse("unknown_operation"),
  refuse: ({ code, message }: Refusal, about: JsonObject): JsonObject => ({ ...about, code, message }),
};
