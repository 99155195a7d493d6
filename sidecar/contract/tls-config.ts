/** Strict parsers of TLS settings, which sidecar and gateway share (docs/identity-spiffe.md). */
import type { Fields, Problems } from "./shape.js";

/** Where a key pair comes from. */
export type KeyPairPlace =
  | { readonly kind: "files"; readonly certFile: string; readonly keyFile: string }
  | {
      readonly kind: "workload_api";
      /** Absolute path of the agent's Unix socket. */
      readonly socket: string;
      /** Which of our ids; the agent's first unless told. */
      readonly spiffeId?: string;
    };

/** How a listener does TLS. */
export interface ListenerTls {
  readonly own: KeyPairPlace;
  readonly clientCertificates: (typeof clientCertificates)[number];
  /** PEM of the CAs that a client's certificate must come from; absent: the identity's own rules say. */
  readonly caFile?: string;
  readonly refreshSeconds: number;
}

/** How an upstream is spoken to. */
export type UpstreamTls =
  | {
      readonly kind: "files";
      /** PEM of the CAs that the upstream's certificate must come from; absent: the public ones. */
      readonly caFile?: string;
      readonly own?: Extract<KeyPairPlace, { kind: "files" }>;
      readonly refreshSeconds: number;
    }
  | {
      readonly kind: "spiffe";
      readonly own: Extract<KeyPairPlace, { kind: "workload_api" }>;
      /** The SPIFFE id that the upstream must prove. */
      readonly peerId: string;
    };

const clientCertificates = ["none", "optional", "required"] as const;
const refreshSeconds = 5;

/** Reads a listener's `tls` section. */
export function readListenerTls(fields: Fields, problems: Problems): ListenerTls {
  const caFile = fields.string("ca_file");
  const tls: ListenerTls = {
    own: readKeyPair(fields, problems) ?? { kind: "files", certFile: "", keyFile: "" },
    clientCertificates: fields.oneOf("client_certificates", clientCertificates) ?? "none",
    ...(caFile === undefined ? {} : { caFile }),
    refreshSeconds: fields.integer("refresh_seconds", 1, 86_400) ?? refreshSeconds,
  };
  fields.end();
  if (caFile !== undefined && tls.clientCertificates === "none") {
    problems.add(fields.at("ca_file"), "needs client_certificates: optional or required");
  }
  return tls;
}

/** Reads an upstream's `tls` section. */
export function readUpstreamTls(fields: Fields, problems: Problems): UpstreamTls {
  const peerId = fields.string("peer_id");
  const caFile = fields.string("ca_file");
  const bare = !fields.has("cert_file") && !fields.has("key_file") && !fields.has("workload_api");
  const own = bare && peerId === undefined ? undefined : readKeyPair(fields, problems);
  const refresh = fields.integer("refresh_seconds", 1, 86_400) ?? refreshSeconds;
  fields.end();
  if (own?.kind === "workload_api") {
    if (caFile !== undefined)
      problems.add(fields.at("ca_file"), "the trust domain's bundle says who is trusted");
    if (peerId === undefined || !/^spiffe:\/\/[^/]+\/./.test(peerId)) {
      problems.add(fields.at("peer_id"), "say who the upstream is: spiffe://<trust domain>/<path>");
    }
    return { kind: "spiffe", own, peerId: peerId ?? "" };
  }
  if (peerId !== undefined) problems.add(fields.at("peer_id"), "needs workload_api");
  return {
    kind: "files",
    ...(caFile === undefined ? {} : { caFile }),
    ...(own === undefined ? {} : { own }),
    refreshSeconds: refresh,
  };
}

function readKeyPair(fields: Fields, problems: Problems): KeyPairPlace | undefined {
  const agent = fields.string("workload_api");
  const spiffeId = fields.string("spiffe_id");
  const certFile = fields.string("cert_file");
  const keyFile = fields.string("key_file");
  if (agent !== undefined) {
    if (certFile !== undefined || keyFile !== undefined) {
      problems.add(fields.at("workload_api"), "give files or an agent, not both");
    }
    const socket = agent.replace(/^unix:(?:\/\/)?(?=\/)/, "");
    if (!/^unix:(?:\/\/)?\/[^/]/.test(agent)) problems.add(fields.at("workload_api"), "must be unix:///path");
    return { kind: "workload_api", socket, ...(spiffeId === undefined ? {} : { spiffeId }) };
  }
  if (spiffeId !== undefined) problems.add(fields.at("spiffe_id"), "needs workload_api");
  if (certFile === undefined || keyFile === undefined) {
    return problems.add(fields.at("cert_file"), "give cert_file and key_file, or workload_api");
  }
  return { kind: "files", certFile, keyFile };
}
