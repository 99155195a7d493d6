/** Bundles of an OCI registry. Source: OCI, "Distribution Specification"; OPA's v1/download/oci_download.go. */
import type { Service, ServiceAnswer } from "../../net/service/service.js";
import { failed, failureOf, type Failed } from "./answer.js";
import { isOf, manifestTypes, readManifest, type Descriptor } from "./manifest.js";
import { isDigest, type Reference } from "./reference.js";
import type { Downloaded, Source } from "./source.js";

export interface OciSourceParts {
  /** Of the type `oci`. */
  readonly service: Service;
  readonly reference: Reference;
  /** Most bytes of an archive. */
  readonly sizeLimitBytes: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Bytes of a manifest; the specification asks registries to take this much. */
const mostOfManifest = 4 * 1024 * 1024;
/** Manifests of one answer: an index names others, which may be indexes again. */
const mostManifests = 16;
const mostDepth = 4;
const manifestMs = 60_000;
/** For a whole archive, milliseconds; it is also given up where nothing comes for a while. */
const downloadMs = 600_000;

type Found = { readonly kind: "layer"; readonly layer: Descriptor } | Failed;

/**
 * Creates a source whose ETag is the digest of the layer.
 * INVARIANT: nothing of an answer is used before it has the digest that it was asked for by, or that a manifest says.
 */
export function createOciSource(parts: OciSourceParts): Source {
  const { service, reference, sizeLimitBytes } = parts;
  const { repository } = reference;
  const place = `${service.name}: ${repository}${reference.digest === undefined ? ":" : "@"}${reference.reference}`;
  const stopped = new AbortController();
  /** The manifest or index that was read last, and what is in it. */
  let read: { readonly digest: string; readonly layer: Descriptor } | undefined;

  const ask = (path: string, signal: AbortSignal, more: object): Promise<ServiceAnswer> =>
    service.request({
      path: `v2/${repository}/${path}`,
      ...{ maxBytes: mostOfManifest, timeoutMs: manifestMs, signal },
      ...more,
    });
  const accept = (...types: string[]): object => ({ headers: { accept: [...types, "*/*"].join(", ") } });
  const wrong = (code: Parameters<typeof failed>[0], message: string): Failed =>
    failed(code, `${place}: ${message}`);
  const unlike = (what: string): Failed =>
    wrong(
      "source_digest",
      `${what} isn't what its digest says: look at the registry, and what stands before it`,
    );
  const failure = (answer: ServiceAnswer): Failed => failureOf(answer, place, parts.now());

  /** Asks what a tag stands for now. A registry that doesn't say is asked for the manifest itself. */
  const resolve = async (signal: AbortSignal): Promise<string | Failed | undefined> => {
    const { digest, reference: tag } = reference;
    const answer = await ask(`manifests/${tag}`, signal, { method: "HEAD", ...accept(...manifestTypes) });
    if (answer.kind === "failed") return failure(answer);
    if (answer.status === 405) return digest;
    if (answer.status !== 200) return failure(answer);
    const said = answer.headers["docker-content-digest"];
    return digest ?? (isDigest(said) ? said : undefined);
  };

  const manifestOf = async (
    digest: string | undefined,
    signal: AbortSignal,
  ): Promise<Uint8Array | Failed> => {
    const path = `manifests/${digest ?? reference.reference}`;
    const answer = await ask(path, signal, accept(...manifestTypes));
    if (answer.kind === "failed" || answer.status !== 200) return failure(answer);
    if (digest !== undefined && !isOf(answer.bytes, digest)) return unlike("its manifest");
    return answer.bytes;
  };

  /** Looks for the layer, through an index where there is one. */
  const find = async (digest: string | undefined, signal: AbortSignal): Promise<Found> => {
    const visited = new Set<string>();
    let left = mostManifests;
    const look = async (one: string | undefined, depth: number): Promise<Found> => {
      if (left-- <= 0) return wrong("source_answer", `its index names more than ${mostManifests} manifests`);
      const bytes = await manifestOf(one, signal);
      if (!(bytes instanceof Uint8Array)) return bytes;
      const manifest = readManifest(bytes);
      if (manifest.kind === "none") return wrong("source_answer", manifest.message);
      if (manifest.kind === "layer") return manifest;
      if (depth === mostDepth)
        return wrong("source_answer", `its indexes are nested more than ${mostDepth} deep`);
      let last: Found = wrong("source_answer", "its index names no manifest");
      for (const { digest: next } of manifest.manifests) {
        if (visited.has(next)) continue;
        visited.add(next);
        last = await look(next, depth + 1);
        // what isn't a bundle's may stand beside one; what couldn't be asked for says nothing of that
        if (last.kind === "layer" || last.code !== "source_answer" || left <= 0) break;
      }
      return last;
    };
    return look(digest, 0);
  };

  const download = async (known: string | undefined, signal: AbortSignal): Promise<Downloaded> => {
    const digest = await resolve(signal);
    if (typeof digest === "object") return digest;
    const found =
      digest !== undefined && digest === read?.digest
        ? ({ kind: "layer", layer: read.layer } as const)
        : await find(digest, signal);
    if (found.kind === "failed") return found;
    const { layer } = found;
    if (digest !== undefined) read = { digest, layer };
    if (layer.digest === known) return { kind: "unchanged", longPoll: false, httpCode: 200 };
    if (layer.size > sizeLimitBytes) {
      const size = `its layer has ${layer.size} bytes of ${sizeLimitBytes} at most`;
      return wrong("source_too_large", `${size}: raise size_limit_bytes, or make the bundle smaller`);
    }
    const answer = await ask(`blobs/${layer.digest}`, signal, {
      ...{ maxBytes: layer.size, timeoutMs: downloadMs, redirects: "anywhere" },
    });
    if (answer.kind === "failed" && answer.fault === "too_large") return unlike("its layer is longer, and");
    if (answer.kind === "failed" || answer.status !== 200) return failure(answer);
    const { bytes, status: httpCode } = answer;
    if (bytes.length !== layer.size || !isOf(bytes, layer.digest)) return unlike("its layer");
    return { kind: "bundle", bytes, etag: layer.digest, longPoll: false, httpCode };
  };

  return {
    download: (known, signal) => download(known, AbortSignal.any([signal, stopped.signal])),
    close() {
      stopped.abort();
    },
  };
}
