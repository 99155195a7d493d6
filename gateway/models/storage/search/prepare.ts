/** What decisions on OpenAI's stores oblige to, carried out on the files in them. */
import type { JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { QueryFacts, StoreAsk } from "../../../retrieval/adapter.js";
import type { CollectionConfig, StoreConfig } from "../../../retrieval/config.js";
import { documentOf } from "../../../retrieval/serve/describe.js";
import { readRequestDuties } from "../../../retrieval/serve/duties.js";
import type { RequestDuties } from "../../../retrieval/serve/duties.js";
import type { Prepared } from "../../../retrieval/serve/prepare.js";
import { prepare } from "../../../retrieval/serve/prepare.js";
import type { GatewayParts } from "../../../exchange.js";
import type { Allowed } from "../decide.js";
import { mostResults } from "./read-config.js";

export interface Bound {
  readonly ask: StoreAsk;
  readonly duties: RequestDuties;
  readonly prepared: Prepared;
}

interface Wanted {
  /** The upstream's own id of the store. */
  readonly store: string;
  readonly query?: QueryFacts;
  /** Attributes of files that are written. */
  readonly documents?: readonly JsonObject[];
}

/** Works out what may be done in a store, once it is known whose it is. */
export function prepareIn(
  vectorStores: CollectionConfig,
  { others, bound }: Pick<Allowed, "others" | "bound">,
  { store, query, documents }: Wanted,
): Bound | Refusal {
  const duties = readRequestDuties(others);
  if (duties === undefined) return refuse("obligation_unsatisfiable");
  const ask: StoreAsk = {
    action: documents === undefined ? "retrieval.query" : "retrieval.write",
    effect: documents === undefined ? "find" : "write",
    name: store,
    // each store is counted by itself
    collection: { ...vectorStores, key: `${vectorStores.key}/${store}` },
    ...(vectorStores.namespaceField === undefined ? {} : { namespace: bound.subject.tenant }),
    ...(query === undefined ? {} : { query }),
    ...(documents === undefined ? {} : { documents }),
  };
  const prepared = prepare(ask, duties, { mostFetched: mostResults });
  return prepared.kind === "refusal" ? prepared : { ask, duties, prepared };
}

/** Refuses what an allow obliges to and can't be done. */
export function refuseOwed({ refuse: refuseAs }: Pick<Allowed, "refuse">, refusal: Refusal): void {
  refuseAs(refusal, refusal.code === "obligation_unsatisfiable" ? refusal.code : "denied");
}

/** What policy sees of attributes, before it is known whose the store is. */
export function describeFiles(
  collection: CollectionConfig,
  attributes: readonly JsonObject[],
): readonly JsonObject[] {
  const ask: StoreAsk = { action: "retrieval.write", effect: "write", name: "", collection };
  return attributes.map((one) => ({ ...documentOf(ask, one) }) as JsonObject);
}

/** The store as a store of documents, for what looks at results. */
export function asStore(
  { config }: GatewayParts,
  { upstream }: Pick<Allowed, "upstream">,
  { collection }: StoreAsk,
): StoreConfig {
  const { region = "", environment = "" } = config.storage ?? {};
  return {
    ...{ name: upstream.name, kind: "http", upstream: upstream.config, settings: {} },
    facts: { store: upstream.name, region, environment },
    collections: new Map(),
    byName: () => collection,
  };
}
