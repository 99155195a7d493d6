/** Reads JSON pointers (RFC 6901, `*` for any) into arguments and results of tools. */
import type { Pointer } from "../../content/pointer.js";

/** Where results say something; their types, names and bytes can't be pointed at. */
const said: Readonly<Record<string, readonly (readonly string[])[]>> = {
  content: [
    ["*", "text"],
    ["*", "resource", "text"],
    ...["title", "description", "name"].map((name) => ["*", name]),
  ],
  contents: [["*", "text"]],
  messages: [
    ["*", "content", "text"],
    ["*", "content", "resource", "text"],
  ],
  description: [[]],
};

/** Gives pointers as lists of tokens; undefined where one is none, or points at what can't be masked. */
export function readPlaces(
  texts: readonly string[],
  phase: "request" | "response",
): readonly Pointer[] | undefined {
  if (texts.length === 0 || texts.length > 32) return undefined;
  const all = texts.map((text) => readPlace(text, phase));
  const known = all.filter((one) => one !== undefined);
  return known.length < all.length ? undefined : known;
}

function readPlace(text: string, phase: "request" | "response"): Pointer | undefined {
  if (!/^\/[^]/.test(text) || text.length > 256 || /~(?![01])/.test(text)) return undefined;
  const tokens = text
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
  if (tokens.length > 16 || tokens.some((token) => token === "" || token === "__proto__")) return undefined;
  if (phase === "request") return tokens;
  const [top = "", ...rest] = tokens;
  if (top === "structuredContent") return tokens;
  const forms = Object.hasOwn(said, top) ? said[top] : undefined;
  const fits = forms?.some(
    (form) =>
      form.length === rest.length &&
      form.every((token, i) => token === rest[i] || (token === "*" && /^\d{1,5}$/.test(rest[i] ?? ""))),
  );
  return fits === true ? tokens : undefined;
}
