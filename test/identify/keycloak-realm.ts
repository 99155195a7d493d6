/** The realm that Keycloak is started with: people, groups, service accounts, clients that exchange tokens. */
import type { Members } from "./world.js";

export const secrets = {
  assistant: "assistant-secret",
  agent: "agent-secret",
  batch: "batch-secret",
} as const;
export const password = "ann-password";

const audience = (name: string): Members => ({
  name: `audience ${name}`,
  protocol: "openid-connect",
  protocolMapper: "oidc-audience-mapper",
  config: { "included.client.audience": name, "access.token.claim": "true", "id.token.claim": "false" },
});
const groups: Members = {
  name: "groups",
  protocol: "openid-connect",
  protocolMapper: "oidc-group-membership-mapper",
  config: {
    "claim.name": "groups",
    "full.path": "true",
    "access.token.claim": "true",
    "id.token.claim": "true",
  },
};
/** Keycloak's own exchange names no actor; the client that exchanges is one, and says so. */
const actor: Members = {
  name: "actor",
  protocol: "openid-connect",
  protocolMapper: "oidc-hardcoded-claim-mapper",
  config: {
    "claim.name": "act",
    "claim.value": '{"sub":"agent"}',
    "jsonType.label": "JSON",
    "access.token.claim": "true",
    "id.token.claim": "false",
  },
};
const client = (clientId: keyof typeof secrets | "countersign", more: Members): Members => ({
  clientId,
  protocol: "openid-connect",
  publicClient: false,
  standardFlowEnabled: false,
  directAccessGrantsEnabled: false,
  serviceAccountsEnabled: false,
  ...(clientId === "countersign" ? {} : { secret: secrets[clientId] }),
  ...more,
});

export const realm: Members = {
  realm: "acme",
  enabled: true,
  sslRequired: "none",
  accessTokenLifespan: 300,
  roles: { realm: [{ name: "ml-engineer" }] },
  groups: [{ name: "research", subGroups: [{ name: "nlp" }] }],
  users: [
    {
      username: "ann",
      enabled: true,
      email: "ann@acme.example",
      emailVerified: true,
      firstName: "Ann",
      lastName: "Example",
      credentials: [{ type: "password", value: password, temporary: false }],
      groups: ["/research/nlp"],
      realmRoles: ["ml-engineer"],
    },
    {
      username: "service-account-batch",
      enabled: true,
      serviceAccountClientId: "batch",
      groups: ["/research"],
      realmRoles: ["ml-engineer"],
    },
  ],
  clients: [
    client("countersign", { bearerOnly: true }),
    client("assistant", {
      directAccessGrantsEnabled: true,
      protocolMappers: [audience("countersign"), audience("agent"), groups],
    }),
    client("agent", {
      serviceAccountsEnabled: true,
      attributes: { "standard.token.exchange.enabled": "true" },
      protocolMappers: [audience("countersign"), groups, actor],
    }),
    client("batch", {
      serviceAccountsEnabled: true,
      // as the console gives a client with a service account
      defaultClientScopes: ["service_account", "basic", "acr", "roles", "profile", "email"],
      protocolMappers: [audience("countersign"), groups],
    }),
  ],
};
