/** What is pushed down, against what it must mean: for any stored value never narrower, and where it says exact, the same. */
import { describe, expect, test } from "@jest/globals";
import { fc } from "../../../../properties.js";
import type { JsonObject } from "../../../../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../../../../sidecar/contract.js";
import { compile } from "../../../../../gateway/retrieval/conditions/compile.js";
import { holds } from "../../../../../gateway/retrieval/conditions/holds.js";
import { isAlways, isNever, simplify } from "../../../../../gateway/retrieval/conditions/simplify.js";
import { readDocument } from "../../../../../gateway/retrieval/document.js";
import { languageOf } from "../../../../../gateway/retrieval/stores/search/language.js";
import type { FieldMapping } from "../../../../../gateway/retrieval/stores/search/settings.js";
import { notUniform } from "../../../../../gateway/retrieval/stores/search/write.js";
import { cases, condition, stored } from "./cases.js";
import type { Mapping, Source } from "./matches.js";
import { score, termsOf, Wrong } from "./matches.js";

describe.each(cases.map((one) => [one.field.name, one] as const))("%s", (name, one) => {
  test.each([true, false])("uniform: %s", (uniform) => {
    const mapping: Mapping = { [name]: one.mapped };
    const fields = new Map([[name, one.field]]);
    const stated: FieldMapping = { ...one.stated, uniform };
    const settings = { mapping: { [name]: stated } };
    let exactOnes = 0;
    fc.assert(
      fc.property(
        condition(one),
        fc.array(fc.option(stored, { nil: undefined }), { minLength: 6, maxLength: 12 }),
        (given, values) => {
          const simple = simplify(given, { fields, constants: {} });
          if (simple === undefined) throw new Error("the field is there");
          if (isAlways(simple) || isNever(simple)) return;
          const { filter, exact } = compile(simple, fields, languageOf(settings.mapping));
          const sent: unknown =
            filter === undefined
              ? { match_all: {} }
              : JSON.parse(stringifyJson(filter).replaceAll("-0.0", "-0"));
          for (const value of values) {
            const source: Source = value === undefined ? {} : { [name]: value };
            const doc = { index: "i", id: "1", source };
            if (!isTaken(doc, name, mapping)) continue;
            const metadata = parseJson(JSON.stringify(source)) as JsonObject;
            // what is stated of documents is true of them
            if (uniform && notUniform(metadata, { fields, settings } as never) !== undefined) continue;
            const must = holds(simple, readDocument(metadata, fields.values()));
            const found = score(sent, doc, mapping) !== undefined;
            const about = () =>
              `${JSON.stringify(simple)} of ${JSON.stringify(value)} by ${JSON.stringify(sent)}`;
            if (must && !found) throw new Error(`narrower: ${about()}`);
            if (exact && must !== found) throw new Error(`not exact: ${about()}`);
            if (exact) exactOnes++;
          }
        },
      ),
      { numRuns: 400 },
    );
    expect(exactOnes > 0).toBe(uniform);
  });
});

function isTaken(
  doc: { index: string; id: string; source: Source },
  field: string,
  mapping: Mapping,
): boolean {
  try {
    termsOf(doc, field, mapping);
    return true;
  } catch (error) {
    if (error instanceof Wrong) return false;
    throw error;
  }
}
