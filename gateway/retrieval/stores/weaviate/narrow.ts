import { Kind, OperationTypeNode, print } from "graphql";
import type { ArgumentNode, FieldNode, SelectionSetNode } from "graphql";
import type { JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { refuse } from "../../../../sidecar/contract.js";
import type { Narrowing } from "../../adapter.js";
import type { CollectionConfig } from "../../config.js";
import type { Compiled } from "../../conditions/compile.js";
import { compile } from "../../conditions/compile.js";
import { orRefusal } from "../strict.js";
import { languageOf } from "./language.js";
import type {
  ClassQuery,
  DropManyOperation,
  GraphqlOperation,
  ObjectsOperation,
  Tree,
  WeaviateNarrowed,
  WeaviateOperation,
  WriteOperation,
} from "./operation.js";
import { schemaOf } from "./settings.js";
import { toNode } from "./value.js";
import type { Where } from "./where.js";
import { joined, writeWhere } from "./where.js";

/** Weaviate's own bound of `limit` + `offset` (`QUERY_MAXIMUM_RESULTS`). */
export const mostFetched = 10_000;

/** Writes the request that may be sent. */
export function narrow(
  operation: WeaviateOperation,
  narrowings: readonly Narrowing[],
): WeaviateNarrowed | Refusal {
  const hidden = narrowings.flatMap((one) => one.hidden);
  switch (operation.doing) {
    case "get":
    case "aggregate":
      return orRefusal(() => narrowGraphql(operation, narrowings));
    case "object":
    case "objects":
      return narrowObjects(operation, narrowings, hidden);
    case "write":
      return narrowWrite(operation, narrowings);
    case "drop": {
      // the only document that it reaches was looked up
      const request = { method: "DELETE", path: withQuery(operation.path, operation.query) } as const;
      return { kind: "narrowed", request, exact: [true], hidden };
    }
    case "drop-many":
      return narrowDropMany(operation, narrowings);
    case "manage":
      return { kind: "narrowed", request: operation.request, exact: narrowings.map(() => true), hidden };
  }
}

function policyOf(collection: CollectionConfig, { condition }: Narrowing): Compiled<Where> {
  return compile(condition, collection.fields, languageOf(schemaOf(collection)));
}

function bothOf(where: Where | undefined, { filter }: Compiled<Where>): Where | undefined {
  const operands = [where, filter].filter((one) => one !== undefined);
  return operands.length === 0 ? undefined : joined("And", operands);
}

function narrowGraphql(
  { classes, doing }: GraphqlOperation,
  narrowings: readonly Narrowing[],
): WeaviateNarrowed | Refusal {
  const exact: boolean[] = [];
  const fields: FieldNode[] = [];
  for (const [i, one] of classes.entries()) {
    const narrowing = narrowings[i];
    if (narrowing === undefined) return refuse("internal_error");
    // a word that is found where it may not be seen would be told of
    if (one.everywhere && narrowing.hidden.length > 0) return refuse("field_hidden", "name the properties");
    const policy = policyOf(one.collection, narrowing);
    const where = bothOf(one.where, policy);
    if (!policy.exact && one.offset > 0) return refuse("filter_not_expressible", "offset");
    const wanted = Math.min(one.limit, narrowing.topK);
    const limit = policy.exact ? wanted : Math.max(wanted, Math.min(narrowing.most, mostFetched));
    const args: JsonObject = {
      ...one.rest,
      ...(where === undefined ? {} : { where: writeWhere(where) }),
      ...(doing === "aggregate" ? {} : { limit, ...(one.offset > 0 ? { offset: one.offset } : {}) }),
    };
    const tree: Tree = doing === "aggregate" ? { meta: { count: true } } : neededTree(one);
    fields.push(fieldNode(one.className, one.key, args, tree));
    exact.push(policy.exact);
  }
  const root = doing === "get" ? "Get" : "Aggregate";
  const query = writeQuery(root, fields);
  const request = { method: "POST", path: "/v1/graphql", body: { query } } as const;
  return { kind: "narrowed", request, exact, hidden: narrowings.flatMap((one) => one.hidden) };
}

/** Writes an operation of one root field. */
export function writeQuery(root: string, fields: readonly FieldNode[]): string {
  return print({
    kind: Kind.DOCUMENT,
    definitions: [
      {
        kind: Kind.OPERATION_DEFINITION,
        operation: OperationTypeNode.QUERY,
        selectionSet: {
          kind: Kind.SELECTION_SET,
          selections: [
            {
              kind: Kind.FIELD,
              name: { kind: Kind.NAME, value: root },
              selectionSet: { kind: Kind.SELECTION_SET, selections: fields },
            },
          ],
        },
      },
    ],
  });
}

export function fieldNode(name: string, key: string, args: JsonObject, tree: Tree): FieldNode {
  return {
    kind: Kind.FIELD,
    name: { kind: Kind.NAME, value: name },
    ...(key === name ? {} : { alias: { kind: Kind.NAME, value: key } }),
    arguments: Object.entries(args).map(([argument, value]): ArgumentNode => ({
      kind: Kind.ARGUMENT,
      name: { kind: Kind.NAME, value: argument },
      value:
        argument === "consistencyLevel" && typeof value === "string"
          ? { kind: Kind.ENUM, value }
          : toNode(value),
    })),
    selectionSet: selectionOf(tree),
  };
}

function selectionOf(tree: Tree): SelectionSetNode {
  return {
    kind: Kind.SELECTION_SET,
    selections: Object.entries(tree).map(([name, inner]): FieldNode => ({
      kind: Kind.FIELD,
      name: { kind: Kind.NAME, value: name },
      ...(inner === true ? {} : { selectionSet: selectionOf(inner) }),
    })),
  };
}

/** What the caller selects, and what the collection's fields are read from. */
function neededTree({ selected, additional, collection }: ClassQuery): Tree {
  let tree: Tree = selected;
  for (const path of neededPaths(collection)) tree = withPath(tree, path);
  return { ...tree, _additional: { ...additional, id: true } };
}

export function neededPaths({ fields, text }: CollectionConfig): (readonly string[])[] {
  return [...[...fields.values()].map(({ path }) => path), ...(text === undefined ? [] : [text])];
}

export function withPath(tree: Tree, [name, ...deeper]: readonly string[]): Tree {
  if (name === undefined) return tree;
  const inner = Object.hasOwn(tree, name) ? tree[name] : undefined;
  if (deeper.length === 0) return { ...tree, [name]: inner ?? true };
  return { ...tree, [name]: withPath(inner === undefined || inner === true ? {} : inner, deeper) };
}

function narrowObjects(
  { path, query, limit, doing, asks }: ObjectsOperation,
  [narrowing]: readonly Narrowing[],
  hidden: readonly string[],
): WeaviateNarrowed | Refusal {
  if (narrowing === undefined) return refuse("internal_error");
  const { condition, topK, most } = narrowing;
  const open = condition.type === "compound" && condition.operator === "and" && condition.value.length === 0;
  const offset = asks[0]?.query?.offset ?? 0;
  if (!open && offset > 0) return refuse("filter_not_expressible", "offset");
  const wanted = Math.min(limit, topK);
  const count = open ? wanted : Math.max(wanted, Math.min(most, mostFetched));
  const more: [string, string][] =
    doing === "object"
      ? []
      : [["limit", String(count)], ...(offset > 0 ? [["offset", String(offset)] as [string, string]] : [])];
  const request = { method: "GET", path: withQuery(path, [...query, ...more]) } as const;
  return { kind: "narrowed", request, exact: [open || doing === "object"], hidden };
}

function narrowWrite(
  { method, path, query, batch, objects, places }: WriteOperation,
  narrowings: readonly Narrowing[],
): WeaviateNarrowed {
  const written = objects.map((object, i): JsonObject => {
    const place = places[i];
    const properties = place === undefined ? undefined : narrowings[place.ask]?.documents?.[place.at];
    return properties === undefined ? object : { ...object, properties };
  });
  const body = batch ? { objects: written } : (written[0] ?? {});
  const request = { method, path: withQuery(path, query), body };
  return {
    kind: "narrowed",
    request,
    exact: narrowings.map(() => true),
    hidden: narrowings.flatMap((one) => one.hidden),
  };
}

function narrowDropMany(
  { collection, query, where, rest }: DropManyOperation,
  [narrowing]: readonly Narrowing[],
): WeaviateNarrowed | Refusal {
  if (narrowing === undefined) return refuse("internal_error");
  const policy = policyOf(collection, narrowing);
  const both = bothOf(where, policy) ?? where;
  const body: JsonObject = { match: { class: collection.name, where: writeWhere(both) }, ...rest };
  const request = { method: "DELETE", path: withQuery("/v1/batch/objects", query), body } as const;
  return { kind: "narrowed", request, exact: [policy.exact], hidden: narrowing.hidden };
}

function withQuery(path: string, query: readonly (readonly [string, string])[]): string {
  return query.length === 0
    ? path
    : `${path}?${new URLSearchParams(query.map(([name, value]): [string, string] => [name, value])).toString()}`;
}
