/**
 * Reads lines of UTF-8 as they come; empty ones are left out.
 * @throws Error past `limit` characters in a line, where bytes aren't UTF-8, and where the last line has no end
 */
export async function* readLines(body: AsyncIterable<Buffer>, limit: number): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  // pieces of a line that isn't whole: adding to one text would copy it each time
  let pieces: string[] = [];
  let size = 0;
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true });
    let at = 0;
    for (;;) {
      const next = text.indexOf("\n", at);
      const piece = text.slice(at, next < 0 ? undefined : next);
      size += piece.length;
      if (size > limit) throw new Error("a line is too long");
      pieces.push(piece);
      if (next < 0) break;
      const line = pieces.join("").replace(/\r$/, "");
      pieces = [];
      size = 0;
      at = next + 1;
      if (line.trim() !== "") yield line;
    }
  }
  if ((pieces.join("") + decoder.decode()).trim() !== "") throw new Error("a line without an end");
}
