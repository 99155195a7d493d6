/** What a collection of OpenSearch or Elasticsearch has beside, in the configuration. */
import type { Json, JsonObject, Problems } from "../../../../sidecar/contract.js";
import { isObject } from "../../../../sidecar/contract.js";
import type { CollectionConfig, KindSettings } from "../../config.js";

export const mappingTypes = [
  ...["keyword", "wildcard", "boolean", "long", "integer", "short", "byte"],
  ...["double", "float", "half_float", "date", "date_nanos"],
] as const;
export type MappingType = string;

/** How the index has a field: what it says decides which conditions can be left to the store. */
export interface FieldMapping {
  readonly type: MappingType;
  /** What queries call it: `tenant.keyword`, where the text itself is analysed. */
  readonly field: string;
  /** Longer texts aren't indexed. Unless stated, what dynamic mapping gives. */
  readonly ignoreAbove: number;
  /** Texts are changed before they are indexed. */
  readonly normalizer: boolean;
  /** What isn't of the type isn't indexed, and the document is taken. */
  readonly ignoreMalformed: boolean;
  /**
   * Every document has this field not at all, or as one value of its type that is indexed as it stands: no list, no null
   * that is replaced, nothing that is coerced, cut or left out. Of what is written through the gateway that is checked.
   */
  readonly uniform: boolean;
}

export interface SearchSettings {
  /** By the names that policy uses. */
  readonly mapping: Readonly<Record<string, FieldMapping>>;
  /** Paths of vectors: given only where a request names them. */
  readonly vectors: readonly string[];
  /** The field that a neutral query's vector is compared with. */
  readonly vector?: string;
  /** The indices that an alias or a data stream stands for; `*` at the end of one for any. */
  readonly indices: readonly string[];
  readonly pipelines: readonly string[];
  readonly searchPipelines: readonly string[];
  /** Whether searches may name a routing value. */
  readonly routing: boolean;
}

const none: SearchSettings = {
  ...{ mapping: {}, vectors: [], indices: [], pipelines: [], searchPipelines: [], routing: false },
};

export function settingsOf(collection: CollectionConfig | undefined): SearchSettings {
  return { ...none, ...(collection?.settings as Partial<SearchSettings> | undefined) };
}

/** What dynamic mapping gives the `keyword` beneath a text ("Dynamic field mapping" of both). */
const dynamicIgnoreAbove = 256;

export const searchSettings: KindSettings = {
  collection(fields, problems) {
    const mapping = Object.create(null) as Record<string, FieldMapping>;
    const declared = fields.raw("fields");
    const given = fields.raw("mapping");
    if (given !== undefined && !isObject(given)) problems.add(fields.at("mapping"), "must be an object");
    for (const [name, one] of Object.entries(isObject(given) ? given : {})) {
      const place = `${fields.at("mapping")}.${name}`;
      if (!isObject(declared) || !Object.hasOwn(declared, name))
        problems.add(place, "is of a field that isn't there");
      else mapping[name] = readMapping(one, pathOf(declared[name], name), { place, problems });
    }
    const vector = fields.string("vector");
    const vectors = new Set([
      ...(fields.strings("vectors") ?? []),
      ...(vector === undefined ? [] : [vector]),
    ]);
    const settings: SearchSettings = {
      mapping,
      vectors: [...vectors],
      ...(vector === undefined ? {} : { vector }),
      indices: fields.strings("indices") ?? [],
      pipelines: fields.strings("pipelines") ?? [],
      searchPipelines: fields.strings("search_pipelines") ?? [],
      routing: fields.boolean("routing") ?? false,
    };
    return settings as unknown as JsonObject;
  },
};

function readMapping(
  value: Json | undefined,
  path: string,
  { place, problems }: { readonly place: string; readonly problems: Problems },
): FieldMapping {
  const {
    type,
    field = path,
    ignore_above = dynamicIgnoreAbove,
    normalizer = false,
    ignore_malformed = false,
    uniform = false,
    ...others
  } = isObject(value) ? value : { type: value ?? null };
  for (const name of Object.keys(others)) problems.add(`${place}.${name}`, "unknown field");
  const known = mappingTypes.find((one) => one === type);
  if (known === undefined) problems.add(place, `the type must be one of ${mappingTypes.join(", ")}`);
  const flags = { normalizer, ignore_malformed, uniform };
  for (const [name, flag] of Object.entries(flags))
    if (typeof flag !== "boolean") problems.add(`${place}.${name}`, "must be true or false");
  if (typeof field !== "string") problems.add(`${place}.field`, "must be a string");
  const whole = typeof ignore_above === "number" && Number.isInteger(ignore_above) && ignore_above > 0;
  if (!whole) problems.add(`${place}.ignore_above`, "must be a whole number above 0");
  return {
    type: known ?? "keyword",
    field: String(field),
    ignoreAbove: whole ? ignore_above : dynamicIgnoreAbove,
    normalizer: normalizer === true,
    ignoreMalformed: ignore_malformed === true,
    uniform: uniform === true,
  };
}

function pathOf(declared: Json | undefined, name: string): string {
  const path = isObject(declared) ? (declared["path"] ?? name) : declared;
  return Array.isArray(path) ? path.join(".") : String(path);
}
