/** Tokens of an authorization server: by client credentials, or in exchange for the caller's own. */
import type { Fields, Problems } from "../../sidecar/contract.js";
import { readSecretConfig } from "../secrets/read-config.js";
import { isLoopback, readUrl } from "./read-url.js";
import type { ExchangeConfig, OAuthConfig } from "./upstream.js";

/** Reads `credentials`. */
export function readOAuth(fields: Fields, problems: Problems): OAuthConfig | ExchangeConfig | undefined {
  const kind = fields.oneOf("kind", ["oauth", "token_exchange"]);
  if (!fields.has("kind")) problems.add(fields.at("kind"), "is required: oauth or token_exchange");
  const tokenUrl = readUrl(fields.required("token_url"), fields.at("token_url"), problems);
  // secrets go there, and the tokens of callers
  if (tokenUrl.protocol !== "https:" && !isLoopback(tokenUrl) && tokenUrl.hostname !== "invalid.invalid")
    problems.add(fields.at("token_url"), "must be https, but for this machine itself");
  if (tokenUrl.hash !== "") problems.add(fields.at("token_url"), "must not hold a fragment");
  const clientId = fields.required("client_id");
  const proofs = (["secret", "assertion"] as const).filter((one) => fields.has(`client_${one}`));
  const [proof] = proofs;
  if (proofs.length !== 1) problems.add(fields.at("client_secret"), "give client_secret or client_assertion");
  const source =
    proof === undefined ? undefined : readSecretConfig(fields.nested(`client_${proof}`), problems);
  const auth = fields.oneOf("client_auth", ["basic", "post"]);
  if (auth !== undefined && proof === "assertion")
    problems.add(fields.at("client_auth"), "is for client_secret");
  const scope = fields.string("scope");
  const audience = fields.string("audience");
  const resources =
    typeof fields.raw("resource") === "string" ? [fields.required("resource")] : fields.strings("resource");
  for (const resource of resources ?? []) {
    if (!URL.canParse(resource) || new URL(resource).hash !== "")
      problems.add(fields.at("resource"), "must be absolute URIs without a fragment");
  }
  const subjectType = fields.oneOf("subject_token_type", ["access_token", "jwt", "id_token"]);
  if (subjectType !== undefined && kind !== "token_exchange")
    problems.add(fields.at("subject_token_type"), "is for token_exchange");
  const timeoutMs = fields.integer("timeout_ms", 1, 60_000) ?? 10_000;
  fields.end();
  if (kind === undefined || proof === undefined || source === undefined) return undefined;
  const way = proof === "assertion" ? "assertion" : auth === "post" ? "secret" : "basic";
  const common = {
    ...{ id: source.id, tokenUrl, clientId, timeoutMs, resources: resources ?? [] },
    proof: { kind: way, source },
    ...(scope === undefined ? {} : { scope }),
    ...(audience === undefined ? {} : { audience }),
  } as const;
  return kind === "oauth"
    ? { kind, ...common }
    : { kind, ...common, subjectType: subjectType ?? "access_token" };
}
