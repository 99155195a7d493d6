import { validateHeaderName, validateHeaderValue } from "node:http";
import { HttpFault } from "./http-fault.js";

/** Names and values, names in Go's spelling (`Content-Type`). */
export type Headers = readonly (readonly [string, string])[];

/** Go writes these itself, whatever a request says. */
const unsent: ReadonlySet<string> = new Set([
  ...["content-length", "transfer-encoding", "trailer", "connection", "keep-alive", "te"],
]);
/** They would make another protocol of the connection, or speak to a proxy that isn't there. */
const refused: ReadonlySet<string> = new Set([
  ...["upgrade", "http2-settings", "expect", "proxy-connection", "proxy-authorization"],
]);
/** Meant for the host that was asked, and for no other. */
const secret: ReadonlySet<string> = new Set([
  ...["authorization", "cookie", "cookie2", "www-authenticate", "proxy-authenticate", "host"],
]);

/**
 * Makes the headers that are sent of those that a policy gives; of two spellings of a name the last counts.
 * @throws HttpFault (network, as Go's client) where a name or a value can't stand in a request
 */
export function headersToSend(given: Iterable<readonly [string, string]>): Headers {
  const headers = new Map<string, readonly [string, string]>();
  for (const [name, text] of given) {
    const key = name.toLowerCase();
    // Go sends a string's UTF-8; Node takes one character for each byte
    const value = Buffer.from(text).toString("latin1");
    try {
      validateHeaderName(name);
    } catch {
      throw new HttpFault("network", `net/http: invalid header field name ${JSON.stringify(name)}`);
    }
    try {
      validateHeaderValue(name, value);
    } catch {
      throw new HttpFault("network", `net/http: invalid header field value for ${JSON.stringify(name)}`);
    }
    if (refused.has(key)) throw new HttpFault("internal", `the header ${canonical(name)} can't be set`);
    if (!unsent.has(key)) headers.set(key, [canonical(name), value]);
  }
  if (!headers.has("user-agent")) headers.set("user-agent", ["User-Agent", "Countersign"]);
  return [...headers.values()];
}

/** Takes out what must not follow a redirect: secrets to another origin, what describes a body without one. */
export function headersAfterRedirect(headers: Headers, sameOrigin: boolean, withBody: boolean): Headers {
  return headers.filter(
    ([name]) => (sameOrigin || !secret.has(name.toLowerCase())) && (withBody || !/^content-/i.test(name)),
  );
}

/** Gives the first value of a header, as Go's `Header.Get`, or an empty string. */
export function headerOf(headers: Headers, name: string): string {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? "";
}

function canonical(name: string): string {
  return name
    .toLowerCase()
    .replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
}
