import type { Json } from "../contract.js";
import { isObject } from "../contract.js";

export type Operation =
  | { readonly op: "add" | "replace"; readonly path: readonly string[]; readonly value: Json }
  | { readonly op: "remove"; readonly path: readonly string[] };

/** Why a change can't be made, in the words of OPA's storage. */
export interface ChangeRefused {
  readonly kind: "refused";
  readonly reason: "not_found" | "conflict" | "invalid_patch";
  readonly message: string;
}

export function notFound(message = "document does not exist"): ChangeRefused {
  return { kind: "refused", reason: "not_found", message };
}

export function invalidPatch(message: string): ChangeRefused {
  return { kind: "refused", reason: "invalid_patch", message };
}

/** Writes a path as OPA's storage does. */
export function pathText(path: readonly string[]): string {
  return path.length === 0 ? "/" : path.map((segment) => `/${encodeURIComponent(segment)}`).join("");
}

/**
 * Carries out one operation on a value whose place is `path.slice(0, from)`, in place. Source: OPA's in-memory storage
 * (`v1/storage/inmem/txn.go`), RFC 6902.
 */
export function changeJson(value: Json, operation: Operation, from: number): ChangeRefused | undefined {
  const { path } = operation;
  const key = path[from] ?? "";
  const last = from === path.length - 1;
  if (Array.isArray(value)) {
    if (last && (key === "-" || key === String(value.length))) {
      if (operation.op !== "add") return invalidPatch(`${pathText(path)}: invalid patch path`);
      value.push(operation.value);
      return undefined;
    }
    const index = indexIn(value, key, path);
    if (typeof index !== "number") return index;
    if (!last) return changeJson(value[index] as Json, operation, from + 1);
    if (operation.op === "add") value.splice(index, 0, operation.value);
    else if (operation.op === "remove") value.splice(index, 1);
    else value[index] = operation.value;
    return undefined;
  }
  if (!isObject(value)) return notFound();
  if (!last) {
    const member = value[key];
    return member === undefined ? notFound() : changeJson(member, operation, from + 1);
  }
  if (operation.op !== "add" && value[key] === undefined) return notFound();
  if (operation.op === "remove") delete value[key];
  else value[key] = operation.value;
  return undefined;
}

/** The index that a path's segment names, or why it names none. */
export function indexIn(
  items: readonly Json[],
  key: string,
  path: readonly string[],
): number | ChangeRefused {
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(key)) {
    return notFound(`${pathText(path)}: array index must be integer`);
  }
  const index = Number(key);
  return index < items.length ? index : notFound(`${pathText(path)}: array index out of range`);
}
