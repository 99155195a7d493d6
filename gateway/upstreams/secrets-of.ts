import type { SecretConfig } from "../secrets/read-config.js";
import type { UpstreamConfig } from "./upstream.js";

/** Names all secrets that an upstream's requests need: each must be open before it is asked. */
export function secretsOf({ apiKey, headers = [], credentials }: UpstreamConfig): SecretConfig[] {
  const all = [apiKey, ...headers.map((one) => ("secret" in one ? one.secret : undefined))];
  if (credentials !== undefined && "proof" in credentials) all.push(credentials.proof.source);
  if (credentials?.kind === "aws" && credentials.keys.kind === "sources") {
    const { accessKeyId, secretAccessKey, sessionToken } = credentials.keys;
    all.push(accessKeyId, secretAccessKey, sessionToken);
  }
  return all.filter((one) => one !== undefined);
}
