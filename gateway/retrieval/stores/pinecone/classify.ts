import type { Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { StoreRequest } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import type { Cursors } from "../../cursors.js";
import { matchRoute } from "../match-route.js";
import { orRefusal, unread } from "../strict.js";
import type { PineconeOperation } from "./operation.js";
import { readIndexes } from "./read-indexes.js";
import { readRecords } from "./read-records.js";
import { routes } from "./routes.js";
import { readVectors } from "./read-vectors.js";

/** Revisions of the API whose routes and members are known here. */
const versions = ["2026-04", "2025-10", "2025-04", "2025-01", "2024-10", "2024-07"];

/** Reads a request of Pinecone's APIs; a store is one index's host, or the control plane (docs/gateway-retrieval-pinecone.md). */
export function classify(
  request: StoreRequest,
  store: StoreConfig,
  cursors: Cursors,
): PineconeOperation | Refusal {
  const plane = store.settings["plane"] === "control" ? "control" : "data";
  const matched = matchRoute(routes, request);
  if (matched.kind === "refusal") return matched;
  const { route, values } = matched;
  if (route.plane !== plane) return refuse("unknown_route");
  const version = request.headers["x-pinecone-api-version"] ?? versions[0];
  if (!versions.some((one) => one === version))
    return refuse("invalid_request", "X-Pinecone-Api-Version is none that is known");
  return orRefusal(() => {
    const collection = plane === "data" ? onlyOne(store) : undefined;
    const about = { handling: route.handling, name: collection?.name ?? "", collection, cursors, values };
    const read =
      plane === "control"
        ? readIndexes(request, store, about)
        : route.handling.endsWith("-records")
          ? readRecords(request, about)
          : readVectors(request, about);
    return {
      ...{ kind: "operation", route: route.name, handling: route.handling },
      ...{
        method: route.method as PineconeOperation["method"],
        path: request.segments,
        version: String(version),
      },
      ...(collection === undefined ? {} : { collection }),
      query: [],
      ...read,
    };
  });
}

/** An index's host has the index. */
function onlyOne({ collections }: StoreConfig): CollectionConfig {
  const [first, ...others] = collections.values();
  return first === undefined || others.length > 0 ? unread("unknown_collection") : first;
}
