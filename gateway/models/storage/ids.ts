/** The ids of what is kept: sealed to who got them, with what was decided about the thing itself. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import type { Bound, Named } from "../operations/bind.js";
import { isOwn, readId, sealId } from "../operations/bind.js";
import type { BatchUrl } from "./lines.js";
import { kinds } from "./lines.js";

/** What a sealed id says of the thing. INVARIANT: it is under the seal, so it is what was decided. */
export type About =
  | { readonly what: "file"; readonly purpose: string }
  /** A file whose lines were decided for who has its id: these, by their digest, and what they may use. */
  | {
      readonly what: "input";
      readonly url: BatchUrl;
      readonly model: string;
      readonly digest: string;
      readonly estimate?: JsonObject;
    }
  | {
      readonly what: "batch";
      readonly url: BatchUrl;
      readonly model: string;
      readonly digest: string;
      /** Of its file, whose id it tells again. */
      readonly estimate?: JsonObject;
    }
  | { readonly what: "output"; readonly url: BatchUrl; readonly model: string }
  /** A batch of messages, at one upstream. */
  | { readonly what: "messages"; readonly models: readonly string[] }
  | { readonly what: "store" }
  /** Files that were attached to a store together. */
  | { readonly what: "stored"; readonly store: string }
  /** A file that was found in a store: it serves nothing else. */
  | { readonly what: "found"; readonly store: string };

const prefixes: Readonly<Record<About["what"], string>> = {
  file: "file-",
  input: "file-",
  output: "file-",
  batch: "batch_",
  messages: "msgbatch_",
  store: "vs_",
  stored: "vsfb_",
  found: "file-",
};

/** @throws Error where the upstream's id isn't one */
export function giveId(id: Json | undefined, about: About, bound: Omit<Bound, "model">): string {
  if (typeof id !== "string" || !/^[\x21-\x7e]{1,200}$/.test(id)) throw new Error("no id");
  return sealId(id, prefixes[about.what], { ...bound, model: JSON.stringify(about) });
}

export interface Known<A extends About = About> {
  readonly named: Named;
  readonly about: A;
}

/** Reads an id of one kind; whose it is tells {@link isOwn}. */
export function takeId<W extends About["what"]>(
  sealed: Json | undefined,
  ...kindsOf: readonly W[]
): Known<Extract<About, { what: W }>> | undefined {
  const named = typeof sealed === "string" ? readId(sealed) : undefined;
  if (named === undefined) return undefined;
  try {
    const about = JSON.parse(named.model) as About | null;
    const what = kindsOf.find((one) => one === about?.what);
    if (about === null || what === undefined || prefixes[what] !== named.prefix) return undefined;
    // until the seal is looked at, it is what a client wrote
    const { url, model, models } = about as { url?: unknown; model?: unknown; models?: unknown };
    if (url !== undefined && !(typeof url === "string" && Object.hasOwn(kinds, url))) return undefined;
    if (model !== undefined && typeof model !== "string") return undefined;
    const isNames =
      Array.isArray(models) && models.length > 0 && models.every((one) => typeof one === "string");
    if (models !== undefined && !isNames) return undefined;
    return { named, about: about as Extract<About, { what: W }> };
  } catch {
    return undefined;
  }
}

/** The upstream's own id, where it was given to who asks. */
export function ownId(known: Known | undefined, bound: Omit<Bound, "model">): string | undefined {
  return known !== undefined && isOwn(known.named, bound) ? encodeURIComponent(known.named.id) : undefined;
}
