import { JsonNumber } from "../../sidecar/contract.js";

/** Tells whether two parsed configurations say the same. What it doesn't know (functions, classes) is alike only to itself. */
export function alike(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const kind = Object.getPrototypeOf(one) as object | null;
  if (kind !== Object.getPrototypeOf(other)) return false;
  if (one instanceof JsonNumber) return one.text === (other as JsonNumber).text;
  if (one instanceof URL) return one.href === (other as URL).href;
  if (Array.isArray(one)) return listAlike(one, other as unknown[]);
  if (one instanceof Set) return listAlike([...one], [...(other as Set<unknown>)]);
  if (one instanceof Map) return entriesAlike([...one], other as Map<unknown, unknown>);
  if (!isBare(kind)) return false;
  return entriesAlike(Object.entries(one), new Map<unknown, unknown>(Object.entries(other)));
}

/** Tells whether a prototype adds nothing to what is parsed: none, that of literals, or one without members. */
function isBare(kind: object | null): boolean {
  if (kind === null || kind === Object.prototype) return true;
  return Object.getPrototypeOf(kind) === null && Reflect.ownKeys(kind).length === 0;
}

function listAlike(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((item, i) => alike(item, other[i]));
}

function entriesAlike(
  one: readonly (readonly [unknown, unknown])[],
  other: ReadonlyMap<unknown, unknown>,
): boolean {
  return (
    one.length === other.size && one.every(([key, value]) => other.has(key) && alike(value, other.get(key)))
  );
}
