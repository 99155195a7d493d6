import type { AssertionRequest, Fields, Problems } from "../../sidecar/contract.js";
import { parseAssertionRequest } from "../../sidecar/contract.js";
import { protocolHeaders } from "./headers.js";

/** What an upstream wants to be told of the caller, and in which header. */
export interface UpstreamAssertion {
  /** Lower-case. */
  readonly header: string;
  readonly request: AssertionRequest;
}

/** Names that mean something else to servers on the way. */
const taken: ReadonlySet<string> = new Set([
  ...protocolHeaders,
  ...["accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type"],
  ...[
    "cookie",
    "expect",
    "host",
    "x-api-key",
    "x-goog-api-key",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
  ],
]);

/** Reads the `assertion` of an upstream's configuration: `audience`, `header`, `type`, `claims`, `groups`. */
export function readUpstreamAssertion(fields: Fields, problems: Problems): UpstreamAssertion {
  const header = (fields.string("header") ?? "x-countersign-assertion").toLowerCase();
  // no underscore: some servers take it for the name with a hyphen
  if (!/^[a-z][a-z0-9-]{0,63}$/.test(header)) {
    problems.add(fields.at("header"), "must be a header's name: letters, digits and -");
  } else if (taken.has(header)) problems.add(fields.at("header"), "has a meaning of its own");
  const request = parseAssertionRequest(fields, problems);
  fields.end();
  return { header, request };
}
