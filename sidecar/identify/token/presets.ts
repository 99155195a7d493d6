import type { IssuerConfig } from "./types.js";

/** What an IdP's tokens look like; lies under what the operator writes. */
export interface Preset {
  readonly config: Partial<IssuerConfig>;
  /** Whether anybody in the world gets tokens of this issuer: then something must tell ours from theirs. */
  readonly shared?: boolean;
}

/** Each is documented, with a tested configuration, in docs/identity-tokens.md. */
export const presets: ReadonlyMap<string, Preset> = new Map<string, Preset>([
  [
    // custom authorization servers; those of the org authorization server are opaque to all but Okta
    "okta",
    {
      config: {
        algorithms: ["RS256"],
        types: ["", "JWT", "at+jwt"],
        claims: { groups: "groups", scopes: "scp" },
        // ID tokens have no `cid`
        require: [{ claim: "cid" }],
        subject_types: [{ claim: "uid", absent: true, type: "workload" }],
        discovery: true,
      },
    },
  ],
  [
    // one issuer for each directory, and for each version of its tokens
    "entra",
    {
      config: {
        algorithms: ["RS256"],
        types: ["JWT", "at+jwt"],
        // `sub` differs from application to application
        claims: { id: "oid", groups: "groups", roles: "roles", scopes: "scp" },
        // ID tokens have neither `azp` (2.0) nor `appid` (1.0)
        require: [{ claim: "azp", or: "appid" }, { claim: "tid" }],
        subject_types: [
          { claim: "idtyp", values: ["app"], type: "workload" },
          { claim: "scp", absent: true, type: "workload" },
        ],
        discovery: true,
      },
    },
  ],
  [
    // people of a Workspace domain; Google has no other JWT for them than ID tokens
    "google",
    {
      shared: true,
      config: {
        issuer: "https://accounts.google.com",
        algorithms: ["RS256"],
        types: ["JWT"],
        id_tokens: true,
        claims: { tenant: "hd" },
        require: [{ claim: "email_verified", values: [true] }],
        expose: ["email"],
        max_lifetime_seconds: 3_900,
        discovery: true,
      },
    },
  ],
  [
    "keycloak",
    {
      config: {
        algorithms: ["RS256", "ES256", "PS256", "EdDSA"],
        types: ["JWT", "at+jwt"],
        claims: { groups: "groups", roles: "realm_access.roles" },
        require: [{ claim: "typ", values: ["Bearer", "DPoP"] }],
        // from the client scope `service_account`
        subject_types: [{ claim: "client_id", type: "workload" }],
        expose: ["azp"],
        discovery: true,
      },
    },
  ],
  [
    "auth0",
    {
      config: {
        algorithms: ["RS256", "PS256"],
        types: ["JWT", "at+jwt"],
        // in tokens of Auth0's own profile, and of RFC 9068's; ID tokens have neither
        require: [{ claim: "azp", or: "client_id" }],
        subject_types: [{ claim: "gty", values: ["client-credentials"], type: "workload" }],
        expose: ["permissions"],
        discovery: true,
      },
    },
  ],
  [
    // projected ServiceAccount tokens
    "kubernetes",
    {
      config: {
        algorithms: ["RS256", "ES256"],
        types: ["", "JWT"],
        require: [{ claim: ["kubernetes.io", "serviceaccount", "name"] }],
        subject_type: "workload",
        expose: ["kubernetes.io"],
        discovery: true,
      },
    },
  ],
  [
    "github-actions",
    {
      shared: true,
      config: {
        issuer: "https://token.actions.githubusercontent.com",
        algorithms: ["RS256"],
        types: ["JWT"],
        subject_type: "workload",
        claims: { tenant: "repository_owner" },
        require: [{ claim: "repository" }, { claim: "repository_owner_id" }, { claim: "job_workflow_ref" }],
        expose: [
          ...[
            "repository",
            "repository_id",
            "repository_owner_id",
            "repository_visibility",
            "ref",
            "ref_type",
          ],
          ...["ref_protected", "environment", "event_name", "workflow_ref", "job_workflow_ref", "actor"],
          ...["runner_environment", "sha", "run_id"],
        ],
        max_lifetime_seconds: 3_600,
        discovery: true,
      },
    },
  ],
  [
    "gitlab-ci",
    {
      shared: true,
      config: {
        issuer: "https://gitlab.com",
        algorithms: ["RS256"],
        types: ["JWT"],
        subject_type: "workload",
        claims: { tenant: "namespace_path" },
        require: [{ claim: "project_path" }, { claim: "pipeline_id" }, { claim: "job_id" }],
        expose: [
          ...["project_path", "project_id", "namespace_id", "ref", "ref_type", "ref_path", "ref_protected"],
          ...["environment", "environment_protected", "deployment_tier", "pipeline_source", "user_login"],
          ...["runner_environment", "sha", "pipeline_id", "job_id"],
        ],
        discovery: true,
      },
    },
  ],
  [
    // a service account's identity token from the metadata server, `format=full`
    "gcp",
    {
      shared: true,
      config: {
        issuer: "https://accounts.google.com",
        algorithms: ["RS256"],
        types: ["JWT"],
        id_tokens: true,
        subject_type: "workload",
        claims: { tenant: "google.compute_engine.project_id" },
        require: [{ claim: "email_verified", values: [true] }],
        expose: ["email", "google"],
        max_lifetime_seconds: 3_900,
        discovery: true,
      },
    },
  ],
  [
    // IAM outbound identity federation: an issuer for each account; for pods of EKS take `kubernetes`
    "aws",
    {
      config: {
        algorithms: ["ES384", "RS256"],
        types: ["JWT", ""],
        subject_type: "workload",
        require: [{ claim: ["https://sts.amazonaws.com/", "aws_account"] }],
        expose: ["https://sts.amazonaws.com/"],
        max_lifetime_seconds: 3_600,
        discovery: true,
      },
    },
  ],
]);
