import type { FetchDocument } from "../../net/fetch.js";
import type { ClaimPath, ClaimRules, ClaimTest, FetchConfig, IdentifyEvent } from "../token/types.js";
import type { IdentifyLimits, SubjectType, ClaimName } from "../token/types.js";

/** An authorization server that is asked about opaque tokens (RFC 7662), as an operator writes it. */
export interface IntrospectionConfig {
  /** Names it in logs. */
  readonly name: string;
  readonly url: string;
  readonly client_id: string;
  /** Read anew at each question. */
  readonly client_secret_file: string;
  /** What its tokens' `issuer` is for policy; where an answer has `iss`, it must be this one. */
  readonly issuer: string;
  readonly audience: string | readonly string[];
  readonly tenants: readonly string[];
  readonly tenant_names?: Readonly<Record<string, string>>;
  readonly trust_domains?: readonly string[];
  /** Only tokens that begin so are sent there; at most one server takes all others. */
  readonly prefix?: string;
  /** Members that its answers may lack: `aud`; `token_type`; `sub`, which `client_id` then stands for. */
  readonly optional?: readonly string[];
  /** How long an answer counts at most; a revocation is noticed then. Default 30. */
  readonly cache_seconds?: number;
  readonly claims?: { readonly [K in ClaimName]?: ClaimPath | null };
  readonly require?: readonly ClaimTest[];
  readonly subject_type?: SubjectType;
  readonly subject_types?: readonly (ClaimTest & { readonly type: SubjectType })[];
  readonly expose?: readonly string[];
  readonly max_lifetime_seconds?: number;
  readonly clock_skew_seconds?: number;
  readonly actor_depth?: number;
  readonly actor_issuers?: readonly string[];
  readonly fetch?: FetchConfig;
}

/** A checked {@link IntrospectionConfig} with every default filled in. */
export interface IntrospectionServer extends ClaimRules {
  readonly name: string;
  readonly url: string;
  readonly client_id: string;
  readonly client_secret_file: string;
  readonly prefix: string;
  readonly optional: readonly string[];
  readonly cache_seconds: number;
  readonly require: readonly ClaimTest[];
  readonly fetch: FetchConfig;
}

export interface IntrospectionParts {
  readonly servers: readonly IntrospectionConfig[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly fetchDocument: FetchDocument;
  readonly onEvent?: (event: IdentifyEvent) => void;
  readonly limits?: Partial<IdentifyLimits>;
}
