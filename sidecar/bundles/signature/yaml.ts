/** Reads YAML data as OPA does: YAML 1.2 with 1.1's numbers, merge keys and no dates. Source: OPA, internal/yaml; go-yaml v3, resolve.go. */
import { load, FAILSAFE_SCHEMA, Type } from "js-yaml";
import type { Json } from "../../contract.js";
import { JsonNumber, JsonRefused, bareObject, parseJson } from "../../contract.js";

/** Why a text is no YAML that everybody reads in the same way; the message holds nothing of it. */
export class YamlRefused extends Error {
  override readonly name = "YamlRefused";
}

export function isYaml(place: string): boolean {
  return /(^|\/)data\.ya?ml$/.test(place);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const mostDepth = 128;

/**
 * Gives what a YAML file says; JSON is taken as JSON. Stricter than OPA: a key twice, a second document, a number that is
 * infinite or none, and what grows without end by its aliases are refused.
 * @throws YamlRefused, or JsonRefused for JSON with a key twice
 */
export function readYaml(bytes: Uint8Array): Json {
  let text: string;
  try {
    // takes off a byte order mark, as OPA does
    text = utf8.decode(bytes);
  } catch {
    throw new YamlRefused("it is not valid UTF-8");
  }
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonRefused) || error.code !== "invalid_json") throw error;
  }
  let read: unknown;
  try {
    read = load(text, { schema });
  } catch {
    throw new YamlRefused("it is not valid YAML, or not one document");
  }
  return jsonOf(read, { left: 4 * text.length + 1_000 }, 0);
}

/** A value of YAML as JSON. Each alias counts for what it stands for: `left` is of UTF-16 units, about. */
function jsonOf(value: unknown, budget: { left: number }, depth: number): Json {
  if (--budget.left < 0) throw new YamlRefused("its aliases make more of it than a bundle may hold");
  if (depth > mostDepth) throw new YamlRefused(`it is nested deeper than ${mostDepth} levels`);
  if (value === undefined || value === null) return null;
  if (typeof value === "boolean") return value;
  if (typeof value === "bigint") return new JsonNumber(String(value));
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new YamlRefused("it has a number that JSON can't hold");
    return value;
  }
  if (typeof value === "string") {
    budget.left -= value.length;
    return value;
  }
  if (Array.isArray(value)) return value.map((item) => jsonOf(item, budget, depth + 1));
  const object = bareObject();
  for (const [key, member] of Object.entries(value)) {
    budget.left -= key.length;
    object[key] = jsonOf(member, budget, depth + 1);
  }
  return object;
}

const words: ReadonlyMap<string, null | boolean> = new Map([
  ...["", "~", "null", "Null", "NULL"].map((word) => [word, null] as const),
  ...["true", "True", "TRUE"].map((word) => [word, true] as const),
  ...["false", "False", "FALSE"].map((word) => [word, false] as const),
]);

const infinities = /^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$/;
const decimal = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
/** Here alone Go asks that an underscore stand between two digits. */
const dotted = /^\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?$/;
const least = -(2n ** 63n);
const most = 2n ** 64n - 1n;

/** A whole number as Go's `ParseInt` takes it with base 0, or undefined. */
function wholeOf(text: string): bigint | undefined {
  const form = /^([-+]?)(?:(0|[1-9][0-9]*)|0([0-7]+)|(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+))$/.exec(text);
  if (form === null) return undefined;
  const [, sign, plain, octal, based] = form;
  const size = BigInt(plain ?? (octal === undefined ? (based ?? "0") : `0o${octal}`));
  const value = sign === "-" ? -size : size;
  // what is beyond 63 bits has no sign
  return value < least || value > most || (sign === "+" && value >= 2n ** 63n) ? undefined : value;
}

/** Undefined: it is text. */
function numberOf(text: string): number | bigint | undefined {
  if (infinities.test(text)) return Number.NaN;
  if (text.startsWith(".")) return dotted.test(text) ? finite(Number(text.replaceAll("_", ""))) : undefined;
  if (!/^[-+0-9]/.test(text)) return undefined;
  const plain = text.replaceAll("_", "");
  const whole = wholeOf(plain);
  if (whole !== undefined) {
    return whole >= Number.MIN_SAFE_INTEGER && whole <= Number.MAX_SAFE_INTEGER ? Number(whole) : whole;
  }
  return decimal.test(plain) ? finite(Number(plain)) : undefined;
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

const textOf = (data: unknown): string => (typeof data === "string" ? data : "");
const isWhole = (value: unknown): boolean =>
  typeof value === "bigint" || (Number.isSafeInteger(value) && !Object.is(value, -0));

function numberType(tag: string, fits: (text: string, value: number | bigint) => boolean): Type {
  return new Type(tag, {
    kind: "scalar",
    resolve: (data: unknown) => {
      const value = numberOf(textOf(data));
      return value !== undefined && fits(textOf(data), value);
    },
    construct: (data: unknown) => numberOf(textOf(data)),
  });
}

function wordType(tag: string, fits: (value: null | boolean) => boolean): Type {
  return new Type(tag, {
    kind: "scalar",
    resolve: (data: unknown) => {
      const value = words.get(textOf(data));
      return value !== undefined && fits(value);
    },
    construct: (data: unknown) => words.get(textOf(data)),
  });
}

const int = numberType(
  "tag:yaml.org,2002:int",
  (text, value) => isWhole(value) && wholeOf(text.replaceAll("_", "")) !== undefined,
);
const float = numberType("tag:yaml.org,2002:float", () => true);

const schema = FAILSAFE_SCHEMA.extend({
  implicit: [
    wordType("tag:yaml.org,2002:null", (value) => value === null),
    wordType("tag:yaml.org,2002:bool", (value) => value !== null),
    int,
    float,
    new Type("tag:yaml.org,2002:merge", {
      kind: "scalar",
      resolve: (data: unknown) => data === "<<" || data === null,
    }),
  ],
});
