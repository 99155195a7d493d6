/** Where decision log lines go: a stream (stdout) or a file. */
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { Writable } from "node:stream";

/** Takes whole lines; `write` settles when the destination has them, and is called one at a time. */
export interface Sink {
  write(lines: string): Promise<void>;
  close(): Promise<void>;
}

/** Writes to a stream that belongs to somebody else (stdout); it is never ended. */
export function streamSink(stream: Writable): Sink {
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  // without a listener, a reader that goes away (EPIPE) would end the process
  stream.on("error", onError);
  return {
    write: (lines) =>
      new Promise((resolve, reject) => {
        if (broken !== undefined || stream.destroyed) {
          reject(broken ?? new Error("the stream is closed"));
          return;
        }
        // the callback comes once the destination has taken the chunk: that is the back-pressure
        stream.write(lines, (error) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    close: () => {
      // the listener stays: a late EPIPE must not end the process either
      return Promise.resolve();
    },
  };
}

export interface FileSinkOptions {
  /** Waits for the disk after each batch. */
  readonly sync?: boolean;
}

/** Opens a file for appending, readable by its owner only (0600, also where it existed with more). */
export async function fileSink(path: string, options: FileSinkOptions = {}): Promise<Sink> {
  const file = await open(path, "a", 0o600);
  if ((await file.stat()).isFile()) await file.chmod(0o600);
  return appendSink(file, options);
}

/** Appends to an open file. A line torn by a failed write (disk full) is ended before the next one. */
export function appendSink(
  file: Pick<FileHandle, "appendFile" | "datasync" | "close">,
  { sync = false }: FileSinkOptions = {},
): Sink {
  let torn = false;
  return {
    async write(lines) {
      const text = torn ? `\n${lines}` : lines;
      torn = true;
      await file.appendFile(text);
      if (sync) await file.datasync();
      torn = false;
    },
    close: () => file.close(),
  };
}
