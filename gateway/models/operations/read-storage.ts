/** Reads where files and stores of vectors are kept, and how large uploads may be. */
import type { Fields, Problems } from "../../../sidecar/contract.js";
import type { CollectionConfig } from "../../retrieval/config.js";
import { readVectorStores } from "../storage/search/read-config.js";
import type { UploadLimits } from "./read-upload.js";

/** The account that keeps files, batches of them, and stores of vectors, for all callers. */
export interface StorageConfig {
  readonly upstream: string;
  readonly provider: string;
  readonly region: string;
  readonly environment: string;
  /** What policy sees of the files in stores of vectors. */
  readonly vectorStores: CollectionConfig;
}

export interface UploadsConfig extends UploadLimits {
  /** The largest file of a batch, bytes; it is held, and read line by line. */
  readonly batchBytes: number;
  readonly batchLines: number;
}

/** @param upstreams those that there are */
export function readStorage(
  fields: Fields,
  upstreams: ReadonlyMap<string, { readonly protocol: string; readonly wire?: object }>,
  problems: Problems,
): StorageConfig {
  const place = {
    upstream: fields.required("upstream"),
    provider: fields.required("provider"),
    region: fields.required("region"),
    environment: fields.required("environment"),
  };
  const storage = {
    ...place,
    vectorStores: readVectorStores(fields.nested("vector_stores"), problems, place),
  };
  const upstream = upstreams.get(storage.upstream);
  if (storage.upstream !== "" && (upstream?.protocol !== "openai" || upstream.wire !== undefined))
    problems.add(fields.at("upstream"), "must be an upstream that speaks as OpenAI does");
  fields.end();
  return storage;
}

/** @param maxBody the largest body of any other request, bytes */
export function readUploads(fields: Fields, maxBody: number): UploadsConfig {
  const uploads = {
    maxBytes: fields.integer("max_bytes", 1_024, 2 ** 40) ?? 512 * 2 ** 20,
    heldBytes: fields.integer("held_bytes", 1_024, 2 ** 30) ?? maxBody,
    batchBytes: fields.integer("batch_bytes", 1_024, 2 ** 28) ?? 16 * 2 ** 20,
    batchLines: fields.integer("batch_lines", 1, 50_000) ?? 10_000,
  };
  fields.end();
  return uploads;
}
