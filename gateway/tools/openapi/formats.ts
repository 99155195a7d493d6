/** What formats of OpenAPI and JSON Schema say of a value, in keywords that are checked. Other formats are words only. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { JsonNumber } from "../../../sidecar/contract.js";

/** The range of an integer's format (OpenAPI Format Registry). */
const ranges: Readonly<Record<string, readonly [least: Json, most: Json]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32_768, 32_767],
  uint16: [0, 65_535],
  int32: [-2_147_483_648, 2_147_483_647],
  uint32: [0, 4_294_967_295],
  int64: [new JsonNumber("-9223372036854775808"), new JsonNumber("9223372036854775807")],
  uint64: [0, new JsonNumber("18446744073709551615")],
};

const day = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])";
const time =
  "(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\\.[0-9]{1,12})?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
const byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

const patterns: Readonly<Record<string, string>> = {
  date: `^${day}$`,
  "date-time": `^${day}[Tt]${time}$`,
  time: `^${time}$`,
  uuid: "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
  ipv4: `^${byte}(?:\\.${byte}){3}$`,
  byte: "^[A-Za-z0-9+/]*={0,2}$",
};

/** Adds to a schema what its format says, where it doesn't say more itself. */
export function addFormat(schema: JsonObject): void {
  const { format, type } = schema;
  if (typeof format !== "string") return;
  const types = Array.isArray(type) ? type : [type];
  const range = Object.hasOwn(ranges, format) ? ranges[format] : undefined;
  if (range !== undefined && (types.includes("integer") || types.includes("number"))) {
    if (schema["exclusiveMinimum"] === undefined) schema["minimum"] ??= range[0];
    if (schema["exclusiveMaximum"] === undefined) schema["maximum"] ??= range[1];
  }
  const pattern = Object.hasOwn(patterns, format) ? patterns[format] : undefined;
  if (pattern !== undefined && types.includes("string")) schema["pattern"] ??= pattern;
}
