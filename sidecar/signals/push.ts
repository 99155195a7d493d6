/** Receives SETs that are pushed. Source: RFC 8935. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { presents } from "./bearer.js";
import type { TransmitterConfig } from "./config.js";
import type { Receive } from "./receive.js";
import type { SignalEvent } from "./told.js";
import { maxSet, type SetError } from "./verify.js";

export interface PushParts {
  readonly transmitters: ReadonlyMap<
    string,
    { readonly config: TransmitterConfig; readonly receive: Receive }
  >;
  readonly tell: (event: SignalEvent) => void;
}

export type Handle = (req: IncomingMessage, res: ServerResponse, name: string) => Promise<void>;

/** Most SETs that are taken at once. */
const mostAtOnce = 64;
/** Milliseconds for a body to arrive in. */
const patience = 10_000;

/** Creates the handler of `POST /v1/signals/{transmitter}`. */
export function createPush({ transmitters, tell }: PushParts): Handle {
  let underWay = 0;
  return async (req, res, name) => {
    if (req.method !== "POST") return answer(res, 405, undefined, { allow: "POST" });
    const found = transmitters.get(name);
    const tokenFile = found?.config.push?.tokenFile;
    // one that isn't there looks like one whose token is another
    if (found === undefined || tokenFile === undefined || !(await presents(req, tokenFile))) {
      if (found !== undefined) {
        tell({ direction: "received", peer: name, event: "none", result: "unauthenticated", fences: [] });
      }
      return answer(
        res,
        401,
        ["authentication_failed", "the bearer token is missing or not this transmitter's"],
        {
          "www-authenticate": "Bearer",
          connection: "close",
        },
      );
    }
    if (!/^application\/secevent\+jwt\s*(?:;|$)/i.test(req.headers["content-type"] ?? "")) {
      return answer(res, 415, ["invalid_request", "send application/secevent+jwt"], { connection: "close" });
    }
    if (underWay >= mostAtOnce)
      return answer(res, 503, undefined, { "retry-after": "1", connection: "close" });
    underWay++;
    try {
      const token = await readText(req);
      if (token === "too_large") {
        return answer(res, 413, ["invalid_request", "the SET is too large"], { connection: "close" });
      }
      if (token === undefined) return answer(res, 400, ["invalid_request", "the body ended early"]);
      const taken = await found.receive(token.trim());
      if (taken.kind === "taken") answer(res, 202);
      else if (taken.kind === "refused") answer(res, 400, [taken.err, taken.description]);
      else answer(res, 503, undefined, { "retry-after": "5" });
    } finally {
      underWay--;
    }
  };
}

function answer(
  res: ServerResponse,
  status: number,
  error?: readonly [err: SetError, description: string],
  headers: Record<string, string> = {},
): void {
  if (res.headersSent || res.destroyed) return;
  const body = error === undefined ? "" : JSON.stringify({ err: error[0], description: error[1] });
  res.writeHead(status, {
    ...(error === undefined ? {} : { "content-type": "application/json", "content-language": "en" }),
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    ...headers,
  });
  res.end(body);
}

/** Reads a body of bounded size in bounded time; undefined where it ends early. */
export function readText(req: IncomingMessage): Promise<string | "too_large" | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(done, patience, undefined);
    function done(text: string | undefined): void {
      clearTimeout(timer);
      req.removeAllListeners("data");
      req.resume();
      resolve(text);
    }
    req.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxSet) return done("too_large");
      chunks.push(chunk);
    });
    req.on("end", () => {
      done(Buffer.concat(chunks, size).toString("latin1"));
    });
    req.on("error", () => {
      done(undefined);
    });
    req.on("close", () => {
      done(undefined);
    });
  });
}
