import type { ServerResponse } from "node:http";
import type { Passed } from "../forward/forward.js";
import { passOn } from "../forward/forward.js";

export interface StreamParts {
  readonly res: ServerResponse;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** What tells a client that its stream was cut. */
  readonly errorEvent: string;
}

/** Sends a stream of events; one that is cut says so at its end. */
export async function sendStream(source: AsyncIterable<Buffer>, parts: StreamParts): Promise<Passed> {
  const { res, status, headers, signal, errorEvent } = parts;
  res.writeHead(status, { ...headers, "cache-control": "no-cache" });
  const passed = await passOn(source, res, signal);
  // the blank line ends the event that was cut
  if (passed.ended === "cut") res.write(`\n\n${errorEvent}`);
  res.end();
  return passed;
}
