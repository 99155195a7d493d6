import type { Fields, Problems } from "../../sidecar/contract.js";
import { numberText, readDecimal } from "./decimal.js";
import type { Price } from "./price.js";

/** Reads the fields of a price, per million tokens; those that are left are the caller's to read or refuse. */
export function readPrice(fields: Fields, problems: Problems): Price {
  const amount = (name: string): bigint | undefined => {
    const given = fields.raw(name);
    if (given === undefined) return undefined;
    const text = numberText(given);
    const nanos = text === undefined ? undefined : readDecimal(text);
    if (nanos !== undefined && nanos < 10n ** 18n) return nanos;
    problems.add(fields.at(name), "must be a number, 0 or more");
    return 0n;
  };
  const required = (name: string): bigint => {
    if (!fields.has(name)) problems.add(fields.at(name), "must be a number, 0 or more");
    return amount(name) ?? 0n;
  };
  const [input, output] = [required("input"), required("output")];
  const price: Price = {
    ...{ input, output },
    cachedInput: amount("cached_input") ?? input,
    cacheWrite: amount("cache_write") ?? input,
    reasoning: amount("reasoning") ?? output,
    currency: fields.required("currency"),
    asOf: fields.required("as_of"),
    source: fields.required("source"),
  };
  if (price.currency !== "" && !/^[A-Z]{3}$/.test(price.currency))
    problems.add(fields.at("currency"), "must be three capital letters");
  if (price.asOf !== "" && !/^\d{4}-\d{2}-\d{2}$/.test(price.asOf))
    problems.add(fields.at("as_of"), "must be a date, year-month-day");
  return price;
}
