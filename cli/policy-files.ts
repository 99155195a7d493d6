import { join } from "node:path";
import type { BuildError } from "../sidecar/rego/bundle.js";
import { readBundle } from "../sidecar/rego/read.js";
import type { Files } from "../sidecar/rego/toolchain.js";
import type { Io } from "./main.js";

/** Gives the name that the author knows a file of the bundle by. */
export type Shown = (file: string) => string;

export type Policies =
  | { readonly kind: "read"; readonly files: Files; readonly shown: Shown }
  | { readonly kind: "rejected"; readonly errors: readonly BuildError[]; readonly shown: Shown };

/** Reads Rego sources and data of several paths as one bundle. A name that two paths bring is refused. */
export async function readPolicies(paths: readonly string[]): Promise<Policies> {
  const files: Record<string, string> = Object.create(null) as Record<string, string>;
  const origins = new Map<string, string>();
  for (const path of paths) {
    const shown = shownUnder(path);
    const read = await readBundle(path);
    if (read.kind === "rejected") return { kind: "rejected", errors: read.errors, shown };
    if (read.kind === "compiled") {
      return rejected("bundle_compiled", `${path}: the bundle is compiled already; give its Rego`, shown);
    }
    for (const [file, text] of Object.entries(read.files)) {
      const other = origins.get(file);
      if (other !== undefined) {
        return rejected(
          "bundle_duplicate",
          `${shown(file)}: ${other} has the same place in the bundle`,
          shown,
        );
      }
      origins.set(file, shown(file));
      files[file] = text;
    }
  }
  return { kind: "read", files, shown: (file) => origins.get(file) ?? file };
}

/** Names files as the author would from where the command was started. */
export function shownUnder(path: string): Shown {
  if (path.endsWith(".rego")) return () => path;
  if (/\.(tar\.gz|tgz)$/.test(path)) return (file) => `${path}:${file}`;
  return (file) => join(path, file);
}

/** Prints `file:row:col: code: message` for each error; gives the exit code. */
export function printErrors(errors: readonly BuildError[], shown: Shown, io: Io): number {
  for (const { file, row, col, code, message } of errors) {
    const place = [file === undefined ? undefined : shown(file), row, col].filter(
      (part) => part !== undefined,
    );
    io.err(`${place.map((part) => `${part}:`).join("")}${place.length > 0 ? " " : ""}${code}: ${message}\n`);
  }
  return 1;
}

function rejected(code: string, message: string, shown: Shown): Policies {
  return { kind: "rejected", errors: [{ code, message }], shown };
}
