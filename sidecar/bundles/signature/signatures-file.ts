/** `.signatures.json` and the payload of what it holds. Source: OPA, "Bundles", Signature Format. */
import type { Json, JsonObject } from "../../contract.js";
import { isObject, parseJson } from "../../contract.js";

export const signaturesName = ".signatures.json";

/** Ten thousand files with long names have a payload of some three million bytes. */
const mostBytes = 8 * 2 ** 20;

export interface SignedFile {
  readonly name: string;
  /** Hex, small letters. */
  readonly hash: string;
  /** One of OPA's names. */
  readonly algorithm: string;
}

export interface Payload {
  readonly files: readonly SignedFile[];
  readonly keyid?: string;
  readonly scope: string;
  /** Seconds. */
  readonly exp?: number;
  readonly nbf?: number;
}

/** What is wrong with it, for people. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

/**
 * Gives the one JWT.
 * @throws Malformed
 */
export function readToken(file: Uint8Array): string {
  if (file.byteLength > mostBytes) throw new Malformed("the file is too large");
  const { signatures, plugin = "" } = objectIn(file, "the file");
  if (plugin !== "" && plugin !== "_default") {
    throw new Malformed("it asks for a plugin to verify it, and there are none");
  }
  if (!Array.isArray(signatures) || signatures.length !== 1) {
    throw new Malformed("it must hold exactly one JWT: signatures is a list of one");
  }
  const [token] = signatures;
  if (typeof token !== "string" || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) {
    throw new Malformed("what it holds is no JWT in compact form");
  }
  return token;
}

/**
 * Reads what a JWT says, verified or not.
 * @throws Malformed
 */
export function readPayload(bytes: Uint8Array): Payload {
  const { files, keyid, scope, exp, nbf } = objectIn(bytes, "the JWT's payload");
  if (!Array.isArray(files)) throw new Malformed("the JWT's payload has no list of files");
  return {
    files: files.map(fileOf),
    scope: textOf(scope, "scope") ?? "",
    ...optional("keyid", textOf(keyid, "keyid")),
    ...optional("exp", timeOf(exp, "exp")),
    ...optional("nbf", timeOf(nbf, "nbf")),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

function objectIn(bytes: Uint8Array, what: string): JsonObject {
  let value: Json;
  try {
    value = parseJson(bytes);
  } catch {
    throw new Malformed(`${what} is not valid JSON`);
  }
  if (!isObject(value)) throw new Malformed(`${what} is no JSON object`);
  return value;
}

function fileOf(file: Json): SignedFile {
  const { name, hash, algorithm } = isObject(file) ? file : {};
  if (typeof name !== "string" || typeof hash !== "string" || typeof algorithm !== "string") {
    throw new Malformed("a file in the JWT's payload has no name, hash or algorithm");
  }
  return { name, hash: hash.toLowerCase(), algorithm };
}

function textOf(value: Json | undefined, name: string): string | undefined {
  if (value !== undefined && typeof value !== "string") throw new Malformed(`the JWT's ${name} is no text`);
  return value;
}

function timeOf(value: Json | undefined, name: string): number | undefined {
  if (value === undefined) return undefined;
  const seconds = Number(value);
  if (typeof value === "string" || !Number.isFinite(seconds))
    throw new Malformed(`the JWT's ${name} is no number`);
  return seconds;
}
