/** Writes the history of bundles for where others can write, and reads it again. */
import { createHash } from "node:crypto";
import type { Json, JsonObject } from "../../contract.js";
import { isObject, parseJson } from "../../contract.js";
import { createRecordSeal } from "../replicate/seal.js";
import type { PushedEntry, PushedRecord } from "./pushed.js";
import { mostGenerations } from "./pushed.js";

export interface PushedSeal {
  /** Names the fleet's keys and channels; it tells nothing, and another secret gives another. */
  readonly name: string;
  /** The same record is the same text. */
  close(record: PushedRecord): string;
  /** Gives what was closed under this id; undefined for everything else. */
  open(id: string, text: string): PushedRecord | undefined;
  readonly longest: number;
  /** Authenticates a message between replicas, for one use. */
  sign(use: string, text: string): string;
  verify(use: string, text: string, mac: string): boolean;
}

/** Bytes of the longest record. */
const longest = 262_144;
/** Characters of the longest text in it. */
const longestText = 512;

/** The id of a bundle's record: names may be longer than one may be. */
export function idOf(name: string): string {
  return createHash("sha256").update(name).digest("base64url");
}

/** Creates the seal of a fleet's bundles from its secret. INVARIANT: a record holds its name: one can't stand in for another. */
export function createPushedSeal(secret: string): PushedSeal {
  const seal = createRecordSeal(secret, "bundles", longest);
  return {
    ...{ name: seal.name, longest, sign: seal.sign, verify: seal.verify },
    close: ({ name, entries }) => seal.close(JSON.stringify({ name, entries: entries.map(textOf) })),
    open(id, text) {
      const payload = seal.open(text);
      const record = payload === undefined ? undefined : readRecord(payload);
      return record?.id === id ? record : undefined;
    },
  };
}

function textOf(entry: PushedEntry): object {
  const { generation, id, action, digest, size, revision, version, signed_by, tests } = entry;
  const { by, at, reason, of, override } = entry;
  const counts =
    tests === undefined ? undefined : { passed: tests.passed, failed: tests.failed, skipped: tests.skipped };
  return {
    ...{ generation, id, action, digest, size, version, tests: counts, at, of, override },
    ...{ revision: cut(revision), signed_by: cut(signed_by), by: cut(by), reason: cut(reason) },
  };
}

/** INVARIANT: what is written can be read again, and is the same text then. */
function cut(text: string | undefined): string | undefined {
  return text?.slice(0, longestText).toWellFormed();
}

/** Reads a record strictly: an authentic one of another release may still not be understood. */
function readRecord(payload: string): PushedRecord | undefined {
  let value: Json;
  try {
    value = parseJson(payload, { depth: 6 });
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { name, entries } = value;
  if (!isText(name) || !Array.isArray(entries) || entries.length > mostGenerations) return undefined;
  const read = entries.map(readEntry);
  const [head, ...rest] = read;
  if (head === undefined || rest.some((one) => one === undefined)) return undefined;
  const all = read.flatMap((one) => (one === undefined ? [] : [one]));
  const inOrder = all.every(({ generation }, i) => i === 0 || generation < (all[i - 1]?.generation ?? 0));
  return inOrder ? { id: idOf(name), name, entries: [head, ...all.slice(1)] } : undefined;
}

function readEntry(value: Json): PushedEntry | undefined {
  if (!isObject(value)) return undefined;
  const { generation, id, action, digest, size, revision, by, at } = value;
  if (!isCount(generation) || !isCount(size) || !isCount(at) || generation < 1) return undefined;
  if (!isText(id) || !isText(revision) || !isText(by)) return undefined;
  if (action !== "push" && action !== "rollback") return undefined;
  if (typeof digest !== "string" || !/^[0-9a-f]{64}$/.test(digest)) return undefined;
  const optional = readOptional(value);
  return optional === undefined
    ? undefined
    : { generation, id, action, digest, size, revision, by, at, ...optional };
}

type Optional = Pick<PushedEntry, "version" | "signed_by" | "tests" | "reason" | "of" | "override">;

function readOptional(value: JsonObject): Optional | undefined {
  const { version, signed_by, tests, reason, of, override } = value;
  for (const number of [version, of]) if (number !== undefined && !isCount(number)) return undefined;
  for (const text of [signed_by, reason]) if (text !== undefined && !isText(text)) return undefined;
  if (override !== undefined && override !== true) return undefined;
  const counts = tests === undefined ? undefined : readTests(tests);
  if (counts === "wrong") return undefined;
  return {
    ...(isCount(version) ? { version } : {}),
    ...(isText(signed_by) ? { signed_by } : {}),
    ...(counts === undefined ? {} : { tests: counts }),
    ...(isText(reason) ? { reason } : {}),
    ...(isCount(of) ? { of } : {}),
    ...(override === undefined ? {} : { override }),
  };
}

function readTests(value: Json): NonNullable<PushedEntry["tests"]> | "wrong" {
  if (!isObject(value)) return "wrong";
  const { passed, failed, skipped } = value;
  return isCount(passed) && isCount(failed) && isCount(skipped) ? { passed, failed, skipped } : "wrong";
}

function isText(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "" && value.length <= longestText;
}

function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
