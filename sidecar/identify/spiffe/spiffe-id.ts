/** A SPIFFE id taken apart. */
export interface SpiffeId {
  /** As it was written, which is its only spelling: `spiffe://domain/path`. */
  readonly id: string;
  readonly trustDomain: string;
  /** Begins with a slash; empty for the id of the trust domain itself. */
  readonly path: string;
}

const longestId = 2_048;
const trustDomainForm = /^[a-z0-9._-]{1,255}$/;
const segmentForm = /^[A-Za-z0-9._-]+$/;

/** Tells whether a text is a trust domain's name: lower-case letters, digits, dots, dashes, underscores. */
export function isTrustDomain(name: string): boolean {
  return trustDomainForm.test(name);
}

/**
 * Parses a SPIFFE id byte for byte: no case folding, percent encoding, port, user, query, empty or dot segment.
 * Source: SPIFFE-ID sections 2.1 to 2.3.
 */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  if (text.length > longestId || !text.startsWith("spiffe://")) return undefined;
  const rest = text.slice(9);
  const slash = rest.indexOf("/");
  const trustDomain = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? "" : rest.slice(slash);
  if (!isTrustDomain(trustDomain)) return undefined;
  if (path !== "" && !path.slice(1).split("/").every(isSegment)) return undefined;
  return { id: text, trustDomain, path };
}

/** Parses the id of a workload, which needs a path (X509-SVID section 3.1). */
export function parseWorkloadId(text: string): SpiffeId | undefined {
  const id = parseSpiffeId(text);
  return id === undefined || id.path === "" ? undefined : id;
}

function isSegment(segment: string): boolean {
  return segmentForm.test(segment) && segment !== "." && segment !== "..";
}
