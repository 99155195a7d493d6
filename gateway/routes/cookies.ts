/** Cookies of an upstream: those that the route names pass, each within the route's own path. */
import type { Refusal } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";

const pair =
  /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=("?)([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*)\2[ \t]*$/;

/** Picks the named cookies of a request; one that stands twice is a contradiction. `header` is "" for none. */
export function pickCookies(
  given: string | undefined,
  names: ReadonlySet<string>,
): { readonly kind: "cookies"; readonly header: string; readonly names: string[] } | Refusal {
  const picked = new Map<string, string>();
  for (const part of given?.split(";") ?? []) {
    const [, name = "", quote = "", value = ""] = pair.exec(part) ?? [];
    if (!names.has(name)) continue;
    if (picked.has(name)) return refuse("invalid_request", "a cookie stands twice");
    picked.set(name, `${quote}${value}${quote}`);
  }
  const header = [...picked].map(([name, value]) => `${name}=${value}`).join("; ");
  return { kind: "cookies", header, names: [...picked.keys()] };
}

const sameSites = ["strict", "lax", "none"];

/**
 * Rewrites a `Set-Cookie` of the upstream (RFC 6265 section 4.1); undefined where it isn't passed on. The domain is left
 * out, the path is put under the route's.
 * @param base the upstream's own path, without a slash at its end
 * @param prefix the route's path, without a slash at its end
 */
export function scopeCookie(
  line: string,
  names: ReadonlySet<string>,
  { base, prefix, secure }: { readonly base: string; readonly prefix: string; readonly secure: boolean },
): string | undefined {
  const [first = "", ...attributes] = line.split(";");
  const [, name = "", quote = "", value = ""] = pair.exec(first) ?? [];
  if (!names.has(name)) return undefined;
  const out = [`${name}=${quote}${value}${quote}`];
  let path = prefix;
  let sameSite = "Lax";
  for (const attribute of attributes) {
    const equals = attribute.indexOf("=");
    const key = (equals < 0 ? attribute : attribute.slice(0, equals)).trim().toLowerCase();
    const given = equals < 0 ? "" : attribute.slice(equals + 1).trim();
    if (key === "path") path = scopePath(given, base, prefix);
    else if (key === "max-age" && /^-?[0-9]{1,12}$/.test(given)) out.push(`Max-Age=${given}`);
    else if (key === "expires" && /^[A-Za-z0-9 ,:+-]{1,64}$/.test(given)) out.push(`Expires=${given}`);
    else if (key === "httponly") out.push("HttpOnly");
    else if (key === "samesite" && sameSites.includes(given.toLowerCase())) sameSite = given;
    else if (key === "secure" && !secure) out.push("Secure");
  }
  if (secure) out.push("Secure");
  return [...out, `Path=${path}`, `SameSite=${sameSite}`].join("; ");
}

function scopePath(given: string, base: string, prefix: string): string {
  if (!/^\/[A-Za-z0-9._~/-]*$/.test(given) || given.split("/").some((part) => /^\.\.?$/.test(part)))
    return prefix;
  const within = given === base || given.startsWith(`${base}/`);
  // a path outside the upstream's own means all of it at most
  return within ? `${prefix}${given.slice(base.length)}`.replace(/\/$/, "") : prefix;
}
