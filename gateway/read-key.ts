export type { SecretConfig as ApiKeyConfig } from "./secrets/read-config.js";
export { readSecretConfig as readKey } from "./secrets/read-config.js";
