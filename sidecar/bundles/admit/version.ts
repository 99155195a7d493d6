import { createHash } from "node:crypto";
import type { Rejected } from "../../rego/bundle.js";
import type { Arrival } from "../arrival.js";
import type { VerifyConfig } from "../config.js";
import type { Metadata } from "./metadata.js";

/** The highest of a bundle that was ever in force here. */
export interface Mark {
  readonly version?: number;
  /** Of the content that had it. */
  readonly digest?: string;
  /** The one content below it that an operator's word let in: it may come again, after a restart. */
  readonly permitted?: { readonly digest: string; readonly reason: string; readonly by: string };
  /** Words of the configuration that were taken already, by digest. */
  readonly used?: readonly string[];
}

export interface VersionAsked {
  readonly metadata: Metadata;
  readonly contentDigest: string;
  readonly mark: Mark;
  /** Absent: nothing is asked of versions. */
  readonly verify?: Pick<VerifyConfig, "version" | "override">;
  readonly arrival: Pick<Arrival, "override" | "origin">;
}

export type VersionAdmitted = {
  readonly kind: "admitted";
  readonly version?: number;
  /** What to remember once it is in force. */
  readonly mark: Mark;
  readonly override?: { readonly reason: string; readonly by: string };
};

const mostUsed = 64;

/**
 * Compares a version with the highest one that was in force. It only ever rises, but for an operator's word, which is taken
 * once and leaves the mark where it is. After one with a version, none without comes.
 */
export function checkVersion(asked: VersionAsked): VersionAdmitted | Rejected {
  const { metadata, contentDigest, mark, verify } = asked;
  const { version } = metadata;
  const known = typeof version === "number" ? { version } : {};
  if (verify === undefined) return { kind: "admitted", ...known, mark };
  if (typeof version !== "number" && mark.version === undefined) {
    if (!verify.version) return { kind: "admitted", mark };
    return refuse(
      "version_missing",
      version === undefined
        ? "the manifest's metadata.version is missing"
        : "the manifest's metadata.version is no whole number",
    );
  }
  const highest = mark.version ?? -1;
  if (
    typeof version === "number" &&
    (version > highest || (version === highest && contentDigest === mark.digest))
  ) {
    const { permitted: _before, ...rest } = mark;
    return { kind: "admitted", version, mark: { ...rest, version, digest: contentDigest } };
  }
  const word = wordFor(asked);
  if (word !== undefined) {
    const { permitted, used } = word;
    return {
      kind: "admitted",
      ...known,
      mark: {
        ...mark,
        permitted: { digest: contentDigest, ...permitted },
        ...(used === undefined ? {} : { used }),
      },
      override: permitted,
    };
  }
  if (typeof version !== "number")
    return refuse(
      "version_missing",
      `the manifest's metadata.version is missing, and version ${highest} was in force`,
    );
  return refuse(
    "version_rollback",
    version === highest
      ? `version ${version} was in force with other content: raise metadata.version`
      : `version ${version} is below ${highest}, which was in force: raise metadata.version, or override`,
  );
}

interface Word {
  readonly permitted: { readonly reason: string; readonly by: string };
  readonly used?: readonly string[];
}

/** The operator's word that lets this content in, if there is one. */
function wordFor({ metadata, contentDigest, mark, verify, arrival }: VersionAsked): Word | undefined {
  if (arrival.override !== undefined) {
    const { reason, by } = arrival.override;
    return { permitted: { reason, by } };
  }
  if (mark.permitted?.digest === contentDigest) {
    const { reason, by } = mark.permitted;
    return { permitted: { reason, by } };
  }
  const given = verify?.override;
  if (given === undefined || given.version !== metadata.version) return undefined;
  const used = mark.used ?? [];
  const name = createHash("sha256").update(`${given.version} ${given.reason}`).digest("hex");
  if (used.includes(name)) return undefined;
  return { permitted: { reason: given.reason, by: "configuration" }, used: [...used, name].slice(-mostUsed) };
}

function refuse(code: string, message: string): Rejected {
  return { kind: "rejected", errors: [{ code, message, file: ".manifest" }] };
}
