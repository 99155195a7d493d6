/** A small OCI registry for tests, what pushes to any, and a store that asks for S3's signatures. */
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Seen } from "./server.js";

export const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";
export const manifestType = "application/vnd.oci.image.manifest.v1+json";
export const indexType = "application/vnd.oci.image.index.v1+json";

export interface Listening {
  /** Without a slash at its end. */
  readonly url: string;
  readonly seen: Seen[];
  close(): Promise<void>;
}

export async function listenOn(listener: RequestListener): Promise<Listening> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    seen.push({ method, path: url, headers });
    listener(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Registry extends Listening {
  /** Asked first; true: it has answered. */
  before: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** By digest, and manifests by `repository:tag` too. */
  readonly content: Map<string, { readonly bytes: Uint8Array; readonly type: string }>;
}

export const digestOf = (bytes: Uint8Array, algorithm = "sha256"): string =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;

/** Starts a registry that takes what is pushed to it, from anybody. */
export async function startRegistry(): Promise<Registry> {
  const content: Registry["content"] = new Map();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (registry.before(request, response)) return;
    const { method = "", url = "", headers } = request;
    const [, name = "", kind = "", reference = ""] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^?]*)/.exec(url) ?? [];
    const bytes = Buffer.concat((await request.toArray()) as Buffer[]);
    if (method === "POST")
      response.writeHead(202, { location: `/v2/${name}/blobs/uploads/one?state=x` }).end();
    else if (method === "PUT") {
      const type = headers["content-type"] ?? "application/octet-stream";
      content.set(digestOf(bytes), { bytes, type });
      if (kind === "manifests") content.set(`${name}:${reference}`, { bytes, type });
      response.writeHead(201, { "docker-content-digest": digestOf(bytes) }).end();
    } else {
      const found =
        content.get(reference) ?? (kind === "manifests" ? content.get(`${name}:${reference}`) : undefined);
      if (found === undefined) response.writeHead(404).end();
      else {
        const head = { "content-type": found.type, "content-length": found.bytes.length };
        response.writeHead(200, { ...head, "docker-content-digest": digestOf(found.bytes) });
        response.end(method === "HEAD" ? undefined : found.bytes);
      }
    }
  };
  const listening = await listenOn((request, response) => void answer(request, response));
  const registry: Registry = { ...listening, content, before: () => false };
  return registry;
}

export interface Pushed {
  readonly repository: string;
  readonly tag: string;
  /** Instead of one that is made of the layer. */
  readonly manifest?: unknown;
  readonly type?: string;
}

const emptyConfig = Buffer.from("{}");

/** What `oras push` would make of a bundle. */
export const manifestOf = (bytes: Uint8Array, layer: object = {}): object => ({
  schemaVersion: 2,
  mediaType: manifestType,
  config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(emptyConfig), size: 2 },
  layers: [{ mediaType: layerType, digest: digestOf(bytes), size: bytes.length, ...layer }],
});

/** Pushes as the distribution's specification says; gives the manifest's digest. */
export async function push(url: string, bytes: Uint8Array, pushed: Pushed): Promise<string> {
  const { repository, tag, manifest = manifestOf(bytes), type = manifestType } = pushed;
  const good = async (response: Promise<Response>): Promise<Response> => {
    const one = await response;
    if (one.ok) return one;
    throw new Error(`${one.status} ${await one.text()}`);
  };
  for (const blob of [emptyConfig, bytes]) {
    const begun = await good(fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: "POST" }));
    const place = new URL(begun.headers.get("location") ?? "", url);
    place.searchParams.set("digest", digestOf(blob));
    const headers = { "content-type": "application/octet-stream" };
    await good(fetch(place, { method: "PUT", body: blob as Uint8Array<ArrayBuffer>, headers }));
  }
  const body = Buffer.from(JSON.stringify(manifest));
  const headers = { "content-type": type };
  await good(fetch(`${url}/v2/${repository}/manifests/${tag}`, { method: "PUT", body, headers }));
  return digestOf(body);
}

export interface S3Key {
  readonly id: string;
  readonly secret: string;
  readonly region: string;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** Tells by S3's code why a request isn't signed as it must be; undefined: it is. Written from what came over the wire. */
export function faultOfS3(request: IncomingMessage, { id, secret, region, now }: S3Key): string | undefined {
  const { method = "", url = "", headers } = request;
  const [, credential = "", names = "", signature = ""] =
    /^AWS4-HMAC-SHA256 Credential=(\S+), ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? "",
    ) ?? [];
  if (signature === "") return "AccessDenied";
  const [key, day = "", ...rest] = credential.split("/");
  if (key !== id) return "InvalidAccessKeyId";
  if (rest.join("/") !== `${region}/s3/aws4_request`) return "AuthorizationHeaderMalformed";
  const time = String(headers["x-amz-date"]);
  const at = Date.parse(time.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (Math.abs(at - now) > 900_000 || !time.startsWith(day)) return "RequestTimeTooSkewed";
  if (!names.split(";").includes("host")) return "AccessDenied";
  const [path = "", search = ""] = url.split("?");
  const pairs = search.split("&").filter((pair) => pair !== "");
  const query = pairs
    .map((pair) => (pair.includes("=") ? pair : `${pair}=`))
    .map((pair) => pair.split("=").map(written).join("="))
    .sort()
    .join("&");
  const lines = names.split(";").map((name) => `${name}:${String(headers[name])}`);
  const payload = String(headers["x-amz-content-sha256"]);
  const canonical = `${method}\n${path.split("/").map(written).join("/")}\n${query}\n${lines.join("\n")}\n\n${names}\n${payload}`;
  const hash = createHash("sha256").update(canonical).digest("hex");
  let mac: Buffer | string = `AWS4${secret}`;
  for (const text of [day, region, "s3", "aws4_request"])
    mac = createHmac("sha256", mac).update(text).digest();
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${day}/${region}/s3/aws4_request\n${hash}`;
  const expected = createHmac("sha256", mac).update(toSign).digest("hex");
  return expected === signature ? undefined : "SignatureDoesNotMatch";
}

/** Writes a text of a URL as S3 does: each byte but the unreserved ones as `%XX`. */
function written(text: string): string {
  let out = "";
  for (const byte of Buffer.from(decodeURIComponent(text))) {
    const sign = String.fromCharCode(byte);
    const hex = byte.toString(16).toUpperCase().padStart(2, "0");
    out += /[A-Za-z0-9._~-]/.test(sign) ? sign : `%${hex}`;
  }
  return out;
}
