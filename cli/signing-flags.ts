import { readFile } from "node:fs/promises";
import { JsonRefused, isObject, parseJson, stringifyJson } from "../sidecar/contract.js";
import { signatureAlgorithms } from "../sidecar/bundles/signature/keys.js";
import type { Signer } from "../sidecar/bundles/signature/sign.js";
import type { Refused } from "./flags.js";
import { readOne } from "./flags.js";
import { UsageError } from "./main.js";

/** What `sign`, `build` and `push` take to sign by: `opa`'s flags, and what its verifier needs to find the key. */
export const signingFlags = {
  "signing-key": { type: "string" },
  "signing-alg": { type: "string" },
  "claims-file": { type: "string" },
  "signing-key-id": { type: "string" },
  "signing-scope": { type: "string" },
} as const;

export const signingRefused: Refused = {
  "signing-plugin": { type: "string", why: "there are no plugins; a key in a file is what signs" },
};

export const signingHelp = `      --signing-key KEY          a PEM file of the private key; for HS256, HS384, HS512 a secret, or a file of one
      --signing-alg NAME         RS256 (default), RS384, …, PS256, …, ES256, …, HS256, …
      --signing-key-id ID        what the sidecar's \`keys\` call it; with several keys there, a signature must say which
      --signing-scope TEXT       the scope that the sidecar asks for
      --claims-file FILE         a JSON object: more of what is signed`;

type Values = Readonly<Partial<Record<keyof typeof signingFlags, string | undefined>>>;

/**
 * Reads what to sign by; undefined where no key was given.
 * @throws UsageError
 */
export async function readSigner(values: Values): Promise<Signer | undefined> {
  const given = values["signing-key"];
  if (given === undefined) {
    const [stray] = Object.keys(signingFlags).filter((flag) => values[flag as keyof Values] !== undefined);
    if (stray !== undefined) throw new UsageError(`--${stray}: needs --signing-key`);
    return undefined;
  }
  const alg = readOne("--signing-alg", values["signing-alg"], signatureAlgorithms) ?? "RS256";
  const claims = values["claims-file"] === undefined ? undefined : await readClaims(values["claims-file"]);
  const { "signing-key-id": keyId, "signing-scope": scope } = values;
  return {
    key: await readKeyFlag(given, alg.startsWith("HS")),
    alg,
    ...(keyId === undefined ? {} : { keyId }),
    ...(scope === undefined ? {} : { scope }),
    ...(claims === undefined ? {} : { claims }),
  };
}

/** PEM, the path of a file, or (for HS only) the secret itself, as `opa` takes it. The message never holds what was given. */
async function readKeyFlag(given: string, isSecret: boolean): Promise<string> {
  if (given.startsWith("-----BEGIN")) return given;
  try {
    return await readFile(given, "utf8");
  } catch (error) {
    const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
    if (isSecret && (code === "ENOENT" || code === "ENAMETOOLONG" || code === "ENOTDIR")) return given;
    throw new UsageError(`--signing-key: the file can't be read (${code})`);
  }
}

/** Their text is signed as it stands. */
async function readClaims(path: string): Promise<NonNullable<Signer["claims"]>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    throw new UsageError("--claims-file: the file can't be read");
  }
  try {
    const claims = parseJson(text);
    if (isObject(claims)) return JSON.parse(stringifyJson(claims)) as NonNullable<Signer["claims"]>;
  } catch (error) {
    if (!(error instanceof JsonRefused)) throw error;
    throw new UsageError(`--claims-file: ${error.message}`);
  }
  throw new UsageError("--claims-file: it must hold a JSON object");
}
