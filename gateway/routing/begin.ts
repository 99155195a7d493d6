/** Looks at how a stream begins: an error before anything of the answer is a failed attempt, as one by status would be. */
import { readStreamError } from "./stream-error.js";
import type { StreamError } from "./stream-error.js";

export type Begun =
  | {
      readonly kind: "begun";
      /** All that came so far. */
      readonly first: IteratorResult<Buffer>;
      readonly pieces: AsyncIterator<Buffer>;
    }
  | ({ readonly kind: "error" } & StreamError);

/** The most that is held while nothing of the answer came, bytes, and in how many pieces: each is looked at anew. */
const mostHeld = 65_536;
const mostPieces = 64;
/** How long what says nothing yet is held, milliseconds: by then it is passed on, and errors come as they come. */
const longestHold = 500;

/** Reads on until something of the answer came, or an error. Rejects as the pieces do. */
export async function begin(given: IteratorResult<Buffer>, pieces: AsyncIterator<Buffer>): Promise<Begun> {
  let first = given;
  let hold: Hold | undefined;
  try {
    for (let held = 1; ; held++) {
      if (first.done === true) return { kind: "begun", first, pieces };
      const begun = look(first.value);
      if (typeof begun === "object") return { kind: "error", ...begun };
      const enough = held > mostPieces || first.value.length > mostHeld;
      if (begun === "answer" || enough) return { kind: "begun", first, pieces };
      hold ??= startHold();
      const next = pieces.next();
      const more = await Promise.race([next, hold.over]);
      if (more === undefined || more.done === true) {
        // what is on its way is the next to be read
        next.catch(() => undefined);
        return { kind: "begun", first, pieces: after(next, pieces) };
      }
      first = { done: false, value: Buffer.concat([first.value, more.value]) };
    }
  } finally {
    hold?.end();
  }
}

interface Hold {
  readonly over: Promise<undefined>;
  end(): void;
}

function startHold(): Hold {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    // after a pause of this process the next piece may lie here: what has arrived is looked at once more
    timer = setTimeout(() => setImmediate(resolve, undefined), longestHold);
  });
  return {
    over,
    end() {
      clearTimeout(timer);
    },
  };
}

function after(next: Promise<IteratorResult<Buffer>>, pieces: AsyncIterator<Buffer>): AsyncIterator<Buffer> {
  let pending: Promise<IteratorResult<Buffer>> | undefined = next;
  return {
    next() {
      const one = pending ?? pieces.next();
      pending = undefined;
      return one;
    },
    return: async () => (await pieces.return?.()) ?? { done: true, value: undefined },
  };
}

/** Reads whole events until one tells. A comment is for the client: it keeps its connection, so nothing is held then. */
function look(bytes: Buffer): "answer" | "nothing" | StreamError {
  const text = bytes.toString();
  let at = 0;
  for (;;) {
    const end = /\r?\n\r?\n/g;
    end.lastIndex = at;
    const found = end.exec(text);
    if (text.startsWith(":", at)) return "answer";
    if (found === null) return "nothing";
    const data = text
      .slice(at, found.index)
      .split(/\r?\n/)
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(5).trimStart())
      .join("\n");
    at = end.lastIndex;
    if (data === "") continue;
    const said = read(data);
    const error = readStreamError(said);
    if (error !== undefined) return error;
    if (!isPreamble(said)) return "answer";
  }
}

function read(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

type Members = Readonly<Record<string, unknown>>;

const preambles = new Set([
  "message_start",
  "ping",
  "response.created",
  "response.in_progress",
  "response.queued",
]);

/** Tells what begins an answer without a word of it. What isn't known is taken for the answer. */
function isPreamble(said: unknown): boolean {
  if (typeof said !== "object" || said === null) return false;
  const { type, choices, usage } = said as Members;
  if (typeof type === "string") return preambles.has(type);
  if (!Array.isArray(choices) || (typeof usage === "object" && usage !== null)) return false;
  return choices.every((choice: unknown) => {
    const { delta, finish_reason: finish } = (choice ?? {}) as Members;
    if (typeof delta !== "object" || delta === null || typeof finish === "string") return false;
    return Object.entries(delta).every(([name, value]) => name === "role" || value === "" || value === null);
  });
}
