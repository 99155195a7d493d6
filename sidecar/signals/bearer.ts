/** Tokens in files: ours that are presented, and others' that are compared. */
import { createHash, timingSafeEqual } from "node:crypto";
import { open } from "node:fs/promises";
import type { IncomingMessage } from "node:http";

const mostBytes = 16 * 1024;
/** Characters of the shortest token that is accepted. */
const least = 32;

/** Reads a token anew, so that what replaces it counts at once; undefined where there is none. */
export async function readToken(path: string): Promise<string | undefined> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > mostBytes) return undefined;
      const token = (await file.readFile("utf8")).trim();
      return /^[\x21-\x7e]+$/.test(token) ? token : undefined;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** Tells whether a request presents the token of a file. INVARIANT: without a token of 32 characters nobody does. */
export async function presents(req: IncomingMessage, path: string): Promise<boolean> {
  const given = /^Bearer ([\x21-\x7e]+)$/i.exec(req.headers.authorization ?? "")?.[1];
  const wanted = await readToken(path);
  if (given === undefined || wanted === undefined || wanted.length < least) return false;
  return timingSafeEqual(digest(given), digest(wanted));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
