/** Statements of sessions that drivers send: answered here, or kept for each statement's transaction. */
import type { StoreSettings } from "./settings.js";
import type { Node } from "./sql/nodes.js";
import { isNode, listOf, nameOf, open } from "./sql/nodes.js";
import { NotAllowed, unsupported } from "./sql/refuse.js";

export type Local =
  | { readonly kind: "set"; readonly name: string; readonly value: string; readonly tag: string }
  | { readonly kind: "reset"; readonly name: string | undefined; readonly tag: string }
  | { readonly kind: "done"; readonly tag: string; readonly forget?: "all" | { readonly statement: string } }
  | { readonly kind: "row"; readonly name: string; readonly value: string; readonly tag: string }
  | { readonly kind: "transaction"; readonly sql: string; readonly what: "begin" | "end" | "within" };

/** Settings that a client may have, by what they may be. INVARIANT: none changes what a condition or a check reads. */
const settable: Readonly<Record<string, RegExp>> = {
  application_name: /^[\x20-\x7e]{0,64}$/,
  client_encoding: /^(?:utf-?8|unicode)$/i,
  standard_conforming_strings: /^(?:on|true|1)$/i,
  datestyle: /^[A-Za-z, ]{1,32}$/,
  intervalstyle: /^[a-z_]{1,32}$/,
  timezone: /^[A-Za-z0-9_+/:-]{1,64}$/,
  extra_float_digits: /^[123]$/,
  bytea_output: /^(?:hex|escape)$/,
  client_min_messages: /^[a-z0-9]{1,16}$/,
  statement_timeout: /^\d{1,9}$/,
  default_transaction_read_only: /^(?:on|off|true|false)$/,
};

/** Of those, what is set in each transaction; the others are only told back. */
const carried: ReadonlySet<string> = new Set([
  ...["datestyle", "intervalstyle", "timezone", "extra_float_digits", "bytea_output"],
]);

export const isCarried = (name: string): boolean => carried.has(name);

/** Checks a setting that a client wants, also at the start of a session. @throws NotAllowed */
export function checkSetting(name: string, value: string): void {
  const form = Object.hasOwn(settable, name) ? settable[name] : undefined;
  if (form === undefined)
    throw new NotAllowed(
      "42501",
      `the setting ${JSON.stringify(name.slice(0, 63))} is not passed on by the gateway`,
    );
  if (!form.test(value)) throw new NotAllowed("22023", `invalid value for the setting ${name}`);
}

/** Reads such a statement; undefined of any other. @throws NotAllowed */
export function readLocal(
  statement: Node,
  settings: StoreSettings,
  get: (name: string) => string | undefined,
): Local | undefined {
  const one = open(statement);
  if (one === undefined) return undefined;
  const { tag, fields } = one;
  switch (tag) {
    case "TransactionStmt":
      return readTransaction(fields);
    case "VariableSetStmt":
      return readSet(fields);
    case "VariableShowStmt": {
      const name = String(fields["name"]).toLowerCase();
      const value = get(name) ?? known(settings)[name];
      if (value === undefined) throw new NotAllowed("42501", "the setting is not told by the gateway");
      return { kind: "row", name, value, tag: "SHOW" };
    }
    case "DiscardStmt":
      if (fields["target"] !== "DISCARD_ALL") throw unsupported("DISCARD of anything but ALL");
      return { kind: "done", tag: "DISCARD ALL", forget: "all" };
    case "DeallocateStmt":
      return fields["isall"] === true
        ? { kind: "done", tag: "DEALLOCATE ALL", forget: "all" }
        : { kind: "done", tag: "DEALLOCATE", forget: { statement: String(fields["name"]) } };
    case "SelectStmt":
      return readQuestion(fields, settings);
    default:
      return undefined;
  }
}

/** What drivers ask of a server. INVARIANT: said by the gateway, of itself and its configuration. */
function known({ schema }: StoreSettings): Readonly<Record<string, string>> {
  return {
    ...{ server_version: serverVersion, server_encoding: "UTF8", client_encoding: "UTF8" },
    ...{
      standard_conforming_strings: "on",
      datestyle: "ISO, MDY",
      timezone: "UTC",
      intervalstyle: "postgres",
    },
    ...{ transaction_isolation: "read committed", default_transaction_isolation: "read committed" },
    ...{ transaction_read_only: "off", default_transaction_read_only: "off", in_hot_standby: "off" },
    ...{ search_path: schema, max_identifier_length: "63", integer_datetimes: "on", extra_float_digits: "1" },
    ...{ bytea_output: "hex", is_superuser: "off", application_name: "" },
  };
}

/** What clients are told that the server is: of a version that all may be spoken to as. */
export const serverVersion = "15.0";

/** `SELECT version()`, `SELECT current_schema()` and their like, alone. */
function readQuestion(fields: Node, { schema }: StoreSettings): Local | undefined {
  const targets = listOf(fields["targetList"]);
  const target = open(targets[0]);
  const others = Object.keys(fields).filter((name) => !["targetList", "limitOption", "op"].includes(name));
  if (targets.length !== 1 || others.length > 0 || target === undefined) return undefined;
  const value = open(target.fields["val"]);
  const name = typeof target.fields["name"] === "string" ? target.fields["name"] : undefined;
  const row = (usual: string, text: string): Local => ({
    ...{ kind: "row", name: name ?? usual, value: text, tag: "SELECT 1" },
  });
  if (value?.tag === "SQLValueFunction" && value.fields["op"] === "SVFOP_CURRENT_SCHEMA")
    return row("current_schema", schema);
  if (value?.tag !== "FuncCall" || listOf(value.fields["args"]).length > 0) return undefined;
  const parts = listOf(value.fields["funcname"]).map(nameOf);
  if (parts.length > 1 && parts[0] !== "pg_catalog") return undefined;
  switch (parts.at(-1)) {
    case "version":
      return row("version", `PostgreSQL ${serverVersion} (Countersign gateway)`);
    case "current_schema":
      return row("current_schema", schema);
    default:
      return undefined;
  }
}

function readSet(fields: Node): Local {
  const { kind, name, is_local, args } = fields;
  const plain = String(name).toLowerCase();
  if (kind === "VAR_RESET_ALL") return { kind: "reset", name: undefined, tag: "RESET" };
  if (kind === "VAR_RESET" || kind === "VAR_SET_DEFAULT") {
    if (!Object.hasOwn(settable, plain)) checkSetting(plain, "");
    return { kind: "reset", name: plain, tag: kind === "VAR_RESET" ? "RESET" : "SET" };
  }
  if (kind !== "VAR_SET_VALUE" || is_local === true) throw unsupported("such a SET");
  const values = listOf(args).map((one) => {
    const constant = open(one);
    const { sval, ival, boolval } = constant?.tag === "A_Const" ? constant.fields : {};
    if (isNode(sval)) return typeof sval["sval"] === "string" ? sval["sval"] : "";
    if (isNode(ival)) return String(ival["ival"] ?? 0);
    if (isNode(boolval)) return String(boolval["boolval"] ?? false);
    throw unsupported("such a SET");
  });
  const value = values.join(", ");
  checkSetting(plain, value);
  return { kind: "set", name: plain, value, tag: "SET" };
}

const isolation = /^(?:read committed|read uncommitted|repeatable read|serializable)$/;

function readTransaction(fields: Node): Local {
  const { kind, options, savepoint_name } = fields;
  const words: string[] = [];
  for (const one of listOf(options)) {
    const { defname, arg } = open(one)?.fields ?? {};
    const constant = open(arg)?.fields ?? {};
    const { sval, ival } = constant;
    const level = isNode(sval) ? String(sval["sval"]) : "";
    if (defname === "transaction_isolation" && isolation.test(level))
      words.push(`ISOLATION LEVEL ${level.toUpperCase()}`);
    else if (defname === "transaction_read_only" && isNode(ival))
      words.push(ival["ival"] === 1 ? "READ ONLY" : "READ WRITE");
    else if (defname !== "transaction_deferrable") throw unsupported("such a transaction");
  }
  const name = typeof savepoint_name === "string" ? savepoint_name : "";
  // a name is written anew, in its quotes
  const quoted = `"${name.replaceAll('"', '""')}"`;
  if (name.includes("\0") || name.length > 63) throw unsupported("such a name");
  switch (kind) {
    case "TRANS_STMT_BEGIN":
    case "TRANS_STMT_START":
      return { kind: "transaction", sql: ["BEGIN", words.join(", ")].join(" ").trim(), what: "begin" };
    case "TRANS_STMT_COMMIT":
      return { kind: "transaction", sql: "COMMIT", what: "end" };
    case "TRANS_STMT_ROLLBACK":
      return { kind: "transaction", sql: "ROLLBACK", what: "end" };
    case "TRANS_STMT_SAVEPOINT":
      return { kind: "transaction", sql: `SAVEPOINT ${quoted}`, what: "within" };
    case "TRANS_STMT_RELEASE":
      return { kind: "transaction", sql: `RELEASE SAVEPOINT ${quoted}`, what: "within" };
    case "TRANS_STMT_ROLLBACK_TO":
      return { kind: "transaction", sql: `ROLLBACK TO SAVEPOINT ${quoted}`, what: "within" };
    default:
      throw unsupported("such a statement of transactions");
  }
}
