/** Reads whom a message goes to: each by the full address, where all of them can be told. */
import { readHost } from "./host.js";

export interface Recipients {
  /** Lower-case, the domain in ASCII; each once, in order. */
  readonly addresses: readonly string[];
  /** Nobody else is named: whatever reads the text reads the same. */
  readonly complete: boolean;
}

/** Of one text, characters. */
const longest = 16_384;
const most = 64;

/**
 * An address that every program reads alike: no quotes, comments, routes or groups (RFC 5322 has them all), no letters that
 * programs write in ASCII in ways of their own, and no signs by which mail servers send on (`%`, `!`).
 */
const plain = /^[A-Za-z0-9.#$&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}$/;
/** A name before it, in quotes or without: nothing in it that could begin another address, or end this one. */
const named = /^(?:"[^"\\<>@,;\p{Cc}]{0,128}" {0,4}|[^"\\<>@,;:()\p{Cc}]{0,128})<([^<>]{1,320})>$/u;

/** Reads a list of recipients, separated by commas or semicolons, with or without names. */
export function readRecipients(text: string): Recipients {
  if (text.length > longest) return { addresses: [], complete: false };
  const items = text
    .split(/[,;]/)
    .map((item) => item.trim())
    .filter((item) => item !== "");
  const addresses = items.map((item) => readAddress(named.exec(item)?.[1] ?? item));
  const known = addresses.filter((address) => address !== undefined);
  return {
    addresses: [...new Set(known)].sort().slice(0, most),
    complete: known.length > 0 && known.length === items.length && known.length <= most,
  };
}

function readAddress(text: string): string | undefined {
  if (!plain.test(text)) return undefined;
  const at = text.indexOf("@");
  const domain = readHost(text.slice(at + 1));
  return domain === undefined || domain.ip ? undefined : `${text.slice(0, at)}@${domain.host}`.toLowerCase();
}
