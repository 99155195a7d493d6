/** Signs requests to AWS. Source: AWS General Reference, "Signature Version 4 signing process". */
import { createHash, createHmac } from "node:crypto";
import type { SecretConfig } from "../secrets/read-config.js";
import type { Proof, ProvenRequest } from "./prove.js";
import type { AwsKeys, ReadAwsFile } from "./aws-file.js";
import type { AwsConfig, AwsSources } from "./upstream.js";

export type SignAws = (
  config: AwsConfig,
  request: ProvenRequest & { readonly host: string },
) => Promise<Proof>;

export interface SignParts {
  /** Reads a secret as it is now. @throws Error where it can't be had */
  readonly read: (source: SecretConfig) => string;
  readonly readFile: ReadAwsFile;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** SHA-256 as the signer wants it: of Node's own crypto. */
class Sha256 {
  private readonly hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
  }
  update(data: Uint8Array): void {
    this.hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.hash.digest());
  }
  /** The signer makes another one instead. */
  reset(): never {
    throw new Error("a digest is used once");
  }
}

function bytesOf(secret: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof secret === "string") return Buffer.from(secret);
  if (secret instanceof ArrayBuffer) return new Uint8Array(secret);
  return new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength);
}

/** What a signature adds. */
const own = /^(?:authorization|x-amz-[a-z0-9-]+)$/;

function readSources(
  { accessKeyId, secretAccessKey, sessionToken }: AwsSources,
  read: SignParts["read"],
): AwsKeys {
  return {
    accessKeyId: read(accessKeyId),
    secretAccessKey: read(secretAccessKey),
    ...(sessionToken === undefined ? {} : { sessionToken: read(sessionToken) }),
  };
}

export function createSignAws({ read, readFile, now }: SignParts): SignAws {
  return async (config, { method, path, body, contentType = "application/json", host }) => {
    // a stream can't be read twice, and an unsigned body isn't what was decided
    if (body !== undefined && typeof body !== "string" && !Buffer.isBuffer(body))
      throw new Error("a stream can't be signed");
    // loaded where it is needed: it is large
    const { SignatureV4 } = await import("@smithy/signature-v4");
    const { region, service } = config;
    const keys = config.keys.kind === "file" ? await readFile(config.keys) : readSources(config.keys, read);
    const signer = new SignatureV4({
      ...{ region, service, sha256: Sha256, uriEscapePath: true, applyChecksum: false },
      credentials: keys,
    });
    const [pathname = "", search = ""] = path.split("?", 2);
    const signed = await signer.sign(
      {
        ...{ method, protocol: "https:", hostname: host, path: pathname },
        headers: { host, ...(body === undefined ? {} : { "content-type": contentType }) },
        query: Object.fromEntries(new URLSearchParams(search)),
        ...(body === undefined ? {} : { body }),
      },
      { signingDate: new Date(now()) },
    );
    // host and type are written elsewhere, and are the same
    const added = Object.entries(signed.headers).filter(([name]) => own.test(name));
    const secrets = [keys.secretAccessKey, keys.sessionToken, signed.headers["authorization"]];
    return { headers: Object.fromEntries(added), secrets: secrets.filter((one) => one !== undefined) };
  };
}
