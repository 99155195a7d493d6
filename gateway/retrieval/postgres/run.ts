/** Runs one query: decided, narrowed, sent, and each row that can be looked at looked at. */
import type { Condition, Decision, Json, JsonObject, Outcome } from "../../../sidecar/contract.js";
import { isObject, parseJson, refuse } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import type { FoundItem, Narrowing } from "../adapter.js";
import type { StoreConfig } from "../config.js";
import { askStore } from "../serve/ask.js";
import { judge } from "../serve/judge.js";
import type { Allowed, Turn } from "../serve/turn.js";
import type { Connection } from "./database.js";
import { amount, asksOf, routeOf } from "./describe.js";
import type { Failure } from "./errors.js";
import { readDatabaseError } from "./errors.js";
import { maskRow } from "./mask.js";
import type { StoreSettings } from "./settings.js";
import { write } from "./sql/parse.js";
import { NotAllowed, refuseSql } from "./sql/refuse.js";
import type { NarrowedSelect, Select } from "./sql/select.js";
import { narrowSelect } from "./sql/select.js";
import type { Value } from "./sql/values.js";
import { Values } from "./sql/values.js";
import type { Frame } from "./wire/frames.js";
import type { Field } from "./wire/messages.js";
import {
  readParameters,
  readRow,
  readRowDescription,
  writeBind,
  writeDescribe,
  writeExecute,
  writeParse,
  writeSync,
} from "./wire/messages.js";

export interface QueryParts {
  readonly parts: GatewayParts;
  readonly exchange: Exchange;
  readonly store: StoreConfig;
  readonly settings: StoreSettings;
  /** The condition of a query in the gateway's own words. */
  readonly caller?: Condition | undefined;
}

/** A statement that may be sent. */
export interface Decided {
  readonly kind: "decided";
  readonly turn: Turn;
  readonly allowed: Allowed;
  readonly writes: boolean;
  readonly sql: string;
  /** Of the statement's own. */
  readonly params: number;
  /** Of those, by their numbers, which the statement that is sent doesn't name any more. */
  readonly unused?: ReadonlySet<number>;
  /** Behind them. */
  readonly values: readonly Value[];
  /** Which uses have their document at the end of each row. */
  readonly documents: readonly number[];
  /** Gives of what came back what may be given. */
  finish(heard: Answered): Promise<Rows | Failed>;
}

/** What the database said of a statement. */
export interface Answered {
  readonly fields: readonly Field[] | undefined;
  readonly rows: readonly (readonly (Buffer | null)[])[];
  /** As PostgreSQL says what a command did. */
  readonly tag: string;
}

/** A query as it was narrowed. */
interface Query {
  readonly turn: Turn;
  readonly allowed: Allowed;
  readonly select: Select;
  readonly narrowed: NarrowedSelect;
  /** The most rows that are given. */
  readonly most: number;
}

export interface Failed {
  readonly kind: "failed";
  readonly failure: Failure;
  /** What was asked before it failed. */
  readonly decisions: readonly Decision[];
  readonly outcome: Outcome["outcome"];
}

export function failed(
  failure: Failure,
  decisions: readonly Decision[] = [],
  outcome: Outcome["outcome"] = "denied",
): Failed {
  return { kind: "failed", failure, decisions, outcome };
}

/** What may be asked for where no collection is touched. */
const mostConstants = 1_000;
const mostFetched = 10_000;

/** Decides on a query as it stands with its values, and narrows it. */
export async function decide(
  { parts, exchange, store, settings, caller }: QueryParts,
  select: Select,
  values: readonly Value[] | undefined,
): Promise<Decided | Failed> {
  try {
    for (const { table, top, collection } of select.reading.uses) {
      const derived = select.shape === "derived" || (select.shape === "rows" && !top);
      if (derived && table?.derived === false)
        throw new NotAllowed(
          "42501",
          `of ${JSON.stringify(collection?.name ?? "")} only plain queries and counts are passed on: aggregates, unions, subqueries need \`derived: true\` in the gateway's configuration`,
        );
    }
    const operation = {
      kind: "operation" as const,
      route: routeOf[select.shape],
      asks: asksOf(select, values),
    };
    const turn: Turn = { parts, exchange, store, operation, caller };
    const allowed = await askStore(turn, mostFetched);
    if (allowed.kind === "refused") {
      const { refusal, decision, decisions, outcome } = allowed;
      return failed({ refusal, decision }, decisions, outcome);
    }
    const narrowings =
      select.reading.uses.length === 0 ? [] : allowed.prepared.map(({ narrowing }) => narrowing);
    return narrow(select, { turn, allowed, narrowings, settings, values });
  } catch (error) {
    if (!(error instanceof NotAllowed)) throw error;
    const { refusal, state, said } = refuseSql(error);
    return failed({ refusal, state, said });
  }
}

function narrow(
  select: Select,
  {
    turn,
    allowed,
    narrowings,
    values: given,
  }: {
    readonly turn: Turn;
    readonly allowed: Allowed;
    readonly narrowings: readonly Narrowing[];
    readonly settings: StoreSettings;
    readonly values: readonly Value[] | undefined;
  },
): Decided | Failed {
  const topK = narrowings.reduce((least, one) => Math.min(least, one.topK), mostFetched);
  const most = Math.min(
    narrowings.length === 0 ? mostConstants : topK,
    amount(select.limit, given) ?? Infinity,
  );
  const values = new Values(select.reading.params);
  let narrowed = narrowSelect(select, narrowings, values, narrowings.length === 0 ? mostConstants : topK);
  if (narrowed.exact.some((exact) => !exact)) {
    const offset = amount(select.offset, given) ?? 0;
    if (select.shape !== "rows" || select.reading.uses.some(({ top }) => !top) || offset > 0)
      return failed({ refusal: refuse("filter_not_expressible") }, allowed.decisions);
    // what the database finds more than may be given is taken out
    values.list.length = 0;
    const fetched = narrowings.reduce((least, one) => Math.min(least, one.most), mostFetched);
    narrowed = narrowSelect({ ...select, limit: { kind: "none" } }, narrowings, values, fetched);
  }
  const sql = write(narrowed.tree);
  const query = { turn, allowed, select, narrowed, most };
  return {
    ...{ kind: "decided", turn, allowed, writes: false, sql, values: values.list },
    ...{ params: select.reading.params, documents: narrowed.documents },
    finish: (heard) => look(query, heard),
  };
}

/** What a statement's transaction has set for it. */
export type Setup = readonly (readonly [name: string, value: string])[];

export interface Described {
  readonly kind: "described";
  readonly parameters: readonly number[];
  readonly fields: readonly Field[];
}

/** Has the database find out of what types a query's parameters and columns are. */
export async function describeQuery(
  connection: Connection,
  { sql, params, documents, allowed }: Decided,
  types: readonly number[],
  setup: Setup,
): Promise<{ readonly heard: Described | Failed; readonly state: string }> {
  const heard = new Heard();
  const messages = [...setUp(setup), writeParse(sql, types), writeDescribe("S"), writeSync];
  const state = await connection.run(messages, (frame) => {
    heard.take(frame);
  });
  if (heard.failure !== undefined)
    return { heard: failed(heard.failure, allowed.decisions, "upstream_error"), state };
  const fields = heard.fields ?? [];
  return {
    heard: {
      kind: "described",
      parameters: heard.parameters.slice(0, params),
      fields: fields.slice(0, fields.length - documents.length),
    },
    state,
  };
}

export interface Rows {
  readonly kind: "rows";
  readonly fields: readonly Field[];
  readonly rows: readonly (readonly (Buffer | null)[])[];
  /** What the command did, as PostgreSQL says it. */
  readonly tag: string;
  readonly returns: boolean;
  readonly labels: readonly string[];
  readonly facts: JsonObject;
  /** The documents of each row, where they were looked at. */
  readonly items?: readonly (readonly FoundItem[])[];
}

export interface Bound {
  readonly types: readonly number[];
  readonly values: readonly Value[];
  readonly formats: readonly number[];
}

/** Sends a query, and gives of its rows what may be given. */
export async function sendQuery(
  connection: Connection,
  decided: Decided,
  { types, values, formats }: Bound,
  setup: Setup,
): Promise<{ readonly heard: Rows | Failed; readonly state: string }> {
  const { sql, documents, params, unused } = decided;
  // what isn't named has no type of its own
  const known = Array.from({ length: params }, (_, i) => (unused?.has(i + 1) ? 25 : (types[i] ?? 0)));
  const heard = new Heard();
  // the documents are text, whatever the caller's columns are
  const all = formats.length < 2 ? formats : [...formats, ...documents.map(() => 0)];
  const messages = [
    ...[...setUp(setup), writeParse(sql, known), writeBind([...values, ...decided.values], all)],
    ...[writeDescribe("P"), writeExecute, writeSync],
  ];
  const state = await connection.run(messages, (frame) => {
    heard.take(frame);
  });
  if (heard.failure !== undefined)
    return { heard: failed(heard.failure, decided.allowed.decisions, "upstream_error"), state };
  return { heard: await decided.finish(heard), state };
}

/** Of one answer. */
const mostBytes = 64 * 2 ** 20;

/** Hears what the database says of one statement; what was set before it is passed over. */
class Heard {
  private readonly setups = 1;
  private completed = 0;
  tag = "";
  private bytes = 0;
  fields: Field[] | undefined;
  parameters: number[] = [];
  readonly rows: (Buffer | null)[][] = [];
  failure: Failure | undefined;

  take({ type, body }: Frame): void {
    if (type === "E") this.fail(body);
    else if (type === "C") {
      this.completed++;
      this.tag = body.subarray(0, -1).toString("latin1");
    } else if (type === "t") this.parameters = readParameters(body);
    else if (type === "T") this.fields = readRowDescription(body);
    else if (type === "D" && this.completed >= this.setups) {
      this.bytes += body.length;
      if (this.bytes > mostBytes) this.rows.length = 0;
      else this.rows.push(readRow(body));
    }
    if (this.bytes > mostBytes) this.failure ??= { refusal: refuse("upstream_invalid", "too large") };
  }

  private fail(body: Buffer): void {
    const { state, said } = readDatabaseError(body);
    const code = state === "57014" ? "upstream_timeout" : "upstream_refused";
    this.failure ??= { refusal: refuse(code), state, said };
  }
}

function setUp(setup: Setup): Buffer[] {
  const calls = setup.map((_, i) => `pg_catalog.set_config($${2 * i + 1}, $${2 * i + 2}, true)`);
  const values = setup.flat().map((one) => ({ bytes: Buffer.from(one), binary: false }));
  // text, text, … in all cases
  const types = values.map(() => 25);
  return [writeParse(`SELECT ${calls.join(", ")}`, types), writeBind(values), writeExecute];
}

/** Looks at each row's documents. INVARIANT: a row is given with all of its documents, or not at all. */
async function look(decided: Query, { fields = [], rows }: Answered): Promise<Rows | Failed> {
  const { narrowed, turn, allowed, most } = decided;
  const { documents, outputs } = narrowed;
  const own = fields.slice(0, fields.length - documents.length);
  if (documents.length === 0) {
    const facts = { given: Math.min(rows.length, most), exact: true, looked: false };
    const labels = [...new Set(allowed.decisions.flatMap((one) => one.labels))];
    return rowsOf(own, rows.slice(0, most), labels, facts);
  }
  const items: FoundItem[] = [];
  // by row: where its documents are among the items; a row of an outer join may lack some
  const placed: number[][] = [];
  for (const row of rows) {
    const places: number[] = [];
    for (const [i, use] of documents.entries()) {
      const kept = row[own.length + i];
      if (kept === null || kept === undefined) continue;
      const item = readDocument(kept, use, decided);
      if (item === undefined)
        return failed({ refusal: refuse("upstream_invalid") }, allowed.decisions, "upstream_error");
      places.push(items.push(item) - 1);
    }
    placed.push(places);
  }
  const judged = await judge(turn, allowed, items);
  if (judged.kind === "denied") {
    const { refusal, decision } = judged;
    return failed({ refusal, decision }, allowed.decisions);
  }
  const given: (readonly (Buffer | null)[])[] = [];
  const left: (readonly FoundItem[])[] = [];
  for (const [i, row] of rows.entries()) {
    const places = placed[i] ?? [];
    if (given.length >= most || places.some((place) => judged.items[place] === undefined)) continue;
    const pairs = places.flatMap((place) => {
      const [before, after] = [items[place], judged.items[place]];
      return before === undefined || after === undefined ? [] : [{ before, after }];
    });
    const masked = maskRow(row.slice(0, own.length), own, outputs, pairs, decided);
    if (masked === undefined)
      return failed(
        { refusal: refuse("obligation_unsatisfiable") },
        allowed.decisions,
        "obligation_unsatisfiable",
      );
    given.push(masked);
    left.push(pairs.map(({ after }) => after));
  }
  const facts = {
    ...judged.facts,
    rows: given.length,
    exact: narrowed.exact.every((one) => one),
    looked: true,
  };
  return { ...rowsOf(own, given, judged.labels, facts), items: left };
}

function rowsOf(
  fields: readonly Field[],
  rows: Rows["rows"],
  labels: readonly string[],
  facts: JsonObject,
): Rows {
  return { kind: "rows", fields, rows, tag: `SELECT ${rows.length}`, returns: true, labels, facts };
}

/** Reads `[id, {column: value}]`. */
function readDocument(bytes: Buffer, ask: number, { select }: Query): FoundItem | undefined {
  let value: Json;
  try {
    value = parseJson(bytes);
  } catch {
    return undefined;
  }
  const [id, metadata] = Array.isArray(value) ? value : [];
  if (!isObject(metadata)) return undefined;
  const text = select.reading.uses[ask]?.collection?.text === undefined ? {} : { text: "" };
  return { ask, id: typeof id === "string" ? id : "", metadata, ...text };
}
