import { setImmediate } from "node:timers/promises";
import { JsonRefused, stringifyJson } from "../../contract.js";
import type { Entries } from "../../rego/archive.js";
import type { BuildError, Rejected } from "../../rego/bundle.js";
import { readGlob } from "./glob.js";
import type { Hashed } from "./hash.js";
import { hashAlgorithms, hashFile } from "./hash.js";
import type { SignedFile } from "./signatures-file.js";
import { signaturesName } from "./signatures-file.js";
import { YamlRefused } from "./yaml.js";

const mostErrors = 5;
/** Bytes between which decisions get their turn; one file is hashed in one go. */
const mostAtOnce = 256 * 2 ** 10;

/**
 * Compares the files that are there with those that were signed: none more, none less, none other. Gives the files with
 * YAML as the JSON that was hashed.
 *
 * INVARIANT: what is used is what was hashed. Two readers of YAML agree on little, and a text that says one thing to who
 * verifies it and another to who compiles it would be as good as unsigned.
 */
export async function checkFiles(
  entries: Entries,
  signed: readonly SignedFile[],
  excludeFiles: readonly string[],
): Promise<{ readonly kind: "checked"; readonly entries: Entries } | Rejected> {
  const problems: BuildError[] = [];
  const refuse = (file: string, message: string): void => {
    problems.push({ code: "signature_files", message, file: file.slice(0, 200) });
  };
  const globs = excludeFiles.flatMap((pattern) => readGlob(pattern) ?? []);
  const excluded = (place: string): boolean => globs.some((fits) => fits(place));
  const listed = new Map<string, SignedFile>();
  for (const file of signed) {
    if (listed.has(file.name)) refuse(file.name, "the signature lists the file twice");
    listed.set(file.name, file);
  }

  const checked = new Map<string, Uint8Array>();
  let hashedBytes = 0;
  for (const [place, bytes] of entries) {
    if (problems.length >= mostErrors) break;
    const file = listed.get(place);
    listed.delete(place);
    checked.set(place, bytes);
    if (place === signaturesName || excluded(place)) continue;
    if (file === undefined) {
      refuse(place, "the signature doesn't list the file");
      continue;
    }
    const algorithm = hashAlgorithms.get(file.algorithm);
    if (algorithm === undefined) {
      refuse(place, `the signature takes none of ${[...hashAlgorithms.keys()].join(", ")} for the file`);
      continue;
    }
    hashedBytes += bytes.byteLength;
    if (hashedBytes > mostAtOnce) {
      hashedBytes = 0;
      await setImmediate();
    }
    const hashed = tryHash(place, bytes, algorithm);
    if (typeof hashed === "string") refuse(place, hashed);
    else if (hashed.hash !== file.hash) refuse(place, "the file isn't the one that was signed");
    else if (hashed.document !== undefined) checked.set(place, Buffer.from(stringifyJson(hashed.document)));
  }
  if (problems.length < mostErrors) {
    for (const name of listed.keys()) {
      if (!excluded(name)) refuse(name, "the signature lists the file, and it isn't there");
    }
  }
  const errors = problems.slice(0, mostErrors);
  return errors.length > 0 ? { kind: "rejected", errors } : { kind: "checked", entries: checked };
}

/** Text: why it can't be hashed. */
function tryHash(place: string, bytes: Uint8Array, algorithm: string): Hashed | string {
  try {
    return hashFile(place, bytes, algorithm);
  } catch (error) {
    if (error instanceof JsonRefused || error instanceof YamlRefused) return error.message;
    throw error;
  }
}
