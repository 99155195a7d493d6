import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { PlainSource } from "./read-config.js";
import type { SecretRead } from "./secret.js";
import { faultOf } from "./secret.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The largest file that is read, bytes. */
const largest = 65_536;

/** Reads a credential from where it is, now. Blank space around it doesn't count. */
export async function readPlain(source: PlainSource, environment: Environment): Promise<SecretRead> {
  if ("file" in source) return readFile(source.file);
  const text = "value" in source ? source.value : environment[source.env];
  return text === undefined ? { kind: "failed", code: "missing" } : valueOf(text);
}

function valueOf(text: string): SecretRead {
  const value = text.trim();
  const code = faultOf(value);
  return code === undefined ? { kind: "value", value } : { kind: "failed", code };
}

async function readFile(path: string): Promise<SecretRead> {
  try {
    // a pipe without a writer must not keep us waiting
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) return { kind: "failed", code: "unreadable" };
      const buffer = Buffer.alloc(largest + 1);
      let size = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, size, buffer.length - size, size);
        size += bytesRead;
        if (size > largest) return { kind: "failed", code: "too_large" };
        if (bytesRead === 0) return valueOf(buffer.toString("utf8", 0, size));
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as { code?: unknown };
    return { kind: "failed", code: code === "ENOENT" || code === "ENOTDIR" ? "missing" : "unreadable" };
  }
}
