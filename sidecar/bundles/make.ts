/** Makes of what arrived a bundle that can be loaded: all that depends on nothing but its own content. */
import type { Entries } from "../rego/archive.js";
import type { BuildOutcome, BuiltBundle, Rejected } from "../rego/bundle.js";
import type { Toolchain } from "../rego/toolchain.js";
import { checkRoots } from "./admit/roots.js";
import type { Metadata } from "./admit/metadata.js";
import { readMetadata } from "./admit/metadata.js";
import type { TestsOutcome } from "./admit/tests.js";
import { runTests } from "./admit/tests.js";
import type { BundleFacts, Content, InForce, Unchanged, Verified } from "./arrival.js";
import { digestOfEntries, digestOfText } from "./content-digest.js";
import type { KeyConfig, SigningConfig } from "./config.js";
import type { Applied, TextView } from "./delta/apply.js";

/** Reads an archive's bytes, or what lies at a path. */
export type ReadContent = (
  content: { readonly bytes: Uint8Array } | { readonly path: string },
  limits: { readonly archiveBytes: number },
) => Promise<ReadFiles | Rejected>;

export interface ReadFiles {
  readonly kind: "read";
  readonly entries: Entries;
  /** Bytes of the archive, or of the files. */
  readonly size: number;
  /** SHA-256 (hex); absent where it is no archive. */
  readonly archiveDigest?: string;
}

/** Verifies the files that were signed, and gives what was verified. Never rejects. */
export type VerifyEntries = (
  entries: Entries,
  options: VerifyOptions,
) => Promise<
  { readonly kind: "verified"; readonly verified: Verified; readonly entries: Entries } | Rejected
>;

export interface VerifyOptions {
  /** Absent: nothing has to be signed. */
  readonly signing?: SigningConfig;
  readonly keys: ReadonlyMap<string, KeyConfig>;
}

export interface Delta {
  isDelta(entries: Entries): boolean;
  /** Applies changes to the bundle in force, which came as that archive. Never rejects for what is in them. */
  apply(
    entries: Entries,
    base: BuiltBundle,
    archiveDigest: string | undefined,
    shared: SharedView,
  ): Promise<Applied | Rejected>;
}

/** What the changes of one arrival share: as many as they are, the data are parsed once. */
export interface SharedView {
  view?: TextView;
}

export interface MakeParts {
  readonly read: ReadContent;
  readonly verify: VerifyEntries;
  readonly delta: Delta;
  readonly compile: (entries: Entries) => Promise<BuildOutcome>;
  readonly test: Toolchain["test"];
}

/** What to make; plain data, so that it can be made elsewhere. */
export interface Job extends VerifyOptions {
  readonly content: Content;
  readonly sizeLimitBytes: number;
  readonly inForce?: Base;
  /** Its own tests are to run. */
  readonly tests: boolean;
}

/** What changes are made to. */
export type Base = Pick<InForce, "built" | "contentDigest" | "archiveDigest" | "expires">;

export interface Made extends Omit<BundleFacts, "version" | "expires"> {
  readonly kind: "made";
  readonly built: BuiltBundle;
  /** What a delta changes of the data. */
  readonly changes?: Applied;
  readonly metadata: Metadata;
  /** What became of its tests, where they were asked for. */
  readonly tested?: TestsOutcome;
}

export type Make = (job: Job) => Promise<Made | Unchanged | Rejected>;

/** Never rejects for what is in it. */
export function createMake(parts: MakeParts): Make {
  const one = async (job: Job, shared: SharedView = {}): Promise<Made | Unchanged | Rejected> => {
    const { content, sizeLimitBytes, inForce, signing, keys } = job;
    const read = await parts.read(content, { archiveBytes: sizeLimitBytes });
    if (read.kind === "rejected") return read;
    const { size, archiveDigest } = read;
    // INVARIANT: what is in force was verified by the same keys: they are configured once
    if (archiveDigest !== undefined && archiveDigest === inForce?.archiveDigest) return { kind: "unchanged" };
    const signed = await parts.verify(read.entries, { ...(signing === undefined ? {} : { signing }), keys });
    if (signed.kind === "rejected") return signed;
    // INVARIANT: from here on, nothing is used but what was verified
    const { entries } = signed;
    const isDelta = parts.delta.isDelta(entries);
    const base = isDelta ? inForce?.built : undefined;
    if (isDelta && base === undefined) return noBase;
    const own = digestOfEntries(entries);
    if (!isDelta && own === inForce?.contentDigest) return { kind: "unchanged" };
    // they need nothing of what is compiled: both take their time at once
    const testing = job.tests ? runTests(isDelta ? undefined : textsOf(entries), parts.test) : undefined;
    const outcome =
      base === undefined
        ? await parts.compile(entries)
        : await parts.delta.apply(entries, base, inForce?.archiveDigest, shared);
    if (outcome.kind === "rejected") return outcome;
    const built = outcome.bundle;
    const changes = outcome.kind === "applied" ? { changes: outcome } : {};
    // changes are looked at one by one: their data are made when they are asked for
    const stray = isDelta ? undefined : checkRoots(built);
    if (stray !== undefined) return stray;
    const metadata = readMetadata(entries.get(".manifest"));
    // changes that don't speak of the time don't take it away
    const until = isDelta && inForce?.expires !== undefined ? { expires: inForce.expires } : {};
    return {
      kind: "made",
      ...{ built, size, ...changes },
      type: isDelta ? "delta" : "snapshot",
      metadata: { ...until, ...metadata },
      verified: signed.verified,
      contentDigest: isDelta ? digestOfText(`${inForce?.contentDigest ?? ""} ${own}`) : own,
      ...(archiveDigest === undefined ? {} : { archiveDigest }),
      ...(testing === undefined ? {} : { tested: await testing }),
    };
  };
  return async (job) => {
    const shared: SharedView = {};
    let made = await one(job, shared);
    const { deltas = [] } = "deltas" in job.content ? job.content : {};
    for (const bytes of deltas) {
      if (made.kind !== "made") return made;
      const { built, contentDigest, metadata, archiveDigest } = made;
      const expires = typeof metadata.expires === "number" ? { expires: metadata.expires } : {};
      const named = archiveDigest === undefined ? {} : { archiveDigest };
      const inForce = { ...{ built, contentDigest }, ...named, ...expires };
      made = await one({ ...job, content: { bytes }, inForce }, shared);
    }
    return made;
  };
}

const noBase: Rejected = {
  kind: "rejected",
  errors: [
    { code: "delta_base", message: "changes came, and no bundle is in force that they could be made to" },
  ],
};

const isText = /(^|\/)(data\.(json|ya?ml)|[^/]+\.rego)$|^\.manifest$/;

function textsOf(entries: Entries): Record<string, string> {
  const decoder = new TextDecoder();
  return Object.fromEntries(
    [...entries]
      .filter(([place]) => isText.test(place))
      .map(([place, bytes]) => [place, decoder.decode(bytes)]),
  );
}
