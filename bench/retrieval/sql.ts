/** A query of PostgreSQL as the gateway reads and narrows it, for measuring. */
import type { StoreAsk } from "../../gateway/retrieval/adapter.js";
import type { CollectionConfig, StoreConfig } from "../../gateway/retrieval/config.js";
import { asksOf } from "../../gateway/retrieval/postgres/describe.js";
import type { StoreSettings } from "../../gateway/retrieval/postgres/settings.js";
import { loadParser, parseOne, write } from "../../gateway/retrieval/postgres/sql/parse.js";
import { narrowSelect, readSelect } from "../../gateway/retrieval/postgres/sql/select.js";
import { Values } from "../../gateway/retrieval/postgres/sql/values.js";
import type { Narrowing } from "../../gateway/retrieval/adapter.js";

export interface SqlQuery {
  readonly ask: StoreAsk;
  /** Reads the statement, as it is when a client prepares it. */
  read(): void;
  /** Writes it narrowed; tells whether its predicate is exact. */
  narrow(narrowing: Narrowing): boolean;
}

export async function sqlQuery(store: StoreConfig, { name }: CollectionConfig): Promise<SqlQuery> {
  await loadParser();
  const settings = store.settings as unknown as StoreSettings;
  const text = `SELECT id, body FROM ${name} ORDER BY embedding <=> $1 LIMIT 10`;
  const read = () => {
    const statement = parseOne(text);
    if (statement === undefined) throw new Error("there is no statement");
    return readSelect(statement, { store, settings });
  };
  const select = read();
  const [ask] = asksOf(select, undefined);
  if (ask === undefined) throw new Error("it asks nothing");
  return {
    ask,
    read: () => void read(),
    narrow(narrowing) {
      const narrowed = narrowSelect(select, [narrowing], new Values(select.reading.params), 10);
      write(narrowed.tree);
      return narrowed.exact.every((one) => one);
    },
  };
}
