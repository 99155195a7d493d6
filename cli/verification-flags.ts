/** The flags of `countersign build` that verify, as those of `opa build`. */
import { readFile } from "node:fs/promises";
import type { SignatureAlgorithm } from "../sidecar/bundles/config.js";
import type { Trust } from "../sidecar/bundles/signature/verify.js";
import { readList } from "./flags.js";

interface KeyFlags {
  readonly "verification-key"?: string | undefined;
  readonly "verification-key-id"?: string | undefined;
  readonly scope?: string | undefined;
  readonly "exclude-files-verify"?: readonly string[] | undefined;
}

/** A key is a file's text, or the secret itself, as in opa. */
function readKeyText(given: string): Promise<string> {
  return readFile(given, "utf8").catch(() => given);
}

/** Gives what the signatures of what is read are verified by. */
export async function readTrust(flags: KeyFlags, algorithm: SignatureAlgorithm): Promise<Trust | undefined> {
  const given = flags["verification-key"];
  if (given === undefined) return undefined;
  const id = flags["verification-key-id"] ?? "default";
  const scope = flags.scope === undefined ? {} : { scope: flags.scope };
  const excludeFiles = readList(flags["exclude-files-verify"]);
  return {
    signing: { keyid: id, ...scope, excludeFiles },
    keys: new Map([[id, { id, algorithm, key: await readKeyText(given), ...scope }]]),
  };
}
