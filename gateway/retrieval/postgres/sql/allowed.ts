/** What may stand in a statement. INVARIANT: what isn't listed here is refused by name. */

/** How a field of a node is read: a node, a list of nodes, a node of a known tag without its tag, or a plain value. */
export type Shape = "node" | "nodes" | "plain" | { readonly of: string };
const plain = (...names: string[]): Record<string, Shape> =>
  Object.fromEntries(names.map((name) => [name, "plain" as const]));
const nodes = (...names: string[]): Record<string, Shape> =>
  Object.fromEntries(names.map((name) => [name, "nodes" as const]));
const node = (...names: string[]): Record<string, Shape> =>
  Object.fromEntries(names.map((name) => [name, "node" as const]));

/** By the tag of nodes (PostgreSQL's own, src/include/nodes/parsenodes.h and primnodes.h). */
export const shapes: Readonly<Record<string, Readonly<Record<string, Shape>>>> = {
  SelectStmt: {
    ...nodes("distinctClause", "targetList", "fromClause", "groupClause", "windowClause", "valuesLists"),
    ...nodes("sortClause"),
    ...node("whereClause", "havingClause", "limitOffset", "limitCount"),
    ...plain("groupDistinct", "limitOption", "op", "all"),
    ...{ withClause: { of: "WithClause" }, larg: { of: "SelectStmt" }, rarg: { of: "SelectStmt" } },
  },
  WithClause: { ...nodes("ctes") },
  CommonTableExpr: { ...plain("ctename", "ctematerialized"), ...nodes("aliascolnames"), ...node("ctequery") },
  RangeVar: { ...plain("schemaname", "relname", "inh", "relpersistence"), alias: { of: "Alias" } },
  RangeSubselect: { ...plain("lateral"), ...node("subquery"), alias: { of: "Alias" } },
  RangeFunction: { ...plain("lateral", "ordinality"), ...nodes("functions"), alias: { of: "Alias" } },
  JoinExpr: {
    ...plain("jointype", "isNatural"),
    ...node("larg", "rarg", "quals"),
    ...nodes("usingClause"),
    alias: { of: "Alias" },
  },
  Alias: { ...plain("aliasname"), ...nodes("colnames") },
  ResTarget: { ...plain("name"), ...node("val"), ...nodes("indirection") },
  ColumnRef: { ...nodes("fields") },
  ParamRef: { ...plain("number") },
  A_Const: {
    ...plain("isnull"),
    ...Object.fromEntries(
      ["ival", "fval", "boolval", "sval", "bsval"].map((one) => [one, { of: "Constant" }]),
    ),
  },
  Constant: { ...plain("ival", "fval", "boolval", "sval", "bsval") },
  A_Star: {},
  String: { ...plain("sval") },
  Integer: { ...plain("ival") },
  List: { ...nodes("items") },
  A_Expr: { ...plain("kind"), ...nodes("name"), ...node("lexpr", "rexpr") },
  BoolExpr: { ...plain("boolop"), ...nodes("args") },
  NullTest: { ...plain("nulltesttype", "argisrow"), ...node("arg") },
  BooleanTest: { ...plain("booltesttype"), ...node("arg") },
  CaseExpr: { ...node("arg", "defresult"), ...nodes("args") },
  CaseWhen: { ...node("expr", "result") },
  CoalesceExpr: { ...nodes("args") },
  MinMaxExpr: { ...plain("op"), ...nodes("args") },
  SubLink: { ...plain("subLinkType"), ...node("testexpr", "subselect"), ...nodes("operName") },
  TypeCast: { ...node("arg"), typeName: { of: "TypeName" } },
  TypeName: { ...plain("typemod"), ...nodes("names", "typmods", "arrayBounds") },
  CollateClause: { ...node("arg"), ...nodes("collname") },
  FuncCall: {
    ...nodes("funcname", "args", "agg_order"),
    ...node("agg_filter"),
    ...plain("agg_star", "agg_distinct", "agg_within_group", "func_variadic", "funcformat"),
    over: { of: "WindowDef" },
  },
  WindowDef: {
    ...plain("name", "refname", "frameOptions"),
    ...nodes("partitionClause", "orderClause"),
    ...node("startOffset", "endOffset"),
  },
  SortBy: { ...plain("sortby_dir", "sortby_nulls"), ...node("node") },
  RowExpr: { ...nodes("args"), ...plain("row_format") },
  A_ArrayExpr: { ...nodes("elements") },
  A_Indirection: { ...node("arg"), ...nodes("indirection") },
  A_Indices: { ...plain("is_slice"), ...node("lidx", "uidx") },
  SQLValueFunction: { ...plain("op", "typmod") },
  InsertStmt: {
    ...nodes("cols"),
    ...node("selectStmt"),
    ...plain("override"),
    relation: { of: "RangeVar" },
    onConflictClause: { of: "OnConflictClause" },
    returningClause: { of: "ReturningClause" },
  },
  OnConflictClause: {
    ...plain("action"),
    ...nodes("targetList"),
    ...node("whereClause"),
    infer: { of: "InferClause" },
  },
  InferClause: { ...nodes("indexElems") },
  IndexElem: { ...plain("name", "ordering", "nulls_ordering") },
  ReturningClause: { ...nodes("exprs") },
  UpdateStmt: {
    ...nodes("targetList"),
    ...node("whereClause"),
    relation: { of: "RangeVar" },
    returningClause: { of: "ReturningClause" },
  },
  DeleteStmt: {
    ...node("whereClause"),
    relation: { of: "RangeVar" },
    returningClause: { of: "ReturningClause" },
  },
  SetToDefault: {},
};

/** Where something stood in the text: of no meaning. */
export const places: ReadonlySet<string> = new Set([
  ...[
    "location",
    "list_start",
    "list_end",
    "rexpr_list_start",
    "rexpr_list_end",
    "stmt_location",
    "stmt_len",
  ],
]);

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/).filter((one) => one !== ""));

export const aggregates = words(`
  count sum avg min max array_agg string_agg bool_and bool_or every
  json_agg jsonb_agg json_object_agg jsonb_object_agg
  stddev stddev_pop stddev_samp variance var_pop var_samp percentile_cont percentile_disc mode
`);
export const windowed = words(`
  row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
`);

/**
 * PostgreSQL's own functions: neither volatile, nor telling of the server, nor made to use much of it. They are called
 * by their schema, so that none of the same name is meant.
 */
export const functions = words(`
  abs ceil ceiling floor round trunc sign mod power sqrt cbrt exp ln log greatest least width_bucket
  lower upper initcap length char_length character_length octet_length
  substr substring left right btrim ltrim rtrim replace translate reverse split_part starts_with strpos position
  concat concat_ws overlay ascii md5 sha256 encode decode like_escape
  date_trunc date_part extract age now timezone make_date make_timestamptz make_interval to_timestamp to_char to_date
  to_number isfinite
  array_length cardinality array_position array_positions array_append array_prepend array_cat array_remove
  array_to_string string_to_array array_ndims unnest
  jsonb_typeof json_typeof jsonb_extract_path jsonb_extract_path_text jsonb_array_length jsonb_exists
  jsonb_build_object jsonb_build_array json_build_object json_build_array to_json to_jsonb
  jsonb_array_elements jsonb_array_elements_text jsonb_each jsonb_each_text jsonb_object_keys
  json_extract_path json_extract_path_text json_array_length jsonb_strip_nulls
  to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd setweight numnode
  nullif
`);

/** Of the extension `vector`. */
export const vectorFunctions = words(`
  cosine_distance l2_distance inner_product l1_distance hamming_distance jaccard_distance
  vector_dims vector_norm l2_norm l2_normalize binary_quantize subvector
`);

export const operators = words(`
  = <> != < <= > >= + - * / %
  || ~~ !~~ ~~* !~~*
  -> ->> #> #>> @> <@ ? ?| ?& && @@
  <=> <-> <#> <+>
`);
export const vectorOperators = words("<=> <-> <#> <+>");
export const comparing = words("= <> != < <= > >=");

export const expressionKinds = words(`
  AEXPR_OP AEXPR_OP_ANY AEXPR_OP_ALL AEXPR_DISTINCT AEXPR_NOT_DISTINCT AEXPR_NULLIF AEXPR_IN AEXPR_LIKE AEXPR_ILIKE
  AEXPR_BETWEEN AEXPR_NOT_BETWEEN AEXPR_BETWEEN_SYM AEXPR_NOT_BETWEEN_SYM
`);

/** No `reg…`, which asks the catalogue. */
export const types = words(`
  text varchar bpchar uuid int2 int4 int8 float4 float8 numeric bool
  timestamptz timestamp date time timetz interval json jsonb bytea tsvector tsquery bit varbit
`);
export const vectorTypes = words("vector halfvec sparsevec");

/** Of what PostgreSQL knows without parentheses: the time, and nothing of who asks. */
export const valueFunctions = words(`
  SVFOP_CURRENT_DATE SVFOP_CURRENT_TIMESTAMP SVFOP_CURRENT_TIMESTAMP_N SVFOP_LOCALTIMESTAMP SVFOP_LOCALTIMESTAMP_N
  SVFOP_CURRENT_TIME SVFOP_LOCALTIME
`);

/** What columns are called that a statement gives no name. */
export const inferred = words(
  "?column? case coalesce array row exists greatest least nullif bool date timezone",
);

/** The types (their OIDs) that a client may give a parameter: those above, lists of them, and what extensions bring. */
const builtIn: ReadonlySet<number> = new Set([
  ...[
    0, 16, 17, 20, 21, 23, 25, 114, 700, 701, 705, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266, 1560, 1562,
  ],
  ...[
    1700, 2950, 3614, 3615, 3802, 199, 1000, 1001, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 1115, 1182,
  ],
  ...[1183, 1185, 1187, 1231, 1270, 2951, 3807],
]);
const firstOfExtensions = 16_384;

/** INVARIANT: none that asks the catalogue, as `regclass` does. */
export const isParameterType = (oid: number): boolean => builtIn.has(oid) || oid >= firstOfExtensions;
