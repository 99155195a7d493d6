import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { type Facts, list, members, number } from "../strict.js";
import { readFilter } from "./read-filter.js";

export function readOwnFilter(body: JsonObject, facts: Facts): void {
  if (body["filter"] === undefined) return;
  facts.kind("filter");
  readFilter(body["filter"], facts);
}

export function readNumbers(value: Json | undefined): number {
  const numbers = list(value, "a vector", 20_000);
  for (const one of numbers) number(one, "a vector's member");
  return numbers.length;
}

export function readSparse(value: Json, facts: Facts): void {
  const { indices, values } = members(value, ["indices", "values"], "a sparse vector");
  readNumbers(indices);
  readNumbers(values);
  facts.searched("sparse", value);
}
