/** Finds addresses in texts, and says where they lead. */
import type { JsonObject } from "../../../sidecar/contract.js";
import type { Host } from "./host.js";
import { describeHost, readHost } from "./host.js";

/** An address, as policy sees it: never its path, query or password. */
export interface UrlFacts {
  /** Lower-case; empty where none was given. */
  readonly scheme: string;
  /** Absent where there is no host: `data:`, `mailto:`, `file:///…`. */
  readonly host?: string;
  /** The scheme's own where none was given; absent where it isn't known. */
  readonly port?: number;
  readonly ip?: boolean;
  /** It leads to this machine, a private network or a cloud's metadata. */
  readonly private: boolean;
  /** A name or password is in it. */
  readonly userinfo: boolean;
  /** Programs may read it differently: backslashes, blanks, controls, several `@`, an address in another form, escapes in the host. */
  readonly odd: boolean;
}

const ports: Readonly<Record<string, number>> = {
  ...{ http: 80, https: 443, ws: 80, wss: 443, ftp: 21, ssh: 22, sftp: 22, git: 9418, ldap: 389, ldaps: 636 },
  ...{ redis: 6379, rediss: 6380, postgres: 5432, postgresql: 5432, mysql: 3306, mongodb: 27017, gopher: 70 },
  ...{ amqp: 5672, amqps: 5671, telnet: 23, smtp: 25, smtps: 465, dict: 2628, tftp: 69, rtsp: 554, smb: 445 },
};
/** Schemes without `//` that programs act on. */
const bare = /^\s*(?:jar:|view-source:|url:)*(?:data|javascript|vbscript|file|blob|about|mailto|tel|sms):/i;
const anywhere = /[a-z][a-z0-9+.-]{0,31}:(?:\/|\\){2,}[^\s"'`<>|^{}]{1,2048}/gi;
/** `https:host` and `http:/host` are addresses of the web for those that read as browsers do. */
const sloppy = /(?<![\w+.-])(?:https?|wss?|ftp):[/\\]?(?=[\w[.-])[^\s"'`<>/\\|^{}][^\s"'`<>|^{}]{0,2047}/gi;
const plainHost = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$/i;

/** Gives all addresses in a text, at most `most`. */
export function findUrls(text: string, most: number): { readonly urls: UrlFacts[]; readonly more: boolean } {
  const colon = text.indexOf(":");
  if (colon < 0) return { urls: [], more: false };
  const urls: UrlFacts[] = [];
  for (const form of [anywhere, sloppy]) {
    form.lastIndex = 0;
    for (let match = form.exec(text); match !== null; match = form.exec(text)) {
      if (urls.length >= most) return { urls, more: true };
      const url = readUrl(match[0]);
      if (url !== undefined) urls.push(url);
    }
  }
  if (urls.length < most && bare.test(text)) {
    const url = readUrl(text.trim().slice(0, 2_048));
    if (url !== undefined) urls.push(url);
  }
  return { urls, more: false };
}

/** Reads one address with a scheme; undefined where it is none. */
export function readUrl(text: string): UrlFacts | undefined {
  const [, said, rest = ""] = /^\s*([a-z][a-z0-9+.-]{0,31}):([^]*)$/i.exec(text) ?? [];
  if (said === undefined) return undefined;
  const scheme = said.toLowerCase();
  if (/^(?:data|javascript|vbscript|about|mailto|tel|sms|blob|jar|view-source|url)$/.test(scheme)) {
    const nested = /^(?:blob|jar|view-source|url)$/.test(scheme) ? readUrl(rest) : undefined;
    if (nested?.host !== undefined) return { ...nested, scheme, odd: true };
    return { scheme, private: false, userinfo: false, odd: false };
  }
  if (scheme === "file") return readFile(rest);
  return readAuthority(scheme, rest);
}

/** Reads an argument that is an address, or the beginning of one: `//host`, `host/path`, `host:port`. */
export function readAddress(text: string): UrlFacts | undefined {
  // as browsers do: what stands in the middle is left out, too
  const trimmed = text.replace(/[\t\n\r]/g, "").trim();
  const odd = trimmed !== text;
  if (trimmed === "") return undefined;
  if (/^[a-z][a-z0-9+.-]{0,31}:(?!\d{1,5}(?:[/?#]|$))/i.test(trimmed)) {
    const url = readUrl(trimmed);
    return url === undefined ? undefined : { ...url, odd: url.odd || odd };
  }
  // a path of an address that others know
  if (/^(?:\/(?![/\\])|[.?#])/.test(trimmed)) return undefined;
  return readAuthority("", trimmed.replace(/^[/\\]*/, "//"), odd);
}

function readFile(rest: string): UrlFacts {
  const [, authority = ""] = /^[/\\]{2}([^/\\?#]*)/.exec(rest) ?? [];
  const host = authority === "" || /^localhost$/i.test(authority) ? undefined : readHost(authority);
  return {
    scheme: "file",
    ...(host === undefined ? {} : { host: host.host, ip: host.ip }),
    private: true,
    userinfo: false,
    odd: /\\/.test(rest),
  };
}

function readAuthority(scheme: string, text: string, odd = false): UrlFacts | undefined {
  // `jar:http://host!/entry`
  const rest = text.replace(/^([/\\]{2}[^/\\?#!]{0,1024})!/, "$1/!");
  // the same host for all schemes: as the web's are read
  let url: URL;
  try {
    url = new URL(`http:${rest}`);
  } catch {
    return /^[/\\]{2}/.test(rest)
      ? { scheme, private: true, userinfo: rest.includes("@"), odd: true }
      : undefined;
  }
  const host = describeHost(url.hostname);
  const said = Number(url.port);
  const port =
    url.port === "" ? (/^[/\\]{2}[^/\\?#]*:80(?:[/\\?#]|$)/.test(rest) ? 80 : ports[scheme]) : said;
  return {
    scheme,
    host: host.host,
    ip: host.ip,
    ...(port === undefined ? {} : { port }),
    private: host.private,
    userinfo: url.username !== "" || url.password !== "",
    odd: odd || rest !== text || isOdd(rest, host),
  };
}

/** Tells whether programs may read an address differently. */
function isOdd(rest: string, host: Host): boolean {
  const [, authority = ""] = /^\/\/([^/?#]*)/.exec(rest) ?? [];
  if (authority === "" || /[\\\s\u0000-\u0020\u007f]/.test(rest) || /%(?![0-9a-f]{2})/i.test(authority))
    return true;
  const at = authority.lastIndexOf("@");
  if (authority.indexOf("@") !== at) return true;
  const [, name = ""] = /^(\[[0-9a-f:.]+\]|[^:[\]]*)(:\d{1,5})?$/i.exec(authority.slice(at + 1)) ?? [];
  if (name === "") return true;
  if (name.startsWith("[")) return false;
  // `0x7f.1` and its like; `xn--` is plain
  return !plainHost.test(name) || (host.ip && name.replace(/\.$/, "") !== host.host);
}

/** The members in one order, so that the same is told once. */
export function urlJson({ scheme, host, port, ip, private: inner, userinfo, odd }: UrlFacts): JsonObject {
  const facts: JsonObject = { scheme };
  if (host !== undefined) facts["host"] = host;
  if (port !== undefined) facts["port"] = port;
  if (ip !== undefined) facts["ip"] = ip;
  facts["private"] = inner;
  facts["userinfo"] = userinfo;
  facts["odd"] = odd;
  return facts;
}
