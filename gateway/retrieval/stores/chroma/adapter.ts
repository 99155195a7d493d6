import type { Adapter } from "../../adapter.js";
import { ask } from "./ask.js";
import { classify } from "./classify.js";
import { lookUp, mostFetched, narrow } from "./narrow.js";
import type { ChromaOperation } from "./operation.js";
import { refuseAs } from "./refuse.js";
import { empty, lookedUp, results } from "./results.js";
import { routes } from "./routes.js";

/** Chroma's HTTP API v2 (docs/gateway-retrieval-chroma.md). */
export const chroma: Adapter<ChromaOperation> = {
  ...{ routes, mostFetched },
  ...{ classify, narrow, empty, lookUp, lookedUp, results, ask },
  // the nearest first; a page of `get` is in no order that is promised
  inOrder: ({ deed }) => deed.kind === "query",
  refuse: refuseAs,
};
