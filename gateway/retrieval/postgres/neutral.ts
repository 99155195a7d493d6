/** Queries in the gateway's own words, as SQL. */
import { refuse } from "../../../sidecar/contract.js";
import type { FoundItem, NeutralQuery } from "../adapter.js";
import type { CollectionConfig } from "../config.js";
import type { Database } from "./database.js";
import type { Decided, Failed, QueryParts } from "./run.js";
import { decide, failed, sendQuery } from "./run.js";
import { distances, tableOf } from "./settings.js";
import { setupOf } from "./setup.js";
import { rangeFields } from "./sql/narrow-table.js";
import type { Node } from "./sql/nodes.js";
import { anyOf, cast, column, integer, names, param, target } from "./sql/nodes.js";
import { loadParser } from "./sql/parse.js";
import { NotAllowed, refuseSql } from "./sql/refuse.js";
import { readSelect } from "./sql/select.js";
import type { Value } from "./sql/values.js";
import { arrayText } from "./sql/values.js";

export interface NeutralFound {
  readonly kind: "found";
  readonly decided: Decided;
  /** In the order of nearness; with text and score. */
  readonly items: readonly FoundItem[];
  readonly labels: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Runs a query by vector or ids at a table; decided, narrowed and looked at as any. Never rejects but for a lost database. */
export async function queryPostgres(
  parts: QueryParts & { readonly database: Database },
  collection: CollectionConfig,
  query: NeutralQuery,
): Promise<NeutralFound | Failed> {
  await loadParser();
  const { settings, database, store } = parts;
  const table = tableOf(collection, settings);
  const { vector, ids, text } = query;
  if (
    text !== undefined ||
    query.namespace !== undefined ||
    (vector !== undefined && table.vector === undefined)
  )
    return failed({ refusal: refuse("unknown_operation") });
  const values: Value[] = [];
  const bind = (value: string): Node => {
    values.push({ bytes: Buffer.from(value), binary: false });
    return param(values.length);
  };
  const measured =
    vector === undefined || table.vector === undefined
      ? undefined
      : ({
          A_Expr: {
            ...{ kind: "AEXPR_OP", name: names(distances[table.distance]), lexpr: column(table.vector) },
            rexpr: bind(`[${vector.join(",")}]`),
          },
        } satisfies Node);
  const said = collection.text?.[0];
  const statement: Node = {
    SelectStmt: {
      targetList: [
        target(undefined, column(table.id)),
        ...(said === undefined ? [] : [target("said", column(said))]),
        ...(measured === undefined ? [] : [target("distance", measured)]),
      ],
      fromClause: [{ RangeVar: rangeFields(table) }],
      ...(ids === undefined
        ? {}
        : {
            whereClause: anyOf("=", cast(column(table.id), "text"), cast(bind(arrayText(ids)), "text", true)),
          }),
      ...(measured === undefined
        ? {}
        : {
            sortClause: [
              { SortBy: { node: measured, sortby_dir: "SORTBY_ASC", sortby_nulls: "SORTBY_NULLS_DEFAULT" } },
            ],
          }),
      ...{ limitCount: integer(query.topK), limitOption: "LIMIT_OPTION_COUNT", op: "SETOP_NONE" },
    },
  };
  try {
    const decided = await decide(parts, readSelect(statement, { store, settings }), values);
    if (decided.kind === "failed") return decided;
    const connection = await database.connect();
    let broken = true;
    try {
      const setup = setupOf(settings, decided, { timeout: settings.statementMs, chosen: [], readOnly: true });
      const { heard } = await sendQuery(connection, decided, { types: [], values, formats: [] }, setup);
      broken = false;
      if (heard.kind === "failed") return heard;
      const items = heard.rows.flatMap((row, i): FoundItem[] => {
        const [item] = heard.items?.[i] ?? [];
        if (item === undefined) return [];
        const [words, distance] = said === undefined ? [undefined, row[1]] : [row[1], row[2]];
        const { text: _none, ...rest } = item;
        return [
          {
            ...rest,
            ...(words === null || words === undefined ? {} : { text: words.toString("utf8") }),
            ...(distance === null || distance === undefined
              ? {}
              : { score: -Number(distance.toString("latin1")) }),
          },
        ];
      });
      return { kind: "found", decided, items, labels: heard.labels, facts: heard.facts };
    } finally {
      connection.release(broken);
    }
  } catch (error) {
    if (!(error instanceof NotAllowed)) throw error;
    const { refusal, state, said: words } = refuseSql(error);
    return failed({ refusal, state, said: words });
  }
}
