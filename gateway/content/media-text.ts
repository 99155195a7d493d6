/** Finds the text that media bring along in base64: what is looked at, and masked, is told by the bytes, not by what a server calls them. */

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Tells types whose bytes are taken for text even where some of them aren't UTF-8. */
function isTextType(type: string): boolean {
  const [plain = ""] = type.split(";");
  const name = plain.trim().toLowerCase();
  return (
    name.startsWith("text/") || /^(?:application\/(?:.*\+)?(?:json|xml|yaml)|image\/svg\+xml)$/.test(name)
  );
}

/**
 * Gives the text of bytes in base64; undefined where they hold none: a zero byte, or what isn't UTF-8, in a type that is no text.
 * @param type the media type as the server says it
 */
export function textIn(data: string, type: string): string | undefined {
  const bytes = Buffer.from(data, "base64");
  if (isTextType(type)) return bytes.toString("utf8");
  if (bytes.includes(0)) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Puts a text in the place of another that media held; undefined where the bytes weren't all of that text. */
export function withText(data: string, before: string, after: string): string | undefined {
  return Buffer.from(before).equals(Buffer.from(data, "base64"))
    ? Buffer.from(after).toString("base64")
    : undefined;
}
