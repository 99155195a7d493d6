/** Tokens in the shapes that the IdPs' own documentation shows, with made-up values. */
import type { ErrorCode } from "../../sidecar/contract.js";
import { start, type Members } from "./world.js";

const now = start / 1000;
const times = (seconds: number): Members => ({ iat: now - 10, exp: now - 10 + seconds });
const directory = "72f988bf-86f1-41af-91ab-2d7cd011db47";
export const oid = "690222be-ff1a-4d56-abd1-7e4f7d38e474";

export interface PresetCase {
  readonly preset: string;
  /** What an operator writes beside the preset. */
  readonly config: Members;
  readonly header: Members;
  readonly payload: Members;
  /** What the identity must be, among more. */
  readonly identity: Members;
  /** Changes of the payload that must be refused: above all what the same IdP signs with the same key for others. */
  readonly refused: readonly (readonly [name: string, over: Members, code: ErrorCode, header?: Members])[];
}

const okta: PresetCase = {
  preset: "okta",
  config: {
    issuer: "https://acme.okta.example/oauth2/default",
    audience: "api://default",
    tenants: ["acme"],
  },
  // no `typ`
  header: { kid: "k1", alg: "RS256" },
  payload: {
    ver: 1,
    jti: "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
    iss: "https://acme.okta.example/oauth2/default",
    aud: "api://default",
    ...times(3_600),
    cid: "nmdP1fcyvdVO11AL7ECm",
    uid: "00ujmkLgagxeRrAg20g3",
    scp: ["openid", "email"],
    auth_time: now - 600,
    sub: "ann@acme.example",
    groups: ["Everyone", "ML Engineers"],
  },
  identity: {
    type: "user",
    id: "ann@acme.example",
    tenant: "acme",
    groups: ["Everyone", "ML Engineers"],
    scopes: ["openid", "email"],
    authentication: { at: now - 600 },
  },
  refused: [
    [
      "its ID token",
      { cid: undefined, uid: undefined, scp: undefined, amr: ["pwd"], aud: "nmdP1fcyvdVO11AL7ECm" },
      "token_claims",
    ],
    ["its ID token for an audience of ours", { cid: undefined, amr: ["pwd"], idp: "00oidp" }, "token_claims"],
    ["one of the org's own authorization server", { iss: "https://acme.okta.example" }, "token_issuer"],
    ["another authorization server's", { iss: "https://acme.okta.example/oauth2/aus2" }, "token_issuer"],
  ],
};
const oktaService: PresetCase = {
  ...okta,
  payload: {
    ...okta.payload,
    uid: undefined,
    auth_time: undefined,
    groups: undefined,
    scp: ["models.use"],
    sub: "0oa1client",
  },
  identity: { type: "workload", id: "0oa1client", groups: [], scopes: ["models.use"] },
  refused: [],
};

const entra: PresetCase = {
  preset: "entra",
  config: {
    issuer: `https://login.microsoftonline.com/${directory}/v2.0`,
    audience: "6e74172b-be56-4843-9ff4-e66a39bb12e3",
    tenants: ["acme"],
  },
  header: { typ: "JWT", alg: "RS256", kid: "k1" },
  payload: {
    aud: "6e74172b-be56-4843-9ff4-e66a39bb12e3",
    iss: `https://login.microsoftonline.com/${directory}/v2.0`,
    ...times(4_500),
    nbf: now - 10,
    aio: "AXQAi/8IAAAA",
    azp: "1a2b6f0e-2b8b-4f5e-9b7e-0c8f4b3d2a11",
    azpacr: "0",
    groups: ["a9e1a3b0-8a0b-4f1c-8b0e-1f2d3c4b5a69"],
    name: "Ann Example",
    oid,
    preferred_username: "ann@acme.example",
    rh: "0.ARoAv4j5cvGGr0GRqy180BHbR0",
    roles: ["Models.Use"],
    scp: "access_as_user",
    sub: "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
    tid: directory,
    uti: "fqiBqXLPj0eQa82S-IYFAA",
    ver: "2.0",
  },
  identity: {
    type: "user",
    id: oid,
    tenant: "acme",
    groups: ["a9e1a3b0-8a0b-4f1c-8b0e-1f2d3c4b5a69"],
    roles: ["Models.Use"],
    scopes: ["access_as_user"],
  },
  refused: [
    ["its ID token", { azp: undefined, azpacr: undefined, scp: undefined }, "token_claims"],
    ["its ID token by nonce", { nonce: "12345" }, "token_type"],
    [
      "another directory's",
      { iss: "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0" },
      "token_issuer",
    ],
    ["one for all directories", { iss: "https://login.microsoftonline.com/common/v2.0" }, "token_issuer"],
    ["one for Microsoft Graph", { aud: "00000003-0000-0000-c000-000000000000" }, "token_audience"],
    [
      "one that leaves its groups out",
      { groups: undefined, _claim_names: { groups: "src1" } },
      "groups_unavailable",
    ],
    ["one without the object's id", { oid: undefined }, "token_claims"],
  ],
};
const entraApp: PresetCase = {
  ...entra,
  payload: {
    ...entra.payload,
    scp: undefined,
    groups: undefined,
    name: undefined,
    idtyp: "app",
    azpacr: "1",
    sub: oid,
  },
  identity: { type: "workload", id: oid, roles: ["Models.Use"] },
  refused: [],
};
const entraOne: PresetCase = {
  preset: "entra",
  config: {
    issuer: `https://sts.windows.net/${directory}/`,
    discovery: `https://login.microsoftonline.com/${directory}/.well-known/openid-configuration`,
    audience: "api://countersign",
    tenants: ["acme"],
  },
  header: { typ: "JWT", alg: "RS256", x5t: "nOo3ZDrODXEK1jKWhXslHR_KXEg", kid: "k1" },
  payload: {
    aud: "api://countersign",
    iss: `https://sts.windows.net/${directory}/`,
    ...times(3_900),
    acr: "1",
    amr: ["pwd", "mfa"],
    appid: "75dbe77f-10a3-4e59-85fd-8c127544f17c",
    appidacr: "0",
    ipaddr: "203.0.113.7",
    oid,
    scp: "user_impersonation",
    sub: "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA",
    tid: directory,
    ver: "1.0",
  },
  identity: { type: "user", id: oid, authentication: { context: "1", methods: ["pwd", "mfa"] } },
  refused: [["its ID token", { appid: undefined }, "token_claims"]],
};

const google: PresetCase = {
  preset: "google",
  config: { audience: "1234-abc.apps.googleusercontent.com", tenants: ["acme.example"] },
  header: { alg: "RS256", kid: "k1", typ: "JWT" },
  payload: {
    iss: "https://accounts.google.com",
    azp: "1234-abc.apps.googleusercontent.com",
    aud: "1234-abc.apps.googleusercontent.com",
    sub: "110169484474386276334",
    hd: "acme.example",
    email: "ann@acme.example",
    email_verified: true,
    at_hash: "HK6E_P6Dh8Y93mRNtsDB1Q",
    ...times(3_600),
  },
  identity: {
    type: "user",
    id: "110169484474386276334",
    tenant: "acme.example",
    claims: { email: "ann@acme.example" },
  },
  refused: [
    ["a private account's", { hd: undefined, email: "ann@gmail.com" }, "token_claims"],
    ["another domain's", { hd: "evil.example" }, "token_tenant"],
    ["one with an address that isn't verified", { email_verified: false }, "token_claims"],
    ["one for another client", { aud: "evil.apps.googleusercontent.com" }, "token_audience"],
    ["the issuer without its scheme", { iss: "accounts.google.com" }, "token_issuer"],
  ],
};

const keycloak: PresetCase = {
  preset: "keycloak",
  config: { issuer: "https://sso.acme.example/realms/acme", audience: "countersign", tenants: ["acme"] },
  header: { alg: "RS256", typ: "JWT", kid: "k1" },
  payload: {
    ...times(300),
    jti: "onrtac:3d2b7e3a-0d2f-4f0c-8a38-3b2a2f6f3a10",
    iss: "https://sso.acme.example/realms/acme",
    aud: ["countersign", "account"],
    sub: "f7c0a2f6-3b7a-4a5d-9a53-0d9c5c0f6f0e",
    typ: "Bearer",
    azp: "assistant",
    sid: "1b8e6f7c-6c5e-4b2b-8b61-7a1a6e5a0d11",
    auth_time: now - 60,
    acr: "1",
    "allowed-origins": ["https://assistant.acme.example"],
    realm_access: { roles: ["offline_access", "ml-engineer"] },
    resource_access: { account: { roles: ["view-profile"] } },
    scope: "profile email",
    groups: ["/research/nlp"],
    preferred_username: "ann",
  },
  identity: {
    type: "user",
    groups: ["/research/nlp"],
    roles: ["offline_access", "ml-engineer"],
    scopes: ["profile", "email"],
    authentication: { context: "1", at: now - 60 },
    claims: { azp: "assistant" },
  },
  refused: [
    ["its ID token", { typ: "ID", aud: "countersign" }, "token_type"],
    ["its refresh token", { typ: "Refresh" }, "token_type"],
    ["its offline token", { typ: "Offline" }, "token_type"],
    ["its logout token", { typ: "Logout", events: {} }, "token_type"],
    ["its token for registration", { typ: "RegistrationAccessToken" }, "token_claims"],
    ["one without a type", { typ: undefined }, "token_claims"],
    ["another realm's", { iss: "https://sso.acme.example/realms/master" }, "token_issuer"],
  ],
};
const keycloakService: PresetCase = {
  ...keycloak,
  payload: {
    ...keycloak.payload,
    client_id: "batch",
    preferred_username: "service-account-batch",
    auth_time: undefined,
    groups: undefined,
  },
  identity: { type: "workload", groups: [] },
  refused: [],
};

const auth0: PresetCase = {
  preset: "auth0",
  config: {
    issuer: "https://acme.eu.auth0.example/",
    audience: "https://countersign.acme.example",
    tenants: ["acme"],
    claims: { roles: ["https://acme.example/roles"] },
  },
  header: { alg: "RS256", typ: "JWT", kid: "k1" },
  payload: {
    "https://acme.example/roles": ["ml-engineer"],
    iss: "https://acme.eu.auth0.example/",
    sub: "auth0|5f7c8ec7c33c6c004bbafe82",
    aud: ["https://countersign.acme.example", "https://acme.eu.auth0.example/userinfo"],
    ...times(86_400),
    azp: "my_client_id",
    scope: "openid profile models:use",
    permissions: ["models:use"],
  },
  identity: {
    type: "user",
    id: "auth0|5f7c8ec7c33c6c004bbafe82",
    roles: ["ml-engineer"],
    scopes: ["openid", "profile", "models:use"],
    claims: { permissions: ["models:use"] },
  },
  refused: [
    [
      "its ID token",
      { azp: undefined, scope: undefined, permissions: undefined, sid: "s", nonce: "n" },
      "token_type",
    ],
    ["its ID token without a nonce", { azp: undefined, scope: undefined, sid: "s" }, "token_claims"],
    ["the issuer without its slash", { iss: "https://acme.eu.auth0.example" }, "token_issuer"],
  ],
};
const auth0Service: PresetCase = {
  ...auth0,
  // the profile of RFC 9068
  header: { alg: "RS256", typ: "at+jwt", kid: "k1" },
  payload: {
    iss: "https://acme.eu.auth0.example/",
    sub: "my_client_id@clients",
    aud: "https://countersign.acme.example",
    ...times(86_400),
    jti: "7nbyvw9fYTbG1BFG2wM3W",
    client_id: "my_client_id",
    gty: "client-credentials",
    scope: "models:use",
  },
  identity: { type: "workload", id: "my_client_id@clients", roles: [] },
  refused: [],
};

const kubernetes: PresetCase = {
  preset: "kubernetes",
  config: {
    issuer: "https://kubernetes.default.svc.cluster.local",
    audience: "countersign",
    tenants: ["acme"],
    discovery: "https://kubernetes.default.svc/.well-known/openid-configuration",
    fetch: {
      addresses: "private",
      ca_file: "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
      token_file: "/var/run/secrets/kubernetes.io/serviceaccount/token",
    },
  },
  header: { alg: "RS256", kid: "k1" },
  payload: {
    aud: ["countersign"],
    ...times(3_607),
    iss: "https://kubernetes.default.svc.cluster.local",
    jti: "ea28ed49-2e11-4280-9ec5-bc3d1d84661a",
    "kubernetes.io": {
      namespace: "agents",
      node: { name: "127.0.0.1", uid: "58456cb0-dd00-45ed-b797-5578fdceaced" },
      pod: { name: "assistant-69cbfb9798-jv9gn", uid: "778a530c-b3f4-47c0-9cd5-ab018fb64f33" },
      serviceaccount: { name: "assistant", uid: "a087d5a0-e1dd-43ec-93ac-f13d89cd13af" },
      warnafter: now + 3_000,
    },
    nbf: now - 10,
    sub: "system:serviceaccount:agents:assistant",
  },
  identity: {
    type: "workload",
    id: "system:serviceaccount:agents:assistant",
    tenant: "acme",
    claims: { "kubernetes.io": part("namespace", "agents") },
  },
  refused: [
    ["a token of a Secret, without an end", { exp: undefined, "kubernetes.io": undefined }, "token_claims"],
    ["one for the API server", { aud: ["https://kubernetes.default.svc.cluster.local"] }, "token_audience"],
    ["another cluster's", { iss: "https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE" }, "token_issuer"],
  ],
};
/** EKS's cluster issuer is reached from everywhere. */
const eks: PresetCase = {
  ...kubernetes,
  config: {
    ...kubernetes.config,
    issuer: "https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D",
    discovery: true,
    fetch: {},
  },
  payload: { ...kubernetes.payload, iss: "https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D" },
  refused: [],
};

const github: PresetCase = {
  preset: "github-actions",
  config: { audience: "countersign", tenants: ["acme"], tenant_names: { "octo-org": "acme" } },
  header: { typ: "JWT", alg: "RS256", x5t: "example-thumbprint", kid: "k1" },
  payload: {
    jti: "example-id",
    sub: "repo:octo-org/octo-repo:environment:prod",
    environment: "prod",
    aud: "countersign",
    ref: "refs/heads/main",
    sha: "example-sha",
    repository: "octo-org/octo-repo",
    repository_owner: "octo-org",
    actor_id: "12",
    repository_visibility: "private",
    repository_id: "74",
    repository_owner_id: "65",
    run_id: "example-run-id",
    run_number: "10",
    run_attempt: "2",
    runner_environment: "github-hosted",
    actor: "octocat",
    workflow: "example-workflow",
    head_ref: "",
    base_ref: "",
    event_name: "workflow_dispatch",
    ref_type: "branch",
    job_workflow_ref: "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
    iss: "https://token.actions.githubusercontent.com",
    nbf: now - 600,
    ...times(300),
  },
  identity: {
    type: "workload",
    id: "repo:octo-org/octo-repo:environment:prod",
    tenant: "acme",
    claims: part("ref", "refs/heads/main"),
  },
  refused: [
    [
      "a stranger's workflow",
      {
        repository_owner: "evil",
        repository: "evil/octo-repo",
        sub: "repo:evil/octo-repo:ref:refs/heads/main",
      },
      "token_tenant",
    ],
    ["one that poses as ours by case", { repository_owner: "Octo-Org" }, "token_tenant"],
    ["one for a cloud", { aud: "sts.amazonaws.com" }, "token_audience"],
    ["one for the default audience", { aud: "https://github.com/octo-org" }, "token_audience"],
  ],
};

const gitlab: PresetCase = {
  preset: "gitlab-ci",
  config: { audience: "https://countersign.acme.example", tenants: ["my-group"] },
  header: { kid: "k1", typ: "JWT", alg: "RS256" },
  payload: {
    namespace_id: "72",
    namespace_path: "my-group",
    project_id: "20",
    project_path: "my-group/my-project",
    user_id: "1",
    user_login: "sample-user",
    user_email: "sample-user@example.com",
    user_identities: [{ provider: "github", extern_uid: "2435223452345" }],
    pipeline_id: "574",
    pipeline_source: "push",
    job_id: "302",
    ref: "feature-branch-1",
    ref_type: "branch",
    ref_path: "refs/heads/feature-branch-1",
    ref_protected: "false",
    groups_direct: ["mygroup/mysubgroup"],
    environment: "test-environment2",
    environment_protected: "false",
    deployment_tier: "testing",
    environment_action: "start",
    runner_id: 1,
    runner_environment: "self-hosted",
    sha: "714a629c0b401fdce83e847fc9589983fc6f46bc",
    project_visibility: "public",
    ci_config_ref_uri: "gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
    jti: "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
    iss: "https://gitlab.com",
    nbf: now - 15,
    ...times(3_600),
    sub: "project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1",
    aud: "https://countersign.acme.example",
  },
  identity: {
    type: "workload",
    id: "project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1",
    tenant: "my-group",
    claims: part("ref_protected", "false"),
  },
  refused: [
    ["a stranger's job", { namespace_path: "evil", project_path: "evil/my-project" }, "token_tenant"],
    ["a subgroup's job", { namespace_path: "my-group/sub" }, "token_tenant"],
    [
      "an application's ID token",
      { pipeline_id: undefined, job_id: undefined, project_path: undefined },
      "token_claims",
    ],
  ],
};

const gcp: PresetCase = {
  preset: "gcp",
  config: { audience: "https://countersign.acme.example", tenants: ["acme-prod"] },
  header: { alg: "RS256", kid: "k1", typ: "JWT" },
  payload: {
    iss: "https://accounts.google.com",
    ...times(3_600),
    aud: "https://countersign.acme.example",
    sub: "112010400000000710080",
    azp: "112010400000000710080",
    email: "assistant@acme-prod.iam.gserviceaccount.com",
    email_verified: true,
    google: {
      compute_engine: {
        project_id: "acme-prod",
        project_number: 739419398126,
        zone: "europe-west6-a",
        instance_id: "152986662232938449",
        instance_name: "example",
        instance_creation_timestamp: now - 86_400,
        instance_confidentiality: 1,
      },
    },
  },
  identity: {
    type: "workload",
    id: "112010400000000710080",
    tenant: "acme-prod",
    claims: part("email", "assistant@acme-prod.iam.gserviceaccount.com"),
  },
  refused: [
    ["a stranger's instance", { google: { compute_engine: { project_id: "evil" } } }, "token_tenant"],
    ["one without the instance (`format=standard`)", { google: undefined }, "token_claims"],
    ["a person's", { google: undefined, hd: "acme.example", email: "ann@acme.example" }, "token_claims"],
  ],
};
/** Cloud Run and others have no instance: the service accounts are listed. */
const gcpListed: PresetCase = {
  ...gcp,
  config: {
    audience: "https://countersign.acme.example",
    tenants: ["acme"],
    claims: { tenant: null },
    require: [
      { claim: "email", values: ["assistant@acme-prod.iam.gserviceaccount.com"] },
      { claim: "email_verified", values: [true] },
    ],
  },
  payload: { ...gcp.payload, google: undefined },
  identity: { type: "workload", tenant: "acme" },
  refused: [["a stranger's", { email: "assistant@evil.iam.gserviceaccount.com" }, "token_claims"]],
};

const aws: PresetCase = {
  preset: "aws",
  config: {
    issuer: "https://abc123-def456-ghi789-jkl012.tokens.sts.global.api.aws",
    audience: "https://countersign.acme.example",
    tenants: ["acme"],
  },
  header: { kid: "k1", typ: "JWT", alg: "ES384" },
  payload: {
    iss: "https://abc123-def456-ghi789-jkl012.tokens.sts.global.api.aws",
    aud: "https://countersign.acme.example",
    sub: "arn:aws:iam::123456789012:role/DataProcessingRole",
    ...times(900),
    jti: "xyz123-def456-ghi789-jkl012",
    "https://sts.amazonaws.com/": {
      aws_account: "123456789012",
      source_region: "us-east-1",
      org_id: "o-abc1234567",
      ou_path: "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/",
      principal_tags: { environment: "production" },
      request_tags: { "job-id": "job-2024-001" },
    },
  },
  identity: {
    type: "workload",
    id: "arn:aws:iam::123456789012:role/DataProcessingRole",
    claims: { "https://sts.amazonaws.com/": part("aws_account", "123456789012") },
  },
  refused: [
    ["another account's issuer", { iss: "https://evil.tokens.sts.global.api.aws" }, "token_issuer"],
    ["one without an account", { "https://sts.amazonaws.com/": {} }, "token_claims"],
  ],
};

/** Part of an object. */
function part(name: string, value: string): Members {
  return { [name]: value };
}

export const presetCases: readonly (readonly [name: string, one: PresetCase])[] = [
  ["Okta, a user", okta],
  ["Okta, a service", oktaService],
  ["Entra ID, a user", entra],
  ["Entra ID, an application", entraApp],
  ["Entra ID, tokens of version 1.0", entraOne],
  ["Google Workspace", google],
  ["Keycloak, a user", keycloak],
  ["Keycloak, a service account", keycloakService],
  ["Auth0, a user", auth0],
  ["Auth0, an application", auth0Service],
  ["Kubernetes", kubernetes],
  ["Kubernetes on EKS", eks],
  ["GitHub Actions", github],
  ["GitLab CI", gitlab],
  ["GCP, an instance", gcp],
  ["GCP, listed service accounts", gcpListed],
  ["AWS", aws],
];
