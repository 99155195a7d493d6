/**
 * The interface of a store: what its protocol knows and nothing more. The gateway decides, an adapter reads and writes
 * the store's own words.
 *
 * `classify` says what a request would do, `narrow` writes the request that may be sent, `results` says what came back
 * and writes the answer that may be given, `refuse` speaks as the store does. All are pure: nothing is asked or kept.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { ActionName, Condition, Json, JsonObject, Refusal } from "../../sidecar/contract.js";
import type { CollectionConfig, StoreConfig } from "./config.js";
import type { Cursors } from "./cursors.js";

/** A client's request within its store, read so that it has one meaning. */
export interface StoreRequest {
  readonly kind: "request";
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Behind the store's root, decoded once; none is empty, `.` or `..`. */
  readonly segments: readonly string[];
  /** Decoded; a name that stands twice was refused. */
  readonly query: ReadonlyMap<string, string>;
  /** Of names that may stand several times ({@link Adapter.repeated}): their values, which aren't in `query`. */
  readonly lists?: ReadonlyMap<string, readonly string[]>;
  /** Absent where there is none; of `ndjson` an array of its lines. */
  readonly body: Json | undefined;
  readonly form: "none" | "json" | "ndjson";
  /** For the protocol's own headers (versions and their like); never for credentials. */
  readonly headers: IncomingHttpHeaders;
}

/**
 * What a part of a request does to documents.
 * - `find`: gives documents; the condition narrows it, each result is looked at
 * - `count`: tells of documents without giving them; only what the store's filter expresses exactly is asked
 * - `change`: changes or deletes what a filter, or ids, choose; as `count`
 * - `write`: brings documents
 * - `manage`, `describe`: of collections and the store; no condition applies
 */
export type Effect = "find" | "count" | "change" | "write" | "manage" | "describe";

/** Facts on what is searched for. INVARIANT: sizes, digests and names of fields; no text, vector or value. */
export interface QueryFacts {
  readonly kinds: readonly ("vector" | "sparse" | "text" | "filter" | "ids" | "random")[];
  /** The most documents that are asked for; the store's default where the request doesn't say. */
  readonly top_k: number;
  /** How many are passed over. */
  readonly offset?: number;
  /** Of each vector. */
  readonly dimensions?: number;
  /** Of texts and vectors, bytes as JSON. */
  readonly bytes?: number;
  /** Of texts and vectors, hexadecimal. */
  readonly sha256?: string;
  /** Whether vectors are asked for. */
  readonly vectors?: boolean;
  /** The store's paths (`a.b`) that the caller filters, sorts, groups or highlights by. */
  readonly fields?: readonly string[];
}

/** One thing that a request does to one collection. */
export interface StoreAsk {
  readonly action: ActionName;
  readonly effect: Effect;
  /** The store's own name of the collection, as the request has it; "" for the store as a whole. */
  readonly name: string;
  /** By {@link StoreConfig.byName}; absent where it isn't configured, or where the store as a whole is meant. */
  readonly collection?: CollectionConfig | undefined;
  /** A part of the collection that the request names: a namespace, a tenant, a partition. */
  readonly namespace?: string;
  readonly query?: QueryFacts;
  /** Of `write`: the metadata of each document, as it would be stored. */
  readonly documents?: readonly JsonObject[];
  /** Of `write` with ids: documents are laid over what is stored, key by key; null takes a key away. */
  readonly merged?: boolean;
  /**
   * Of `write` and `change`: ids of documents that may exist already; each must meet the condition before it is touched.
   * Of `find`: documents that are searched by; each must be there, and meet it.
   */
  readonly ids?: readonly string[];
}

/** A request that is understood; adapters add what `narrow` and `results` need. */
export interface StoreOperation {
  readonly kind: "operation";
  /** The line of {@link Adapter.routes} that it is. */
  readonly route: string;
  /** At least one. */
  readonly asks: readonly StoreAsk[];
}

/** What may be done of an ask, where it is allowed. */
export interface Narrowing {
  /** On the collection's fields, simplified; never one that can't hold: nothing is sent then (see {@link Adapter.empty}). */
  readonly condition: Condition;
  /** The most that is fetched where the store's filter is wider than the condition; the answer is cut to what was asked. */
  readonly most: number;
  /** The store's paths that the caller may not see. What filters or sorts by them is refused before `narrow`. */
  readonly hidden: readonly string[];
  /** The most that may be asked for; lowers `top_k`. */
  readonly topK: number;
  /** Of `write`: the metadata of each document, as it is to be stored. */
  readonly documents?: readonly JsonObject[];
}

/** What is sent to a store. */
export interface SentRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Encoded, with its query; behind the store's url. */
  readonly path: string;
  readonly body?: Json;
  /** The body is an array whose members are lines. */
  readonly ndjson?: boolean;
  /** The protocol's own. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Of stores that address collections by ids of their own: what is asked first, unless it was a few seconds ago, and the
   * path that its answer gives, which stands above {@link path}.
   */
  readonly addressed?: {
    readonly by: Pick<SentRequest, "method" | "path">;
    path(answer: StoreAnswer): string | Refusal;
  };
}

export interface Narrowed {
  readonly kind: "narrowed";
  readonly request: SentRequest;
  /** By ask: whether the store's filter holds exactly where the condition does; `false`: it is wider. Never narrower. */
  readonly exact: readonly boolean[];
}

export interface StoreAnswer {
  readonly status: number;
  /** Absent where there was none. */
  readonly value: Json | undefined;
}

/** A document that came back. */
export interface FoundItem {
  /** Which ask it answers. */
  readonly ask: number;
  readonly id: string;
  /** As the store keeps it: where the paths of fields begin. */
  readonly metadata: JsonObject;
  /** What it says. */
  readonly text?: string;
  readonly score?: number;
}

/** What a store's answer says. */
export interface Found {
  readonly kind: "found";
  /** In the answer's order. INVARIANT: every document of the answer is one; an answer in which some can't be seen is refused. */
  readonly items: readonly FoundItem[];
  /** Of lists: the store's names of collections. */
  readonly collections?: readonly string[];
  /** A count that the answer tells, where it does. */
  readonly count?: number;
  /**
   * Writes the answer again: with these items, in their places, `undefined` where one is taken out; their metadata and text
   * are what is to be given. Of lists, `kept` tells which collections stay. INVARIANT: nothing of what is taken out is left.
   */
  rebuild(items: readonly (FoundItem | undefined)[], kept?: readonly boolean[]): Json | undefined;
  /** The status of what is written, where it depends on what is left; the store's own unless given. */
  status?(items: readonly (FoundItem | undefined)[]): number;
}

/** A query in the gateway's own words (docs/gateway-retrieval.md). */
export interface NeutralQuery {
  readonly text?: string;
  readonly vector?: readonly number[];
  /** Only documents with these ids. */
  readonly ids?: readonly string[];
  readonly topK: number;
  readonly namespace?: string;
}

/** A line of a store's table: every route of its API. */
export interface StoreRoute {
  readonly name: string;
  readonly method: string;
  /** As documented, with `{name}` for what varies. */
  readonly path: string;
  /** `decided`; `passed`: as it is, because it tells nothing of documents; `denied`: by name. */
  readonly treated: "decided" | "passed" | "denied";
  /** Why it is passed or denied. */
  readonly why?: string;
}

// methods, not members: an adapter's own kind of operation goes in where it came out
export interface Adapter<Operation extends StoreOperation = StoreOperation> {
  readonly routes: readonly StoreRoute[];
  /** What every answer carries beside, where clients look for it. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Its clients say `text/plain` of JSON. */
  readonly plainJson?: boolean;
  /** They say `text/plain` of lines of JSON. */
  readonly plainLines?: boolean;
  /** Names of a path's query that may stand several times. */
  readonly repeated?: readonly string[];
  /** The most documents that one request may fetch, by the store's documentation. */
  readonly mostFetched: number;
  /** INVARIANT: what isn't known (route, field, operator) is a refusal. */
  classify(request: StoreRequest, store: StoreConfig, cursors: Cursors): Operation | Refusal;
  /** INVARIANT: what is sent can only find less than what was asked for. `narrowings` are in the order of the asks. */
  narrow(operation: Operation, narrowings: readonly Narrowing[], store: StoreConfig): Narrowed | Refusal;
  /**
   * Whether the first documents of what is fetched are the same, however many are fetched ({@link Narrowing.most}): then
   * few are tried first. Absent: never.
   */
  inOrder?(operation: Operation): boolean;
  /** Where an ask's condition can't hold: what the store would say had it found nothing. Of several asks, `open` tells which are sent. */
  empty(operation: Operation): Json | Refusal;
  /** The request that finds documents by their ids, with their metadata, whatever the caller may see; for {@link StoreAsk.ids}. */
  lookUp(
    collection: CollectionConfig,
    ids: readonly string[],
    namespace: string | undefined,
    store: StoreConfig,
  ): Narrowed;
  /** Reads what {@link lookUp} found. */
  lookedUp(answer: StoreAnswer, collection: CollectionConfig): readonly FoundItem[] | Refusal;
  results(operation: Operation, sent: Narrowed, answer: StoreAnswer, cursors: Cursors): Found | Refusal;
  /** The body of a refusal, in the store's words. */
  refuse(refusal: Refusal, about: JsonObject): JsonObject;
  /** The store's own request for a neutral query; absent: this store takes none. */
  ask?(query: NeutralQuery, collection: CollectionConfig, store: StoreConfig): StoreRequest | Refusal;
}
