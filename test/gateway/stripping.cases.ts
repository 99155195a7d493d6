/** Headers by which a caller could pretend to be somebody, in the spellings that servers mistake for each other. */
const names = [
  "x-countersign-assertion",
  "x-countersign-subject",
  "x-countersign-decision-id",
  "x-client-cert",
  "x-ssl-client-cert",
  "x-ssl-client-s-dn",
  "x-pomerium-jwt-assertion",
  "x-pomerium-claim-email",
  "x-pomerium-authorization",
  "x-forwarded-user",
  "x-forwarded-email",
  "x-forwarded-groups",
  "x-forwarded-preferred-username",
  "x-forwarded-access-token",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
  "forwarded",
  "x-auth-request-user",
  "x-auth-request-email",
  "x-auth-request-groups",
  "x-auth-request-access-token",
  "x-amzn-oidc-data",
  "x-amzn-oidc-identity",
  "x-amzn-oidc-accesstoken",
  "cf-access-jwt-assertion",
  "cf-access-authenticated-user-email",
  "cf-connecting-ip",
  "x-goog-iap-jwt-assertion",
  "x-goog-authenticated-user-email",
  "x-goog-authenticated-user-id",
  "x-ms-client-principal",
  "x-ms-client-principal-name",
  "x-ms-client-principal-id",
  "x-ms-token-aad-access-token",
  "remote-user",
  "remote-groups",
  "remote-email",
  "x-remote-user",
  "x-remote-group",
  "x-user",
  "x-user-id",
  "x-webauth-user",
  "x-tenant-id",
  "x-original-url",
  "impersonate-user",
  "impersonate-group",
  "impersonate-uid",
  "impersonate-extra-scopes",
  "x-authenticated-userid",
  "x-consumer-username",
  "x-jwt-assertion",
  "x-id-token",
  "x-envoy-external-address",
  "x-spiffe-id",
  "cookie",
  "proxy-authorization",
  "x-openai-organization",
  "openai-organization",
  "openai-project",
  "anthropic-beta",
  "anthropic-version",
] as const;

/** Credentials of our own: presented, they are judged; passed on, they would be somebody else's to use. */
export const credentials = [
  "txn-token",
  "workload-identity-token",
  "workload-proof-token",
  "dpop",
  "x-api-key",
] as const;

type Spell = (name: string) => string;
const title: Spell = (name) => name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase());
const spellings: readonly (readonly [string, Spell])[] = [
  ["as it is", (name) => name],
  ["in title case", title],
  ["in capitals", (name) => name.toUpperCase()],
  ["with underscores", (name) => name.replaceAll("-", "_")],
  ["with an underscore at its end", (name) => name.replace(/-([^-]*)$/, "_$1")],
  [
    "in capitals with underscores, as CGI has it",
    (name) => `HTTP_${name.toUpperCase().replaceAll("-", "_")}`,
  ],
];

export const value = "smuggled-mallory";

/** All heads that are tried: one header more than an ordinary request has, or several. */
export const heads: readonly (readonly [name: string, lines: readonly string[]])[] = [
  ...spellings.map(([spelling, spell]): readonly [string, readonly string[]] => [
    `every identity header ${spelling}`,
    names.map((name) => `${spell(name)}: ${value}`),
  ]),
  ...spellings.map(([spelling, spell]): readonly [string, readonly string[]] => [
    `our credentials ${spelling === "as it is" ? "with underscores only" : spelling}`,
    credentials.map((name) => `${spell(name).replaceAll("-", "_")}: ${value}`),
  ]),
  // by itself: it is refused, since no proxy is configured
  ["a forwarded certificate", [`x-forwarded-client-cert: By=spiffe://a/b;Subject="${value}"`]],
  [
    "a forwarded certificate, with underscores",
    [`X_FORWARDED_CLIENT_CERT: By=spiffe://a/b;Subject="${value}"`],
  ],
  ["one header twice", [`x-countersign-assertion: ${value}-1`, `X-Countersign-Assertion: ${value}-2`]],
  [
    "a header named by Connection",
    [`connection: close, x-countersign-assertion`, `x-countersign-assertion: ${value}`],
  ],
  ["an empty one before a full one", ["x-countersign-assertion:", `x-countersign-assertion: ${value}`]],
  ["a trailer", ["te: trailers", "trailer: x-countersign-assertion"]],
  ["letters that fold to others", [`x-counter\u017fign-assertion: ${value}`, `\u212aey: ${value}`]],
  ["a blank before the colon", [`x-countersign-assertion : ${value}`]],
  ["a folded line", ["x-harmless: a", ` x-countersign-assertion: ${value}`]],
  ["a bare line feed in a value", [`x-harmless: a\nx-countersign-assertion: ${value}`]],
  ["a NUL in a name", [`x-countersign-assertion\u0000: ${value}`]],
  [
    "an encoded line break in a protocol header",
    [`mcp-session-id: a%0d%0ax-countersign-assertion: ${value}`],
  ],
  ["a line break in the token", ["authorization: Bearer a%0d%0ax-countersign-assertion:%20" + value]],
];
