import type { Json } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import type { FoundItem } from "../adapter.js";
import { withoutHidden } from "../serve/mask.js";
import type { Allowed } from "../serve/turn.js";
import type { Output, Select } from "./sql/select.js";
import type { Field } from "./wire/messages.js";

/**
 * Puts into a row what policy left of its documents.
 * @param pairs each document of the row, as it was and as it may be given
 * @returns undefined where what is masked stands in a column that can't be masked: an expression
 */
export function maskRow(
  row: readonly (Buffer | null)[],
  fields: readonly Field[],
  outputs: readonly Output[] | undefined,
  pairs: readonly { readonly before: FoundItem; readonly after: FoundItem }[],
  { allowed, select }: { readonly allowed: Allowed; readonly select: Select },
): readonly (Buffer | null)[] | undefined {
  const changes = new Map<number, ReadonlyMap<string, Json | undefined>>();
  for (const { before, after } of pairs) {
    const { ask } = before;
    const hidden = allowed.prepared[ask]?.narrowing.hidden ?? [];
    const { collection } = select.reading.uses[ask] ?? {};
    const changed = changesOf(withoutHidden(before, hidden, collection), after, collection?.text?.[0]);
    if (changed.size > 0) changes.set(ask, changed);
  }
  if (changes.size === 0) return row;
  if (outputs?.length !== row.length) return undefined;
  const names = new Set([...changes.values()].flatMap((one) => [...one.keys()]));
  const out = [...row];
  for (const [i, output] of outputs.entries()) {
    if (output.kind === "expression") {
      if ([...output.columns].some((name) => names.has(name))) return undefined;
      continue;
    }
    const changed = changes.get(output.use);
    if (changed?.has(output.column) !== true || row[i] === null) continue;
    const column = select.reading.uses[output.use]?.table?.columns.get(output.column);
    out[i] = written(changed.get(output.column), column?.array === true ? "array" : column?.type, fields[i]);
  }
  return out;
}

function changesOf(
  before: FoundItem,
  after: FoundItem,
  text: string | undefined,
): ReadonlyMap<string, Json | undefined> {
  const out = new Map<string, Json | undefined>();
  for (const [name, value] of Object.entries(before.metadata)) {
    const now = Object.hasOwn(after.metadata, name) ? after.metadata[name] : undefined;
    if (now === undefined || stringifyJson(now) !== stringifyJson(value)) out.set(name, now);
  }
  if (text !== undefined && before.text !== after.text) out.set(text, after.text);
  return out;
}

/** A text that stands for what is masked fits a column of text; any other becomes NULL. */
function written(value: Json | undefined, type: string | undefined, field: Field | undefined): Buffer | null {
  if (value === undefined || value === null) return null;
  if (type === "text" || type === "varchar") return typeof value === "string" ? Buffer.from(value) : null;
  if (type !== "jsonb") return null;
  const json = Buffer.from(stringifyJson(value));
  // in its binary form a version goes before
  return field?.format === 1 ? Buffer.concat([Buffer.from([1]), json]) : json;
}
