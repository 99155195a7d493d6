/** The configuration in OPA's words: each key that OPA knows is understood or refused by name, and no secret comes out. */
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import yaml from "js-yaml";
import type { SidecarConfig } from "../../sidecar/config.js";
import { parseSidecarConfig } from "../../sidecar/config.js";
import { ConfigRefused } from "../../sidecar/config/config-refused.js";
import { applySets, substituteVariables } from "../../sidecar/config/overlay.js";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { parseJson } from "../../sidecar/contract.js";
import { publicConfig } from "../../sidecar/public-config.js";
import { root } from "../world.js";

const pem = (key: { export(options: { type: "spki"; format: "pem" }): string | Buffer }): string =>
  key.export({ type: "spki", format: "pem" }).toString();
const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const [rsaPem, ecPem] = [pem(rsa.publicKey), pem(ec.publicKey)];
const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const files: Record<string, string> = { "/k.pem": rsaPem, "/ca.pem": certificate, "/text": "text" };

const parse = (value: Json): SidecarConfig =>
  parseSidecarConfig(value, (path) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
    return text;
  });

function problemsOf(value: Json): readonly string[] {
  try {
    parse(value);
    return [];
  } catch (error) {
    if (error instanceof ConfigRefused) return error.problems;
    throw error;
  }
}

const read = (text: string): Json => yaml.load(text) as Json;

describe("each key of OPA 1.22's configuration", () => {
  const keys = JSON.parse(readFileSync(join(root, "test/config/opa-keys.json"), "utf8")) as readonly string[];
  /** Values that OPA would take; any other key gets a text. */
  const values: readonly [RegExp, Json][] = [
    [/^services\[_\]\.url$|token_url$/, "https://example.com"],
    [/^services\[_\]\.headers$|additional_(headers|parameters|claims)$|environment_credentials$/, {}],
    [/^labels$|^plugins$|_signing$|managed_identity$|^metrics_export\.headers$/, {}],
    [/tls\.ca_cert$/, "/ca.pem"],
    [/\.polling\.\w+_delay_seconds$|\.reporting\.\w+_delay_seconds$/, 60],
    [/_seconds$|max_decisions_per_second$|signature_version$/, 4],
    [/(bytes|events|max_length)$/, 100_000],
    [/scopes$|exclude_files$|http\.headers$|buckets$|partitions$|exclude_paths$/, []],
    [/persist$|console$|prometheus$|allow_insecure_tls$|nd_builtin_cache$|system_ca_required$/, true],
    [/allow_unsigned_delta_bundles$|include_jti_claim$/, true],
    [/\.trigger$/, "periodic"],
    [/buffer_type$/, "size"],
    [/grant_type$/, "client_credentials"],
    [/algorithm$/, "RS256"],
    [/keys\[_\]\.key$/, rsaPem],
    [/keyid$/, "k"],
    [/^services\[_\]\.type$/, "oci"],
    [/\.service$/, "s"],
  ];
  /** What must stand beside a key so that it counts. */
  const beside: readonly [RegExp, string][] = [
    [/delay_seconds$/, "min_delay_seconds: 60\nmax_delay_seconds: 120"],
    [/oauth2\./, "token_url: https://example.com/token\nclient_id: c\nclient_secret: secret"],
    [/client_tls\./, "cert: /c.pem\nprivate_key: /k.pem"],
    [/bearer\.scheme/, "token: token"],
    [/s3_signing\./, "environment_credentials: {}"],
    [/system_ca_required/, "ca_cert: /ca.pem"],
    [/buffer_size_limit_events/, "buffer_type: event"],
    [/^keys\[_\]\.(algorithm|scope)/, "key_file: /k.pem"],
    [/^discovery\.(?!name)[a-z]+$/, "resource: r"],
    [/^status\./, "service: s"],
  ];
  const settings = (key: string): JsonObject => {
    const whole = read(
      "services: {s: {url: https://example.com}}\nkeys: {k: {key_file: /k.pem}}\nbundles: {_: {}}\ndiscovery: {resource: example.com/r:v1}",
    ) as JsonObject;
    const path = key.replace(/\[_\]/g, "._").split(".");
    const last = path.pop() ?? "";
    let at = whole;
    path.forEach((name, i) => {
      // services and keys have one member each already
      const member = path[0] === "services" ? "s" : path[0] === "keys" ? "k" : "b";
      const word = name === "_" ? member : name;
      if (i === 1 && path[0] === "keys") (at as Record<string, Json>)[word] = {};
      at = ((at as Record<string, Json>)[word] ??= {}) as JsonObject;
    });
    delete (whole["bundles"] as Record<string, Json>)["_"];
    const near = beside.find(([pattern]) => pattern.test(key));
    if (near !== undefined) Object.assign(at, read(near[1]));
    const value = values.find(([pattern]) => pattern.test(key))?.[1] ?? "text";
    (at as Record<string, Json>)[last] ??= value;
    return whole;
  };
  const outcomes = keys.map((key) => [key, problemsOf(settings(key))] as const);

  test("is known: none is an unknown field", () => {
    expect(keys.length).toBeGreaterThan(200);
    expect(outcomes.filter(([, problems]) => problems.some((one) => one.includes("unknown field")))).toEqual(
      [],
    );
  });

  test("is understood, or refused at its place with what to do", () => {
    const placeOf = (key: string): string => key.replace(/^(services|keys|bundles)\[_\]/, "$1.?");
    const odd = outcomes.filter(([key, problems]) => {
      const refused = problems.some((one) => {
        const [place = "", what = ""] = one.split(/: (.*)/s);
        const inside = placeOf(key).startsWith(place.replace(/^(services|keys|bundles)\.\w/, "$1.?"));
        return inside && /^isn't supported: .{10}/.test(what);
      });
      return problems.length > 0 && !refused;
    });
    expect(odd).toEqual([]);
  });

  test("is understood but for these", () => {
    const refused = outcomes.filter(([, problems]) => problems.length > 0).map(([key]) => key);
    const sections = refused.map((key) =>
      key
        .replace(/^(caching|distributed_tracing|metrics_export|storage|bundle)\..*/, "$1")
        .replace(/^(server\.\w+)\..*/, "$1")
        .replace(/(credentials\.\w+\.(?:aws|azure)_\w+|\w+_credentials)\..*/, "$1")
        .replace(/(gcp_metadata|azure_managed_identity|prometheus_config)\..*/, "$1"),
    );
    expect([...new Set(sections)]).toEqual([
      "bundle",
      "bundles[_].polling.superseded_etag_ttl_seconds",
      "bundles[_].signing.allow_unsigned_delta_bundles",
      "caching",
      "decision_logs.nd_builtin_cache",
      "decision_logs.plugin",
      "decision_logs.request_context.http.headers",
      "default_authorization_decision",
      "default_decision",
      "discovery.name",
      "discovery.prefix",
      "discovery.signing.allow_unsigned_delta_bundles",
      "distributed_tracing",
      "keys[_].private_key",
      "metrics_export",
      "nd_builtin_cache",
      "plugins",
      "server.decoding",
      "server.encoding",
      "server.logger_plugin",
      "server.metrics",
      "services[_].allow_insecure_tls",
      "services[_].credentials.azure_managed_identity",
      "services[_].credentials.client_tls.ca_cert",
      "services[_].credentials.client_tls.cert_reread_interval_seconds",
      "services[_].credentials.client_tls.system_ca_required",
      "services[_].credentials.gcp_metadata",
      "services[_].credentials.oauth2.additional_claims",
      "services[_].credentials.oauth2.additional_headers",
      "services[_].credentials.oauth2.additional_parameters",
      "services[_].credentials.oauth2.aws_kms",
      "services[_].credentials.oauth2.aws_signing",
      "services[_].credentials.oauth2.azure_keyvault",
      "services[_].credentials.oauth2.azure_signing",
      "services[_].credentials.oauth2.client_assertion",
      "services[_].credentials.oauth2.client_assertion_path",
      "services[_].credentials.oauth2.include_jti_claim",
      "services[_].credentials.oauth2.signing_key",
      "services[_].credentials.oauth2.thumbprint",
      "services[_].credentials.plugin",
      "services[_].credentials.s3_signing.assume_role_credentials",
      "services[_].credentials.s3_signing.metadata_credentials",
      "services[_].credentials.s3_signing.profile_credentials",
      "services[_].credentials.s3_signing.sso_credentials",
      "services[_].credentials.s3_signing.web_identity_credentials",
      "status.plugin",
      "status.prometheus_config",
      "storage",
    ]);
  });
});

describe("OPA's own example", () => {
  const example = `
services:
  acmecorp:
    url: https://example.com/control-plane-api/v1/
    response_header_timeout_seconds: 5
    credentials: { bearer: { token: "\${TOKEN}" } }
labels: { app: myapp, region: west }
bundles:
  authz:
    service: acmecorp
    resource: bundles/http/example/authz.tar.gz
    persist: true
    polling: { min_delay_seconds: 60, max_delay_seconds: 120 }
    signing: { keyid: global_key, scope: write }
decision_logs: { service: acmecorp, reporting: { min_delay_seconds: 300, max_delay_seconds: 600 } }
status: { service: acmecorp }
persistence_directory: /var/opa
keys: { global_key: { algorithm: RS256, key_file: /k.pem, scope: read } }
`;
  const parsed = (): SidecarConfig =>
    parse(substituteVariables(read(example), { TOKEN: "from-environment" }));

  test("is read", () => {
    const { bundles, decisionLogs, status } = parsed();
    expect(bundles.services.get("acmecorp")).toEqual({
      name: "acmecorp",
      url: "https://example.com/control-plane-api/v1",
      type: "http",
      headers: {},
      credentials: { kind: "bearer", scheme: "Bearer", token: "from-environment" },
      responseHeaderTimeoutMs: 5_000,
      allowPlaintext: false,
    });
    expect(bundles.bundles).toEqual([
      {
        name: "authz",
        from: { kind: "service", service: "acmecorp", resource: "bundles/http/example/authz.tar.gz" },
        polling: { minDelayMs: 60_000, maxDelayMs: 120_000 },
        trigger: "periodic",
        persist: true,
        signing: { keyid: "global_key", scope: "write", excludeFiles: [] },
        sizeLimitBytes: 2 ** 27,
        verify: { tests: false, version: false, expires: false },
      },
    ]);
    expect(bundles.persistenceDirectory).toBe("/var/opa");
    expect(decisionLogs).toMatchObject({
      console: false,
      upload: { service: "acmecorp", resource: "logs", reporting: { minDelayMs: 300_000 } },
    });
    expect(status).toEqual({ service: "acmecorp", resource: "status", console: false });
  });

  test("names the place of a variable that isn't set", () => {
    expect(() => substituteVariables(read(example), {})).toThrow(
      "services.acmecorp.credentials.bearer.token: the environment has no TOKEN",
    );
  });
});

describe("defaults are OPA's", () => {
  test.each<[string, string, unknown]>([
    [
      "a bundle comes from the only service, from bundles/<name>",
      "services: [{name: s, url: 'https://h'}]\nbundles: {b: {}}",
      { bundles: { bundles: [{ from: { kind: "service", service: "s", resource: "bundles/b" } }] } },
    ],
    [
      "a file:// resource is a path",
      "bundles: {b: {resource: 'file:///etc/a%20b.tar.gz'}}",
      { bundles: { bundles: [{ from: { kind: "path", path: "/etc/a b.tar.gz" } }] } },
    ],
    [
      "what is kept without a directory lies in .opa",
      "services: {s: {url: 'https://h'}}\ndiscovery: {resource: r, persist: true}",
      {
        bundles: { persistenceDirectory: ".opa" },
        discovery: { decision: "", bundle: { name: "discovery" } },
      },
    ],
    [
      "decisions go to the only service where they are to be logged",
      "services: {s: {url: 'https://h'}}\ndecision_logs: {partition_name: eu}",
      { decisionLogs: { console: false, upload: { service: "s", resource: "logs/eu" } } },
    ],
    [
      "and to nobody where nothing says so",
      "services: {s: {url: 'https://h'}}",
      { decisionLogs: { console: true, maskDecision: "system/log/mask" } },
    ],
    [
      "status has its partition in its path",
      "services: {s: {url: 'https://h'}}\nstatus: {partition_name: eu/west}",
      { status: { service: "s", resource: "status/eu/west", console: false } },
    ],
    [
      "who may push need not sign where that is said",
      "bundles: {b: {push: {unsigned: true}}}",
      { bundles: { bundles: [{ from: { kind: "push", unsigned: true } }] } },
    ],
  ])("%s", (_name, text, expected) => {
    expect(parse(read(text))).toMatchObject(expected as object);
  });
});

const plain = "services: {s: {url: 'https://h'}, t: {url: 'https://i'}}\n";
const secret = "keys: {k: {algorithm: HS256, key: thirty-two-letters-are-the-least}}\n";

test("a decision log that is switched off isn't sent", () => {
  const { decisionLogs } = parse(read("services: {s: {url: 'https://h'}}\ndecision_logs: {console: false}"));
  expect(decisionLogs.upload).toBeUndefined();
});

test.each([
  ["system_ca_required: true", true],
  ["system_ca_required: false", false],
])("a CA counts alone unless the public ones are asked for, too: %s", (also, more) => {
  const text = `services: {s: {url: 'https://h', tls: {ca_cert: /ca.pem, ${also}}}}`;
  const ca = parse(read(text)).bundles.services.get("s")?.ca ?? "";
  expect(ca.startsWith(certificate)).toBe(true);
  expect(ca.length > certificate.length).toBe(more);
});

describe("mistakes are told with their place", () => {
  test.each<[string, string]>([
    ["srvices: {}", "srvices: unknown field; did you mean services?"],
    ["bundles: {b: {resorce: x}}", "bundles.b.resorce: unknown field; did you mean resource?"],
    [`${plain}bundles: {b: {}}`, "bundles.b.service: is required: there are several services"],
    ["bundles: {b: {}}", "bundles.b.service: is required, and one in services"],
    [`${plain}bundles: {b: {service: u}}`, "bundles.b.service: is none of services"],
    [
      `${plain}bundles: {b: {service: s, resource: a/../b}}`,
      "bundles.b.resource: must be a path at the service, without spaces, .. and #",
    ],
    [
      `${plain}bundles: {a/b: {service: s}}`,
      "bundles.a/b: a bundle's name has letters, digits, _ . and -, at most 128",
    ],
    [
      `${plain}bundles: {b: {service: s, push: {unsigned: true}}}`,
      "bundles.b.service: is given, and so is push: a bundle has one source",
    ],
    [
      "bundles: {b: {push: true}}",
      "bundles.b.push: needs signing, so that it is known who pushed; or push: {unsigned: true}",
    ],
    ["bundles: {b: {push: {unsigned: true}, signing: {}}}", "bundles.b.signing: needs keys to verify by"],
    [`${secret}bundles: {b: {push: true, signing: {keyid: x}}}`, "bundles.b.signing.keyid: is none of keys"],
    [
      "bundles: {b: {push: {unsigned: true}, polling: {min_delay_seconds: 9}}}",
      "bundles.b.polling.min_delay_seconds: needs max_delay_seconds, and the other way round",
    ],
    [
      "bundles: {b: {push: {unsigned: true}, polling: {min_delay_seconds: 9, max_delay_seconds: 8}}}",
      "bundles.b.polling.max_delay_seconds: must be at least min_delay_seconds",
    ],
    [
      "bundles: {b: {push: {unsigned: true}, verify: {override: {version: 3}}}}",
      "bundles.b.verify.override.reason: is required",
    ],
    ...["[", "a[]", "[z-", "a\\\\"].map((pattern): [string, string] => [
      `${secret}bundles: {b: {push: true, signing: {exclude_files: ["*.md", "${pattern}"]}}}`,
      "bundles.b.signing.exclude_files[1]: must be a pattern of * ? [a-z], where \\ takes a sign as it is",
    ]),
    [
      "bundles: {b: {push: {unsigned: true}, size_limit_bytes: 134217729}}",
      "bundles.b.size_limit_bytes: must be a whole number from 1 to 134217728",
    ],
    ["keys: {k: {key: x, key_file: y}}", "keys.k.key: give key or key_file, one of the two"],
    ["keys: {k: {key_file: /none}}", "keys.k.key_file: can't be read: /none (ENOENT)"],
    ["keys: {k: {key_file: /text}}", "keys.k.key_file: RS256 takes a key in PEM"],
    [
      "keys: {k: {algorithm: ES256, key_file: /k.pem}}",
      "keys.k.key_file: ES256 takes an EC key on prime256v1",
    ],
    [
      "keys: {k: {algorithm: HS256, key_file: /k.pem}}",
      "keys.k.key_file: HS256 takes a secret, and this is PEM",
    ],
    ...[32, 48, 64].map((bytes): [string, string] => [
      `keys: {k: {algorithm: HS${bytes * 8}, key: ${"s".repeat(bytes - 1)}}}`,
      `keys.k.key: HS${bytes * 8} takes a secret of ${bytes} bytes at least`,
    ]),
    [
      "keys: {k: {algorithm: none, key: short}}",
      "keys.k.algorithm: must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, HS256, HS384, HS512",
    ],
    [
      "services: {s: {url: 'https://u:p@h'}}",
      "services.s.url: must hold no user or password; give credentials",
    ],
    ["services: {s: {url: 'ftp://h'}}", "services.s.url: must be an http or https URL"],
    ["services: [{url: 'https://h'}]", "services[0].name: is required in a list of services"],
    ["services: [{name: s, url: 'https://h'}, {name: s, url: 'https://h'}]", "services[1].name: is taken"],
    [
      "services: {s: {url: 'http://h', credentials: {bearer: {token: t}}}}",
      "services.s.url: must be https: credentials.bearer would travel in the clear; allow_plaintext: true sends it all the same",
    ],
    [
      "services: {s: {url: 'https://h', credentials: {bearer: {token: a b}}}}",
      "services.s.credentials.bearer.token: must be visible characters without spaces",
    ],
    [
      "services: {s: {url: 'https://h', credentials: {bearer: {token: t}, s3_signing: {environment_credentials: {}}}}}",
      "services.s.credentials: give one of bearer, s3_signing, not several",
    ],
    [
      "services: {s: {url: 'https://h', headers: {\"a\\r\\nb\": c}}}",
      "services.s.headers: must be names and values of HTTP headers",
    ],
    [
      "services: {s: {url: 'https://h', tls: {ca_cert: /text}}}",
      "services.s.tls.ca_cert: must be a file of certificates in PEM",
    ],
    [
      `${plain}audit: {mode: strict}\ndecision_logs: {service: s}`,
      "decision_logs.spill: is required with audit.mode strict and a service, or a file beside it",
    ],
    [
      `${plain}audit: {mode: strict}\ndecision_logs: {service: s, spill: {directory: /s}, reporting: {max_decisions_per_second: 9}}`,
      "decision_logs.reporting.max_decisions_per_second: drops records; audit.mode is strict",
    ],
    [`${plain}decision_logs: {}`, "decision_logs.service: is required: there are several services"],
    [
      "decision_logs: {spill: {directory: /tmp/x}}",
      "decision_logs.spill: counts with a service only; give service",
    ],
    [
      `${plain}decision_logs: {service: s, request_context: {http: {headers: [Authorization, x-id]}}}`,
      "decision_logs.request_context: isn't supported: headers of requests aren't logged",
    ],
    [
      `${plain}decision_logs: {service: s, reporting: {buffer_size_limit_events: 5}}`,
      "decision_logs.reporting.buffer_size_limit_events: is for buffer_type event",
    ],
    [
      `${plain}decision_logs: {service: s, reporting: {trigger: manual}}`,
      "decision_logs.reporting.trigger: isn't supported: nothing here triggers it; give periodic or immediate",
    ],
    [`${plain}status: {}`, "status.service: is required: there are several services"],
    ["discovery: {}", "discovery.resource: is required"],
    [
      `${plain}discovery: {service: s, resource: d, trigger: manual}`,
      "discovery.trigger: isn't supported: nothing here triggers it; leave it out",
    ],
  ])("%s", (text, problem) => {
    expect(problemsOf(read(text))).toContain(problem);
  });

  test("a private key is refused as a public one, and never said", () => {
    const key = rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(problemsOf({ keys: { k: { key } } })).toEqual([
      "keys.k.key: this is a private key: to verify, the public one is enough, and all that may be here",
    ]);
  });

  test("keys fit their algorithms", () => {
    const small = pem(generateKeyPairSync("rsa", { modulusLength: 1_024 }).publicKey);
    expect(problemsOf({ keys: { k: { key: ecPem, algorithm: "ES256" } } })).toEqual([]);
    expect(problemsOf({ keys: { k: { key: ecPem, algorithm: "ES384" } } })).toHaveLength(1);
    expect(problemsOf({ keys: { k: { key: ecPem } } })).toEqual(["keys.k.key: RS256 takes an RSA key"]);
    expect(problemsOf({ keys: { k: { key: small } } })).toEqual([
      "keys.k.key: RS256 takes an RSA key of 2048 bits at least",
    ]);
  });

  test("a secret is a file's bytes, as `sign` takes them: the end of its line, too", () => {
    const text = `${"s".repeat(32)}\n`;
    const value = { keys: { k: { algorithm: "HS256", key_file: "/secret" } } };
    expect(parseSidecarConfig(value, () => text).bundles.keys.get("k")?.key).toBe(text);
  });

  test("names that mean something to objects are names like others", () => {
    const hostile = parseJson(
      '{"services":{"__proto__":{"url":"https://h"},"constructor":{"url":"https://h"}},"labels":{"__proto__":"x"}}',
    );
    expect([...parse(hostile).bundles.services.keys()]).toEqual(["__proto__", "constructor"]);
  });
});

describe("what lies over a configuration", () => {
  test("a variable stands in a text, adds no keys, and --set may name one", () => {
    const base = applySets(
      read("labels: {a: 'x-${A}-${A}'}\nlist: ['${A}', 1, null]"),
      ["labels.b=${B}"],
      parseJson,
    );
    expect(substituteVariables(base, { A: "1, c: 2", B: "" })).toEqual({
      labels: { a: "x-1, c: 2-1, c: 2", b: "" },
      list: ["1, c: 2", 1, null],
    });
    expect(() => substituteVariables("${toString}", {})).toThrow("the environment has no toString");
    expect(substituteVariables("${} $A ${A-B} ${", {})).toBe("${} $A ${A-B} ${");
  });
});

test("what /v1/config shows holds no secret", () => {
  const marks = {
    bearer: { token: "SECRET-bearer" },
    oauth2: { token_url: "https://t", client_id: "id", client_secret: "SECRET-client" },
    client_tls: { cert: "/SECRET-cert", private_key: "/SECRET-key", private_key_passphrase: "SECRET-pass" },
  };
  const config = parse({
    services: Object.fromEntries(
      Object.entries(marks).map(([kind, credentials]) => [
        kind,
        { url: "https://h", credentials: { [kind]: credentials }, headers: { "x-key": "SECRET-header" } },
      ]),
    ),
    keys: { k: { algorithm: "HS256", key: "SECRET-of-thirty-two-letters-at-least" }, p: { key: rsaPem } },
    bundles: {
      b: { service: "bearer", signing: { keyid: "k" }, persist: true },
      p: { push: true, signing: { keyid: "p" }, verify: { canary: "/SECRET-canary" } },
    },
    discovery: { service: "oauth2", resource: "d" },
    status: { service: "oauth2" },
    decision_logs: { service: "oauth2", file: "/SECRET-file", spill: { directory: "/SECRET-spill" } },
    persistence_directory: "/SECRET-directory",
  });
  const shown = JSON.stringify(publicConfig(config));
  expect(shown).not.toContain("SECRET");
  expect(shown).not.toContain("BEGIN PUBLIC KEY");
  expect(JSON.parse(shown)).toMatchObject({
    services: { oauth2: { url: "https://h", credentials: "oauth2", headers: ["x-key"] } },
    keys: { k: { algorithm: "HS256" } },
    bundles: {
      b: {
        ...{ service: "bearer", resource: "bundles/b", persist: true, signing: { keyid: "k" } },
        polling: { min_delay_seconds: 60, max_delay_seconds: 120 },
      },
      p: { push: { unsigned: false } },
    },
    discovery: { service: "oauth2", resource: "d" },
    status: { service: "oauth2" },
    decision_logs: { service: "oauth2", resource: "logs", file: true },
  });
});
