/** The documents that are looked for: eight fields each, the same in every run; one in so many may be known by the caller. */
import type { JsonObject } from "../../sidecar/contract.js";

/** Of a collection. */
export interface Shelf {
  /** What policy and the store call it. */
  readonly name: string;
  readonly count: number;
  /** One document of so many may be known by the caller. */
  readonly oneOf: number;
  /** What holds of all of its documents, so that no filter need ask for it. */
  readonly constants?: Readonly<Record<string, string>>;
}

const constants = { region: "eu", department: "research" } as const;
/** The store's filter says the condition exactly: half of the documents meet it. */
export const shelf: Shelf = { name: "bench_shelf", count: 20_000, oneOf: 2, constants };
/** Documents name region and department, or don't: "no text there" is nothing that Qdrant's filter can say, so more is fetched. */
export const mixed: Shelf = { name: "bench_mixed", count: 20_000, oneOf: 2 };
/** For fetching all. */
export const archive: Shelf = { name: "bench_archive", count: 100_000, oneOf: 100, constants };
export const shelves: readonly Shelf[] = [shelf, mixed, archive];

const year2025 = 1_735_689_600;
const year2040 = 2_208_988_800;
const classifications = ["public", "internal", "confidential"] as const;

/** Whether the demo's senior engineer may know a document of a shelf. */
export function isOpen(index: number, { oneOf }: Shelf): boolean {
  return index % oneOf === 0;
}

/** Gives what a store keeps of a document, its text too. */
export function storedDocument(index: number, of: Shelf): JsonObject {
  return {
    ...metadataOf(index, of),
    text: `Passage ${index}: ${"what was written down so that somebody finds it again; ".repeat(4)}`,
  };
}

/** Gives the eight fields of a document that the caller may know, or may not, each time for another reason. */
export function metadataOf(index: number, of: Shelf): JsonObject {
  const reasons = of.constants === undefined ? 5 : 3;
  const reason = isOpen(index, of) ? -1 : Math.floor(index / 7) % reasons;
  return {
    tenant: reason === 0 ? "globex" : "acme",
    classification: reason === 1 ? "secret" : (classifications[index % 3] ?? "public"),
    expires: reason === 2 ? year2025 : year2040 + index,
    region: reason === 3 ? "cn" : "eu",
    department: reason === 4 ? "finance" : "research",
    created: year2025 + (index % 10_000) * 60,
    owner: `person-${index % 1_000}@acme.example`,
    topics: ["leave", "travel", `topic-${index % 100}`],
  };
}

/** How the gateway is told of them. */
export const fields = {
  ...{ tenant: "tenant", classification: "classification", region: "region", department: "department" },
  created: { path: "created", type: "time", form: "epoch_s" },
  expires: { path: "expires", type: "time", form: "epoch_s" },
  owner: "owner",
  topics: { path: "topics", type: "strings" },
} as const;
