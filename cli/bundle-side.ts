/** Reads all that is to be known of one bundle: for `inspect` and `diff`. */
import { createHash } from "node:crypto";
import type { Json } from "../sidecar/contract.js";
import { parseJson } from "../sidecar/contract.js";
import type { Metadata } from "../sidecar/bundles/admit/metadata.js";
import { readMetadata } from "../sidecar/bundles/admit/metadata.js";
import {
  Malformed,
  readPayload,
  readToken,
  signaturesName,
} from "../sidecar/bundles/signature/signatures-file.js";
import type { Entries } from "../sidecar/rego/archive.js";
import type { RuleTexts } from "../sidecar/rego/author.js";
import type {
  BuildError,
  BuiltBundle,
  EntrypointFacts,
  Rejected,
  RuleFacts,
} from "../sidecar/rego/bundle.js";
import { compileBundle } from "../sidecar/rego/build.js";
import { readManifest } from "../sidecar/rego/manifest.js";
import type { Toolchain } from "../sidecar/rego/toolchain.js";

export interface Side {
  readonly kind: "side";
  /** Where it was compiled. */
  readonly bundle?: BuiltBundle;
  /** What METADATA says of the rules of a compiled bundle. */
  readonly rules: readonly RuleFacts[];
  readonly metadata: Metadata;
  readonly manifest: Json;
  /** Base documents. */
  readonly data: Json;
  /** Those that METADATA names or, where it names none or that was asked for, all. */
  readonly entrypoints: readonly EntrypointFacts[];
  /** The rules of its Rego; empty where it is compiled without. */
  readonly texts: RuleTexts;
  readonly hasRego: boolean;
  readonly signature: SignatureFacts;
  readonly tests: number;
  /** Of its files. */
  readonly bytes: number;
}

export type SignatureFacts =
  | { readonly signed: false }
  | { readonly signed: true; readonly keyid?: string; readonly scope?: string; readonly malformed?: string };

/** Never rejects. What is Rego only is compiled to WASM where its digest is asked for, which takes the longest. */
export async function readSide(
  entries: Entries,
  toolchain: Toolchain,
  {
    regoVersion,
    digest,
    all = false,
  }: { readonly regoVersion: 0 | 1 | undefined; readonly digest: boolean; readonly all?: boolean },
): Promise<Side | Rejected> {
  const version = regoVersion === undefined ? {} : { rego_version: regoVersion };
  const files = textsOf(entries, /\.rego$|^\.manifest$|(^|\/)data\.(json|ya?ml)$/);
  const hasRego = Object.keys(files).some((place) => place.endsWith(".rego"));
  const hasWasm = [...entries.keys()].some((place) => place.endsWith(".wasm"));
  let texts: RuleTexts = { rules: [], packages: [] };
  if (hasRego) {
    const found = await toolchain.author("rules", { files, ...version });
    if (found.kind === "rejected") return found;
    texts = found.result;
  }
  const built =
    digest || hasWasm || !hasRego
      ? await compileBundle({ entries, toolchain, ...(regoVersion === undefined ? {} : { regoVersion }) })
      : undefined;
  if (built?.kind === "rejected") return built;
  const content = built?.bundle ?? (await sourceOf(files, toolchain));
  if ("kind" in content) return content;
  let { entrypoints } = content;
  if (hasRego && !hasWasm && !all) {
    const found = await toolchain.dependencies({ files, ...version });
    if (found.kind === "rejected") return found;
    entrypoints = found.result.entrypoints;
  }
  return {
    ...{ kind: "side", texts, hasRego, entrypoints, rules: content.rules },
    ...(built === undefined ? {} : { bundle: built.bundle }),
    metadata: readMetadata(entries.get(".manifest")),
    manifest: parsed(content.manifest),
    data: parseJson(content.data),
    signature: signatureOf(entries),
    tests: texts.rules.filter(({ test, ref }) => test === true && /(^|\.)(todo_)?test_/.test(ref)).length,
    bytes: [...entries.values()].reduce((sum, one) => sum + one.byteLength, 0),
  };
}

type Content = Pick<BuiltBundle, "manifest" | "data" | "rules" | "entrypoints">;

async function sourceOf(
  files: Readonly<Record<string, string>>,
  toolchain: Toolchain,
): Promise<Content | Rejected> {
  const read = readManifest(files[".manifest"]);
  if (read.kind === "rejected") return read;
  const found = await toolchain.data({ files });
  if (found.kind === "rejected") return found;
  return { manifest: read.manifest, data: found.result.data, rules: [], entrypoints: [] };
}

function textsOf(entries: Entries, wanted: RegExp): Record<string, string> {
  const decoder = new TextDecoder();
  return Object.fromEntries(
    [...entries]
      .filter(([place]) => wanted.test(place))
      .map(([place, bytes]) => [place, decoder.decode(bytes)]),
  );
}

/** Tells what a signature says of itself: nothing is verified here. */
function signatureOf(entries: Entries): SignatureFacts {
  const file = entries.get(signaturesName);
  if (file === undefined) return { signed: false };
  try {
    const [head = "", payload = ""] = readToken(file).split(".");
    const { keyid, scope } = readPayload(Buffer.from(payload, "base64url"));
    const header = parseJson(Buffer.from(head, "base64url"));
    const kid = typeof header === "object" && header !== null && "kid" in header ? header.kid : undefined;
    const id = typeof kid === "string" ? kid : keyid;
    return { signed: true, ...(id === undefined ? {} : { keyid: id }), ...(scope === "" ? {} : { scope }) };
  } catch (error) {
    return { signed: true, malformed: error instanceof Malformed ? error.message : "it is no JWT" };
  }
}

const parsed = (value: unknown): Json => parseJson(JSON.stringify(value));

/** SHA-256, hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Names the file of an error as the author knows it. */
export function namedErrors(errors: readonly BuildError[], shown: (file: string) => string): BuildError[] {
  return errors.map((error) => (error.file === undefined ? error : { ...error, file: shown(error.file) }));
}
