/** Makes blocks of lines: parts of an upload that are compressed once, kept as they are, and put together to any upload. */
import { constants, crc32, deflateRaw, inflateRaw } from "node:zlib";
import { promisify } from "node:util";
import { parseJson, isObject, stringifyJson } from "../../contract.js";

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Events in order. Source: RFC 1951. */
export interface Block {
  /** Deflated events with `,` and a line break between them: whole blocks, which end at a byte and refer to nothing before them. */
  readonly deflated: Uint8Array;
  readonly events: number;
  /** Length and CRC-32 of what was deflated. */
  readonly bytes: number;
  readonly crc: number;
  /** When it was made, epoch milliseconds. */
  readonly at: number;
}

export interface BlockMakerParts {
  /** Most bytes of a block, compressed. */
  readonly most: number;
  readonly now: () => number;
  /** Told of events that are larger alone: they go without input and result (`shortened`), or not at all (`dropped`). */
  readonly onTooLarge: (result: "shortened" | "dropped") => void;
}

export type MakeBlocks = (lines: readonly string[]) => Promise<Block[]>;

/** Characters that one turn may put together, so that decisions don't wait. */
const mostRaw = 2 ** 20;
/** Level 1: a twentieth more bytes than by 6, for a fourth of the time. */
const options = { level: 1, finishFlush: constants.Z_FULL_FLUSH } as const;

/**
 * Makes the function that compresses lines (JSON texts) to blocks. How many fit is learned from what came before, so
 * that a block is seldom compressed twice. OPA's idea: its adaptive limit of uncompressed bytes.
 */
export function createBlockMaker({ most, now, onTooLarge }: BlockMakerParts): MakeBlocks {
  let limit = Math.min(most * 2, mostRaw);

  const compress = async (lines: readonly string[]): Promise<Block> => {
    const raw = Buffer.from(lines.join(",\n"));
    return {
      deflated: await deflate(raw, options),
      events: lines.length,
      bytes: raw.length,
      crc: crc32(raw),
      at: now(),
    };
  };
  const fit = async (lines: readonly string[], into: Block[]): Promise<void> => {
    const block = await compress(lines);
    const size = block.deflated.length;
    if (size <= most) {
      if (size < most / 2 && block.bytes > limit / 2) limit = Math.min(limit * 2, mostRaw);
      into.push(block);
    } else if (lines.length > 1) {
      limit = Math.max(1_024, Math.min(limit, Math.floor((block.bytes / size) * most * 0.8)));
      const half = lines.length >> 1;
      await fit(lines.slice(0, half), into);
      await fit(lines.slice(half), into);
    } else {
      const short = await compress([shorten(lines[0] ?? "")]);
      const fits = short.deflated.length <= most;
      if (fits) into.push(short);
      onTooLarge(fits ? "shortened" : "dropped");
    }
  };
  return async (lines) => {
    const blocks: Block[] = [];
    let from = 0;
    for (let length = 0, at = 0; at < lines.length; at++) {
      const next = lines[at]?.length ?? 0;
      if (at > from && length + next > limit) {
        await fit(lines.slice(from, at), blocks);
        from = at;
        length = 0;
      }
      length += next;
    }
    if (from < lines.length) await fit(lines.slice(from), blocks);
    return blocks;
  };
}

/** Gives a block's events back. @throws Error where it isn't what it says */
export async function linesOf({ deflated, bytes }: Block): Promise<string[]> {
  const raw = await inflate(deflated, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: bytes + 1 });
  return raw.toString().split(",\n");
}

/** What identifies the decision stays: OPA drops the whole event. */
function shorten(line: string): string {
  try {
    const event = parseJson(line, { depth: 512 });
    if (!isObject(event)) return line;
    const erased = ["nd_builtin_cache", "input", "result"].filter((name) => event[name] !== undefined);
    for (const name of erased) delete event[name];
    const before = Array.isArray(event["erased"]) ? event["erased"] : [];
    return stringifyJson({
      ...event,
      erased: [...before, ...erased.map((name) => `/${name}`)],
      incomplete: true,
    });
  } catch {
    return line;
  }
}
