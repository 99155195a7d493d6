/** Authenticates fences where others can write: in Redis, and in the file. */
import type { Json } from "../../contract.js";
import { isObject, parseJson } from "../../contract.js";
import { createRecordSeal } from "../replicate/seal.js";
import type { Fence } from "./fences.js";
import { readMatch } from "./match.js";

export interface FenceSeal {
  /** Names the fleet's keys and channels; it tells nothing, and another secret gives another. */
  readonly name: string;
  /** Writes `1.<mac>.<JSON>`. */
  close(fence: Fence): string;
  /** Tells whether a fence can be read again once it is closed. */
  fits(fence: Fence): boolean;
  /** Gives what was closed under this id; undefined for everything else. */
  open(id: string, text: string): Fence | undefined;
  /** Authenticates a text for one use (a message between replicas, a line after the one before). */
  sign(use: string, text: string): string;
  verify(use: string, text: string, mac: string): boolean;
}

/** Bytes of the longest sealed record. */
export const longestRecord = 32_768;
/** Bytes kept for who lifts it. */
const longestLift = 8_192;

/**
 * Creates the seal of a fleet's fences from its secret.
 * INVARIANT: a record holds its id: one can't stand in for another.
 */
export function createFenceSeal(secret: string): FenceSeal {
  const seal = createRecordSeal(secret, "fences", longestRecord);
  const close = (fence: Fence): string => seal.close(textOfFence(fence));
  return {
    ...{ name: seal.name, close, sign: seal.sign, verify: seal.verify },
    // what lifts it is written there, too
    fits: (fence) =>
      Buffer.byteLength(close(fence)) <= longestRecord - longestLift &&
      readFence(textOfFence(fence)) !== undefined,
    open(id, text) {
      const payload = seal.open(text);
      const fence = payload === undefined ? undefined : readFence(payload);
      return fence?.id === id ? fence : undefined;
    },
  };
}

/** Writes a fence so that the same one is the same text. */
export function textOfFence(fence: Fence): string {
  const { id, version: v, state, match, expires, issued_before, reason, by, at, lift } = fence;
  return JSON.stringify({ id, version: v, state, match, expires, issued_before, reason, by, at, lift });
}

/** Reads a record strictly: an authentic one of another release may still not be understood. */
function readFence(payload: string): Fence | undefined {
  let value: Json;
  try {
    value = parseJson(payload, { depth: 8 });
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { id, version: v, state, expires, issued_before, reason, by, at, lift } = value;
  const read = readMatch(value["match"]);
  if (read.kind === "wrong" || !isText(id) || !isText(reason) || !isText(by)) return undefined;
  if (!isNumber(v) || v < 1 || !isNumber(at) || (state !== "active" && state !== "lifted")) return undefined;
  if (expires !== undefined && !isNumber(expires)) return undefined;
  if (issued_before !== undefined && !isNumber(issued_before)) return undefined;
  const lifted = lift === undefined ? undefined : readLift(lift);
  if (lifted === "wrong") return undefined;
  return {
    ...{ id, version: v, state, match: read.match, reason, by, at },
    ...(expires === undefined ? {} : { expires }),
    ...(issued_before === undefined ? {} : { issued_before }),
    ...(lifted === undefined ? {} : { lift: lifted }),
  };
}

function readLift(value: Json): NonNullable<Fence["lift"]> | "wrong" {
  if (!isObject(value)) return "wrong";
  const { by, at, agreed } = value;
  if (!isText(by) || !isNumber(at) || (agreed !== undefined && !isText(agreed))) return "wrong";
  return { by, at, ...(agreed === undefined ? {} : { agreed }) };
}

function isText(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "" && value.length <= 1_024;
}

function isNumber(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value);
}
