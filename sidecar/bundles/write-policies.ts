import type { BuildError, BuildOutcome } from "../rego/bundle.js";
import type { Documents } from "./documents.js";
import { conflictingRule, ownerRefusal, rulesAmong } from "./ownership.js";
import type { BundleStore } from "./store.js";

export type PolicyWritten =
  | { readonly kind: "written" }
  | {
      readonly kind: "refused";
      readonly reason: "not_found" | "parameter" | "too_large" | "failed";
      readonly message: string;
      /** Why the modules don't compile; `file` is the policy's id. */
      readonly errors?: readonly BuildError[];
    };

export interface WritePoliciesParts {
  /** Compiles files by their names; `entrypoints` in addition to those that METADATA names. */
  readonly compile: (
    files: Readonly<Record<string, string>>,
    entrypoints: readonly string[],
  ) => Promise<BuildOutcome>;
  readonly bundles: Pick<BundleStore, "current" | "put" | "remove">;
  readonly documents: Documents;
  /** Name of the bundle that the policies make together. */
  readonly apiBundle: string;
  /** Most bytes of all policies together. */
  readonly maxBytes: number;
}

export interface WritePolicies {
  list(): readonly { readonly id: string; readonly raw: string }[];
  get(id: string): string | undefined;
  put(id: string, text: string): Promise<PolicyWritten>;
  remove(id: string): Promise<PolicyWritten>;
}

const mostPolicies = 1_000;
const compileError = "error(s) occurred while compiling module(s)";

/**
 * Holds the policies that were written through the API: they are compiled together, as one bundle whose roots are their
 * packages. One that doesn't compile, or lies under a bundle's roots, changes nothing.
 * Source: OPA's server (`v1PoliciesPut`, `v1PoliciesDelete`).
 */
export function createWritePolicies(parts: WritePoliciesParts): WritePolicies {
  let policies: ReadonlyMap<string, string> = new Map();
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: each is compiled with all that were written before it. */
  const inTurn = (work: () => Promise<PolicyWritten>): Promise<PolicyWritten> => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };

  const bringIn = async (next: ReadonlyMap<string, string>): Promise<PolicyWritten> => {
    // packages without rules answer nothing, and nothing can be compiled of them
    if ([...next.values()].every(hasNoRules)) {
      parts.bundles.remove(parts.apiBundle);
      policies = next;
      return { kind: "written" };
    }
    const files = Object.fromEntries([...next].map(([id, text]) => [fileOf(id), text]));
    const packages = [...new Set([...next.values()].map(packageOf))];
    const asked = packagesOf([...next.values()].filter((text) => !hasNoRules(text)));
    const outcome = await parts.compile(files, asked);
    if (outcome.kind === "rejected") return refused(outcome.errors);
    const roots = packages.filter((path) => path !== undefined);
    const paths = outcome.bundle.entrypoints.map(({ path }) => path);
    // INVARIANT: every rule lies under a root; the roots are what the owners of other paths are compared with
    const stray = paths.some(
      (path) =>
        !roots.some((root) => path === root || path.startsWith(`${root}/`) || root.startsWith(`${path}/`)),
    );
    if (roots.length < packages.length || stray)
      return { kind: "refused", reason: "parameter", message: "the package's name is not supported" };
    const owners = parts.bundles.current().bundles.filter(({ name }) => name !== parts.apiBundle);
    for (const root of roots) {
      const owner = ownerRefusal(root.split("/"), owners);
      if (owner !== undefined) return { kind: "refused", reason: "parameter", message: owner };
    }
    const conflict = conflictingRule(rulesAmong(paths), parts.documents.kind);
    if (conflict !== undefined) return refused(await conflictErrors(parts, files, asked, conflict));
    const { bundle } = outcome;
    const activation = parts.bundles.put(parts.apiBundle, {
      ...bundle,
      manifest: { ...bundle.manifest, roots },
      rules: bundle.rules.map((rule) => ({ ...rule, file: policyOf(rule.file) })),
    });
    if (activation.kind === "rejected")
      return { kind: "refused", reason: "failed", message: activation.message };
    policies = next;
    return { kind: "written" };
  };

  return {
    list: () => [...policies].map(([id, raw]) => ({ id, raw })).sort((a, b) => (a.id < b.id ? -1 : 1)),
    get: (id) => policies.get(id),
    put: (id, text) =>
      inTurn(() => {
        if (policies.get(id) === text) return Promise.resolve({ kind: "written" });
        const next = new Map(policies).set(id, text);
        const bytes = [...next.values()].reduce((sum, one) => sum + Buffer.byteLength(one), 0);
        if (next.size > mostPolicies || bytes > parts.maxBytes) {
          const message = `at most ${mostPolicies} policies of ${parts.maxBytes} bytes in all`;
          return Promise.resolve({ kind: "refused", reason: "too_large", message });
        }
        return bringIn(next);
      }),
    remove: (id) =>
      inTurn(() => {
        const next = new Map(policies);
        return next.delete(id)
          ? bringIn(next)
          : Promise.resolve({
              kind: "refused",
              reason: "not_found",
              message: `policy id ${JSON.stringify(id)}`,
            });
      }),
  };
}

function refused(errors: readonly BuildError[]): PolicyWritten {
  const named = errors.map((error) =>
    error.file === undefined ? error : { ...error, file: policyOf(error.file) },
  );
  return { kind: "refused", reason: "parameter", message: compileError, errors: named };
}

/** Compiles once more with a document in the rule's place: the compiler then names the rule's. */
async function conflictErrors(
  { compile }: WritePoliciesParts,
  files: Readonly<Record<string, string>>,
  entrypoints: readonly string[],
  rule: string,
): Promise<readonly BuildError[]> {
  const document = rule.split("/").reduceRight<unknown>((inner, key) => ({ [key]: inner }), 0);
  const outcome = await compile({ ...files, "data.json": JSON.stringify(document) }, entrypoints);
  if (outcome.kind === "rejected") return outcome.errors;
  return [{ code: "rego_compile_error", message: `conflicting rule for data path ${rule} found` }];
}

const suffix = ".api.rego";

/** A name that survives any compiler: ids may hold slashes, dots and any character. */
function fileOf(id: string): string {
  return encodeURIComponent(id) + suffix;
}

/** The id of the policy that a file's name stands for. */
export function policyOf(file: string): string {
  return file.endsWith(suffix) ? decodeURIComponent(file.slice(0, -suffix.length)) : file;
}

const packageForm =
  /^(?:\s|#[^\n]*(?:\n|$))*package\s+([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[\s*"(?:[^"\\\n]|\\.)*"\s*\])*)/;

function packagesOf(texts: readonly string[]): string[] {
  return [...new Set(texts.map(packageOf).filter((path) => path !== undefined))];
}

/** Tells a module that holds its package and imports only. */
function hasNoRules(text: string): boolean {
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  return (
    packageForm.test(text) &&
    lines.every((line) => line === "" || /^(?:package|import) [\w.[\]" ]+$/.test(line))
  );
}

/**
 * Gives the path of a module's package, `a/b/c`, for modules that compile. Where it is written in a way that isn't
 * known here, a shorter path: one that owns more.
 */
function packageOf(text: string): string | undefined {
  const [, first, rest = ""] = packageForm.exec(text) ?? [];
  if (first === undefined) return undefined;
  const parts = [...rest.matchAll(/\.([A-Za-z_][A-Za-z0-9_]*)|\[\s*("(?:[^"\\\n]|\\.)*")\s*\]/g)];
  try {
    const names = parts.map(([, plain, quoted]) => plain ?? (JSON.parse(quoted ?? "") as string));
    // a path could not tell such a name from two
    return names.some((name) => name === "" || name.includes("/")) ? undefined : [first, ...names].join("/");
  } catch {
    return first;
  }
}
