/** Strings where OPA's C code differs from its Go code. */
import type { RegoValue } from "../../engine/value.js";
import { RegoSet, typeName } from "../../engine/value.js";
import { BuiltinFault } from "../builtin.js";
import { BuiltinLimit } from "../limit.js";
import { termText } from "../text.js";
import type { Instead } from "./instead.js";
import { moduleIsRight, RawString } from "./instead.js";

/** Characters of the longest result. */
const longest = 16 * 2 ** 20;

function text(value: RegoValue | undefined, place: number): string {
  if (typeof value === "string") return value;
  throw new BuiltinFault(
    "eval_type_error",
    `operand ${place} must be string but got ${typeName(value ?? null)}`,
  );
}

function bounded(value: string): string {
  if (value.length > longest) throw new BuiltinLimit("a string that is too long");
  return value;
}

/** Go's `base64.StdEncoding`: padded, line breaks ignored. */
const isBase64 = (value: string): boolean =>
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value.replace(/[\r\n]/g, ""));

/** The same in the URL's alphabet; padding may be missing as a whole. */
function padded(value: string): string {
  if (value.endsWith("=")) return value;
  switch (Buffer.byteLength(value) % 4) {
    case 0:
      return value;
    case 2:
      return `${value}==`;
    case 3:
      return `${value}=`;
    default:
      throw new BuiltinFault("eval_builtin_error", "illegal base64url string");
  }
}

/** Puts a text at the begin, between all bytes and at the end, as Go's Replacer does for an empty pattern. */
function between(base: string, by: string): RawString {
  const bytes = Buffer.from(base);
  const part = Buffer.from(by);
  if ((bytes.length + 1) * (part.length + 1) > longest) throw new BuiltinLimit("a string that is too long");
  const out: Uint8Array[] = [part];
  for (const byte of bytes) out.push(Uint8Array.of(byte), part);
  return new RawString(Buffer.concat(out));
}

/** The parts of a template, each a primitive or a set of at most one value. */
function template(parts: RegoValue | undefined): string {
  const shown = (value: RegoValue): string => (typeof value === "string" ? value : termText(value));
  return bounded(
    (parts as readonly RegoValue[])
      .map((part) => {
        if (!(part instanceof RegoSet)) return shown(part);
        if (part.items.length > 1)
          throw new BuiltinFault("eval_builtin_error", "template-strings must not produce multiple outputs");
        const [only] = part.items;
        return only === undefined ? "<undefined>" : shown(only);
      })
      .join(""),
  );
}

export const strings: ReadonlyMap<string, Instead> = new Map<string, Instead>([
  [
    "concat",
    (_context, joint, collection) => {
      // the module goes through arrays as it should
      if (!(collection instanceof RegoSet)) return moduleIsRight;
      const by = text(joint, 1);
      const items = collection.items.map((item) => {
        if (typeof item === "string") return item;
        throw new BuiltinFault(
          "eval_type_error",
          `operand 2 must be set of strings but got set containing ${typeName(item)}`,
        );
      });
      const size = items.reduce((sum, item) => sum + item.length + by.length, 0);
      if (size > longest) throw new BuiltinLimit("a string that is too long");
      return items.join(by);
    },
  ],
  [
    "indexof",
    (_context, _base, search) => {
      if (search === "") throw new BuiltinFault("eval_builtin_error", "empty search character");
      return moduleIsRight;
    },
  ],
  [
    "replace",
    (_context, base, old, by) => (old === "" ? between(text(base, 1), text(by, 3)) : moduleIsRight),
  ],
  ["internal.template_string", (_context, parts) => template(parts)],
  [
    "base64.decode",
    (_context, value) => {
      if (!isBase64(text(value, 1))) throw new BuiltinFault("eval_builtin_error", "illegal base64 data");
      return new RawString(Buffer.from(text(value, 1), "base64"));
    },
  ],
  ["base64.is_valid", (_context, value) => typeof value === "string" && isBase64(value)],
  [
    "base64url.decode",
    (_context, value) => {
      const whole = padded(text(value, 1));
      if (/[+/]/.test(whole) || !isBase64(whole.replaceAll("-", "+").replaceAll("_", "/")))
        throw new BuiltinFault("eval_builtin_error", "illegal base64url data");
      return new RawString(Buffer.from(whole, "base64url"));
    },
  ],
]);
