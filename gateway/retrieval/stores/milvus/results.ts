import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import {
  isObject,
  JsonNumber,
  JsonRefused,
  parseJson,
  plainNumber,
  refuse,
  stringifyJson,
} from "../../../../sidecar/contract.js";
import type { Found, FoundItem, Narrowed, StoreAnswer } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import type {
  HybridOperation,
  MilvusNarrowed,
  MilvusOperation,
  Output,
  QueryOperation,
  SearchOperation,
} from "./operation.js";
import type { Schema } from "./settings.js";
import { isVector, schemaOf } from "./settings.js";

type Reading = SearchOperation | HybridOperation | QueryOperation;

/** Reads what Milvus answered: `{code: 0, data: …}` where it could do it, at status 200 always. */
export function results(operation: MilvusOperation, sent: Narrowed, { value }: StoreAnswer): Found | Refusal {
  const data = dataOf(value);
  if (data.kind === "refusal") return data;
  switch (operation.doing) {
    case "search":
    case "hybrid":
    case "query": {
      if (operation.doing === "query" && operation.counts) return readCount(data.value);
      const { collection } = operation;
      if (collection === undefined || !isMine(sent)) return refuse("internal_error");
      return readRows(operation, collection, sent.hidden, data);
    }
    case "write":
      return readWritten(data.value);
    case "delete":
      return { kind: "found", items: [], rebuild: () => ({ code: 0, data: {} }) };
    case "manage":
      return readManaged(operation.lists, operation.counts, data.value);
  }
}

function isMine(sent: Narrowed): sent is MilvusNarrowed {
  return "hidden" in sent;
}

interface Data {
  readonly kind: "data";
  readonly value: Json | undefined;
  readonly answer: JsonObject;
}

/** What the store says of its own errors isn't passed on. */
function dataOf(value: Json | undefined): Data | Refusal {
  if (!isObject(value)) return refuse("upstream_invalid");
  const code = plainNumber(value["code"]);
  // 0 since 2.4.6, 200 before
  if (code !== 0 && code !== 200) return refuse(code === undefined ? "upstream_invalid" : "upstream_refused");
  return { kind: "data", value: value["data"], answer: value };
}

interface Row {
  readonly row: JsonObject;
  readonly metadata: JsonObject;
}

function readRows(
  operation: Reading,
  collection: CollectionConfig,
  hidden: readonly string[],
  { value, answer }: Data,
): Found | Refusal {
  const schema = schemaOf(collection);
  const rows = readAll(value, schema);
  const of = rows === undefined ? undefined : asksOf(operation, rows.length, answer["topks"]);
  if (rows === undefined || of === undefined) return refuse("upstream_invalid");
  const items: FoundItem[] = [];
  for (const [i, { row, metadata }] of rows.entries()) {
    const id = textOf(row[schema.primary] ?? row["id"]);
    const score = plainNumber(row["distance"]);
    const said = textAt(metadata, collection.text);
    if (id === undefined) return refuse("upstream_invalid");
    items.push({
      ...{ ask: of[i] ?? 0, id, metadata },
      ...(operation.doing === "query" || score === undefined ? {} : { score }),
      ...(said === undefined ? {} : { text: said }),
    });
  }
  return {
    kind: "found",
    items,
    rebuild(kept) {
      const data: JsonObject[] = [];
      const topks = operation.asks.map(() => 0);
      for (const [i, item] of kept.entries()) {
        const read = rows[i];
        if (item === undefined || read === undefined) continue;
        topks[item.ask] = (topks[item.ask] ?? 0) + 1;
        data.push(writeRow(read, item, { operation, schema, hidden, collection }));
      }
      const out: JsonObject = { code: 0, data, cost: 0 };
      if (operation.doing !== "query") out["topks"] = topks;
      return out;
    },
  };
}

/** Which vector each row answers: `topks` says how many each found, one behind the other. */
function asksOf({ asks }: Reading, count: number, topks: Json | undefined): number[] | undefined {
  if (topks === undefined || asks.length === 1)
    return asks.length === 1 || count === 0 ? new Array<number>(count).fill(0) : undefined;
  if (!Array.isArray(topks) || topks.length > asks.length) return undefined;
  const of: number[] = [];
  for (const [i, many] of topks.entries()) {
    const read = plainNumber(many);
    if (read === undefined || !Number.isInteger(read) || read < 0 || of.length + read > count)
      return undefined;
    for (let j = 0; j < read; j++) of.push(i);
  }
  return of.length === count ? of : undefined;
}

/** Reads rows; undefined where one isn't what a row is. */
export function readAll(value: Json | undefined, schema: Schema): Row[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const out: Row[] = [];
  for (const row of value) {
    if (!isObject(row)) return undefined;
    const metadata = Object.create(null) as JsonObject;
    for (const [name, one] of Object.entries(row)) {
      const type = schema.columns.get(name);
      if (isVector(type) || (name === "distance" && type === undefined)) continue;
      const read =
        type === "json" ? readJson(one) : type?.startsWith("array") === true ? readArray(one) : one;
      if (read === undefined) return undefined;
      metadata[name] = read;
    }
    out.push({ row, metadata });
  }
  return out;
}

/** The API gives a JSON column as a text. */
function readJson(value: Json): Json | undefined {
  if (typeof value !== "string") return value;
  try {
    return parseJson(value);
  } catch (error) {
    if (error instanceof JsonRefused) return undefined;
    throw error;
  }
}

/** The API may give an array as protobuf has it: `{Data: {StringData: {data: […]}}}`. */
function readArray(value: Json): Json | undefined {
  if (!isObject(value)) return value;
  const inner = value["Data"];
  if (!isObject(inner)) return undefined;
  const [only, ...others] = Object.values(inner);
  if (!isObject(only) || others.length > 0) return undefined;
  const { data } = only;
  return data === undefined || data === null ? [] : data;
}

interface Writing {
  readonly operation: Reading;
  readonly schema: Schema;
  readonly hidden: readonly string[];
  readonly collection: CollectionConfig;
}

/** Writes a row as the caller asked for it, of what may be given. */
function writeRow(
  { row, metadata }: Row,
  item: FoundItem,
  { operation, schema, hidden }: Writing,
): JsonObject {
  const out = Object.create(null) as JsonObject;
  for (const [name, given] of Object.entries(row)) {
    const type = schema.columns.get(name);
    const score = name === "distance" && type === undefined;
    const isId = name === schema.primary || (name === "id" && type === undefined);
    if (!score && !isId && !isAsked(operation.output, name, schema)) continue;
    if (hidden.includes(name)) continue;
    if (score || isVector(type)) {
      out[name] = given;
      continue;
    }
    if (!Object.hasOwn(item.metadata, name)) continue;
    const now = item.metadata[name] ?? null;
    // what wasn't touched stays as the store wrote it
    const same = now === metadata[name];
    const written = same ? given : type === "json" && typeof given === "string" ? stringifyJson(now) : now;
    out[name] = operation.numbers ? written : asTexts(written, type, name === "id" && type === undefined);
  }
  return out;
}

function isAsked({ all, meta, names }: Output, name: string, { columns }: Schema): boolean {
  return all || names.includes(name) || (meta && !columns.has(name));
}

/** 64-bit numbers are texts, unless the caller takes numbers. */
function asTexts(value: Json, type: string | undefined, isId: boolean): Json {
  if (type !== "int64" && type !== "array<int64>" && !isId) return value;
  const text = (one: Json): Json =>
    typeof one === "number" ? String(one) : one instanceof JsonNumber ? one.text : one;
  return Array.isArray(value) ? value.map(text) : text(value);
}

function textAt(metadata: JsonObject, path: readonly string[] | undefined): string | undefined {
  if (path === undefined) return undefined;
  let found: Json | undefined = metadata;
  for (const key of path) found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return typeof found === "string" ? found : undefined;
}

function textOf(id: Json | undefined): string | undefined {
  if (typeof id === "string") return id;
  return typeof id === "number" ? String(id) : id instanceof JsonNumber ? id.text : undefined;
}

function readCount(data: Json | undefined): Found | Refusal {
  const [row] = Array.isArray(data) ? data : [];
  const count = isObject(row) ? plainNumber(row["count(*)"]) : undefined;
  if (count === undefined) return refuse("upstream_invalid");
  return {
    kind: "found",
    items: [],
    count,
    rebuild: () => ({ code: 0, data: [{ "count(*)": count }], cost: 0 }),
  };
}

function readWritten(data: Json | undefined): Found | Refusal {
  if (!isObject(data)) return refuse("upstream_invalid");
  const out = Object.create(null) as JsonObject;
  for (const name of ["insertCount", "insertIds", "upsertCount", "upsertIds"]) {
    if (data[name] !== undefined) out[name] = data[name];
  }
  return { kind: "found", items: [], rebuild: () => ({ code: 0, data: out, cost: 0 }) };
}

function readManaged(lists: boolean, counts: boolean, data: Json | undefined): Found | Refusal {
  if (lists) {
    if (!Array.isArray(data) || !data.every((one): one is string => typeof one === "string"))
      return refuse("upstream_invalid");
    return {
      ...{ kind: "found", items: [], collections: data },
      rebuild: (_items, kept) => ({ code: 0, data: data.filter((_, i) => kept?.[i] === true) }),
    };
  }
  const count = counts && isObject(data) ? plainNumber(data["rowCount"]) : undefined;
  return {
    ...{ kind: "found", items: [] },
    ...(count === undefined ? {} : { count }),
    rebuild: () => ({ code: 0, data: data ?? {} }),
  };
}
