/** Places in a body, by JSON pointers (RFC 6901) in which `*` stands for any member or item. */

export type Pointer = readonly string[];

const longest = 256;
const deepest = 16;
const most = 32;
const isIndex = (token: string): boolean => /^(?:0|[1-9]\d{0,5})$/.test(token);

/**
 * Names that say text below a field, in some protocol. INVARIANT: what holds a request together isn't here: no type, role,
 * id, name.
 */
const sayings: ReadonlySet<string> = new Set([
  ...[
    "content",
    "text",
    "tool_calls",
    "function",
    "function_call",
    "source",
    "data",
    "parts",
    "functionCall",
  ],
  ...["functionResponse", "executableCode", "code", "codeExecutionResult", "summary", "title", "context"],
  ...["description", "reasoning_content", "refusal", "message", "citations", "cited_text"],
]);
/** Names below which a caller, or a tool, gives names of its own. */
const values: ReadonlySet<string> = new Set(["arguments", "args", "response", "metadata", "input", "output"]);
const never: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Reads pointers; undefined where one isn't a pointer, or points at what isn't said by anybody.
 * @param top the fields of the body that say something
 */
export function readPointers(
  texts: readonly string[],
  top: readonly string[],
): readonly Pointer[] | undefined {
  if (texts.length > most) return undefined;
  const all = texts.map((text) => readPointer(text, top));
  const known = all.filter((one) => one !== undefined);
  return known.length < all.length ? undefined : known;
}

function readPointer(text: string, top: readonly string[]): Pointer | undefined {
  if (!text.startsWith("/") || text.length > longest || /~(?![01])/.test(text)) return undefined;
  const tokens = text
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
  const [first = ""] = tokens;
  if (tokens.length > deepest || !top.includes(first)) return undefined;
  let free = false;
  for (const [i, token] of tokens.entries()) {
    if (never.has(token) || token === "" || token === "-") return undefined;
    const item = token === "*" || isIndex(token);
    const known = i === 0 || free || item || sayings.has(token) || values.has(token);
    if (!known) return undefined;
    // what a request brings under its own name is a conversation, or a list of items
    free ||= values.has(token) && (i > 0 || token === "metadata");
  }
  return tokens;
}

/** What is left of pointers on the way down: `all` once one of them ended. */
export type Way = "all" | readonly Pointer[];

/** Goes a step down; undefined where no pointer leads there. */
export function step(way: Way, name: string): Way | undefined {
  if (way === "all") return way;
  const on = way.filter(([token]) => token === "*" || token === name).map((pointer) => pointer.slice(1));
  if (on.some((pointer) => pointer.length === 0)) return "all";
  return on.length === 0 ? undefined : on;
}

/** Goes down a path of steps, e.g. `/choices/0/message`. */
export function follow(way: Way, path: string): Way | undefined {
  let at: Way | undefined = way;
  for (const name of path.split("/").slice(1)) at = at === undefined ? undefined : step(at, name);
  return at;
}

/** Tells whether pointers name places in a list by anything but a number or `*`. */
export function missesItems(way: Way): boolean {
  return way !== "all" && way.some(([token = ""]) => token !== "*" && !isIndex(token));
}

/** Tells whether a pointer counts items. */
export const countsItems = (pointer: Pointer): boolean => pointer.some(isIndex);
