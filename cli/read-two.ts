/** Reads what `opa`'s flags `--data` and `--bundle` name, each as its own kind. */
import type { AuthorError, AuthorFiles } from "../sidecar/rego/author.js";
import { readAuthorFiles } from "./author-files.js";

export type BothRead =
  | { readonly kind: "read"; readonly read: AuthorFiles & { readonly bundles: readonly string[] } }
  | { readonly kind: "rejected"; readonly errors: readonly AuthorError[] };

/** Never rejects for what is in the files. @throws UsageError for a pattern that is malformed */
export async function readDataAndBundles(
  data: readonly string[],
  bundles: readonly string[],
  ignore: readonly string[],
): Promise<BothRead> {
  const first = await readAuthorFiles(data, { ignore });
  if (first.kind === "rejected") return first;
  const second = await readAuthorFiles(bundles, { ignore, bundle: true });
  if (second.kind === "rejected") return second;
  return {
    kind: "read",
    read: {
      paths: first.read.paths,
      bundles: second.read.paths,
      files: { ...first.read.files, ...second.read.files },
      archives: { ...first.read.archives, ...second.read.archives },
    },
  };
}
