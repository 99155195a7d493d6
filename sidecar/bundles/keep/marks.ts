import { createHash } from "node:crypto";
import type { Rejected } from "../../rego/bundle.js";
import type { Mark } from "../admit/version.js";
import { readWhole, writeWhole } from "./whole.js";

/** The highest version of each bundle that was in force here. */
export interface Marks {
  /** Never rejects; a mark that was there and can't be read lets nothing in. */
  read(name: string): Promise<{ readonly kind: "read"; readonly mark: Mark } | Rejected>;
  /** On disk when it answers. Never rejects. */
  write(name: string, mark: Mark): Promise<{ readonly kind: "written" } | Rejected>;
}

/** Keeps marks for as long as the process runs. */
export function createMemoryMarks(): Marks {
  const marks = new Map<string, Mark>();
  return {
    read: (name) => Promise.resolve({ kind: "read", mark: marks.get(name) ?? {} }),
    write(name, mark) {
      marks.set(name, mark);
      return Promise.resolve({ kind: "written" });
    },
  };
}

const mostBytes = 65_536;
export const markFile = "mark.json";

/** Keeps marks beside the bundles that are kept. */
export function createDiskMarks(folderOf: (name: string) => string): Marks {
  return {
    async read(name) {
      try {
        const bytes = await readWhole(folderOf(name), markFile, mostBytes);
        const mark = bytes === undefined ? {} : parseMark(bytes);
        return mark === undefined ? refuse(name, "mark_unreadable", "is damaged") : { kind: "read", mark };
      } catch (error) {
        return refuse(name, "mark_unreadable", `can't be read (${reasonOf(error)})`);
      }
    },
    async write(name, mark) {
      try {
        await writeWhole(folderOf(name), markFile, Buffer.from(textOf(mark)));
        return { kind: "written" };
      } catch (error) {
        return refuse(name, "mark_unwritable", `can't be written (${reasonOf(error)})`);
      }
    },
  };
}

function refuse(name: string, code: string, what: string): Rejected {
  const message = `${name}/${markFile} in the persistence directory ${what}: no version can be compared with it. Take it away to accept any`;
  return { kind: "rejected", errors: [{ code, message }] };
}

function reasonOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "fault";
  if ("code" in error && typeof error.code === "string") return error.code;
  return "message" in error && typeof error.message === "string" ? error.message : "fault";
}

function textOf(mark: Mark): string {
  const text = JSON.stringify(mark);
  return `${JSON.stringify({ mark, sum: sumOf(text) })}\n`;
}

function sumOf(text: string): string {
  return createHash("sha256").update(`countersign mark ${text}`).digest("hex");
}

function parseMark(bytes: Uint8Array): Mark | undefined {
  try {
    const read = JSON.parse(Buffer.from(bytes).toString("utf8")) as { mark?: unknown; sum?: unknown };
    if (typeof read.mark !== "object" || read.mark === null) return undefined;
    return sumOf(JSON.stringify(read.mark)) === read.sum ? (read.mark as Mark) : undefined;
  } catch {
    return undefined;
  }
}
