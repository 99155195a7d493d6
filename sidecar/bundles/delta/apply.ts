/** Makes of a bundle and a delta the bundle that it is then; what is in force is left to {@link activateDelta}. */
import type { Json } from "../../contract.js";
import { isObject, parseJson } from "../../contract.js";
import type { Patch } from "../../decide/engine/engine.js";
import type { BuiltBundle, Manifest, Rejected } from "../../rego/bundle.js";
import { digestOfParts } from "../../rego/digest.js";
import type { Delta } from "../../rego/read-delta.js";
import { ownerRefusal, rulesAmong } from "../ownership.js";
import { putIn } from "./overlay.js";
import { patchText } from "./patch-text.js";
import type { DataView } from "./plan.js";
import { planDelta } from "./plan.js";

export interface Applied {
  readonly kind: "applied";
  /** Its data are made when they are asked for: who spreads it asks. */
  readonly bundle: BuiltBundle;
  /** What brings documents in memory to the same state. */
  readonly patches: readonly Patch[];
  /** Digest of the bundle that they are about. */
  readonly base: string;
}

export interface ApplyOptions {
  /** The documents of the bundle as a policy has them in memory; its data are parsed unless given. */
  readonly view?: DataView;
  /** SHA-256 (hex) of the archive that the bundle came as: an author knows it by that. */
  readonly archiveDigest?: string;
}

/**
 * Applies a delta: all of its operations, or none. Nothing that is in force changes.
 *
 * Members of its metadata take the place of those of the bundle, whose `version` is never taken over: a delta has its own,
 * or none. Rules, roots and modules stay as they are.
 */
export function applyDelta(
  built: BuiltBundle,
  delta: Delta,
  { view = createTextView(built.data), archiveDigest }: ApplyOptions = {},
): Applied | Rejected {
  const { manifest } = built;
  const names = [manifest.revision, built.digest, archiveDigest];
  if (!names.includes(delta.base)) {
    return rejected(
      "delta_base",
      `it is about ${delta.base}: ${manifest.revision ?? built.digest} is in force`,
    );
  }
  const other = differs(delta.manifest, manifest);
  if (other !== undefined) return rejected("delta_unfit", `its ${other} aren't those of the bundle`);
  const stray = strayOperation(delta, manifest);
  if (stray !== undefined) return stray;
  const planned = planDelta(delta.operations, view);
  if (planned.kind === "unfit") return rejected("delta_unfit", planned.message);
  const { patches } = planned;
  const blocked = blockedPatch(patches, built, view);
  if (blocked !== undefined) return rejected("delta_unfit", blocked);
  const digest = digestOfParts([built.digest, delta.digest]);
  const next = { ...factsOf(built), manifest: changed(manifest, delta.manifest), digest };
  return { kind: "applied", bundle: withPatches(built, next, patches), patches, base: built.digest };
}

/** All but the data, which are made when they are asked for. */
function factsOf({
  wasm,
  more,
  entrypoints,
  rules,
  builtins,
}: BuiltBundle): Omit<BuiltBundle, "data" | "digest" | "manifest"> {
  return {
    ...{ wasm, entrypoints, rules },
    ...(more === undefined ? {} : { more }),
    ...(builtins === undefined ? {} : { builtins }),
  };
}

interface Pending {
  /** Text, and what became of it since. */
  readonly data: string;
  readonly lists: readonly (readonly Patch[])[];
  /** Characters of the patches. */
  readonly size: number;
}

const pending = new WeakMap<BuiltBundle, Pending>();
/** So many lists, or characters beyond a quarter of the data, are put into the text. */
const mostLists = 256;

function withPatches(
  before: BuiltBundle,
  facts: Omit<BuiltBundle, "data">,
  patches: readonly Patch[],
): BuiltBundle {
  const { data: base, lists, size } = pending.get(before) ?? { data: before.data, lists: [], size: 0 };
  const own = patches.reduce((sum, { path, value }) => sum + (value?.length ?? 0) + path.join().length, size);
  const bundle: BuiltBundle = {
    ...facts,
    get data() {
      const waiting = pending.get(bundle);
      if (waiting === undefined) return text ?? "{}";
      pending.delete(bundle);
      return (text = patchText(waiting.data, waiting.lists.flat()));
    },
  };
  let text: string | undefined;
  pending.set(bundle, { data: base, lists: [...lists, patches], size: own });
  if (lists.length >= mostLists || own > 2 ** 20 + base.length / 4) text = bundle.data;
  return bundle;
}

/** OPA writes a delta's manifest in the place of the bundle's, and asks that roots and modules are the same. */
function differs(delta: Manifest, { roots = [""], wasm = [] }: Manifest): string | undefined {
  const sorted = (list: readonly string[]): string => JSON.stringify([...list].sort());
  if (delta.roots !== undefined && sorted(delta.roots) !== sorted(roots)) return "roots";
  const named = (list: NonNullable<Manifest["wasm"]>): string =>
    sorted(list.map(({ entrypoint, module }) => JSON.stringify([entrypoint, module])));
  if (delta.wasm !== undefined && named(delta.wasm) !== named(wasm)) return "modules";
  if (delta.rego_version !== undefined || delta.file_rego_versions !== undefined) return "Rego versions";
  return undefined;
}

function changed(manifest: Manifest, delta: Manifest): Manifest {
  const { version, ...kept } = manifest.metadata ?? {};
  const { base, ...own } = delta.metadata ?? {};
  const { revision, ...rest } = manifest;
  return {
    ...rest,
    ...(delta.revision === undefined || delta.revision === "" ? {} : { revision: delta.revision }),
    metadata: { ...kept, ...own },
  };
}

/** Finds a change outside of the bundle's roots. INVARIANT: by segments, never by a joined path: a key may hold a slash. */
function strayOperation({ operations }: Delta, { roots = [""] }: Manifest): Rejected | undefined {
  const own = roots.map((root) => (root === "" ? [] : root.split("/")));
  const stray = operations.find(({ path }) => !own.some((root) => leads(root, path)));
  return stray === undefined
    ? undefined
    : rejected("roots_violated", `the bundle's roots don't permit changes at '${stray.path.join("/")}'`);
}

/** INVARIANT: no document comes to stand where a rule does, in the way to one, or where the toolchain writes. */
function blockedPatch(
  patches: readonly Patch[],
  { entrypoints }: BuiltBundle,
  view: DataView,
): string | undefined {
  const rules = rulesAmong(entrypoints.map(({ path }) => path)).map((path) => path.split("/"));
  // documents lie below a package that has no rule of its own
  const taken = rules.filter((rule) => view.kind(rule) === undefined);
  for (const { path, value } of patches) {
    const reserved = ownerRefusal(path.slice(0, 1), []);
    if (reserved !== undefined) return reserved;
    if (value === undefined) continue;
    const above = taken.filter((rule) => rule.length > path.length && leads(path, rule));
    const parsed = above.length === 0 ? null : parseJson(value, { depth: 512 });
    const rule =
      taken.find((one) => leads(one, path)) ?? above.find((one) => inTheWay(parsed, one.slice(path.length)));
    if (rule !== undefined) return `a rule stands at ${rule.join("/")}, where '${path.join("/")}' leads`;
  }
  return undefined;
}

function leads(from: readonly string[], to: readonly string[]): boolean {
  return from.every((part, i) => part === to[i]);
}

function inTheWay(value: Json, path: readonly string[]): boolean {
  let at: Json = value;
  for (const key of path) {
    if (!isObject(at)) return true;
    const next: Json | undefined = at[key];
    if (next === undefined) return false;
    at = next;
  }
  return true;
}

/** The documents of a bundle that isn't in force: what one delta made of them is what the next one changes. */
export interface TextView extends DataView {
  patch(patches: readonly Patch[]): void;
}

/** Parses data once, when they are first asked for. */
export function createTextView(text: string): TextView {
  let root: Json | undefined;
  const find = (path: readonly string[]): Json | undefined => {
    let at: Json | undefined = (root ??= parseJson(text, { depth: 512 }));
    for (const key of path) at = isObject(at) ? at[key] : undefined;
    return at;
  };
  return {
    kind(path) {
      const found = find(path);
      if (found === undefined) return undefined;
      return Array.isArray(found) ? "array" : isObject(found) ? "object" : "scalar";
    },
    read(path) {
      const found = find(path);
      // what is read is changed by who plans: what is here must not be
      return Array.isArray(found) || isObject(found) ? structuredCopy(found) : found;
    },
    patch(patches) {
      const top = find([]);
      if (!isObject(top)) return;
      for (const { path, value } of patches)
        putIn(top, path, value === undefined ? undefined : parseJson(value, { depth: 512 }));
    },
  };
}

function structuredCopy(value: Json): Json {
  if (Array.isArray(value)) return value.map(structuredCopy);
  if (!isObject(value)) return value;
  const out = Object.create(null) as Record<string, Json>;
  for (const [key, member] of Object.entries(value)) out[key] = structuredCopy(member);
  return out;
}

function rejected(code: string, message: string): Rejected {
  return { kind: "rejected", errors: [{ code, message }] };
}
