/** What the configuration says of bundles, in OPA's words. Source: OPA, "Configuration", services, keys, bundles. */
import type { ServiceConfig } from "../net/service/config.js";

export type { Credentials, ServiceConfig } from "../net/service/config.js";

export type SignatureAlgorithm =
  | ("HS256" | "HS384" | "HS512" | "ES256" | "ES384" | "ES512")
  | ("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512");

/** `keys[id]`: what signatures are verified by. */
export interface KeyConfig {
  readonly id: string;
  readonly algorithm: SignatureAlgorithm;
  /** PEM, or the secret of HS; read from its file already where one was named. */
  readonly key: string;
  readonly scope?: string;
}

/** `bundles[name].signing` */
export interface SigningConfig {
  /** One of `keys`; absent: the one that a signature's header names. */
  readonly keyid?: string;
  readonly scope?: string;
  /** Glob patterns of files that no signature has to cover. */
  readonly excludeFiles: readonly string[];
}

export interface PollingConfig {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** Absent: no long poll is asked for. */
  readonly longPollingTimeoutMs?: number;
}

/** What a new version of a bundle must pass before it answers. */
export interface VerifyConfig {
  /** Its own Rego tests pass. */
  readonly tests: boolean;
  /** A file of expected decisions, which hold. */
  readonly canary?: string;
  /** Its manifest's `metadata.version` is there, and no lower than any before it. */
  readonly version: boolean;
  /** Its manifest's `metadata.expires` is there, and in the future; one that is there counts in any case. */
  readonly expires: boolean;
  /** An operator's word that a version below the high-water mark may come: it is taken once, and recorded. */
  readonly override?: { readonly version: number; readonly reason: string };
}

/** `bundles[name]` */
export interface BundleConfig {
  readonly name: string;
  /** Where it comes from: a service and a path there; a file or folder; whoever may push it. */
  readonly from:
    | { readonly kind: "service"; readonly service: string; readonly resource: string }
    | { readonly kind: "path"; readonly path: string }
    | {
        readonly kind: "push";
        /** What is pushed may be unsigned; otherwise there is `signing`. */
        readonly unsigned: boolean;
      };
  readonly polling: PollingConfig;
  /** `manual`: it is asked for by `POST /v1/bundles/{name}/refresh` only. */
  readonly trigger: "periodic" | "manual";
  /** What was activated last is kept in the persistence directory, and started from where the source is away. */
  readonly persist: boolean;
  /** Absent: nothing has to be signed; what is signed is verified where there are `keys`. */
  readonly signing?: SigningConfig;
  readonly sizeLimitBytes: number;
  readonly verify: VerifyConfig;
}

export interface BundlesConfig {
  readonly services: ReadonlyMap<string, ServiceConfig>;
  readonly keys: ReadonlyMap<string, KeyConfig>;
  readonly bundles: readonly BundleConfig[];
  /** `persistence_directory`; `.opa` where something is to be kept and none is given. Absent: nothing is kept. */
  readonly persistenceDirectory?: string;
}
