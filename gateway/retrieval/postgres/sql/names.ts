/** Names of functions, types and operators: said so that they mean what was looked at. */
import type { StoreSettings } from "../settings.js";
import {
  aggregates,
  functions,
  operators,
  types,
  vectorFunctions,
  vectorTypes,
  windowed,
} from "./allowed.js";
import type { Node, Tree } from "./nodes.js";
import { listOf, nameOf, names } from "./nodes.js";
import { NotAllowed } from "./refuse.js";

type Homes = Pick<StoreSettings, "vectorSchema">;

/** @throws NotAllowed */
export function functionName({ funcname }: Node, settings: Homes): Tree[] {
  const parts = listOf(funcname).map((one) => nameOf(one) ?? "");
  const name = parts.at(-1) ?? "";
  const [schema] = parts.length > 1 ? parts : [undefined];
  const { vectorSchema } = settings;
  const ofVector = vectorFunctions.has(name);
  const home = ofVector ? vectorSchema : "pg_catalog";
  const known = ofVector || functions.has(name) || aggregates.has(name) || windowed.has(name);
  if (parts.length > 2 || !known || (schema !== undefined && schema !== home))
    throw new NotAllowed("42501", `the function ${quoted(parts.join("."))} is not passed on by the gateway`);
  return names(home, name);
}

/** @throws NotAllowed */
export function typeName(given: Tree | undefined, settings: Homes): Tree[] {
  const parts = listOf(given).map((one) => nameOf(one) ?? "");
  const name = parts.at(-1) ?? "";
  const [schema] = parts.length > 1 ? parts : [undefined];
  const ofVector = vectorTypes.has(name);
  const home = ofVector ? settings.vectorSchema : "pg_catalog";
  if (parts.length > 2 || !(ofVector || types.has(name)) || (schema !== undefined && schema !== home))
    throw new NotAllowed("42501", `the type ${quoted(parts.join("."))} is not passed on by the gateway`);
  return ofVector ? names(home, name) : names("pg_catalog", name);
}

/** Gives the operator's name. @throws NotAllowed */
export function checkOperator(name: Tree | undefined): string {
  if (name === undefined) return "";
  const parts = listOf(name).map((one) => nameOf(one) ?? "");
  const last = parts.at(-1) ?? "";
  // BETWEEN is an operator's name to the parser
  const between = /^(?:NOT )?BETWEEN(?: SYMMETRIC)?$/.test(last);
  if (
    parts.length > 2 ||
    (parts.length === 2 && parts[0] !== "pg_catalog") ||
    !(operators.has(last) || between)
  )
    throw new NotAllowed("42501", `the operator ${last.slice(0, 16)} is not passed on by the gateway`);
  return last;
}

export const quoted = (name: string): string => JSON.stringify(name.slice(0, 63));
export const say = (value: Tree | undefined): string =>
  typeof value === "string" ? value.slice(0, 64) : "such";

export function nameOfTag(tag: string): string {
  const [, word = tag] = /^(.*?)(?:Stmt)?$/.exec(tag) ?? [];
  return word.slice(0, 64);
}
