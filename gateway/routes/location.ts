import { readTarget } from "./normalise.js";

/**
 * Gives where a redirect leads in the gateway's own paths; undefined where it leaves the route.
 * @param upstream the upstream's base
 * @param path of the request at the upstream, that relative references are resolved against
 */
export function rewriteLocation(
  given: readonly string[],
  upstream: URL,
  path: string,
  prefix: string,
): string | undefined {
  const [text = ""] = given;
  if (given.length !== 1 || text.length > 8_192 || !/^[\x21-\x7e]+$/.test(text) || text.includes("\\"))
    return undefined;
  if (!URL.canParse(text, `${upstream.origin}${path}`)) return undefined;
  const url = new URL(text, `${upstream.origin}${path}`);
  if (url.origin !== upstream.origin || url.username !== "" || url.password !== "") return undefined;
  const base = upstream.pathname.replace(/\/$/, "");
  if (url.pathname !== base && !url.pathname.startsWith(`${base}/`)) return undefined;
  const rest = `${url.pathname.slice(base.length) || "/"}${url.search}`;
  // what the gateway would refuse is no place to go
  return readTarget(rest).kind === "target" ? `${prefix}${rest}${url.hash}` : undefined;
}
