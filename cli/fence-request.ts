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
  readonly body: Json;
}

const largest = 64 * 2 ** 20;
const waitMs = 10_000;

/** @throws Error where there is no answer */
export function ask({ to, key, ca }: Asked, method: string, path: string, body?: Json): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${key}`,
    ...(text === undefined
      ? {}
      : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
  };
  const common = { method, headers, timeout: waitMs };
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
      reject(new Error(`${to} can't be asked: ${error.message}`));
    });
    req.end(text);
  });
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
  return `${code}: ${why.length > 0 ? why.join("; ") : String(message)} (${String(fix)})`;
}
