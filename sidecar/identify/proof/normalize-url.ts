/** What a URL may consist of (RFC 3986 section 2 and 3): no user, no query, no fragment, no other characters. */
const form =
  /^(https?):\/\/([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{0,5}))?((?:\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*)*)$/i;
const defaultPorts: Readonly<Record<string, string>> = { http: "80", https: "443" };
const longest = 4_096;

/**
 * Normalizes an HTTP URL by syntax and scheme (RFC 3986 sections 6.2.2 and 6.2.3), as RFC 9449 section 4.3 asks, so
 * that what names the same resource compares equal. Undefined for anything that isn't such a URL; stricter than a
 * browser's parser, which mends what it can't read.
 */
export function normalizeUrl(url: string): string | undefined {
  if (url.length > longest) return undefined;
  const [, rawScheme = "", host = "", port = "", path = ""] = form.exec(url) ?? [];
  const scheme = rawScheme.toLowerCase();
  const defaultPort = defaultPorts[scheme];
  if (defaultPort === undefined) return undefined;
  const number = port === "" ? defaultPort : String(Number(port));
  const at = number === defaultPort ? "" : `:${number}`;
  return `${scheme}://${host.toLowerCase()}${at}${removeDots(unescape(path))}`;
}

/** Cuts query and fragment off the URL of a request. */
export function withoutQuery(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

/** Decodes escapes of unreserved characters, spells the others in upper case (section 6.2.2.1 and 6.2.2.2). */
function unescape(path: string): string {
  return path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const character = String.fromCharCode(parseInt(escape.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : escape.toUpperCase();
  });
}

/** Removes dot segments (section 5.2.4); an empty path is `/`. */
function removeDots(path: string): string {
  const out: string[] = [];
  const segments = path.split("/").slice(1);
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    if (segment === "..") out.pop();
    if (segment !== "." && segment !== "..") out.push(segment);
    else if (last) out.push("");
  });
  return `/${out.join("/")}`;
}
