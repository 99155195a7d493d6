import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { Fault } from "./fault.js";

/** Bytes of a token, a certificate or a key. */
const most = 256 * 1024;

/**
 * Reads a file of credentials. Links are followed: Kubernetes replaces what it projects by them.
 * @param what named in the fault, together with the path
 * @throws Fault where it isn't a plain file of a small size; never waits for a pipe
 */
export async function readSmallFile(path: string, what: string): Promise<string> {
  const fault = (why: string): Fault => new Fault("credentials", `${what} ${path} ${why}`);
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw fault(`can't be read (${(error as NodeJS.ErrnoException).code ?? "unreadable"})`);
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw fault("is no plain file");
    const buffer = Buffer.alloc(Math.min(stat.size, most) + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > most) throw fault(`is larger than ${most} bytes`);
    return buffer.toString("utf8", 0, length);
  } catch (error) {
    throw error instanceof Fault ? error : fault("can't be read");
  } finally {
    await handle.close();
  }
}
