/** Makes inputs and base documents, and changes exactly one thing in them. */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { isObject, JsonNumber, parseJson, stringifyJson } from "../../../../sidecar/contract.js";
import type { Random } from "../../../filters/policies.js";
import type { Shape } from "./vocabulary.js";
import { anyWord, nearWords, words } from "./vocabulary.js";

/** Forms of few numbers: equal ones are written in many ways. */
const numbers = [
  ...["0", "-0", "0.0", "0e0", "1", "1.0", "1e0", "1E+0", "10e-1", "2", "2.0", "3", "-1", "1.5", "15e-1"],
  ...[
    "9007199254740992",
    "9007199254740993",
    "9223372036854775808",
    "1e21",
    "1e+21",
    "100000000000000000000",
  ],
  ...["0.1", "0.10", "1e-7", "0.0000001"],
].map((text) => parseJson(text));
const fewNumbers = ["0", "1", "1", "2", "3", "1.0"].map((text) => parseJson(text));

export type Path = readonly string[];

/** A value of a shape, or of another one now and then; undefined where it is left out. */
export function anyOf(random: Random, shape: Shape, depth = 0): Json | undefined {
  if (depth > 0 && random.once(8)) return undefined;
  if (depth > 0 && random.once(20)) return anyValue(random);
  switch (shape.kind) {
    case "text":
      return random.once(10) ? anyWord(random) : random.of(shape.of);
    case "number":
      return random.once(4) ? random.of(numbers) : random.of(fewNumbers);
    case "flag":
      return random.once(2);
    case "any":
      return anyValue(random);
    case "list":
      return Array.from({ length: random.below(4) }, () => anyOf(random, shape.of) ?? null);
    case "object": {
      const out = empty();
      const members = Object.entries(shape.members);
      for (const [name, inner] of members) put(out, name, anyOf(random, inner, depth + 1));
      if (shape.open === true && random.once(2)) put(out, anyWord(random), anyValue(random));
      return out;
    }
  }
}

export function anyValue(random: Random, depth = 0): Json {
  switch (random.below(depth > 1 ? 6 : 9)) {
    case 0:
      return null;
    case 1:
      return random.once(2);
    case 2:
      return random.of(random.once(2) ? numbers : fewNumbers);
    case 3:
    case 4:
      return anyWord(random);
    case 5:
      return random.once(2) ? [] : empty();
    case 6:
      return Array.from({ length: 1 + random.below(3) }, () => anyValue(random, depth + 1));
    default: {
      const out = empty();
      for (let n = random.below(3); n >= 0; n--) out[anyWord(random)] = anyValue(random, depth + 1);
      return out;
    }
  }
}

/** A value that is nearly the same, or another one of its shape, or of another type, or nothing. */
export function near(random: Random, value: Json | undefined, shape: Shape): Json | undefined {
  switch (random.below(12)) {
    case 0:
      return undefined;
    case 1:
      return null;
    case 2:
      return empty();
    case 3:
      return anyValue(random);
    case 4:
    case 5:
    case 6:
    case 7:
      return anyOf(random, shape);
    default:
      return nearer(random, value);
  }
}

function nearer(random: Random, value: Json | undefined): Json | undefined {
  if (value === undefined) return anyValue(random);
  if (value === null) return random.of<Json | undefined>([undefined, false, "null", [], 0]);
  if (typeof value === "boolean") return random.of<Json>([!value, String(value), value ? 1 : 0]);
  if (typeof value === "number" || value instanceof JsonNumber) {
    const same = numbers.filter((other) => Number(other) === Number(value));
    return random.once(2) && same.length > 0
      ? random.of(same)
      : random.of<Json>([random.of(numbers), stringifyJson(value), [value]]);
  }
  if (typeof value === "string") {
    const forms = [value.normalize("NFC"), value.normalize("NFD"), `${value} `, value.toUpperCase()];
    return random.of<Json>([...forms, random.of(words), random.of(nearWords), [value], { [value]: true }]);
  }
  if (Array.isArray(value)) {
    const asObject = Object.assign(empty(), value) as JsonObject;
    return random.of<Json>([
      [...value].reverse(),
      value.slice(1),
      [...value, ...value],
      [...value, anyValue(random)],
      value.map((item, i) => (i === 0 ? (nearer(random, item) ?? null) : item)),
      asObject,
    ]);
  }
  const entries = Object.entries(value);
  const kept = entries.filter(() => !random.once(3));
  return random.of<Json>([
    objectOf(kept),
    entries.map(([, member]) => member),
    Object.keys(value),
    objectOf([...entries].reverse()),
  ]);
}

/** The value at a path; only members of objects lie on it. */
export function at(value: Json | undefined, path: Path): Json | undefined {
  let here = value;
  for (const name of path) here = isObject(here) && Object.hasOwn(here, name) ? here[name] : undefined;
  return here;
}

/**
 * The value with another one at a path, or without it; what leads there becomes objects. The rest is shared.
 * @returns the path at which it differs, which is shorter where something had to make way
 */
export function changed(
  value: Json,
  path: Path,
  to: Json | undefined,
): { readonly value: Json; readonly path: Path } {
  const [name, ...rest] = path;
  if (name === undefined) return { value: to ?? null, path };
  if (!isObject(value)) {
    const made = to === undefined ? empty() : changed(empty(), path, to).value;
    return { value: made, path: [] };
  }
  if (rest.length === 0) return { value: withMember(value, name, to), path };
  const inner = changed(Object.hasOwn(value, name) ? (value[name] ?? null) : null, rest, to);
  return { value: withMember(value, name, inner.value), path: [name, ...inner.path] };
}

function withMember(object: JsonObject, name: string, to: Json | undefined): JsonObject {
  const had = Object.hasOwn(object, name);
  const entries: [string, Json | undefined][] = Object.entries(object).map(([key, member]) => [
    key,
    key === name ? to : member,
  ]);
  return objectOf(had ? entries : [...entries, [name, to]]);
}

function objectOf(entries: readonly (readonly [string, Json | undefined])[]): JsonObject {
  const out = empty();
  for (const [name, value] of entries) put(out, name, value);
  return out;
}

function put(into: JsonObject, name: string, value: Json | undefined): void {
  if (value !== undefined) into[name] = value;
}

function empty(): JsonObject {
  return Object.create(null) as JsonObject;
}
