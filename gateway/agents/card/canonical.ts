/** The bytes that a card's signature is of: JSON Canonicalization Scheme (RFC 8785). */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../../sidecar/contract.js";

/** Writes a value canonically: members in the order of their names, numbers as ECMAScript writes them. */
export function canonical(value: Json): string {
  if (value instanceof JsonNumber) return JSON.stringify(Number(value.text));
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name] ?? null)}`).join(",")}}`;
}

/** What a card's signature may be of: as A2A 1.0 has it (section 8.4.1), and without anything empty, as its official SDKs do. */
export function signedForms({ signatures: _, ...card }: JsonObject): readonly string[] {
  const forms = [canonical(card), canonical(withoutEmpty(card) ?? {})];
  return forms[0] === forms[1] ? forms.slice(1) : forms;
}

function withoutEmpty(value: Json): Json | undefined {
  if (value === "" || value === null) return undefined;
  if (Array.isArray(value)) {
    const items = value.map(withoutEmpty).filter((one) => one !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (!isObject(value)) return value;
  const kept = Object.entries(value).flatMap(([name, one]) => {
    const inner = withoutEmpty(one);
    return inner === undefined ? [] : [[name, inner] as const];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
