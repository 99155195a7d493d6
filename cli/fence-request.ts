/** Asks a sidecar's control plane, by its address or its Unix socket. */
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Json } from "../sidecar/contract.js";
import { isObject, parseJson } from "../sidecar/contract.js";
import { UsageError } from "./main.js";

export interface Asked {
  /** `http://`, `https://` or `unix://` and a path. */
  readonly to: string;
  readonly key: string;
  /** PEM of the authorities that the sidecar's certificate must come from. */
  readonly ca?: string;
}

export interface Answer {
  readonly status: number;
  /** `null` of an archive. */
  readonly body: Json;
  /** An archive. */
  readonly bytes?: Uint8Array;
}

/** An archive may have as much. */
const largest = 128 * 2 ** 20;
const waitMs = 10_000;

/** It may have been done, and there is no answer. */
export class Unanswered extends Error {
  override readonly name = "Unanswered";
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Longest wait for something to come, milliseconds. */
  readonly waitMs?: number;
}

/** @param body bytes are an archive @throws Unanswered */
export function ask(
  { to, key, ca }: Asked,
  method: string,
  path: string,
  body?: Json | Uint8Array,
  options: AskOptions = {},
): Promise<Answer> {
  const isArchive = body instanceof Uint8Array;
  const text = body === undefined || isArchive ? body : JSON.stringify(body);
  const headers = {
    ...{ authorization: `Bearer ${key}`, ...options.headers },
    ...(text === undefined
      ? {}
      : {
          "content-type": isArchive ? "application/gzip" : "application/json",
          "content-length": Buffer.byteLength(text),
        }),
  };
  const common = { method, headers, timeout: options.waitMs ?? waitMs };
  return new Promise((resolve, reject) => {
    const take = (res: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      let size = 0;
      res.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > largest) res.destroy(new Error("the answer is too large"));
        else chunks.push(chunk);
      });
      res.on("error", reject);
      res.on("end", () => {
        if (res.headers["content-type"] === "application/gzip") {
          resolve({ status: res.statusCode ?? 0, body: null, bytes: Buffer.concat(chunks) });
          return;
        }
        try {
          resolve({ status: res.statusCode ?? 0, body: parseJson(Buffer.concat(chunks)) });
        } catch {
          reject(new Error(`${to} doesn't answer as a sidecar does (status ${res.statusCode ?? 0})`));
        }
      });
    };
    const req = send(to, path, common, ca, take);
    req.on("timeout", () => req.destroy(new Error("no answer in time")));
    req.on("error", (error: { readonly message: string }) => {
      reject(new Unanswered(`${to} can't be asked: ${error.message}`));
    });
    req.end(text);
  });
}

/** What reaches a control plane. */
export const controlFlags = {
  to: { type: "string" },
  "key-file": { type: "string", short: "k" },
  ca: { type: "string" },
} as const;

/** Reads whom to ask, and as whom. @throws UsageError */
export function readAsked(values: {
  readonly to?: string | undefined;
  readonly "key-file"?: string | undefined;
  readonly ca?: string | undefined;
}): Asked {
  const { to, ca, "key-file": path } = values;
  if (to === undefined || to === "") throw new UsageError("--to: is needed");
  if (path === undefined || path === "") throw new UsageError("--key-file: is needed");
  return { to, key: readFileSync(path, "utf8").trim(), ...(ca === undefined ? {} : { ca }) };
}

function send(
  to: string,
  path: string,
  common: object,
  ca: string | undefined,
  take: (res: IncomingMessage) => void,
) {
  if (to.startsWith("unix://")) {
    return httpRequest({ ...common, socketPath: to.slice(7), path, host: "localhost" }, take);
  }
  if (!/^https?:\/\/[^/]+\/?$/.test(to))
    throw new UsageError("--to: http://HOST:PORT, https://HOST:PORT or unix:///PATH");
  const url = new URL(path, to);
  if (url.protocol === "https:")
    return httpsRequest(url, { ...common, ...(ca === undefined ? {} : { ca: readFileSync(ca) }) }, take);
  // a key on a wire that others can read is theirs
  if (!/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname))
    throw new UsageError("--to: use https:// beyond this machine");
  return httpRequest(url, common, take);
}

/** Gives what a refusal says. */
export function refusalOf({ status, body }: Answer): string | undefined {
  if (status < 400) return undefined;
  if (!isObject(body) || typeof body["code"] !== "string") return `refused with status ${status}`;
  const { code, message, fix, reasons } = body;
  const why = Array.isArray(reasons)
    ? reasons.flatMap((one) => (isObject(one) && typeof one["message"] === "string" ? [one["message"]] : []))
    : [];
  // its remedy is to see the reasons, which these are
  return why.length > 0 ? `${code}: ${why.join("; ")}` : `${code}: ${String(message)} (${String(fix)})`;
}
