/** One attempt to get more out of a store than policy allows. */

export type Kind =
  | "qdrant"
  | "chroma"
  | "elasticsearch"
  | "milvus"
  | "weaviate"
  | "pinecone"
  | "http"
  /** The gateway's own words, to a collection of Qdrant's. */
  | "neutral";

/** A request that the store gets; a body that is a text stands as it is. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

export interface Attack {
  readonly name: string;
  readonly store: Kind;
  readonly method: string;
  /** Behind the store's root. */
  readonly path: string;
  /** A text is sent as it is. */
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Everything that the store gets, in order. */
  readonly sent: readonly Sent[];
  readonly status: number;
  /** The code of the refusal, wherever in the body. */
  readonly code?: string;
  /** The documents of the answer, of those that the store gives whatever it is asked. */
  readonly gives?: readonly string[];
  /** What the store answers, in order, instead of all documents. */
  readonly answers?: readonly unknown[];
  /** A text that must not be in the answer. */
  readonly never?: readonly string[];
}

export interface Topic {
  readonly title: string;
  readonly then: string;
  readonly attacks: readonly Attack[];
}

/** The documents that a store gives, whatever it is asked: two may be known. */
export const documents: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "doc-own": { tenant: "acme", class: "internal", salary: 70_000, note: "note-own" },
  "doc-all": { tenant: "*", class: "public", note: "note-all" },
  "doc-foreign": { tenant: "globex", class: "public", note: "note-foreign" },
  "doc-secret": { tenant: "acme", class: "restricted", note: "note-secret" },
  "doc-nobodys": { class: "public", note: "note-nobodys" },
  "doc-null": { tenant: null, class: "public", note: "note-null" },
  "doc-list": { tenant: ["acme"], class: "public", note: "note-list" },
  "doc-nested": { tenant: { is: "acme" }, class: "public", note: "note-nested" },
  "doc-number": { tenant: 5, class: "public", note: "note-number" },
  "doc-unclassed": { tenant: "acme", note: "note-unclassed" },
  "doc-odd": { tenant: "acme", class: "INTERNAL", note: "note-odd" },
};

export const known: readonly string[] = ["doc-own", "doc-all"];
