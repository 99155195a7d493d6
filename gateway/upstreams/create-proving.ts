import { Agent } from "undici";
import type { SecretConfig } from "../secrets/read-config.js";
import { createAccessTokens } from "./access-tokens.js";
import { createReadAwsFile } from "./aws-file.js";
import type { ProveParts } from "./prove.js";
import { createSignAws } from "./sign-aws.js";
import type { UpstreamConfig } from "./upstream.js";

/** Told the id of a credential, and why there is no access token for it: a code. */
export type TokenFailed = (credential: string, why: string) => void;

export interface ProvingParts {
  /** Reads a secret as it is now. @throws Error where it can't be had */
  readonly read: (source: SecretConfig) => string;
  readonly tokenFailed?: TokenFailed | undefined;
}

/** Loads what an upstream's kind needs, so that no request waits for it. @throws Error where its credentials can't be read */
export async function prepare({ credentials, wire }: UpstreamConfig): Promise<void> {
  if (credentials?.kind === "aws") {
    await import("@smithy/signature-v4");
    if (credentials.keys.kind === "file") await createReadAwsFile()(credentials.keys);
  }
  if (wire?.kind === "bedrock") await import("@smithy/eventstream-codec");
}

/** Creates what proves who asks where a key doesn't. */
export function createProving({ read, tokenFailed }: ProvingParts): Pick<ProveParts, "tokens" | "signAws"> & {
  close(): Promise<void>;
} {
  const dispatcher = new Agent();
  const readFile = createReadAwsFile();
  return {
    tokens: createAccessTokens({
      ...{ dispatcher, read, clock: () => performance.now(), now: Date.now },
      failed: ({ id }, why) => tokenFailed?.(id, why),
    }),
    signAws: createSignAws({ read, readFile, now: Date.now }),
    close: () => dispatcher.destroy(),
  };
}
