/** A workload's identifier: a URI with its trust domain (draft-ietf-wimse-identifier, SPIFFE-ID section 2). */
export interface WorkloadId {
  readonly id: string;
  readonly trustDomain: string;
}

const form = /^(?:wimse|spiffe):\/\/([a-z0-9][a-z0-9._-]{0,254})((?:\/[A-Za-z0-9._~-]+)+)$/;

/** Reads an identifier in the one spelling that is canonical; undefined for any other. */
export function readWorkloadId(text: unknown): WorkloadId | undefined {
  if (typeof text !== "string" || text.length > 2_048) return undefined;
  const [, trustDomain, path = ""] = form.exec(text) ?? [];
  if (trustDomain === undefined || /\/\.{1,2}(?:\/|$)/.test(path)) return undefined;
  return { id: text, trustDomain };
}
