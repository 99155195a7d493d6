/**
 * Signs requests to AWS and what is compatible with it. Source: AWS, "Signature Version 4"; of S3, "Authenticating Requests:
 * Using the Authorization Header".
 */
import { createHash, createHmac } from "node:crypto";
import type { Credentials } from "./config.js";
import type { Sign, Unsigned } from "./credentials.js";
import { Fault } from "./fault.js";

export interface S3Key {
  /** `s3`: a path is written once, as it is; any other service: twice, without `.` and `..`. */
  readonly service: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/**
 * Creates what signs requests by a key, SHA-256 of their body included.
 * @param now epoch milliseconds
 * @throws Error that names what is missing
 */
export function createSignS3(
  credentials: Extract<Credentials, { readonly kind: "s3_signing" }>,
  now: () => number,
): Sign {
  const { service, sessionToken } = credentials;
  const key: S3Key = {
    ...{ service, sessionToken },
    region: needed(credentials.region, "AWS_REGION"),
    accessKeyId: needed(credentials.accessKeyId, "AWS_ACCESS_KEY_ID"),
    secretAccessKey: needed(credentials.secretAccessKey, "AWS_SECRET_ACCESS_KEY"),
  };
  return async (request) => signS3(request, key, now());
}

function needed(value: string | undefined, name: string): string {
  if (value === undefined || value === "") throw new Error(`s3_signing needs ${name} in the environment`);
  return value;
}

/**
 * Gives the headers that prove a request: those to be sent besides its own.
 * @param at epoch milliseconds
 * @throws Fault where its path can't be read
 */
export function signS3(request: Unsigned, key: S3Key, at: number): Record<string, string> {
  const { method, url, headers, body = "" } = request;
  const time = new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = time.slice(0, 8);
  const payload = hash(body);
  const added: Record<string, string> = {
    "x-amz-date": time,
    ...(key.service === "s3" ? { "x-amz-content-sha256": payload } : {}),
    ...(key.sessionToken === undefined ? {} : { "x-amz-security-token": key.sessionToken }),
  };
  // what a proxy may change on its way isn't signed
  const own = Object.entries(headers).filter(([name]) => isSigned(name));
  const signed = [...Object.entries({ ...Object.fromEntries(own), host: url.host, ...added })].sort(byCode);
  const names = signed.map(([name]) => name).join(";");
  const canonical = [
    ...[method, pathOf(url.pathname, key.service), queryOf(url.search)],
    ...signed.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, " ")}`),
    ...["", names, payload],
  ].join("\n");
  const scope = `${day}/${key.region}/${key.service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, hash(canonical)].join("\n");
  const secret = [day, key.region, key.service, "aws4_request"].reduce<string | Buffer>(
    (from, text) => createHmac("sha256", from).update(text).digest(),
    `AWS4${key.secretAccessKey}`,
  );
  const signature = createHmac("sha256", secret).update(toSign).digest("hex");
  const credential = `Credential=${key.accessKeyId}/${scope}`;
  return {
    ...added,
    authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

function isSigned(name: string): boolean {
  return name.startsWith("x-amz-") || ["content-type", "date", "range"].includes(name);
}

function pathOf(pathname: string, service: string): string {
  const once = pathname
    .split("/")
    .map((segment) => encode(decode(segment)))
    .join("/");
  if (service === "s3") return once;
  return once.replace(/\/{2,}/g, "/").replace(/%/g, "%25");
}

/** Pairs in the order of their names as they are written, those of one name by their values. */
function queryOf(search: string): string {
  return search
    .slice(1)
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair): [string, string] => {
      const [name = "", ...value] = pair.split("=");
      return [encode(decode(name)), encode(decode(value.join("=")))];
    })
    .sort(byCode)
    .map((pair) => pair.join("="))
    .join("&");
}

function byCode([a, x]: readonly [string, string], [b, y]: readonly [string, string]): number {
  return a === b ? order(x, y) : order(a, b);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** @throws Fault */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Fault("credentials", "a path with a broken % can't be signed");
  }
}

/** All but what RFC 3986 leaves unreserved. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hash(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
