import type { TokenConfig } from "./upstream.js";

export interface TokenForm {
  readonly form: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
}

const tokenType = "urn:ietf:params:oauth:token-type:";

/**
 * Writes a request for a token. Source: RFC 6749 (2.3.1, 4.4), RFC 7523 (2.2), RFC 8693 (2.1), RFC 8707.
 * @param secret proves who we are
 */
export function tokenForm(config: TokenConfig, secret: string, subject: string | undefined): TokenForm {
  const { clientId, scope, proof } = config;
  const form = new URLSearchParams();
  const headers: Record<string, string> = {};
  if (config.kind === "token_exchange") {
    form.set("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    form.set("subject_token", subject ?? "");
    form.set("subject_token_type", `${tokenType}${config.subjectType}`);
    form.set("requested_token_type", `${tokenType}access_token`);
  } else form.set("grant_type", "client_credentials");
  if (scope !== undefined) form.set("scope", scope);
  if (config.kind !== "entra") {
    if (config.audience !== undefined) form.set("audience", config.audience);
    for (const resource of config.resources) form.append("resource", resource);
  }
  switch (proof.kind) {
    case "basic":
      headers["authorization"] =
        `Basic ${Buffer.from(`${encode(clientId)}:${encode(secret)}`).toString("base64")}`;
      break;
    case "secret":
      form.set("client_id", clientId);
      form.set("client_secret", secret);
      break;
    case "assertion":
      form.set("client_id", clientId);
      form.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
      form.set("client_assertion", secret);
      break;
  }
  return { form, headers };
}

/** As in a form: both parts may hold anything. */
function encode(text: string): string {
  return new URLSearchParams({ t: text }).toString().slice(2);
}
