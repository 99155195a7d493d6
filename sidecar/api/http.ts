import type { IncomingMessage, ServerResponse } from "node:http";
import type { Refusal } from "../contract.js";
import { refuse } from "../contract.js";

/** What a listener's callers are: a PEP's own Unix socket, or anyone who reaches the port. */
export interface Door {
  readonly name: string;
  /** INVARIANT: true only for a Unix socket that the file system keeps for one peer. */
  readonly trusted: boolean;
  /** The enforcement point whose socket it is, where it has a name. */
  readonly peer?: string;
  /** The door is on loopback: a Host that isn't means a page that had its name point here (DNS rebinding). */
  readonly loopback: boolean;
}

/** Writes a JSON document. */
export function sendJson(
  res: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  if (res.headersSent || res.destroyed) return;
  res.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
  res.end(body);
}

/** Writes a refusal: `{code, message, fix}`. */
export function sendRefusal(res: ServerResponse, refusal: Refusal): void {
  const { code, message, fix, status } = refusal;
  const headers: Record<string, string> = status === 401 ? { "www-authenticate": "Bearer" } : {};
  // what follows an unread body on this connection can't be told apart from it
  if (status === 413) headers["connection"] = "close";
  sendJson(res, status, JSON.stringify({ code, message, fix }), headers);
}

/**
 * Reads a body of JSON up to a limit in bytes; refuses encodings, and other media types unless `anyType`: OPA's
 * callers send JSON under whatever type their client sets.
 */
export async function readBody(
  req: IncomingMessage,
  limit: number,
  { anyType = false } = {},
): Promise<Buffer | Refusal> {
  const { "content-type": type, "content-encoding": encoding } = req.headers;
  if (
    !anyType &&
    type !== undefined &&
    !/^application\/(?:[\w.-]+\+)?json\s*(?:;\s*charset=utf-8\s*)?$/i.test(type)
  ) {
    return refuse("unsupported_media_type");
  }
  if (encoding !== undefined && encoding !== "identity") return refuse("unsupported_encoding");
  const declared = Number(req.headers["content-length"] ?? 0);
  if (declared > limit) return refuse("body_too_large", `at most ${limit} bytes`);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        req.removeAllListeners("data");
        req.resume();
        resolve(refuse("body_too_large", `at most ${limit} bytes`));
        return;
      }
      chunks.push(chunk);
    });
    req.on("end", () => {
      const [first] = chunks;
      resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, size));
    });
    req.on("error", () => {
      resolve(refuse("invalid_request", "the body ended early"));
    });
    req.on("close", () => {
      resolve(refuse("invalid_request", "the body ended early"));
    });
  });
}
