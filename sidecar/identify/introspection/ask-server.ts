import { isObject, parseJson, type JsonObject } from "../../contract.js";
import { fetchIssuer, type FetchParts } from "../token/fetch-issuer.js";
import { LoadFailed } from "../token/load-failed.js";
import { readSmallFile } from "../token/read-small-file.js";
import type { IntrospectionServer } from "./types.js";

export interface AskParts extends FetchParts {
  readonly limits: FetchParts["limits"] & { readonly answerBytes: number };
}

/**
 * Asks an authorization server about a token (RFC 7662 section 2), as a client that has a secret.
 * @returns the answer, whose `active` is a boolean
 * @throws LoadFailed
 */
export async function askServer(
  server: IntrospectionServer,
  token: string,
  parts: AskParts,
): Promise<JsonObject & { readonly active: boolean }> {
  const secret = (await readSmallFile(server.client_secret_file)).trim();
  const basic = Buffer.from(`${formEncode(server.client_id)}:${formEncode(secret)}`).toString("base64");
  const bytes = await fetchIssuer(
    server.url,
    {
      // the server's own credentials, not those for its key set
      config: server.fetch,
      named: [server.url],
      maxBytes: parts.limits.answerBytes,
      request: {
        method: "POST",
        headers: { authorization: `Basic ${basic}`, "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({ token, token_type_hint: "access_token" }).toString(),
      },
    },
    parts,
  );
  const answer = parseAnswer(bytes);
  if (answer === undefined || typeof answer["active"] !== "boolean") throw new LoadFailed("invalid");
  return answer as JsonObject & { active: boolean };
}

/** Encodes as RFC 6749 section 2.3.1 wants it. */
function formEncode(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}

function parseAnswer(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value = parseJson(bytes, { depth: 16 });
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
