/** A server that speaks as Weaviate does: GraphQL's `Get` and `Aggregate`, objects, batches, schema. */
import { randomUUID } from "node:crypto";
import { Kind, parse } from "graphql";
import type { FieldNode, SelectionSetNode, ValueNode } from "graphql";
import type { Served } from "../../../world.js";
import { json, startUpstream } from "../../../world.js";
import type { Schema, StoredObject, Where } from "./matches.js";
import { matches } from "./matches.js";

export interface WeaviateClass {
  readonly schema: Schema;
  objects: StoredObject[];
}

export interface WeaviateServer {
  readonly url: string;
  readonly classes: Map<string, WeaviateClass>;
  close(): Promise<void>;
}

/** Starts the store on a free port, with these classes. */
export async function startWeaviate(
  classes: Readonly<Record<string, { readonly schema: Schema; readonly objects: readonly StoredObject[] }>>,
): Promise<WeaviateServer> {
  const kept = new Map(
    Object.entries(classes).map(([name, { schema, objects }]): [string, WeaviateClass] => [
      name,
      { schema, objects: [...objects] },
    ]),
  );
  const server: Served = await startUpstream((req, res, body) => {
    const url = new URL(req.url ?? "/", "http://store");
    try {
      const answer = answerTo(kept, req.method ?? "GET", url, body === "" ? undefined : JSON.parse(body));
      if (answer.value === undefined) res.writeHead(answer.status).end();
      else json(res, answer.value, answer.status);
    } catch (error) {
      json(res, { error: [{ message: String((error as Error).message) }] }, 422);
    }
  });
  return { url: server.url, classes: kept, close: () => server.close() };
}

interface Answer {
  readonly status: number;
  readonly value?: unknown;
}

type Body = Record<string, never> & { class: string; id?: string; properties?: Record<string, unknown> };

function answerTo(
  classes: Map<string, WeaviateClass>,
  method: string,
  url: URL,
  body: Body | undefined,
): Answer {
  const parts = url.pathname.split("/").slice(2);
  const [root, name = "", id] = parts;
  const tenant = url.searchParams.get("tenant") ?? undefined;
  const classOf = (one: string): WeaviateClass => {
    const found = classes.get(one);
    if (found === undefined) throw new Error(`class ${one} not found`);
    return found;
  };
  const told = (of: string, { id: own, properties, vector, tenant: at }: StoredObject): object => ({
    ...{ class: of, id: own, properties, creationTimeUnix: 1, lastUpdateTimeUnix: 1 },
    ...(url.searchParams.get("include") === "vector" ? { vector } : {}),
    ...(at === undefined ? {} : { tenant: at }),
  });
  const write = (given: Body): object => {
    const of = classOf(given.class);
    const object = {
      ...given,
      id: given.id ?? randomUUID(),
      properties: given.properties ?? {},
    } as StoredObject;
    of.objects = [
      ...of.objects.filter((one) => one.id !== object.id || one.tenant !== object.tenant),
      object,
    ];
    return told(given.class, object);
  };
  switch (`${method} ${root ?? ""}${parts.length > 1 ? `/${parts.length}` : ""}`) {
    case "POST graphql":
      return { status: 200, value: graphql(classes, String(body?.["query"])) };
    case "GET meta":
      return { status: 200, value: { hostname: "http://[::]:8080", modules: {}, version: "1.27.0" } };
    case "GET schema":
      return { status: 200, value: { classes: [...classes.keys()].map((one) => ({ class: one })) } };
    case "GET schema/2":
      return { status: 200, value: { class: name, properties: Object.keys(classOf(name).schema) } };
    case "GET objects": {
      const of = classOf(url.searchParams.get("class") ?? "");
      const limit = Number(url.searchParams.get("limit") ?? 25);
      const objects = of.objects.filter((one) => one.tenant === tenant).slice(0, limit);
      const found = objects.map((one) => told(url.searchParams.get("class") ?? "", one));
      return { status: 200, value: { deprecations: null, objects: found, totalResults: found.length } };
    }
    case "POST objects":
      return { status: 200, value: write(body as Body) };
    case "PUT objects/3":
      return { status: 200, value: write(body as Body) };
    case "GET objects/3": {
      const found = classOf(name).objects.find((one) => one.id === id && one.tenant === tenant);
      return found === undefined ? { status: 404 } : { status: 200, value: told(name, found) };
    }
    case "DELETE objects/3": {
      const of = classOf(name);
      of.objects = of.objects.filter((one) => one.id !== id || one.tenant !== tenant);
      return { status: 204 };
    }
    case "POST batch/2": {
      const objects = (body as unknown as { objects: Body[] }).objects;
      return { status: 200, value: objects.map((one) => ({ ...write(one), result: { status: "SUCCESS" } })) };
    }
    case "DELETE batch/2": {
      const { match } = body as unknown as { match: { class: string; where: Where } };
      const of = classOf(match.class);
      const gone = of.objects.filter((one) => one.tenant === tenant && matches(match.where, one, of.schema));
      of.objects = of.objects.filter((one) => !gone.includes(one));
      const results = {
        matches: gone.length,
        limit: 10_000,
        successful: gone.length,
        failed: 0,
        objects: null,
      };
      return { status: 200, value: { match, output: "minimal", dryRun: false, results } };
    }
    default:
      return { status: 404 };
  }
}

/** Values as Weaviate's GraphQL server reads them. */
function valueOf(node: ValueNode): unknown {
  switch (node.kind) {
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.LIST:
      return node.values.map(valueOf);
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, valueOf(value)]));
    case Kind.NULL:
      return null;
    case Kind.VARIABLE:
      throw new Error("variables");
    default:
      return node.value;
  }
}

function graphql(classes: Map<string, WeaviateClass>, query: string): object {
  try {
    const [operation] = parse(query).definitions;
    if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error("no operation");
    const [root] = fieldsOf(operation.selectionSet);
    if (root === undefined) throw new Error("no root");
    const found = fieldsOf(root.selectionSet).map((field): [string, unknown] => [
      field.alias?.value ?? field.name.value,
      root.name.value === "Get" ? get(classes, field) : [{ meta: { count: find(classes, field).length } }],
    ]);
    return { data: { [root.name.value]: Object.fromEntries(found) } };
  } catch (error) {
    return { data: null, errors: [{ message: String((error as Error).message) }] };
  }
}

function fieldsOf(set: SelectionSetNode | undefined): FieldNode[] {
  return (set?.selections ?? []).filter((one) => one.kind === Kind.FIELD);
}

interface Found {
  readonly object: StoredObject;
  readonly distance?: number;
  readonly score?: number;
}

function find(classes: Map<string, WeaviateClass>, field: FieldNode): Found[] {
  const of = classes.get(field.name.value);
  if (of === undefined) throw new Error(`Cannot query field "${field.name.value}"`);
  const args = Object.fromEntries(
    (field.arguments ?? []).map(({ name, value }) => [name.value, valueOf(value)]),
  ) as {
    where?: Where;
    tenant?: string;
    nearVector?: { vector: number[] };
    nearObject?: { id: string };
    bm25?: { query: string; properties?: string[] };
    hybrid?: { query: string; properties?: string[] };
    sort?: { path: string[]; order?: string }[];
    limit?: number;
    offset?: number;
  };
  let found: Found[] = of.objects
    .filter(({ tenant }) => tenant === args.tenant)
    .filter((object) => args.where === undefined || matches(args.where, object, of.schema))
    .map((object) => ({ object }));
  const near = args.nearVector?.vector ?? of.objects.find(({ id }) => id === args.nearObject?.id)?.vector;
  if (near !== undefined)
    found = found
      .map(({ object }) => ({
        object,
        distance: near.reduce((sum, x, i) => sum + (x - (object.vector?.[i] ?? 0)) ** 2, 0),
      }))
      .sort((a, b) => a.distance - b.distance);
  const text = args.bm25 ?? args.hybrid;
  if (text !== undefined) {
    const words = text.query.toLowerCase().split(/\s+/);
    const within = text.properties ?? Object.keys(of.schema);
    found = found
      .map(({ object }) => {
        const said = within.map((name) => String(object.properties[name] ?? "").toLowerCase()).join(" ");
        return { object, score: words.filter((word) => said.includes(word)).length };
      })
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score);
  }
  const { offset = 0, limit = 10 } = args;
  return found.slice(offset, offset + limit);
}

function get(classes: Map<string, WeaviateClass>, field: FieldNode): object[] {
  return find(classes, field).map(({ object, distance, score }) => {
    const known: Record<string, unknown> = {
      ...{ id: object.id, vector: object.vector ?? null, distance: distance ?? null },
      score: score === undefined ? null : String(score),
    };
    const pick = (set: SelectionSetNode | undefined, from: Readonly<Record<string, unknown>>): object =>
      Object.fromEntries(
        fieldsOf(set).map(({ name, selectionSet }) => {
          if (name.value === "_additional") return ["_additional", pick(selectionSet, known)];
          const value = from[name.value] ?? null;
          const inner = selectionSet !== undefined && value !== null;
          return [name.value, inner ? pick(selectionSet, value as Record<string, unknown>) : value];
        }),
      );
    return pick(field.selectionSet, object.properties);
  });
}
