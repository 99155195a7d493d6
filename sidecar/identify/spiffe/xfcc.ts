/**
 * Envoy's `X-Forwarded-Client-Cert`: elements joined by `,`, each of `Key=Value` pairs joined by `;`, values in double
 * quotes where they hold `,`, `;`, `=` or `"`, which is then escaped. Source: Envoy's HTTP header documentation.
 */
export interface ForwardedElement {
  /** SHA-256 of the leaf's DER in hex, lower case. */
  readonly hash: string | undefined;
  /** DER, leaf first. */
  readonly chain: readonly Buffer[];
  readonly uris: readonly string[];
}

const mostLetters = 65_536;
/** Each may stand once, but for URI and DNS. */
const keys = new Set(["by", "hash", "cert", "chain", "subject", "uri", "dns"]);
const repeated = new Set(["by", "uri", "dns"]);
const quoted = /^"((?:[^"\\]|\\["\\])*)"/;
const plain = /^[^",;=]*/;
const certificateBlock = /^\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*/;

/** Parses the header strictly; undefined where it isn't exactly one element with its certificate. */
export function parseXfcc(value: string): ForwardedElement | undefined {
  if (value.length > mostLetters || /[^\x20-\x7e]/.test(value)) return undefined;
  const pairs = readPairs(value);
  if (pairs === undefined) return undefined;
  const all = (name: string): string[] => pairs.flatMap(([key, text]) => (key === name ? [text] : []));
  const [hash] = all("hash");
  if (hash !== undefined && !/^[0-9a-f]{64}$/.test(hash)) return undefined;
  const [cert] = all("cert");
  const [wholeChain] = all("chain");
  const leaf = cert === undefined ? undefined : readPem(cert);
  const chain = wholeChain === undefined ? undefined : readPem(wholeChain);
  if ((cert !== undefined && leaf?.length !== 1) || (wholeChain !== undefined && chain === undefined)) {
    return undefined;
  }
  const [first] = chain ?? leaf ?? [];
  const given = leaf?.[0];
  // `Chain` begins with the leaf; `Cert` is that leaf
  if (first === undefined || (given !== undefined && !given.equals(first))) return undefined;
  return { hash, chain: chain ?? leaf ?? [], uris: all("uri").filter((uri) => uri !== "") };
}

function readPairs(value: string): [string, string][] | undefined {
  const pairs: [string, string][] = [];
  let rest = value;
  for (;;) {
    const [head = "", name = ""] = /^([A-Za-z]+)=/.exec(rest) ?? [];
    const key = name.toLowerCase();
    if (!keys.has(key) || (!repeated.has(key) && pairs.some(([before]) => before === key))) return undefined;
    rest = rest.slice(head.length);
    const inQuotes = quoted.exec(rest);
    const text = inQuotes?.[1]?.replace(/\\(.)/g, "$1") ?? plain.exec(rest)?.[0] ?? "";
    pairs.push([key, text]);
    rest = rest.slice((inQuotes?.[0] ?? text).length);
    if (rest === "") return pairs;
    // INVARIANT: a comma begins another element, and there is only one
    if (!rest.startsWith(";")) return undefined;
    rest = rest.slice(1);
  }
}

/** Reads URL-encoded PEM: certificates and nothing else. */
function readPem(encoded: string): Buffer[] | undefined {
  let text: string;
  try {
    text = decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
  const found: Buffer[] = [];
  while (text !== "") {
    const [block, body] = certificateBlock.exec(text) ?? [];
    if (block === undefined || body === undefined) return undefined;
    found.push(Buffer.from(body, "base64"));
    text = text.slice(block.length);
  }
  return found.length === 0 ? undefined : found;
}
