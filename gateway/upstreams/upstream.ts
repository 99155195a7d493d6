import type { UpstreamTls } from "../../sidecar/contract.js";
import type { SecretConfig } from "../secrets/read-config.js";
import type { UpstreamAssertion } from "../forward/assertion.js";
import type { ProtocolName } from "../models/protocol.js";

/** Where servers look for a key; all but the first take it as it is, without a scheme. */
export const keyHeaders = ["authorization", "x-api-key", "x-goog-api-key", "api-key"] as const;
export type KeyHeader = (typeof keyHeaders)[number];

export const keySchemes = ["Bearer", "ApiKey", "Basic"] as const;
export type KeyScheme = (typeof keySchemes)[number];

export interface UpstreamConfig {
  readonly url: URL;
  /** How its models are spoken to. */
  readonly protocol: ProtocolName | "gemini";
  /** What its requests and answers look like where its protocol alone doesn't say; absent: as the protocol says. */
  readonly wire?: Wire;
  /** Its streams tell usage unasked, and can't be asked; absent: they can. */
  readonly tellsUsage?: true;
  /** Where the provider's key comes from; it never leaves the gateway's process but to this upstream. */
  readonly apiKey?: SecretConfig;
  /** Where it looks for the key; where its protocol does, unless given. */
  readonly keyIn?: KeyHeader;
  /** Before a key in `authorization`; `Bearer` unless given. Of `Basic` the key is `user:password` (RFC 7617). */
  readonly keyScheme?: KeyScheme;
  /** What proves who asks, where that is no key. */
  readonly credentials?: TokenConfig | AwsConfig;
  /** What every request carries beside. */
  readonly headers?: readonly FixedHeader[];
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

export type Wire =
  /** The model's deployment stands in the path. */
  { readonly kind: "azure-deployments" } | ({ readonly kind: "bedrock" } & BedrockApi);

/** The models of Anthropic in their own words, of a version of their own; or any model in Bedrock's. */
export type BedrockApi = { readonly api: "invoke"; readonly version: string } | { readonly api: "converse" };

/** A header of the configuration; its name is lower-case. */
export type FixedHeader = { readonly name: string } & (
  { readonly value: string } | { readonly secret: SecretConfig; readonly scheme: string }
);

/** What an authorization server is asked for tokens with. */
export type TokenConfig = EntraConfig | OAuthConfig | ExchangeConfig;

interface TokenEndpoint {
  /** Of the secret, as the record calls it. */
  readonly id: string;
  readonly tokenUrl: URL;
  readonly clientId: string;
  /** For one answer of the token endpoint, milliseconds. */
  readonly timeoutMs: number;
  /** The client's secret, in the form or as Basic has it; or an assertion that stands for one (a federated workload's token). */
  readonly proof: { readonly kind: "secret" | "basic" | "assertion"; readonly source: SecretConfig };
}

/** Access tokens of Microsoft Entra ID by client credentials. */
export interface EntraConfig extends TokenEndpoint {
  readonly kind: "entra";
  readonly scope: string;
}

interface Wanted {
  readonly scope?: string;
  readonly audience?: string;
  /** RFC 8707. */
  readonly resources: readonly string[];
}

/** Access tokens of any authorization server by client credentials (RFC 6749, section 4.4). */
export interface OAuthConfig extends TokenEndpoint, Wanted {
  readonly kind: "oauth";
}

/** Access tokens in exchange for the caller's own (RFC 8693). */
export interface ExchangeConfig extends TokenEndpoint, Wanted {
  readonly kind: "token_exchange";
  /** What the caller's token is. */
  readonly subjectType: "access_token" | "jwt" | "id_token";
}

/** Signatures of requests to AWS (SigV4). */
export interface AwsConfig {
  readonly kind: "aws";
  /** Of the access key, as the record calls it. */
  readonly id: string;
  readonly region: string;
  readonly service: string;
  readonly keys: AwsSources | AwsFile;
}

/** Each from where it is. */
export interface AwsSources {
  readonly kind: "sources";
  readonly accessKeyId: SecretConfig;
  readonly secretAccessKey: SecretConfig;
  readonly sessionToken?: SecretConfig;
}

/** All from one profile of a shared credentials file, so that they change together. */
export interface AwsFile {
  readonly kind: "file";
  readonly path: string;
  readonly profile: string;
}
