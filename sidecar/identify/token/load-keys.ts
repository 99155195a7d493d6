import { open } from "node:fs/promises";
import type { KeysFault } from "./types.js";

/** Why the bytes of a key set could not be had. */
export class LoadFailed extends Error {
  override readonly name = "LoadFailed";
  constructor(readonly fault: KeysFault) {
    super(fault);
  }
}

export interface FetchLimits {
  readonly jwksBytes: number;
  readonly fetchTimeoutMs: number;
}

/**
 * Fetches a key set: exactly the configured URL, no redirect followed, bounded in time and size.
 * @throws LoadFailed
 */
export async function fetchKeys(
  url: string,
  limits: FetchLimits,
  parts: { fetch: typeof fetch; closed: AbortSignal },
): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(limits.fetchTimeoutMs);
  const signal = AbortSignal.any([timeout, parts.closed]);
  try {
    const response = await parts.fetch(url, {
      redirect: "manual",
      signal,
      credentials: "omit",
      headers: { accept: "application/jwk-set+json, application/json" },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new LoadFailed("status");
    }
    return await readBounded(response, limits.jwksBytes);
  } catch (error) {
    if (error instanceof LoadFailed) throw error;
    throw new LoadFailed(timeout.aborted ? "timeout" : "network");
  }
}

async function readBounded(response: Response, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    // Leaving the loop cancels the stream, so the rest isn't read.
    if (length > limit) throw new LoadFailed("too_large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Reads a key set from a file when it is another than `known` (by inode, size and time of change).
 * @throws LoadFailed
 */
export async function readKeysFile(
  path: string,
  known: string | undefined,
  limit: number,
): Promise<{ version: string; bytes: Uint8Array } | undefined> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) throw new LoadFailed("unreadable");
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await file.stat();
    const version = [dev, ino, size, mtimeMs, ctimeMs].join(":");
    if (version === known) return undefined;
    if (size > limit) throw new LoadFailed("too_large");
    const buffer = Buffer.alloc(limit + 1);
    const { bytesRead } = await file.read(buffer, 0, limit + 1, 0);
    if (bytesRead > limit) throw new LoadFailed("too_large");
    return { version, bytes: Uint8Array.from(buffer.subarray(0, bytesRead)) };
  } catch (error) {
    throw error instanceof LoadFailed ? error : new LoadFailed("unreadable");
  } finally {
    await file.close();
  }
}
