/** Tokens bound to client certificates (RFC 8705), by certificates that name no workload and by X.509-SVIDs. */
import { afterAll, describe, expect, test } from "@jest/globals";
import type { JsonObject } from "../../../sidecar/contract.js";
import { createMethods, type OpenMethods } from "../../../sidecar/identify/create-methods.js";
import { createIdentifier } from "../../../sidecar/identify/identify.js";
import { ec, es256, header, issuerUrl, jwk, payload, token, type Members } from "../world.js";
import { authorityLines, createCa, digestOf, svidLines, type Issued } from "./ca.js";
import { createPki, day, workload } from "./x509-svid.cases.js";
import { base64, document, jwtEntry, jwtSvid, readConfig, svidPayload, x509Entry } from "./world.js";

const ca = createCa();
const { root } = createPki(ca);
const key = ec();
const spiffeKey = ec();
const bundle = ca.file("bundle.json", document([x509Entry(root), jwtEntry(spiffeKey, "j1")]));
const issuer = {
  name: "main",
  issuer: issuerUrl,
  audience: "countersign",
  jwks: { keys: [jwk(key, { kid: "k1" }) as JsonObject] },
  algorithms: ["ES256"],
  tenants: ["acme"],
  claims: { tenant: "tenant", groups: "groups" },
};
const spiffe = readConfig({
  trust_domains: [{ name: "acme.example", tenants: ["acme"], attested: true, bundle: { file: bundle } }],
  audience: ["countersign"],
});
const opened: OpenMethods[] = [];
const open = (config: object = {}, ahead = 0) => {
  const methods = createMethods({ issuers: [issuer], bindCertificates: true, spiffe, ...config } as never, {
    now: () => Date.now() + ahead,
    fetch,
    onEvent: () => undefined,
  });
  opened.push(methods);
  return createIdentifier(methods);
};
afterAll(() => {
  for (const { close } of opened) close();
  ca.remove();
});
const lines = ["basicConstraints=CA:FALSE"];
const client = ca.issue({ extensions: lines, subject: "/CN=client" });
const svid = ca.issue({ by: root, extensions: svidLines(workload) });
const seconds = Math.floor(Date.now() / 1000);
const bearer = (more: Members = {}): string =>
  token(header, { ...payload, iat: seconds - 5, exp: seconds + 300, ...more }, es256(key));
const boundTo = ({ der }: Issued): string => bearer({ cnf: { "x5t#S256": digestOf(der, "base64url") } });

describe("a token bound to a certificate", () => {
  test.each([
    ["a self-signed one", client],
    ["an X.509-SVID", svid],
  ])("holds with %s", async (_name, certificate) => {
    const outcome = await open().identify({
      bearer: boundTo(certificate),
      certificates: base64(certificate),
    });
    const assurance = certificate === svid ? "attested" : "mtls";
    expect(outcome).toMatchObject({ identity: { tenant: "acme", method: "jwt", assurance } });
  });

  test("the certificate is named in the record", async () => {
    const outcome = await open().identify({ bearer: boundTo(client), certificates: base64(client) });
    const id = digestOf(client.der, "base64url");
    expect(outcome).toMatchObject({ identity: { credentials: [{ method: "jwt" }, { method: "x5t", id }] } });
  });

  test("beside a token that isn't bound it proves nothing more", async () => {
    const outcome = await open().identify({ bearer: bearer(), certificates: base64(client) });
    expect(outcome).toMatchObject({ identity: { assurance: "bearer" } });
  });

  const ca1 = ca.issue({ extensions: authorityLines, subject: "/CN=ca" });
  const forServers = ca.issue({
    extensions: [...lines, "extendedKeyUsage=serverAuth"],
    subject: "/CN=server",
  });
  const likeOne = ca.issue({ extensions: [...lines, "subjectAltName=URI:SPIFFE://acme.example/agent"] });
  const forged = ca.issue({ extensions: svidLines(workload) });
  const weak = ca.issue({ extensions: lines, rsa: 1024 });
  test.each<[string, { bearer?: string; certificates?: string[] }, string]>([
    ["none", { bearer: boundTo(client) }, "token_binding"],
    ["another one", { bearer: boundTo(client), certificates: base64(svid) }, "token_binding"],
    ["the certificate alone", { certificates: base64(client) }, "unauthenticated"],
    ["a CA's", { bearer: boundTo(ca1), certificates: base64(ca1) }, "certificate_usage"],
    ["a server's", { bearer: boundTo(forServers), certificates: base64(forServers) }, "certificate_usage"],
    [
      "one that looks like a workload's",
      { bearer: boundTo(likeOne), certificates: base64(likeOne) },
      "certificate_identity",
    ],
    [
      "a forged workload's",
      { bearer: boundTo(forged), certificates: base64(forged) },
      "certificate_untrusted",
    ],
    ["one with a weak key", { bearer: boundTo(weak), certificates: base64(weak) }, "certificate_untrusted"],
    ["text", { bearer: boundTo(client), certificates: ["AAAA"] }, "certificate_malformed"],
  ])("is refused with %s", async (_name, credentials, code) => {
    expect(await open().identify(credentials)).toMatchObject({ kind: "refusal", code });
  });

  test("is refused with one that has expired", async () => {
    const short = ca.issue({ extensions: lines, subject: "/CN=short", days: 1 });
    const late = open({}, 2 * day);
    const exp = seconds + (2 * day) / 1000 + 300;
    const bound = bearer({ iat: exp - 400, exp, cnf: { "x5t#S256": digestOf(short.der, "base64url") } });
    expect(await late.identify({ bearer: bound, certificates: base64(short) })).toMatchObject({
      code: "certificate_expired",
    });
  });

  test("isn't taken unless configured: the certificate isn't looked at", async () => {
    const credentials = { bearer: boundTo(client), certificates: base64(client) };
    expect(await open({ bindCertificates: false, spiffe: undefined }).identify(credentials)).toMatchObject({
      code: "credential_unsupported",
    });
    expect(await open({ bindCertificates: false }).identify(credentials)).toMatchObject({
      code: "certificate_identity",
    });
    expect(await open({ spiffe: undefined }).identify(credentials)).toMatchObject({ kind: "identified" });
  });
});

describe("whose a bearer token is", () => {
  test("a configured issuer's, whatever its subject looks like", async () => {
    const outcome = await open().identify({ bearer: bearer({ sub: workload }) });
    // the issuer's rules judge it: it isn't tried as a JWT-SVID
    expect(outcome).toMatchObject({ code: "token_trust_domain" });
  });

  test("no configured issuer's: a JWT-SVID by its subject, or nobody's", async () => {
    const now = Date.now();
    expect(await open().identify({ bearer: jwtSvid(spiffeKey, svidPayload(now)) })).toMatchObject({
      identity: { method: "jwt_svid", id: workload },
    });
    const elsewhere = svidPayload(now, { sub: "ann", iss: "https://elsewhere.example" });
    expect(await open().identify({ bearer: jwtSvid(spiffeKey, elsewhere) })).toMatchObject({
      code: "token_issuer",
    });
    const asIssuer = svidPayload(now, { iss: issuerUrl });
    expect(await open().identify({ bearer: jwtSvid(spiffeKey, asIssuer) })).toMatchObject({
      kind: "refusal",
    });
  });
});
