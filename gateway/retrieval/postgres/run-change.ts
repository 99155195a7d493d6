/** Runs one statement that writes: decided with what it would store, narrowed, sent. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { always, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { StoreAsk } from "../adapter.js";
import { askStore } from "../serve/ask.js";
import type { Decided, Failed, QueryParts } from "./run.js";
import { failed } from "./run.js";
import type { Change } from "./sql/change.js";
import { narrowChange, rootsOf } from "./sql/change.js";
import { readStored, writeStored } from "./sql/literal.js";
import type { Node, Tree } from "./sql/nodes.js";
import { isNode } from "./sql/nodes.js";
import { write } from "./sql/parse.js";
import { NotAllowed, refuseSql } from "./sql/refuse.js";
import type { Value } from "./sql/values.js";
import { Values } from "./sql/values.js";

const actions = {
  insert: "retrieval.write",
  update: "retrieval.update",
  delete: "retrieval.delete",
} as const;

export interface BoundValues {
  readonly values: readonly Value[];
  readonly types: readonly number[];
}

/** Decides on a statement that writes as it stands with its values, and narrows it. */
export async function decideChange(
  parts: QueryParts,
  change: Change,
  bound: BoundValues | undefined,
): Promise<Decided | Failed> {
  try {
    const { verb, use, reading } = change;
    if (bound === undefined) return await describeOnly(parts, change);
    const documents = verb === "insert" && use.table !== undefined ? documentsOf(change, bound) : undefined;
    const ask: StoreAsk = {
      action: actions[verb],
      effect: verb === "insert" ? "write" : "change",
      ...{ name: use.name, collection: use.collection },
      ...(documents === undefined
        ? { query: { kinds: ["filter"], top_k: 1, fields: reading.fields.slice(0, 64) } }
        : { documents }),
    };
    const operation = { kind: "operation" as const, route: `sql.${verb}`, asks: [ask] };
    const turn = { ...parts, operation };
    const allowed = await askStore(turn, 10_000);
    if (allowed.kind === "refused") {
      const { refusal, decision, decisions, outcome } = allowed;
      return failed({ refusal, decision }, decisions, outcome);
    }
    const [prepared] = allowed.prepared;
    if (prepared === undefined) return failed({ refusal: refuse("pdp_unavailable") }, allowed.decisions);
    const values = new Values(reading.params);
    const insert = rowsOf(change, documents, prepared.narrowing.documents, values);
    const narrowed = narrowChange(change, prepared.narrowing, insert, values);
    const named = numbersIn(narrowed.tree);
    const unused = new Set(
      Array.from({ length: reading.params }, (_, i) => i + 1).filter((one) => !named.has(one)),
    );
    if (!narrowed.exact) return failed({ refusal: refuse("filter_not_expressible") }, allowed.decisions);
    return {
      ...{ kind: "decided", turn, allowed, writes: true, params: reading.params, documents: [] },
      ...{ sql: write(narrowed.tree), values: values.list, unused },
      finish: ({ fields = [], rows, tag }) => {
        const count = Number(/\d+$/.exec(tag)?.[0] ?? 0);
        const facts = { changed: count, given: rows.length, exact: true, looked: false };
        const labels = [...new Set(allowed.decisions.flatMap((one) => one.labels))];
        const returns = fields.length > 0;
        return Promise.resolve({ kind: "rows", fields, rows, tag, returns, labels, facts });
      },
    };
  } catch (error) {
    if (!(error instanceof NotAllowed)) throw error;
    const { refusal, state, said } = refuseSql(error);
    return failed({ refusal, state, said });
  }
}

/** Of what types parameters and columns are may be known to who may know of the collection; nothing is written. */
async function describeOnly(parts: QueryParts, change: Change): Promise<Decided | Failed> {
  const { use, reading } = change;
  const { name, collection } = use;
  const ask: StoreAsk = { action: "collection.describe", effect: "describe", name, collection };
  const turn = { ...parts, operation: { kind: "operation" as const, route: "sql.describe", asks: [ask] } };
  const allowed = await askStore(turn, 10_000);
  if (allowed.kind === "refused") {
    const { refusal, decision, decisions, outcome } = allowed;
    return failed({ refusal, decision }, decisions, outcome);
  }
  const values = new Values(reading.params);
  const { hidden = [] } = collection ?? {};
  const { tree } = narrowChange(change, { condition: always, hidden }, change, values);
  return {
    ...{ kind: "decided", turn, allowed, writes: true, params: reading.params, documents: [] },
    ...{ sql: write(tree), values: values.list },
    finish: () => Promise.resolve(failed({ refusal: refuse("internal_error") }, allowed.decisions)),
  };
}

/** What an insert would store of what policy goes by. */
function documentsOf({ use, columns, rows }: Change, bound: BoundValues): JsonObject[] {
  const roots = use.collection === undefined ? new Set<string>() : rootsOf(use.collection);
  return rows.map((items) => {
    const document = Object.create(null) as JsonObject;
    for (const [i, item] of items.entries()) {
      const name = columns[i] ?? "";
      const kept = use.table?.columns.get(name);
      if (kept === undefined || !roots.has(name)) continue;
      const value = readStored(item, kept, bound);
      if (value !== undefined) document[name] = value;
    }
    return document;
  });
}

/** INVARIANT: of what policy goes by, what was decided is what is stored: where nothing is said, NULL. */
function rowsOf(
  { use, columns, rows }: Change,
  before: readonly JsonObject[] | undefined,
  after: readonly JsonObject[] | undefined,
  values: Values,
): { readonly columns: readonly string[]; readonly rows: readonly (readonly Node[])[] } {
  const { table, collection } = use;
  if (table === undefined || collection === undefined || before === undefined) return { columns, rows };
  const said = new Set(columns);
  const more = [...rootsOf(collection)].filter((name) => !said.has(name));
  const all = [...columns, ...more];
  const out = rows.map((items, row) =>
    all.map((name, i) => {
      const kept = table.columns.get(name);
      const own = items[i];
      const [was, is] = [before[row]?.[name], (after ?? before)[row]?.[name]];
      if (kept === undefined) throw new Error("a column that isn't there");
      if (own !== undefined && (!rootsOf(collection).has(name) || same(was, is))) return own;
      return writeStored(is, kept, values);
    }),
  );
  return { columns: all, rows: out };
}

function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return stringifyJson(a) === stringifyJson(b);
}

/** The numbers of the parameters that a statement names. */
function numbersIn(tree: Tree): ReadonlySet<number> {
  const found = new Set<number>();
  const walk = (one: Tree): void => {
    if (Array.isArray(one)) for (const member of one) walk(member);
    if (!isNode(one)) return;
    const { ParamRef: reference } = one;
    if (isNode(reference)) found.add(Number(reference["number"]));
    for (const value of Object.values(one)) walk(value);
  };
  walk(tree);
  return found;
}
