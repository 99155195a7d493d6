import type { UpstreamTls } from "../../sidecar/contract.js";
import type { ApiKeyConfig } from "../read-key.js";
import type { UpstreamAssertion } from "../forward/assertion.js";
import type { ProtocolName } from "../models/protocol.js";

export interface UpstreamConfig {
  readonly url: URL;
  /** How its models are spoken to. */
  readonly protocol: ProtocolName | "gemini";
  /** Where the provider's key comes from; it never leaves the gateway's process but to this upstream. */
  readonly apiKey?: ApiKeyConfig;
  /** What it is told of the caller, signed by the sidecar; absent: nothing. */
  readonly assertion?: UpstreamAssertion;
  /** How both prove who they are; absent: as any client of the web does. */
  readonly tls?: UpstreamTls;
  readonly connectTimeoutMs: number;
  /** To the first byte of the answer, milliseconds. */
  readonly headersTimeoutMs: number;
  /** Between two chunks of the answer, milliseconds. */
  readonly bodyTimeoutMs: number;
}
