import type { Json } from "../../contract.js";
import { parseAddresses } from "../../net/addresses.js";
import { placeOf } from "../../net/place.js";
import { readObject, readText, type Problems } from "./read-fields.js";
import type { FetchConfig } from "./types.js";

/** Reads how an issuer's documents are fetched. */
export function parseFetch(value: Json | undefined, path: string, problems: Problems): FetchConfig {
  if (value === undefined) return {};
  const from = readObject(value, path, ["addresses", "http", "ca_file", "token_file"], problems) ?? {};
  const text = (name: string): string | undefined =>
    from[name] === undefined ? undefined : readText(from[name], `${path}.${name}`, problems);
  const { http } = from;
  if (http !== undefined && typeof http !== "boolean") problems.push(`${path}.http: must be true or false`);
  let addresses = text("addresses");
  if (addresses !== undefined && parseAddresses(addresses) === undefined) {
    addresses = undefined;
    problems.push(`${path}.addresses: must be public, private, loopback or CIDR ranges, joined by "+"`);
  }
  const [ca_file, token_file] = [text("ca_file"), text("token_file")];
  return {
    ...(addresses === undefined ? {} : { addresses }),
    ...(typeof http === "boolean" ? { http } : {}),
    ...(ca_file === undefined ? {} : { ca_file }),
    ...(token_file === undefined ? {} : { token_file }),
  };
}

/** Reads a URL that the operator writes; plain HTTP is for this machine, unless configured. */
export function parseUrl(
  value: Json | undefined,
  path: string,
  config: FetchConfig,
  problems: Problems,
): string {
  const text = readText(value, path, problems);
  if (text === "") return text;
  const place = placeOf(text, config, [text]);
  if (typeof place === "string") problems.push(`${path}: ${place}`);
  return text;
}
