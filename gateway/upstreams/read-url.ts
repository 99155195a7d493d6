import type { Problems } from "../../sidecar/contract.js";

/** Reads an address without credentials; one that isn't is a problem, and leads nowhere. */
export function readUrl(
  text: string,
  place: string,
  problems: Problems,
  schemes: readonly string[] = ["https", "http"],
): URL {
  if (URL.canParse(text)) {
    const url = new URL(text);
    if (url.username !== "" || url.password !== "")
      problems.add(place, "must not hold credentials; use api_key");
    else if (schemes.includes(url.protocol.slice(0, -1))) return url;
    else problems.add(place, `must be ${[...schemes].reverse().join(" or ")}`);
  } else if (text !== "") problems.add(place, "must be a URL");
  return new URL("http://invalid.invalid");
}

/** Tells an address of this machine itself, by its literal name. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
