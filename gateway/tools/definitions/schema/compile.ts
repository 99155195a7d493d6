/** Turns a schema that was read into a check of values. */
import type { FuncKeywordDefinition, Options, ValidateFunction } from "ajv";
import { Ajv } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Json } from "../../../../sidecar/contract.js";
import type { Plain } from "./exact.js";
import { createExact, plainOf, Unjudged } from "./exact.js";
import type { Guard } from "./guard.js";
import { guardAnew } from "./guard.js";
import type { Dialect } from "./keywords.js";
import { compilePattern } from "./pattern.js";
import type { ReadSchema } from "./read-schema.js";
import { exactKeyword } from "./read-schema.js";

/** What is said where a check ran out of time. INVARIANT: such a check isn't used again: it was stopped anywhere. */
export const tooLong = "/: takes too long to check";

/** Says what is wrong with a value, by place (a JSON pointer) and keyword, never by value; undefined: nothing. */
export type Check = (value: Json) => string | undefined;

export const budget = { compileMs: 500, checkMs: 100, plainSteps: 100_000 } as const;

const dialects: Readonly<Record<Dialect, new (options: Options) => Ajv>> = {
  "draft-07": Ajv,
  "2019-09": Ajv2019,
  "2020-12": Ajv2020,
};

/**
 * Compiles a schema. A check that takes longer than {@link budget} finds fault with the value.
 * @throws Error where that can't be done, or takes too long
 */
export function compileSchema(read: ReadSchema, guard: Guard): Check {
  let plain: Plain = plainOf(null);
  let whole: Json = null;
  const engine = Object.assign((pattern: string) => compilePattern(pattern) as unknown as RegExp, {
    code: "",
  });
  const judged = read.exact.map(createExact);
  const keyword: FuncKeywordDefinition = {
    keyword: exactKeyword,
    schemaType: "number",
    errors: "full",
    compile: (index: number) => {
      const check = judged[index];
      if (check === undefined) throw new Error("no such keywords");
      const validate: ReturnType<NonNullable<FuncKeywordDefinition["compile"]>> = (data: unknown, place) => {
        const failed = check(sent(data, place?.parentData, place?.parentDataProperty));
        if (failed === undefined) return true;
        validate.errors = [{ keyword: failed, instancePath: place?.instancePath ?? "", params: {} }];
        return false;
      };
      return validate;
    },
  };
  /** What was sent where the validator sees `data`. */
  const sent = (data: unknown, parent: unknown, property: string | number | undefined): Json => {
    if (typeof data === "object" && data !== null) return plain.before.get(data) ?? (data as Json);
    if (typeof data !== "number") return data as Json;
    if (typeof parent !== "object" || parent === null || property === undefined) return whole;
    const before = plain.before.get(parent);
    return before === undefined ? data : ((before as Record<string | number, Json>)[property] ?? data);
  };
  const compile = (): ValidateFunction => {
    // INVARIANT: an instance for each: what one schema says is nothing to another, nor what was stopped half-way to the next try
    const ajv = new dialects[read.dialect]({
      strict: false,
      meta: false,
      // it was read keyword by keyword
      validateSchema: false,
      ownProperties: true,
      inlineRefs: false,
      messages: false,
      logger: false,
      validateFormats: false,
      code: { regExp: engine },
    });
    ajv.addKeyword(keyword);
    return ajv.compile(read.schema);
  };
  const validate = guardAnew(guard, compile, budget.compileMs);
  return (value) => {
    try {
      whole = value;
      plain = plainOf(value);
      const run = (): boolean => validate(plain.value);
      const long = read.hazardous || plain.count * read.count > budget.plainSteps;
      return (long ? guard(run, budget.checkMs) : run()) ? undefined : describe(validate, read);
    } catch (error) {
      if (error instanceof Unjudged) return `${pointer(error.path, read)}: ${error.keyword}`;
      return tooLong;
    } finally {
      plain = plainOf(null);
      whole = null;
    }
  };
}

function describe(validate: ValidateFunction, read: ReadSchema): string {
  const [error] = validate.errors ?? [];
  const path = (error?.instancePath ?? "").split("/").slice(1).map(unescape);
  const missing: unknown = error?.params["missingProperty"];
  // a name that the schema has, not the caller
  const which = typeof missing === "string" ? ` ${missing}` : "";
  return `${pointer(path, read)}: ${error?.keyword ?? "schema"}${which}`;
}

const unescape = (part: string): string => part.replaceAll("~1", "/").replaceAll("~0", "~");

/** Writes a place. INVARIANT: a name that the schema doesn't have is the caller's own word, and not repeated. */
function pointer(path: readonly (string | number)[], { names }: ReadSchema): string {
  const parts = path.map((part) => {
    const text = String(part);
    if (!names.has(text)) return /^\d{1,9}$/.test(text) ? text : "*";
    return text.replaceAll("~", "~0").replaceAll("/", "~1");
  });
  return `/${parts.join("/")}`;
}
