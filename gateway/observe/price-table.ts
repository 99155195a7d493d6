/** Prices from a file: ours, or LiteLLM's `model_prices_and_context_window.json`. */
import { readFileSync } from "node:fs";
import yaml from "js-yaml";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { Fields, isObject, parseJson, Problems } from "../../sidecar/contract.js";
import { numberText, readDecimal } from "./decimal.js";
import type { Price } from "./price.js";
import { readPrice } from "./read-price.js";

export interface PriceTable {
  readonly size: number;
  /** @param model as its upstream calls it */
  find(provider: string, model: string): Price | undefined;
}

export interface PricesConfig {
  readonly file: string;
  /** For rows that don't say: the date and source of the file. */
  readonly asOf?: string;
  readonly source?: string;
}

/** Reads `prices`: a file's path, or the path with the date and source of rows that don't say. */
export function readPricesConfig(top: Fields, problems: Problems): PricesConfig | undefined {
  const given = top.raw("prices");
  if (given === undefined) return undefined;
  if (typeof given === "string") return { file: given };
  const fields = top.nested("prices");
  const asOf = fields.string("as_of");
  const source = fields.string("source");
  const config = { file: fields.required("file"), ...(asOf === undefined ? {} : { asOf }) };
  if (asOf !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(asOf))
    problems.add(fields.at("as_of"), "must be a date, year-month-day");
  fields.end();
  return { ...config, ...(source === undefined ? {} : { source }) };
}

/** A file of prices that can't be used. */
export class PricesRefused extends Error {
  override readonly name = "PricesRefused";
}

/** Reads the file. @throws PricesRefused where it can't be read, or has problems */
export function readPriceFile(config: PricesConfig): PriceTable {
  let text: string;
  try {
    text = readFileSync(config.file, "utf8");
  } catch {
    throw new PricesRefused(`${config.file}: can't be read`);
  }
  return parsePrices(text, config);
}

/**
 * Reads a file's text.
 * @throws PricesRefused with the first problems by their place
 */
export function parsePrices(text: string, config: PricesConfig): PriceTable {
  let value: Json;
  try {
    value = text.trimStart().startsWith("{")
      ? parseJson(text)
      : ((yaml.load(text, { schema: yaml.CORE_SCHEMA }) ?? {}) as Json);
  } catch {
    throw new PricesRefused(`${config.file}: not valid YAML or JSON`);
  }
  const problems = new Problems();
  const rows =
    isObject(value) && !("prices" in value) ? readLiteLlm(value, config) : readRows(value, config, problems);
  if (problems.list.length > 0)
    throw new PricesRefused(`${config.file}:\n  ${problems.list.slice(0, 10).join("\n  ")}`);
  return {
    size: rows.size,
    // a provider's own row goes before one for all
    find: (provider, model) => rows.get(`${provider}/${model}`) ?? rows.get(model),
  };
}

function readRows(value: Json, { asOf, source }: PricesConfig, problems: Problems): Map<string, Price> {
  const rows = new Map<string, Price>();
  const top = new Fields(value, "", problems);
  const given = isObject(value) ? value["prices"] : undefined;
  const items = Array.isArray(given) ? given : [];
  if (!Array.isArray(given)) problems.add("prices", "must be an array");
  top.raw("prices");
  top.end();
  for (const [i, item] of items.entries()) {
    const row: Json = isObject(item)
      ? {
          ...(asOf === undefined ? {} : { as_of: asOf }),
          ...(source === undefined ? {} : { source }),
          ...item,
        }
      : item;
    const fields = new Fields(row, `prices[${i}]`, problems);
    const model = fields.required("model");
    const provider = fields.string("provider");
    const key = provider === undefined ? model : `${provider}/${model}`;
    if (rows.has(key)) problems.add(fields.at("model"), "stands twice");
    rows.set(key, readPrice(fields, problems));
    fields.end();
  }
  return rows;
}

const date = /^\d{4}-\d{2}-\d{2}$/;

/** Rows without a price for tokens (images, audio by the second) are left out; so are prices above a context's size. */
function readLiteLlm(value: JsonObject, { file, asOf, source }: PricesConfig): Map<string, Price> {
  if (asOf === undefined || !date.test(asOf) || source === undefined) {
    throw new PricesRefused(`${file}: its rows have no date: give prices.as_of and prices.source`);
  }
  const rows = new Map<string, Price>();
  for (const [name, row] of Object.entries(value)) {
    if (!isObject(row) || name === "sample_spec") continue;
    const [input, output] = [perToken(row, "input_cost_per_token"), perToken(row, "output_cost_per_token")];
    if (input === undefined) continue;
    const price: Price = {
      input,
      output: output ?? 0n,
      cachedInput: perToken(row, "cache_read_input_token_cost") ?? input,
      cacheWrite: perToken(row, "cache_creation_input_token_cost") ?? input,
      reasoning: perToken(row, "output_cost_per_reasoning_token") ?? output ?? 0n,
      ...{ currency: "USD", asOf, source },
    };
    rows.set(name, price);
    const { litellm_provider: provider } = row;
    const key = `${String(provider)}/${name}`;
    if (typeof provider === "string" && !(key in value)) rows.set(key, price);
  }
  return rows;
}

/** A price for one token, as one for a million. */
function perToken(row: JsonObject, name: string): bigint | undefined {
  const text = numberText(row[name]);
  if (text === undefined) return undefined;
  // floats that a sum made (1.2000000000000002e-07) are rounded
  return readDecimal(text, 15) ?? readDecimal(Number(text).toPrecision(6), 15);
}
