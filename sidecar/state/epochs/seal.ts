/** Writes bumps for where others can write, and reads them again. */
import { createHash } from "node:crypto";
import type { EpochKind, EpochMatch, Json } from "../../contract.js";
import { epochKinds, isObject, parseJson } from "../../contract.js";
import { createRecordSeal } from "../replicate/seal.js";
import type { Bump } from "./epochs.js";
import { idOf } from "./table.js";

/** A record in Redis: a bump, or the greatest number so far. */
export type EpochRecord =
  | { readonly id: "high"; readonly number: number }
  | { readonly id: string; readonly number: number; readonly bump: Bump };

export interface EpochSeal {
  readonly name: string;
  close(record: EpochRecord): string;
  /** Gives what was closed under this id; undefined for everything else. */
  open(id: string, text: string): EpochRecord | undefined;
  readonly longest: number;
}

/** Bytes of the longest record. */
const longest = 16_384;

/** Makes the record of a bump: two of the same have one id. */
export function recordOf(bump: Bump): EpochRecord {
  const id = createHash("sha256").update(idOf(bump.match)).digest("base64url");
  return { id, number: bump.number, bump };
}

export function createEpochSeal(secret: string): EpochSeal {
  const seal = createRecordSeal(secret, "epochs", longest);
  return {
    name: seal.name,
    longest,
    // the same record is the same text
    close(record) {
      if (!("bump" in record)) return seal.close(JSON.stringify({ high: record.number }));
      const { number, match, reason, by, at } = record.bump;
      return seal.close(JSON.stringify({ number, match, reason, by, at }));
    },
    open(id, text) {
      const payload = seal.open(text);
      const record = payload === undefined ? undefined : read(payload);
      return record?.id === id ? record : undefined;
    },
  };
}

/** Reads a record strictly: an authentic one of another release may still not be understood. */
function read(payload: string): EpochRecord | undefined {
  let value: Json;
  try {
    value = parseJson(payload, { depth: 4 });
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { high, number, reason, by, at } = value;
  if (high !== undefined) return high === 0 || isNumber(high) ? { id: "high", number: high } : undefined;
  const match = readMatch(value["match"]);
  if (match === undefined || !isNumber(number) || !isNumber(at)) return undefined;
  if (typeof reason !== "string" || typeof by !== "string") return undefined;
  return recordOf({ number, match, reason, by, at });
}

/** Characters of the longest value: that of a SPIFFE id. */
const longestValue = 2_048;
const plain = /^[^\p{Cc}\p{Cs}]+$/u;

/** Reads what is bumped: one kind, or one within a tenant; undefined for anything else. */
export function readMatch(value: Json | undefined): EpochMatch | undefined {
  if (value === undefined || !isObject(value)) return undefined;
  const match: Partial<Record<EpochKind, string>> = {};
  for (const kind of epochKinds) {
    const said = value[kind];
    if (said === undefined) continue;
    if (typeof said !== "string" || said.length > longestValue || !plain.test(said)) return undefined;
    match[kind] = said;
  }
  const kinds = Object.keys(match).length;
  if (kinds === 0 || kinds !== Object.keys(value).length) return undefined;
  if (match.everything !== undefined && (kinds > 1 || match.everything !== "*")) return undefined;
  return kinds === 1 || (kinds === 2 && match.tenant !== undefined) ? match : undefined;
}

function isNumber(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}
