import type { Fields, Problems } from "../contract.js";
import { parseAddresses } from "../net/addresses.js";
import { placeOf, type FetchConfig } from "../net/place.js";

/** Reads how what an operator names is fetched. */
export function readFetch(fields: Fields, problems: Problems): FetchConfig {
  if (!fields.has("fetch")) {
    fields.raw("fetch");
    return {};
  }
  const from = fields.nested("fetch");
  const [addresses, http, ca] = [from.string("addresses"), from.boolean("http"), from.string("ca_file")];
  if (addresses !== undefined && parseAddresses(addresses) === undefined) {
    problems.add(from.at("addresses"), 'must be public, private, loopback or CIDR ranges, joined by "+"');
  }
  from.end();
  return {
    ...(addresses === undefined ? {} : { addresses }),
    ...(http === undefined ? {} : { http }),
    ...(ca === undefined ? {} : { ca_file: ca }),
  };
}

/** Reads a URL that is asked, or pushed to; plain HTTP is for this machine, unless configured. */
export function readPlace(fields: Fields, name: string, config: FetchConfig, problems: Problems): string {
  const text = fields.required(name);
  if (text === "") return text;
  const place = placeOf(text, config, [text]);
  if (typeof place === "string") problems.add(fields.at(name), place);
  return text;
}
