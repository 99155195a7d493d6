import { readdir } from "node:fs/promises";
import type { Trust } from "../sidecar/bundles/signature/verify.js";
import { readGlob } from "../sidecar/bundles/signature/glob.js";
import type { Entries } from "../sidecar/rego/archive.js";
import type { BuildError, Rejected } from "../sidecar/rego/bundle.js";
import { rejected } from "../sidecar/rego/bundle.js";
import { matters } from "../sidecar/rego/limits.js";
import { readEntries } from "../sidecar/rego/read.js";
import { UsageError } from "./main.js";
import type { Shown } from "./policy-files.js";
import { shownUnder } from "./policy-files.js";

export interface BundleFiles {
  readonly kind: "read";
  readonly entries: Entries;
  /** Gives the name that the author knows a file by. */
  readonly shown: Shown;
  /** The texts of Rego by those names. */
  readonly sources: () => Readonly<Record<string, string>>;
  /** What the author should know of. */
  readonly told: string;
}

interface Options {
  readonly ignore: readonly string[];
  /** The author is told which data a bundle leaves out. */
  readonly tell: boolean;
  /** Each path's signature is verified by it. */
  readonly trust?: Trust;
}

/** Reads several paths as one bundle. A place that two of them bring is refused. @throws UsageError for a wrong pattern */
export async function readBundleFiles(
  paths: readonly string[],
  { ignore, tell, trust }: Options,
): Promise<BundleFiles | Rejected> {
  const patterns = ignore.map((pattern) => {
    const glob = readGlob(pattern);
    if (glob === undefined) throw new UsageError(`--ignore: ${pattern} is no pattern`);
    return glob;
  });
  const all = new Map<string, Uint8Array>();
  const origins = new Map<string, string>();
  const ignored = (place: string): boolean =>
    place.split("/").some((part) => patterns.some((fits) => fits(part)));
  let told = "";
  for (const path of paths) {
    const shown = shownUnder(path);
    const named = (error: BuildError): BuildError =>
      error.file === undefined || error.file === path ? error : { ...error, file: shown(error.file) };
    const read = await readEntries(path);
    if (read.kind === "rejected") return { kind: "rejected", errors: read.errors.map(named) };
    let { entries } = read;
    if (trust !== undefined) {
      const { verifyEntries } = await import("../sidecar/bundles/signature/verify.js");
      const verified = await verifyEntries(entries, trust);
      if (verified.kind === "rejected") return { kind: "rejected", errors: verified.errors.map(named) };
      entries = verified.entries;
    } else if (entries.has(".signatures.json") && !ignored(".signatures.json")) {
      return rejected(
        "signature_key",
        "the bundle is signed: give --verification-key, or leave the signature out by --ignore .signatures.json",
        shown(".signatures.json"),
      );
    }
    if (tell) {
      const [one, ...more] = await leftOut(path, ignored);
      if (one !== undefined) {
        told += `left out: ${shown(one)}${more.length === 0 ? "" : ` and ${more.length} more`}; a bundle's data are data.json and data.yaml\n`;
      }
    }
    for (const [place, bytes] of entries) {
      if (place === ".signatures.json" || !matters(place)) continue;
      if (ignored(place)) continue;
      const other = origins.get(place);
      if (other !== undefined) {
        return rejected("bundle_duplicate", `${other} has the same place in the bundle`, shown(place));
      }
      origins.set(place, shown(place));
      all.set(place, bytes);
    }
  }
  const shown: Shown = (file) => origins.get(file) ?? file;
  return {
    kind: "read",
    entries: all,
    shown,
    sources: () => {
      const decoder = new TextDecoder();
      const rego = [...all].filter(([place]) => place.endsWith(".rego"));
      return Object.fromEntries(rego.map(([place, bytes]) => [shown(place), decoder.decode(bytes)]));
    },
    told,
  };
}

/** Names data that `opa build` without `--bundle` would take, and a bundle has no place for. */
async function leftOut(path: string, ignored: (place: string) => boolean): Promise<readonly string[]> {
  const items = await readdir(path, { recursive: true }).catch(() => []);
  return items.filter(
    (place) =>
      /\.(json|ya?ml)$/.test(place) &&
      !/(^|\/)(data\.(json|ya?ml)|\.[^/]*)($|\/)/.test(place) &&
      !place.includes("/.") &&
      !ignored(place),
  );
}
