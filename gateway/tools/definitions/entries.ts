/** What is found of a definition once, and holds as long as it is listed unchanged. */
import { LRUCache } from "lru-cache";
import type { Json } from "../../../sidecar/contract.js";
import type { Found } from "./flags/flags.js";
import { findFlags } from "./flags/flags.js";
import type { Definition, Unfit } from "./read-definition.js";
import { readDefinition } from "./read-definition.js";
import { same } from "./same.js";
import type { Reviewed } from "./definitions.js";

export interface Entry {
  readonly definition: Definition;
  readonly found: Found;
  /** What was said of it last, and under which circumstances. */
  latest?: { readonly circumstances: readonly unknown[]; readonly reviewed: Reviewed };
}

export interface Entries {
  of(server: string, host: string | undefined, listed: Json): Entry | Unfit;
  /** How many definitions were read so far that weren't known. */
  readonly read: number;
}

interface Slot {
  readonly listed: Json;
  readonly entry: Entry;
  readonly host: string | undefined;
}

/** Definitions of one tool that are kept: servers may show different ones to different callers. */
const variants = 4;
const most = 10_000;
/** Of all that is kept, UTF-16 units; in memory it is several times as much. */
const mostText = 32 * 2 ** 20;

/** Creates the store; a definition that was seen before costs a comparison. */
export function createEntries(): Entries {
  const slots = new LRUCache<string, Slot[]>({
    maxSize: mostText,
    sizeCalculation: (all) => all.reduce((sum, { entry }) => sum + entry.definition.size, 1),
  });
  let read = 0;
  return {
    of(server, host, listed) {
      const name = nameOf(listed);
      if (name === undefined) return readEntry(host, listed);
      const key = `${server}/${name}`;
      const known = slots.get(key) ?? [];
      const slot = known.find((one) => one.host === host && same(one.listed, listed));
      if (slot !== undefined) return slot.entry;
      read++;
      const entry = readEntry(host, listed);
      if (!("definition" in entry)) return entry;
      slots.set(key, [{ listed, entry, host }, ...known].slice(0, variants));
      if (slots.size > most) slots.pop();
      return entry;
    },
    get read() {
      return read;
    },
  };
}

function readEntry(host: string | undefined, listed: Json): Entry | Unfit {
  const definition = readDefinition(listed);
  if (definition.kind === "unfit") return definition;
  return { definition, found: findFlags(definition.name, definition.tool, host) };
}

/** A name by which an entry may be kept: no longer than names can be. */
function nameOf(listed: Json): string | undefined {
  const name = typeof listed === "object" && listed !== null && "name" in listed ? listed.name : undefined;
  return typeof name === "string" && name.length <= 256 ? name : undefined;
}
