import type { ApiKey } from "../sidecar/identify/api-keys/key-list.js";
import { drawTable } from "./draw-table.js";

export type ListedKey = Omit<ApiKey, "sha256"> & { readonly state: string };

const columns = [
  ["ID", ({ id }: ListedKey) => id],
  [
    "STATE",
    ({ state, replaced_by }: ListedKey) => (replaced_by === undefined ? state : `${state}, replaced`),
  ],
  ["EXPIRES", ({ expires }: ListedKey) => expires.slice(0, 16)],
  ["TENANT", ({ tenant }: ListedKey) => tenant],
  ["SUBJECT", ({ subject }: ListedKey) => `${subject.type}:${subject.id}`],
  ["SCOPES", ({ scopes }: ListedKey) => scopes?.join(" ") ?? "(unscoped)"],
  ["NAME", ({ name }: ListedKey) => name],
] as const;

/** Draws keys as a table; nothing in it is secret. */
export function drawKeys(keys: readonly ListedKey[]): string {
  return drawTable([
    columns.map(([title]) => title as string),
    ...keys.map((key) => columns.map(([, cell]) => cell(key))),
  ]);
}
