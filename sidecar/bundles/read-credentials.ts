/** Reads `services[name].credentials`: how the sidecar proves who it is. */
import type { Fields, Problems } from "../contract.js";
import type { Credentials } from "./config.js";
import type { ReadRules } from "../net/read-file.js";
import { noFiles } from "../net/read-file.js";
import { isHere } from "../net/service/config.js";

const kinds = ["bearer", "client_tls", "oauth2", "s3_signing"] as const;

/** Reads the one kind of credentials that a service has; none: `kind: "none"`. */
export function readCredentials(service: Fields, problems: Problems, rules: ReadRules): Credentials {
  const fields = service.nested("credentials");
  fields.refuse({
    gcp_metadata: "give credentials.bearer.token_path of a token that is kept fresh",
    azure_managed_identity: "give credentials.bearer.token_path of a token that is kept fresh",
    plugin: "there are no plug-ins; give bearer, client_tls, oauth2 or s3_signing",
  });
  const given = kinds.filter((kind) => fields.has(kind));
  if (given.length > 1)
    problems.add(service.at("credentials"), `give one of ${given.join(", ")}, not several`);
  const read = given.map((kind) => readers[kind](fields.nested(kind), problems, rules));
  for (const kind of kinds) fields.raw(kind);
  fields.end();
  return read[0] ?? { kind: "none" };
}

type Reader = (fields: Fields, problems: Problems, rules: ReadRules) => Credentials;

const readers: Readonly<Record<(typeof kinds)[number], Reader>> = {
  bearer(fields, problems, { files }) {
    const [token, tokenPath] = [fields.string("token"), fields.string("token_path")];
    const scheme = fields.string("scheme") ?? "Bearer";
    fields.end();
    if ((token === undefined) === (tokenPath === undefined))
      problems.add(fields.at("token"), "give token or token_path, one of the two");
    if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
      problems.add(fields.at("token"), "must be visible characters without spaces");
    if (!/^[\w-]+$/.test(scheme)) problems.add(fields.at("scheme"), "must be one word");
    if (tokenPath !== undefined && !files) problems.add(fields.at("token_path"), noFiles);
    return {
      kind: "bearer",
      scheme,
      ...(token === undefined ? {} : { token }),
      ...(tokenPath === undefined ? {} : { tokenPath }),
    };
  },

  client_tls(fields, problems, { files }) {
    const [cert, privateKey] = [fields.required("cert"), fields.required("private_key")];
    const passphrase = fields.string("private_key_passphrase");
    fields.refuse({
      ca_cert: "OPA has moved it: give services[name].tls.ca_cert",
      system_ca_required: "OPA has moved it: give services[name].tls.system_ca_required",
      cert_reread_interval_seconds: "leave it out; a certificate that was replaced is taken by itself",
    });
    fields.end();
    if (!files) problems.add(fields.at("cert"), noFiles);
    return { kind: "client_tls", cert, privateKey, ...(passphrase === undefined ? {} : { passphrase }) };
  },

  oauth2(fields, problems) {
    const grant = fields.string("grant_type") ?? "client_credentials";
    if (grant !== "client_credentials")
      problems.add(
        fields.at("grant_type"),
        `${grant === "jwt_bearer" ? "isn't supported: give" : "must be"} client_credentials`,
      );
    const tokenUrl = fields.required("token_url");
    if (tokenUrl !== "" && !isTokenUrl(tokenUrl))
      problems.add(fields.at("token_url"), "must be an https URL (http on this machine only)");
    const signed = "clients are known by client_secret, or give bearer.token_path";
    fields.refuse({
      signing_key: signed,
      thumbprint: signed,
      additional_claims: signed,
      include_jti_claim: signed,
      aws_kms: signed,
      aws_signing: signed,
      azure_keyvault: signed,
      azure_signing: signed,
      client_assertion: signed,
      client_assertion_path: signed,
      client_assertion_type: signed,
      additional_headers: "give services[name].headers for the service; the token's request has OAuth's only",
      additional_parameters: "the token's request has OAuth's parameters only",
    });
    const credentials: Credentials = {
      kind: "oauth2",
      tokenUrl,
      clientId: fields.required("client_id"),
      clientSecret: fields.required("client_secret"),
      scopes: fields.strings("scopes") ?? [],
    };
    fields.end();
    return credentials;
  },

  s3_signing(fields, problems, rules) {
    const elsewhere = "give environment_credentials, and AWS_ACCESS_KEY_ID and the like in the environment";
    fields.refuse({
      profile_credentials: elsewhere,
      metadata_credentials: elsewhere,
      assume_role_credentials: elsewhere,
      web_identity_credentials: elsewhere,
      sso_credentials: elsewhere,
    });
    if (!fields.has("environment_credentials"))
      problems.add(fields.at("environment_credentials"), "is required: {}");
    fields.nested("environment_credentials").end();
    const version = fields.raw("signature_version");
    if (version !== undefined && version !== "4" && version !== 4)
      problems.add(fields.at("signature_version"), "must be 4: 4a isn't supported");
    const service = fields.string("service") ?? "s3";
    if (!/^[a-z0-9-]{1,32}$/.test(service))
      problems.add(fields.at("service"), "must be a service of AWS, e.g. s3");
    fields.end();
    return { kind: "s3_signing", service, ...readEnvironment(fields, problems, rules) };
  },
};

type Signing = Extract<Credentials, { readonly kind: "s3_signing" }>;

/** INVARIANT: what was discovered doesn't sign by this machine's key. */
function readEnvironment(
  fields: Fields,
  problems: Problems,
  { files, environment }: ReadRules,
): Omit<Signing, "kind" | "service"> {
  const place = fields.at("environment_credentials");
  if (!files) problems.add(place, "is this machine's, which only the sidecar's own configuration may use");
  if (environment === undefined) return {};
  const needed = (name: string): string => {
    const value = environment[name] ?? "";
    if (value === "") problems.add(place, `needs ${name} in the environment`);
    return value;
  };
  const region = needed("AWS_REGION");
  if (!/^[\w-]{0,64}$/.test(region)) problems.add(place, "needs an AWS_REGION such as eu-central-1");
  const secret = (name: string, value: string): string => {
    if (!/^[\x21-\x7e]*$/.test(value)) problems.add(place, `needs visible characters in ${name}`);
    return value;
  };
  const [id, key, session] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] as const;
  const sessionToken = secret(session, environment[session] ?? "");
  return {
    region,
    accessKeyId: secret(id, needed(id)),
    secretAccessKey: secret(key, needed(key)),
    ...(sessionToken === "" ? {} : { sessionToken }),
  };
}

function isTokenUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, hash } = new URL(text);
  return (
    username + password + hash === "" && (protocol === "https:" || (protocol === "http:" && isHere(hostname)))
  );
}
