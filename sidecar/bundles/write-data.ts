import type { Json } from "../contract.js";
import { isObject } from "../contract.js";
import type { ActiveBundle } from "./active.js";
import type { ChangeRefused, Operation } from "./change-json.js";
import { notFound, pathText } from "./change-json.js";
import type { Documents } from "./documents.js";
import { conflictingRule, leadsToBundle, ownerRefusal, rulesAmong } from "./ownership.js";
import { spread } from "./spread.js";
import type { BundleStore } from "./store.js";

export type Written =
  | { readonly kind: "written" }
  /** Something is there, and only what is absent was to be written. */
  | { readonly kind: "exists" }
  | ChangeRefused
  | {
      readonly kind: "refused";
      readonly reason: "parameter" | "too_large" | "failed";
      readonly message: string;
    };

export interface WriteDataParts {
  readonly documents: Documents;
  readonly bundles: Pick<BundleStore, "current" | "repair">;
  /** Name of the bundle of the policies that were written through the API. */
  readonly apiBundle: string;
  /** Most that may be stored, bytes. */
  readonly maxBytes: number;
}

export interface WriteData {
  /** Writes a value, and the objects that lead to it. */
  put(path: readonly string[], value: Json, onlyNew: boolean): Written;
  patch(operations: readonly Operation[]): Written;
  remove(path: readonly string[]): Written;
}

/**
 * Changes the base documents, in the store and in every loaded policy, or nothing at all.
 * INVARIANT: synchronous, so that a decision sees the documents before a change or after it, never between.
 * Source: OPA's server (`v1DataPut`, `v1DataPatch`, `v1DataDelete`).
 */
export function createWriteData(parts: WriteDataParts): WriteData {
  const { documents, maxBytes } = parts;
  const bundles = (): readonly ActiveBundle[] => parts.bundles.current().bundles;
  const sourced = (): readonly ActiveBundle[] => bundles().filter(({ name }) => name !== parts.apiBundle);
  const kind = (path: readonly string[]): ReturnType<Documents["kind"]> =>
    documents.kind(path) ?? (leadsToBundle(path, sourced()) ? "object" : undefined);

  const change = (operations: readonly Operation[]): Written => {
    const owners = sourced();
    for (const operation of operations) {
      const { path } = operation;
      const members = path.length === 0 && operation.op !== "remove" ? keysOf(operation.value) : [];
      const owner = [path, ...members.map((key) => [key])].reduce<string | undefined>(
        (found, one) => found ?? ownerRefusal(one, owners),
        undefined,
      );
      if (owner !== undefined) return { kind: "refused", reason: "parameter", message: owner };
    }
    const changed = documents.change(operations, (path) => leadsToBundle(path, owners));
    if (changed.kind === "refused") return changed;
    const tops = new Set(operations.map(({ path }) => path[0]));
    const rules = apiRules().filter((rule) => tops.has(undefined) || tops.has(rule.split("/")[0]));
    const conflict = conflictingRule(rules, kind);
    if (conflict !== undefined) {
      changed.undo();
      const message = `1 error occurred: rego_compile_error: conflicting rule for data path ${conflict} found`;
      return { kind: "refused", reason: "parameter", message };
    }
    if (documents.bytes() > maxBytes) {
      changed.undo();
      return { kind: "refused", reason: "too_large", message: `at most ${maxBytes} bytes in all` };
    }
    const all = bundles();
    const broken = spread(changed.patches, all);
    if (broken.length === 0) {
      return { kind: "written" };
    }
    changed.undo();
    const paths = new Map(changed.patches.map(({ path }) => [JSON.stringify(path), path]));
    const back = [...paths.values()].map((path) => ({ path, value: documents.text(path) }));
    broken.push(
      ...spread(
        back,
        all.filter(({ name }) => !broken.includes(name)),
      ),
    );
    for (const name of broken) parts.bundles.repair(name);
    return {
      kind: "refused",
      reason: "failed",
      message: "a policy could not take the data: raise decision.max_memory_mb",
    };
  };

  let known: { readonly bundle: ActiveBundle | undefined; readonly rules: readonly string[] } | undefined;
  const apiRules = (): readonly string[] => {
    const bundle = bundles().find(({ name }) => name === parts.apiBundle);
    if (known === undefined || known.bundle !== bundle) {
      known = { bundle, rules: rulesAmong([...(bundle?.entrypoints.keys() ?? [])]) };
    }
    return known.rules;
  };

  return {
    put(path, value, onlyNew) {
      const owner = ownerRefusal(path, sourced());
      if (owner !== undefined) return { kind: "refused", reason: "parameter", message: owner };
      if (onlyNew && (path.length === 0 || kind(path) !== undefined)) return { kind: "exists" };
      const made: Operation[] = [];
      for (let length = path.length - 1; length > 0; length--) {
        const parent = path.slice(0, length);
        const found = kind(parent);
        if (found === undefined) made.unshift({ op: "add", path: parent, value: {} });
        else if (found === "object") break;
        // an item of an array that is there
        else if (made.length === 0 && kind(path) !== undefined) break;
        else return { kind: "refused", reason: "conflict", message: pathText(parent) };
      }
      // what leads to a bundle's documents stands already
      return change([...made, { op: "add", path, value }]);
    },
    patch: change,
    remove(path) {
      const owner = ownerRefusal(path, sourced());
      if (owner !== undefined) return { kind: "refused", reason: "parameter", message: owner };
      return path.length > 0 && kind(path) === undefined ? notFound() : change([{ op: "remove", path }]);
    },
  };
}

function keysOf(value: Json): string[] {
  return isObject(value) ? Object.keys(value) : [];
}
