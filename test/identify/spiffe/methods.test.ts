/** The methods of identity.spiffe, on bundles in files: certificates, forwarded certificates, JWT-SVIDs. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import yaml from "js-yaml";
import { parseSidecarConfig } from "../../../sidecar/config.js";
import type { Json } from "../../../sidecar/contract.js";
import { createIdentifier } from "../../../sidecar/identify/identify.js";
import { root as checkout } from "../../world.js";
import { ec, hs256, jwk, rs256, rsa, token, unsigned, type Members } from "../world.js";
import { createCa, digestOf, svidLines, type Issued } from "./ca.js";
import { createPki, day, workload } from "./x509-svid.cases.js";
import {
  base64,
  createWorld,
  document,
  jwtEntry,
  jwtSvid,
  problemsOf,
  svidHeader,
  svidPayload,
  x509Entry,
} from "./world.js";

const ca = createCa();
const pki = createPki(ca);
const { root, intermediate, otherRoot } = pki;
const key = ec();
const otherKey = ec();
const bundleFile = ca.file("bundle.json", document([x509Entry(root), jwtEntry(key, "j1")]));
const otherFile = ca.file("other.pem", otherRoot.pem);
const config = {
  trust_domains: [
    {
      name: "acme.example",
      tenants: ["acme", "globex"],
      tenant_paths: { "/ns/prod": "acme", "/ns/prod/sa/globex": "globex" },
      attested: true,
      bundle: { file: bundleFile },
    },
    { name: "other.example", tenants: ["other"], bundle: { file: otherFile } },
  ],
  audience: ["countersign", "https://countersign.acme.example"],
  forwarded_by: ["envoy"],
};
const world = createWorld(config);
afterAll(() => {
  world.close();
  ca.remove();
});
const agent = ca.issue({ by: intermediate, extensions: svidLines(workload) });
const chain = [agent, intermediate];

describe("certificates", () => {
  test("a workload, its key, and the tenant that its path stands for", async () => {
    expect(await world.certificates(base64(...chain))).toEqual({
      kind: "verified",
      method: "x509_svid",
      credential: {
        method: "x509_svid",
        id: digestOf(agent.der, "base64url"),
        issuer: "spiffe://acme.example",
      },
      workload: { id: workload, trustDomain: "acme.example", tenants: ["acme"], attested: true },
      proves: { x5t: digestOf(agent.der, "base64url") },
      expiresAt: expect.any(Number),
      cached: false,
    });
    expect(await world.certificates(base64(...chain))).toMatchObject({ kind: "verified", cached: true });
  });

  test("by itself it is the subject, with the assurance of an attested workload", async () => {
    const { identify } = createIdentifier({ methods: world });
    const outcome = await identify({ certificates: base64(...chain) });
    expect(outcome).toMatchObject({
      identity: {
        type: "workload",
        id: workload,
        tenant: "acme",
        method: "x509_svid",
        assurance: "attested",
      },
    });
  });

  test.each<[string, string, readonly string[]]>([
    ["the longest path counts", "/ns/prod/sa/globex/1", ["globex"]],
    ["whole segments count", "/ns/prod2/sa/x", ["acme", "globex"]],
  ])("tenants by path: %s", async (_name, path, tenants) => {
    const one = ca.issue({ by: root, extensions: svidLines(`spiffe://acme.example${path}`) });
    expect(await world.certificates(base64(one))).toMatchObject({ workload: { tenants } });
  });

  test("a chain that differs in one byte is never served from the cache", async () => {
    await world.certificates(base64(...chain));
    const changed = Buffer.from(agent.der);
    const last = changed.length - 1;
    changed[last] = (changed[last] ?? 0) ^ 1;
    expect(await world.certificates(base64({ der: changed }, intermediate))).toMatchObject({
      code: "certificate_untrusted",
    });
    expect(await world.certificates(base64(agent))).toMatchObject({ code: "certificate_untrusted" });
  });

  test("what was verified ends with the first certificate of its path", async () => {
    const short = createWorld(config);
    const one = ca.issue({ by: root, extensions: svidLines(workload), days: 1 });
    expect(await short.certificates(base64(one))).toMatchObject({ cached: false });
    short.pass(day + 60_000);
    expect(await short.certificates(base64(one))).toMatchObject({ code: "certificate_expired" });
    short.close();
  });

  test.each([
    ["not base64", ["%%%%"]],
    ["base64url", [agent.der.toString("base64url")]],
    ["blanks in base64", [` ${base64(agent)[0] ?? ""}`]],
    ["none", []],
    ["nine", Array.from({ length: 9 }, () => base64(root)[0] ?? "")],
  ])("refused: %s", async (_name, certificates) => {
    expect(await world.certificates(certificates)).toMatchObject({ code: "certificate_malformed" });
  });

  test("an authority that leaves the file vouches for nobody, cached or not", async () => {
    const file = ca.file("rotating.json", document([x509Entry(root)]));
    const [domain] = config.trust_domains;
    const rotating = createWorld({ trust_domains: [{ ...domain, bundle: { file } }] }, { fileCheckMs: 0 });
    const one = ca.issue({ by: root, extensions: svidLines(workload) });
    const next = ca.issue({ by: otherRoot, extensions: svidLines(workload) });
    expect(await rotating.certificates(base64(one))).toMatchObject({ kind: "verified" });
    writeFileSync(file, document([x509Entry(root), x509Entry(otherRoot)], { spiffe_sequence: 2 }));
    expect(await rotating.certificates(base64(one))).toMatchObject({ kind: "verified", cached: false });
    expect(await rotating.certificates(base64(next))).toMatchObject({ kind: "verified" });
    writeFileSync(file, "{");
    expect(await rotating.certificates(base64(next))).toMatchObject({ kind: "verified", cached: true });
    writeFileSync(file, document([x509Entry(root)], { spiffe_sequence: 1 }));
    expect(await rotating.certificates(base64(next))).toMatchObject({ kind: "verified", cached: true });
    writeFileSync(file, document([x509Entry(otherRoot)], { spiffe_sequence: 3 }));
    expect(await rotating.certificates(base64(one))).toMatchObject({ code: "certificate_untrusted" });
    const faults = rotating.events.flatMap((event) =>
      event.kind === "trust_bundle_failed" ? [event.fault] : [],
    );
    expect(faults).toEqual(["invalid", "rollback"]);
    rotating.close();
  });

  test("a bundle whose file is gone lasts for a bounded time", async () => {
    const file = ca.file("gone.pem", root.pem);
    const [domain] = config.trust_domains;
    const lasting = { trust_domains: [{ ...domain, bundle: { file } }], survive_seconds: 60 };
    const left = createWorld(lasting, { fileCheckMs: 0 });
    const one = ca.issue({ by: root, extensions: svidLines(workload) });
    expect(await left.certificates(base64(one))).toMatchObject({ kind: "verified" });
    writeFileSync(file, "");
    left.pass(59_000);
    expect(await left.certificates(base64(one))).toMatchObject({ kind: "verified" });
    left.pass(2_000);
    expect(await left.certificates(base64(one))).toMatchObject({ code: "trust_bundle_unavailable" });
    expect(left.events.at(-1)).toEqual({ kind: "trust_bundle_expired", trust_domain: "acme.example" });
    left.close();
  });
});

describe("X-Forwarded-Client-Cert", () => {
  const pemOf = (...list: Issued[]): string => encodeURIComponent(list.map(({ pem }) => pem).join(""));
  const hash = digestOf(agent.der, "hex");
  const whole = `Hash=${hash};Chain="${pemOf(...chain)}";URI=${workload}`;

  test.each([
    [
      "as Envoy writes it",
      `By=spiffe://acme.example/envoy;Hash=${hash};Cert="${pemOf(agent)}";Chain="${pemOf(...chain)}";Subject="CN=\\"a, b\\"";URI=${workload};DNS=a.example;DNS=b.example`,
    ],
    ["with a chain only", whole],
    ["without the URI", `Hash=${hash};Chain="${pemOf(...chain)}"`],
    ["keys in any case", `hash=${hash};CHAIN="${pemOf(...chain)}"`],
  ])("read %s", async (_name, value) => {
    expect(await world.xfcc(value, "envoy")).toMatchObject({ kind: "verified", workload: { id: workload } });
  });

  const stranger = ca.issue({ by: pki.strangerRoot, extensions: svidLines(workload) });
  test.each<[string, string, string]>([
    ["two elements", `${whole},${whole}`, "forwarded_certificate_malformed"],
    [
      "a second element that says what the first doesn't",
      `Hash=${hash};Chain="${pemOf(...chain)}",URI=${workload}`,
      "forwarded_certificate_malformed",
    ],
    ["an empty element before", `,${whole}`, "forwarded_certificate_malformed"],
    ["an empty element after", `${whole},`, "forwarded_certificate_malformed"],
    ["a semicolon at its end", `${whole};`, "forwarded_certificate_malformed"],
    [
      "another certificate's hash",
      whole.replace(hash, digestOf(root.der, "hex")),
      "forwarded_certificate_mismatch",
    ],
    ["no hash", whole.replace(/^Hash=[^;]*;/, ""), "forwarded_certificate_mismatch"],
    ["two hashes", `Hash=${hash};${whole}`, "forwarded_certificate_malformed"],
    ["a hash that isn't hex", whole.replace(hash, "x"), "forwarded_certificate_malformed"],
    ["another URI", whole.replace(workload, "spiffe://acme.example/admin"), "forwarded_certificate_mismatch"],
    ["two URIs", `${whole};URI=${workload}`, "forwarded_certificate_mismatch"],
    ["no certificate", `Hash=${hash};URI=${workload}`, "forwarded_certificate_malformed"],
    ["a claimed URI alone", `URI=${workload}`, "forwarded_certificate_malformed"],
    [
      "a Cert that isn't the Chain's leaf",
      `${whole};Cert="${pemOf(root)}"`,
      "forwarded_certificate_malformed",
    ],
    ["two certificates as Cert", `Hash=${hash};Cert="${pemOf(...chain)}"`, "forwarded_certificate_malformed"],
    ["a leaf without its chain", `Hash=${hash};Cert="${pemOf(agent)}"`, "certificate_untrusted"],
    [
      "a key in the PEM",
      `Hash=${hash};Chain="${encodeURIComponent(agent.pem + agent.keyPem)}"`,
      "forwarded_certificate_malformed",
    ],
    ["broken URL encoding", `Hash=${hash};Chain="%zz"`, "forwarded_certificate_malformed"],
    ["an unknown key", `${whole};Trusted=yes`, "forwarded_certificate_malformed"],
    ["an open quote", `Hash=${hash};Chain="${pemOf(...chain)}`, "forwarded_certificate_malformed"],
    ["an escape that isn't one", `${whole};Subject="\\n"`, "forwarded_certificate_malformed"],
    ["nothing", "", "forwarded_certificate_malformed"],
    ["a line break", `${whole};Subject="a\nb"`, "forwarded_certificate_malformed"],
    [
      "a certificate by an unknown CA",
      `Hash=${digestOf(stranger.der, "hex")};Cert="${pemOf(stranger)}"`,
      "certificate_untrusted",
    ],
  ])("refused: %s", async (_name, value, code) => {
    expect(await world.xfcc(value, "envoy")).toMatchObject({ kind: "refusal", code });
  });

  test("a proxy that isn't configured is never believed", async () => {
    expect(await world.xfcc(whole, "nginx")).toMatchObject({ code: "forwarded_certificate_untrusted" });
  });
});

describe("JWT-SVIDs", () => {
  const payload = (more: Members = {}): Members => svidPayload(Date.now(), more);

  test("a workload as the subject, by a bearer's assurance", async () => {
    const svid = jwtSvid(key, payload({ jti: "id-1" }));
    const issuer = "spiffe://acme.example";
    expect(await world.token(svid)).toMatchObject({
      kind: "verified",
      method: "jwt_svid",
      credential: { method: "jwt_svid", id: "id-1", issuer },
      subject: {
        type: "workload",
        id: workload,
        tenant: "acme",
        chain: [{ type: "workload", id: workload, issuer }],
      },
      workload: { id: workload, trustDomain: "acme.example" },
      cached: false,
    });
    expect(await world.token(svid)).toMatchObject({ cached: true });
    const outcome = await createIdentifier({ methods: world }).identify({ bearer: svid });
    expect(outcome).toMatchObject({ identity: { assurance: "bearer", method: "jwt_svid" } });
  });

  test("another workload's certificate beside it is a contradiction; its own isn't", async () => {
    const { identify } = createIdentifier({ methods: world });
    const bearer = jwtSvid(key, payload());
    const other = ca.issue({ by: root, extensions: svidLines("spiffe://acme.example/ns/prod/sa/else") });
    expect(await identify({ bearer, certificates: base64(other) })).toMatchObject({
      code: "credentials_conflict",
    });
    expect(await identify({ bearer, certificates: base64(...chain) })).toMatchObject({ kind: "identified" });
  });

  test.each<[string, Members, Members]>([
    ["typ JOSE", { typ: "JOSE" }, {}],
    ["no typ", { typ: undefined }, {}],
    ["one audience as text", {}, { aud: "countersign" }],
    ["no kid, where there is one key", { kid: undefined }, {}],
    ["an issuer, which is no part of it", {}, { iss: "https://spire.acme.example" }],
  ])("taken: %s", async (_name, header, more) => {
    expect(await world.token(jwtSvid(key, payload(more), { ...svidHeader, ...header }))).toMatchObject({
      kind: "verified",
    });
  });

  const seconds = (ahead: number): number => Math.floor(Date.now() / 1000) + ahead;
  const rsaKey = rsa();
  const publicPem = key.publicKey.export({ type: "spki", format: "pem" }).toString();
  test.each<[string, string, string]>([
    ["no audience", jwtSvid(key, payload({ aud: undefined })), "token_audience"],
    ["another audience", jwtSvid(key, payload({ aud: ["other"] })), "token_audience"],
    ["an audience that ours begins with", jwtSvid(key, payload({ aud: "counter" })), "token_audience"],
    ["an audience that begins with ours", jwtSvid(key, payload({ aud: "countersign/" })), "token_audience"],
    ["no audiences", jwtSvid(key, payload({ aud: [] })), "token_audience"],
    ["an audience that isn't text", jwtSvid(key, payload({ aud: [1, "countersign"] })), "token_claims"],
    ["no end", jwtSvid(key, payload({ exp: undefined })), "token_claims"],
    ["an end as text", jwtSvid(key, payload({ exp: String(seconds(60)) })), "token_claims"],
    ["expired", jwtSvid(key, payload({ exp: seconds(-1) })), "token_expired"],
    ["from the future", jwtSvid(key, payload({ nbf: seconds(600) })), "token_not_yet_valid"],
    ["a life that is too long", jwtSvid(key, payload({ exp: seconds(86_400) })), "token_lifetime"],
    ["another key", jwtSvid(otherKey, payload()), "token_signature"],
    ["an unknown kid", jwtSvid(key, payload(), { ...svidHeader, kid: "j2" }), "token_key_unknown"],
    ["alg none", token({ alg: "none", kid: "j1" }, payload(), unsigned), "token_algorithm"],
    [
      "HS256 with the public key",
      token({ alg: "HS256", kid: "j1" }, payload(), hs256(publicPem)),
      "token_algorithm",
    ],
    ["EdDSA", jwtSvid(key, payload(), { ...svidHeader, alg: "EdDSA" }), "token_algorithm"],
    [
      "an algorithm of another kind of key",
      token({ alg: "RS256", kid: "j1" }, payload(), rs256(rsaKey)),
      "token_algorithm",
    ],
    [
      "an algorithm of another curve",
      jwtSvid(key, payload(), { ...svidHeader, alg: "ES384" }),
      "token_algorithm",
    ],
    ["typ at+jwt", jwtSvid(key, payload(), { ...svidHeader, typ: "at+jwt" }), "token_type"],
    ["typ jwt in lower case", jwtSvid(key, payload(), { ...svidHeader, typ: "jwt" }), "token_type"],
    ["a header member of its own", jwtSvid(key, payload(), { ...svidHeader, x: 1 }), "token_malformed"],
    [
      "an embedded key",
      jwtSvid(otherKey, payload(), { ...svidHeader, jwk: jwk(otherKey) }),
      "token_malformed",
    ],
    [
      "a key's address",
      jwtSvid(key, payload(), { ...svidHeader, jku: "https://evil.example" }),
      "token_malformed",
    ],
    ["crit", jwtSvid(key, payload(), { ...svidHeader, crit: ["x"], x: 1 }), "token_malformed"],
    ["a confirmation key", jwtSvid(key, payload({ cnf: { jkt: "x" } })), "token_binding"],
    ["an actor", jwtSvid(key, payload({ act: { sub: "spiffe://acme.example/admin" } })), "token_claims"],
    [
      "of an unknown trust domain",
      jwtSvid(key, payload({ sub: "spiffe://evil.example/agent" })),
      "trust_domain_unknown",
    ],
    [
      "of a trust domain without JWT keys",
      jwtSvid(key, payload({ sub: "spiffe://other.example/agent" })),
      "token_key_unknown",
    ],
    [
      "of a workload with no single tenant",
      jwtSvid(key, payload({ sub: "spiffe://acme.example/ns/dev" })),
      "token_tenant",
    ],
    ["of a trust domain itself", jwtSvid(key, payload({ sub: "spiffe://acme.example" })), "token_issuer"],
    [
      "a look-alike in capitals",
      jwtSvid(key, payload({ sub: "spiffe://ACME.example/agent" })),
      "token_issuer",
    ],
    [
      "a path with dots",
      jwtSvid(key, payload({ sub: "spiffe://acme.example/a/../ns/prod" })),
      "token_issuer",
    ],
    ["no SPIFFE id", jwtSvid(key, payload({ sub: "agent" })), "token_issuer"],
    [
      "a signature in DER",
      jwtSvid(key, payload()).replace(/[^.]+$/, Buffer.from("3006020101020101", "hex").toString("base64url")),
      "token_signature",
    ],
    [
      "a signature of zeros",
      jwtSvid(key, payload()).replace(/[^.]+$/, Buffer.alloc(64).toString("base64url")),
      "token_signature",
    ],
    ["no signature", jwtSvid(key, payload()).replace(/[^.]+$/, ""), "token_signature"],
    ["too large", `${"a".repeat(17_000)}.a.a`, "token_malformed"],
  ])("refused: %s", async (_name, svid, code) => {
    expect(await world.token(svid)).toMatchObject({ kind: "refusal", code });
  });

  test("what was verified ends with the token", async () => {
    const short = createWorld(config);
    const svid = jwtSvid(key, payload());
    expect(await short.token(svid)).toMatchObject({ cached: false });
    short.pass(300_000);
    expect(await short.token(svid)).toMatchObject({ code: "token_expired" });
    short.close();
  });

  test("no key is guessed: a token without kid needs there to be one key; short keys are none", async () => {
    const short = rsa(1024);
    const file = ca.file(
      "two.json",
      document([jwtEntry(key, "j1"), jwtEntry(otherKey, "j2"), jwtEntry(short, "j3")]),
    );
    const domain = { name: "acme.example", tenants: ["acme"], bundle: { file } };
    const two = createWorld({ trust_domains: [domain], audience: ["countersign"] });
    const unnamed = jwtSvid(key, payload(), { ...svidHeader, kid: undefined });
    expect(await two.token(unnamed)).toMatchObject({ code: "token_key_unknown" });
    expect(await two.token(jwtSvid(key, payload()))).toMatchObject({ kind: "verified" });
    const weak = token({ alg: "RS256", kid: "j3" }, payload(), rs256(short));
    expect(await two.token(weak)).toMatchObject({ code: "token_key_unknown" });
    two.close();
  });

  test("no audience of ours configured: none is taken", async () => {
    const none = createWorld({ trust_domains: config.trust_domains });
    expect(await none.token(jwtSvid(key, payload()))).toMatchObject({ code: "token_issuer" });
    none.close();
  });

  test("a key that leaves the bundle ends what it signed, cached or not", async () => {
    const file = ca.file("keys.json", document([jwtEntry(key, "j1")]));
    const domain = { name: "acme.example", tenants: ["acme"], bundle: { file } };
    const rotating = createWorld({ trust_domains: [domain], audience: ["countersign"] }, { fileCheckMs: 0 });
    const svid = jwtSvid(key, payload());
    expect(await rotating.token(svid)).toMatchObject({ kind: "verified" });
    writeFileSync(file, document([jwtEntry(otherKey, "j1")], { spiffe_sequence: 2 }));
    expect(await rotating.token(svid)).toMatchObject({ code: "token_signature" });
    expect(await rotating.token(jwtSvid(otherKey, payload()))).toMatchObject({ kind: "verified" });
    rotating.close();
  });
});

describe("bundles that are refused whole", () => {
  test.each<[string, string]>([
    ["a private key in PEM", root.keyPem + root.pem],
    [
      "a private JWK",
      document([{ ...key.privateKey.export({ format: "jwk" }), use: "jwt-svid", kid: "j1" }]),
    ],
    ["a symmetric key", document([{ kty: "oct", k: "AA", use: "jwt-svid", kid: "j1" }])],
    ["two keys of one kid", document([jwtEntry(key, "j1"), jwtEntry(otherKey, "j1")])],
    ["nothing that is understood", document([jwk(key, { use: "sig", kid: "j1" })])],
    ["a leaf as the authority", document([x509Entry(agent)])],
    ["a sequence that isn't a number", document([x509Entry(root)], { spiffe_sequence: "1" })],
    ["HTML", "<html></html>"],
    ["too many keys", document(Array.from({ length: 129 }, () => x509Entry(root)))],
  ])("%s", async (_name, text) => {
    const file = ca.file("bad", text);
    const domain = { name: "acme.example", tenants: ["acme"], bundle: { file } };
    const bad = createWorld({ trust_domains: [domain], audience: ["countersign"] });
    expect(await bad.certificates(base64(...chain))).toMatchObject({ code: "trust_bundle_unavailable" });
    expect(await bad.token(jwtSvid(key, svidPayload(Date.now())))).toMatchObject({
      code: "trust_bundle_unavailable",
    });
    bad.close();
  });
});

test.each<[string, unknown, RegExp]>([
  ["no trust domain", {}, /name at least one/],
  [
    "a SPIFFE id as a name",
    { trust_domains: [{ name: "spiffe://a", tenants: ["a"], bundle: { file: "f" } }] },
    /lower-case/,
  ],
  ["no tenants", { trust_domains: [{ name: "a", bundle: { file: "f" } }] }, /tenants/],
  [
    "any tenant and one more",
    { trust_domains: [{ name: "a", tenants: ["*", "b"], bundle: { file: "f" } }] },
    /tenants/,
  ],
  [
    "a path's tenant that isn't listed",
    { trust_domains: [{ name: "a", tenants: ["b"], tenant_paths: { "/x": "c" }, bundle: { file: "f" } }] },
    /isn't among/,
  ],
  [
    "a path that isn't one",
    { trust_domains: [{ name: "a", tenants: ["b"], tenant_paths: { "x/": "b" }, bundle: { file: "f" } }] },
    /map paths/,
  ],
  ["no bundle", { trust_domains: [{ name: "a", tenants: ["b"], bundle: {} }] }, /give one of/],
  [
    "two bundles",
    { trust_domains: [{ name: "a", tenants: ["b"], bundle: { file: "f", workload_api: "unix:///s" } }] },
    /give one of/,
  ],
  [
    "plain HTTP",
    { trust_domains: [{ name: "a", tenants: ["b"], bundle: { url: "http://h/", profile: "https_web" } }] },
    /https/,
  ],
  [
    "no profile",
    { trust_domains: [{ name: "a", tenants: ["b"], bundle: { url: "https://h/" } }] },
    /profile/,
  ],
  [
    "no endpoint id",
    {
      trust_domains: [
        {
          name: "a",
          tenants: ["b"],
          bundle: { url: "https://h/", profile: "https_spiffe", bootstrap_file: "f" },
        },
      ],
    },
    /endpoint_spiffe_id/,
  ],
  [
    "a TCP agent",
    { trust_domains: [{ name: "a", tenants: ["b"], bundle: { workload_api: "tcp://1.2.3.4:80" } }] },
    /unix:/,
  ],
  [
    "the same name twice",
    { trust_domains: ["x", "y"].map((file) => ({ name: "a", tenants: ["b"], bundle: { file } })) },
    /twice/,
  ],
  [
    "an unknown key",
    { trust_domains: [{ name: "a", tenants: ["b"], bundle: { file: "f" }, trusted: true }] },
    /unknown field/,
  ],
])("the configuration is refused: %s", (_name, value, problem) => {
  expect(problemsOf(value).join("\n")).toMatch(problem);
});

test("docs/identity-spiffe.md: its example is a valid configuration", () => {
  const text = readFileSync(join(checkout, "docs/identity-spiffe.md"), "utf8");
  const example = yaml.load(/```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? "") as Json;
  const { identity, tls } = parseSidecarConfig(example);
  expect(identity.spiffe?.trustDomains.map(({ name }) => name)).toEqual(["acme.example", "partner.example"]);
  expect(tls).toMatchObject({ own: { kind: "workload_api" }, clientCertificates: "optional" });
});
