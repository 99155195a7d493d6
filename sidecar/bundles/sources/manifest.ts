/** Reads a registry's manifests. Source: OCI, "Image Specification", manifest and index. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Json, JsonObject } from "../../contract.js";
import { isObject, JsonNumber, parseJson } from "../../contract.js";
import { isDigest } from "./reference.js";

/** What a manifest says of content: it is believed once the content has this digest. */
export interface Descriptor {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

export type Manifest =
  /** The one layer that is a bundle's archive. */
  | { readonly kind: "layer"; readonly layer: Descriptor }
  /** Of several platforms; those that are none (a build's own proofs) are left out. */
  | { readonly kind: "index"; readonly manifests: readonly Descriptor[] }
  | { readonly kind: "none"; readonly message: string };

/** What may be answered, in the order of OPA. */
export const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

/** OPA takes the first; the other is what older tools write. */
const layerTypes: ReadonlySet<Json | undefined> = new Set([
  "application/vnd.oci.image.layer.v1.tar+gzip",
  "application/vnd.cncf.openpolicyagent.policy.layer.v1.tar+gzip",
]);

/** Reads a manifest whose digest was verified. What it says of other places (`urls`) isn't looked at. */
export function readManifest(bytes: Uint8Array): Manifest {
  const none = (message: string): Manifest => ({ kind: "none", message });
  let value: Json;
  try {
    value = parseJson(bytes);
  } catch {
    return none("its manifest is no JSON");
  }
  if (!isObject(value)) return none("its manifest is no object");
  const { layers, manifests } = value;
  if (value["fsLayers"] !== undefined)
    return none("its manifest is of Docker's first version, which isn't read");
  if (layers !== undefined && manifests !== undefined)
    return none("its manifest is an index as well, and so read differently by others");
  if (Array.isArray(manifests)) {
    const found = manifests.filter((one) => !isProof(one)).map(descriptorOf);
    const good = found.filter((one) => one !== undefined);
    return good.length === found.length
      ? { kind: "index", manifests: good }
      : none("its index names a manifest without digest and size");
  }
  if (!Array.isArray(layers)) return none("its manifest has no layers");
  const archives = layers.filter((one) => isObject(one) && layerTypes.has(one["mediaType"]));
  const [first] = archives;
  if (first === undefined || archives.length > 1) {
    const how = first === undefined ? "no layer" : `${archives.length} layers`;
    return none(`its manifest has ${how} of ${[...layerTypes].join(" or ")}; it must have one`);
  }
  const layer = descriptorOf(first);
  return layer === undefined
    ? none("its layer has no digest and size that are known")
    : { kind: "layer", layer };
}

/** Whether content is what its digest says: `sha256:` or `sha512:`. */
export function isOf(bytes: Uint8Array, digest: string): boolean {
  const [algorithm = "", hex = ""] = digest.split(":");
  const expected = Buffer.from(hex, "hex");
  const actual = createHash(algorithm).update(bytes).digest();
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

function isProof(one: Json): boolean {
  const platform = isObject(one) ? one["platform"] : undefined;
  return isObject(platform) && platform["os"] === "unknown" && platform["architecture"] === "unknown";
}

function descriptorOf(value: Json): Descriptor | undefined {
  if (!isObject(value)) return undefined;
  const { digest } = value;
  const size = numberOf(value as JsonObject, "size");
  if (!isDigest(digest) || size === undefined || !Number.isSafeInteger(size) || size < 1) return undefined;
  return { digest, size };
}

function numberOf(value: JsonObject, name: string): number | undefined {
  const number = value[name];
  return typeof number === "number" || (number as unknown) instanceof JsonNumber ? Number(number) : undefined;
}
