/** Keyers that take two inputs for one, as somebody might think they are to a policy. */
import type { Json } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber, stringifyJson } from "../../../../sidecar/contract.js";

/** What such a keyer makes of a value before it writes it; undefined leaves it out. */
type Blur = (value: Json) => Json | undefined;

const blurs: Readonly<Record<string, Blur>> = {
  "numbers by their value": (value) => (value instanceof JsonNumber ? Number(value.text) + 0 : value),
  "-0 as 0": (value) =>
    Object.is(value, -0) || (value instanceof JsonNumber && value.text === "-0") ? 0 : value,
  "texts in Unicode's normal form": (value) => (typeof value === "string" ? value.normalize("NFC") : value),
  "texts without regard to case": (value) => (typeof value === "string" ? value.toLowerCase() : value),
  "texts without spaces around": (value) => (typeof value === "string" ? value.trim() : value),
  "scalars by their text": (value) =>
    typeof value === "object" && !(value instanceof JsonNumber)
      ? value
      : typeof value === "string"
        ? value
        : stringifyJson(value),
  "null as nothing": (value) => (value === null ? undefined : value),
  "false as nothing": (value) => (value === false ? undefined : value),
  "empty objects as nothing": (value) =>
    isObject(value) && Object.keys(value).length === 0 ? undefined : value,
  "empty lists as nothing": (value) => (Array.isArray(value) && value.length === 0 ? undefined : value),
  "lists as objects": (value) =>
    Array.isArray(value) ? Object.assign(Object.create(null) as Record<string, Json>, value) : value,
  "lists without order": (value) =>
    Array.isArray(value) ? [...value].sort((a, b) => (stringifyJson(a) < stringifyJson(b) ? -1 : 1)) : value,
  "lists without repeats": (value) =>
    Array.isArray(value) ? [...new Map(value.map((item) => [stringifyJson(item), item])).values()] : value,
  "lists by their length": (value) => (Array.isArray(value) ? value.length : value),
};

function blurred(value: Json, blur: Blur): Json | undefined {
  if (Array.isArray(value)) return blur(value.map((item) => blurred(item, blur) ?? null));
  if (!isObject(value)) return blur(value);
  const out = Object.create(null) as Record<string, Json>;
  for (const [name, member] of Object.entries(value)) {
    const inner = blurred(member, blur);
    if (inner !== undefined) out[name] = inner;
  }
  return blur(out);
}

/** By name, what makes the input of a weaker keyer. */
export const weaker: ReadonlyMap<string, (input: Json) => Json> = new Map(
  Object.entries(blurs).map(([name, blur]) => [name, (input: Json) => blurred(input, blur) ?? null]),
);
