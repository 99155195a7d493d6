import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, plainNumber, refuse } from "../../../../sidecar/contract.js";
import type { Found, FoundItem, Narrowed, StoreAnswer } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import type {
  ClassQuery,
  DropManyOperation,
  GraphqlOperation,
  ObjectsOperation,
  Tree,
  WeaviateOperation,
  WriteOperation,
} from "./operation.js";

/** Reads what Weaviate answered. */
export function results(operation: WeaviateOperation, _sent: Narrowed, answer: StoreAnswer): Found | Refusal {
  const { value } = answer;
  switch (operation.doing) {
    case "get":
      return readGet(operation, value);
    case "aggregate":
      return readCounts(operation, value);
    case "object":
    case "objects":
      return readObjects(operation, value);
    case "write":
      return readWritten(operation, value);
    case "drop":
      return { kind: "found", items: [], rebuild: () => undefined };
    case "drop-many":
      return readDropped(operation, value);
    case "manage":
      return operation.lists ? readSchema(value) : { kind: "found", items: [], rebuild: () => value };
  }
}

/** The answers by their names; what the store says of errors isn't passed on. */
export function dataOf(value: Json | undefined, root: "Get" | "Aggregate"): JsonObject | Refusal {
  if (!isObject(value)) return refuse("upstream_invalid");
  const { errors, data } = value;
  if (errors !== undefined && errors !== null && !(Array.isArray(errors) && errors.length === 0))
    return refuse("upstream_refused");
  const found = isObject(data) ? data[root] : undefined;
  return isObject(found) ? found : refuse("upstream_invalid");
}

function isRefusal(value: JsonObject | Refusal): value is Refusal {
  return value["kind" as keyof typeof value] === "refusal" && "fix" in value;
}

interface Row {
  readonly of: ClassQuery;
  readonly additional: JsonObject;
}

function readGet({ classes }: GraphqlOperation, value: Json | undefined): Found | Refusal {
  const data = dataOf(value, "Get");
  if (isRefusal(data)) return data;
  const items: FoundItem[] = [];
  const rows: Row[] = [];
  for (const [ask, of] of classes.entries()) {
    const found = data[of.key];
    if (!Array.isArray(found)) return refuse("upstream_invalid");
    for (const row of found) {
      if (!isObject(row)) return refuse("upstream_invalid");
      const { _additional: additional, ...metadata } = row;
      const id = isObject(additional) ? additional["id"] : undefined;
      if (!isObject(additional) || typeof id !== "string") return refuse("upstream_invalid");
      items.push({ ask, id, metadata, ...scoreOf(additional), ...textOf(metadata, of.collection) });
      rows.push({ of, additional });
    }
  }
  return {
    ...{ kind: "found", items },
    rebuild(kept) {
      const out: JsonObject = {};
      for (const { key } of classes) out[key] = [];
      for (const [i, item] of kept.entries()) {
        const row = rows[i];
        const place = row === undefined ? undefined : out[row.of.key];
        if (item === undefined || row === undefined || !Array.isArray(place)) continue;
        const object = pruned(item.metadata, row.of.selected);
        if (Object.keys(row.of.additional).length > 0)
          object["_additional"] = pruned(row.additional, row.of.additional);
        place.push(object);
      }
      return { data: { Get: out } };
    },
  };
}

/** What was selected, and nothing that was added. */
function pruned(value: JsonObject, tree: Tree): JsonObject {
  const out = Object.create(null) as JsonObject;
  for (const [name, inner] of Object.entries(tree)) {
    const found = Object.hasOwn(value, name) ? value[name] : undefined;
    if (found === undefined) continue;
    if (inner === true || found === null) out[name] = found;
    else if (isObject(found)) out[name] = pruned(found, inner);
    else if (Array.isArray(found))
      out[name] = found.map((one) => (isObject(one) ? pruned(one, inner) : null));
  }
  return out;
}

/** Higher is nearer, as `score` and `certainty` are; a distance is told as it is. */
function scoreOf(additional: JsonObject): { readonly score?: number } {
  for (const name of ["score", "certainty", "distance"]) {
    const given = additional[name];
    const score = typeof given === "string" && given !== "" ? Number(given) : plainNumber(given);
    if (score !== undefined && Number.isFinite(score)) return { score };
  }
  return {};
}

function textOf(metadata: JsonObject, { text }: CollectionConfig): { readonly text?: string } {
  let found: Json | undefined = text === undefined ? undefined : metadata;
  for (const key of text ?? []) found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return typeof found === "string" ? { text: found } : {};
}

function readCounts({ classes }: GraphqlOperation, value: Json | undefined): Found | Refusal {
  const data = dataOf(value, "Aggregate");
  if (isRefusal(data)) return data;
  const out: JsonObject = {};
  let all = 0;
  for (const { key } of classes) {
    const found = data[key];
    const [first] = Array.isArray(found) ? found : [];
    const meta = isObject(first) ? first["meta"] : undefined;
    const count = isObject(meta) ? plainNumber(meta["count"]) : undefined;
    if (count === undefined) return refuse("upstream_invalid");
    out[key] = [{ meta: { count } }];
    all += count;
  }
  return { kind: "found", items: [], count: all, rebuild: () => ({ data: { Aggregate: out } }) };
}

function readObjects(
  { doing, collection, vectors }: ObjectsOperation,
  value: Json | undefined,
): Found | Refusal {
  const list = doing === "object" ? [value] : isObject(value) ? value["objects"] : undefined;
  if (!Array.isArray(list)) return refuse("upstream_invalid");
  const items: FoundItem[] = [];
  const rows: JsonObject[] = [];
  for (const one of list) {
    if (!isObject(one) || typeof one["id"] !== "string" || one["class"] !== collection.name)
      return refuse("upstream_invalid");
    const properties = one["properties"];
    const metadata = isObject(properties) ? properties : {};
    items.push({ ask: 0, id: one["id"], metadata, ...textOf(metadata, collection) });
    rows.push(one);
  }
  const write = (item: FoundItem | undefined, i: number): JsonObject[] => {
    const row = rows[i];
    if (item === undefined || row === undefined) return [];
    const out: JsonObject = { properties: item.metadata };
    const told = ["class", "id", "creationTimeUnix", "lastUpdateTimeUnix", "tenant"];
    for (const name of [...told, ...(vectors ? ["vector", "vectors"] : [])]) {
      const given = row[name];
      if (given !== undefined) out[name] = given;
    }
    return [out];
  };
  return {
    ...{ kind: "found", items },
    ...(doing === "object"
      ? { status: ([item]: readonly (FoundItem | undefined)[]) => (item === undefined ? 404 : 200) }
      : {}),
    rebuild(kept) {
      const objects = kept.flatMap(write);
      return doing === "object" ? objects[0] : { deprecations: [], objects, totalResults: objects.length };
    },
  };
}

/** What was written is told as it was sent; what the store says of errors isn't passed on. */
function readWritten({ batch, objects }: WriteOperation, value: Json | undefined): Found | Refusal {
  const said = batch ? value : [value];
  if (!Array.isArray(said)) return refuse("upstream_invalid");
  const out = said.map((one): JsonObject => {
    const given = isObject(one) ? one : {};
    const told: JsonObject = {};
    for (const name of ["class", "id", "properties", "tenant", "creationTimeUnix", "lastUpdateTimeUnix"]) {
      const member = given[name];
      if (member !== undefined) told[name] = member;
    }
    if (!batch) return told;
    const result = given["result"];
    const failed = isObject(result) && result["status"] === "FAILED";
    const errors = { error: [{ message: "the store didn't take it" }] };
    return { ...told, result: failed ? { status: "FAILED", errors } : { status: "SUCCESS" } };
  });
  if (batch && out.length !== objects.length) return refuse("upstream_invalid");
  return { kind: "found", items: [], rebuild: () => (batch ? out : out[0]) };
}

function readDropped({ match }: DropManyOperation, value: Json | undefined): Found | Refusal {
  const given = isObject(value) ? value["results"] : undefined;
  if (!isObject(value) || !isObject(given)) return refuse("upstream_invalid");
  const told: JsonObject = {};
  for (const name of ["matches", "limit", "successful", "failed"]) {
    const count = plainNumber(given[name]);
    if (count !== undefined) told[name] = count;
  }
  const objects = given["objects"];
  if (Array.isArray(objects))
    told["objects"] = objects.flatMap((one) =>
      isObject(one) && typeof one["id"] === "string"
        ? [{ id: one["id"], status: one["status"] ?? "SUCCESS" }]
        : [],
    );
  const output = typeof value["output"] === "string" ? { output: value["output"] } : {};
  return {
    ...{ kind: "found", items: [] },
    // policy's condition isn't told with the caller's
    rebuild: () => ({ match, ...output, dryRun: value["dryRun"] === true, results: told }),
  };
}

function readSchema(value: Json | undefined): Found | Refusal {
  const classes = isObject(value) ? (value["classes"] ?? []) : undefined;
  if (!Array.isArray(classes)) return refuse("upstream_invalid");
  const names = classes.map((one) => (isObject(one) && typeof one["class"] === "string" ? one["class"] : ""));
  return {
    ...{ kind: "found", items: [], collections: names },
    rebuild: (_items, kept) => ({ classes: classes.filter((_, i) => kept?.[i] === true) }),
  };
}
