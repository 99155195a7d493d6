import { isIPv4, isIPv6 } from "node:net";
import type { AllowAddress } from "../../../net/addresses.js";
import { parseAddresses, plainAddress } from "../../../net/addresses.js";

/** Where a request goes, taken apart once: what is checked is what is connected to. */
export interface Target {
  readonly url: URL;
  /** Without brackets or a trailing dot; an international name as ASCII. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

/** A host that may be asked. */
export interface ListedHost {
  /** The entry as it was written. */
  readonly entry: string;
  readonly allows: AllowAddress;
}

export interface HostList {
  /** Finds the entry for a host and port; without a port, any entry for the name. */
  find(host: string, port: number | undefined): ListedHost | undefined;
}

interface Entry extends ListedHost {
  /** With a leading dot where all names below it are meant. */
  readonly name: string;
  readonly port: number | undefined;
}

const defaultPorts: readonly number[] = [80, 443];
const form = /^(\*\.)?(\[[0-9A-Fa-f:.]+\]|[^:/@?#\s\\%*=[\]]+)(?::(\d{1,5}))?$/;

/**
 * Reads the list of hosts: `name[:port][=addresses]`, where a name is `api.example.com`, `*.example.com` (all names
 * below, not itself) or an address, and addresses are {@link parseAddresses}'s, `public` unless given.
 * Without a port: 80 and 443. An address is its own permission; `localhost` may be loopback.
 * @throws Error that names all entries that can't be read
 */
export function parseHosts(entries: readonly string[]): HostList {
  const read = entries.map((text) => ({ text, entry: parseEntry(text) }));
  const wrong = read.filter(({ entry }) => entry === undefined).map(({ text }) => JSON.stringify(text));
  if (wrong.length > 0) throw new Error(`hosts that can't be read: ${wrong.join(", ")}`);
  const listed = read.flatMap(({ entry }) => (entry === undefined ? [] : [entry]));

  return {
    find(host, port) {
      const found = listed.filter(
        (entry) =>
          (entry.name.startsWith(".") ? host.endsWith(entry.name) : host === entry.name) &&
          (port === undefined ||
            (entry.port === undefined ? defaultPorts.includes(port) : entry.port === port)),
      );
      const [first] = found;
      if (first === undefined || found.length === 1) return first;
      return { entry: first.entry, allows: (address) => found.some(({ allows }) => allows(address)) };
    },
  };
}

function parseEntry(text: string): Entry | undefined {
  const [place = "", addresses, rest] = text.split("=");
  const match = form.exec(isIPv6(place) ? `[${place}]` : place);
  if (match === null || rest !== undefined) return undefined;
  const [, wildcard, written = "", port] = match;
  const name = normalHost(written);
  if (name === undefined || (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)))
    return undefined;
  const literal = plainAddress(name);
  // an address in an unusual spelling is a slip, or worse
  if (literal !== undefined && (wildcard !== undefined || (isIPv4(name) && written !== name)))
    return undefined;
  const allows =
    literal !== undefined
      ? (address: string) => address === literal
      : parseAddresses(addresses ?? (name === "localhost" ? "loopback" : "public"));
  if (allows === undefined || (literal !== undefined && addresses !== undefined)) return undefined;
  return {
    entry: text,
    name: wildcard === undefined ? (literal ?? name) : `.${name}`,
    port: port === undefined ? undefined : Number(port),
    allows,
  };
}

/** Writes a host as it is compared; undefined where it isn't one. */
export function normalHost(text: string): string | undefined {
  if (/[\s/?#@\\%]/.test(text) || text === "") return undefined;
  const url = tryUrl(`http://${isIPv6(text) ? `[${text}]` : text}/`);
  return url === undefined || url.port !== "" ? undefined : hostOf(url);
}

/**
 * Takes a URL apart. Gives the reason, in Go's words where it has some, if it isn't one to ask.
 * @param base where a redirect came from
 */
export function parseTarget(text: string, base?: URL): Target | string {
  // WHATWG's parser would drop or turn these silently
  if (/[\u0000-\u001f\u007f\\]/.test(text)) return "net/url: invalid control character in URL";
  if (text !== text.trim()) return "invalid character in URL";
  if (base === undefined && !/^https?:\/\/[^/]/i.test(text)) {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase() ?? "";
    return /^https?$/.test(scheme)
      ? "http: no Host in request URL"
      : `unsupported protocol scheme "${scheme}"`;
  }
  const url = tryUrl(text, base);
  if (url === undefined) return "invalid URL";
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return `unsupported protocol scheme "${url.protocol.slice(0, -1)}"`;
  }
  if (url.username !== "" || url.password !== "") return "a URL with a user or password isn't allowed";
  const host = hostOf(url);
  if (host === undefined) return "invalid host in URL";
  url.hostname = isIPv6(host) ? `[${host}]` : host;
  const secure = url.protocol === "https:";
  return { url, host, secure, port: url.port === "" ? (secure ? 443 : 80) : Number(url.port) };
}

function hostOf(url: URL): string | undefined {
  const { hostname } = url;
  if (hostname.startsWith("[")) return plainAddress(hostname.slice(1, -1));
  const name = hostname.replace(/\.$/, "");
  return name.length <= 253 && /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(name) ? name : undefined;
}

function tryUrl(text: string, base?: URL): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
