/** What a manifest's `metadata` says to us. */

export interface Metadata {
  /** `invalid`: it is there, and no whole number. */
  readonly version?: number | "invalid";
  /** Epoch milliseconds. `invalid`: it is there, and no time. */
  readonly expires?: number | "invalid";
}

/** A date with a time and its zone. Source: RFC 3339, section 5.6. */
const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;
/** Year 9999, in seconds. */
const lastSecond = 253_402_300_799;

/** Reads `metadata.version` (a whole number) and `metadata.expires` (RFC 3339, or epoch seconds) of a manifest. */
export function readMetadata(manifest: Uint8Array | undefined): Metadata {
  if (manifest === undefined) return {};
  let read: unknown;
  try {
    read = JSON.parse(new TextDecoder().decode(manifest));
  } catch {
    // the compiler refuses it, with its place
    return {};
  }
  const { version, expires } = membersOf(membersOf(read)["metadata"]);
  return {
    ...(version === undefined ? {} : { version: readVersion(version) }),
    ...(expires === undefined ? {} : { expires: readTime(expires) }),
  };
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function readVersion(value: unknown): number | "invalid" {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : "invalid";
}

function readTime(value: unknown): number | "invalid" {
  if (typeof value === "number") {
    return value >= 0 && value <= lastSecond ? Math.floor(value * 1000) : "invalid";
  }
  if (typeof value !== "string" || !rfc3339.test(value)) return "invalid";
  const at = Date.parse(value.toUpperCase());
  return Number.isNaN(at) ? "invalid" : at;
}
