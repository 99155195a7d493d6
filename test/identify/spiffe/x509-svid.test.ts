import { afterAll, describe, expect, test } from "@jest/globals";
import { readCertificate } from "../../../sidecar/identify/spiffe/certificate.js";
import { parseSpiffeId, parseWorkloadId } from "../../../sidecar/identify/spiffe/spiffe-id.js";
import { verifyX509Svid } from "../../../sidecar/identify/spiffe/verify-x509-svid.js";
import { authorityLines, createCa, svidLines } from "./ca.js";
import { constrain, forge } from "./forge.js";
import { badIds, cases, createPki, day, workload } from "./x509-svid.cases.js";

const ca = createCa();
afterAll(() => ca.remove());
const pki = createPki(ca);
const { root, intermediate, otherRoot } = pki;
const authority = (der: Buffer) => {
  const read = readCertificate(der);
  if (read === undefined) throw new Error("not a certificate");
  return read;
};
const bundles = new Map([
  ["acme.example", [authority(root.der)]],
  ["other.example", [authority(otherRoot.der)]],
]);
const verify = (chain: readonly Buffer[], at = Date.now(), purpose: "client" | "server" = "client") =>
  verifyX509Svid(chain, (name) => bundles.get(name), at, purpose);
const good = svidLines(workload);

describe("an X.509-SVID that holds", () => {
  test("by an authority of the bundle", () => {
    const { der } = ca.issue({ by: root, extensions: good, days: 2 });
    const verified = verify([der]);
    expect(verified).toMatchObject({ kind: "svid", spiffeId: { id: workload, trustDomain: "acme.example" } });
    const left = verified.kind === "svid" ? verified.expiresAt - Date.now() : 0;
    expect(left).toBeGreaterThan(1.9 * day);
    expect(left).toBeLessThan(2.1 * day);
  });

  test("through intermediates, with the authority sent along or not", () => {
    const second = ca.issue({ by: intermediate, extensions: authorityLines, subject: "/CN=second" });
    const { der } = ca.issue({ by: second, extensions: good });
    const chain = [der, second.der, intermediate.der];
    expect(verify(chain).kind).toBe("svid");
    expect(verify([...chain, root.der]).kind).toBe("svid");
  });

  test("ends with the certificate on its path that ends first", () => {
    const short = ca.issue({ by: root, extensions: authorityLines, subject: "/CN=short", days: 1 });
    const verified = verify([ca.issue({ by: short, extensions: good, days: 9 }).der, short.der]);
    expect(verified.kind === "svid" && verified.expiresAt < Date.now() + 1.1 * day).toBe(true);
  });

  test.each([
    ["without extended key usage", good.filter((line) => !line.startsWith("extended"))],
    ["with DNS names beside", [...good.slice(0, 3), `subjectAltName=URI:${workload},DNS:agent.acme.example`]],
  ])("%s", (_name, extensions) => {
    expect(verify([ca.issue({ by: root, extensions }).der]).kind).toBe("svid");
  });

  test.each([
    "permitted;URI:acme.example",
    "permitted;URI:.other.example,permitted;URI:acme.example",
    "excluded;URI:other.example",
  ])("within name constraints: %s", (constraints) => {
    const extensions = [...authorityLines, `nameConstraints=critical,${constraints}`];
    const by = ca.issue({ by: root, extensions, subject: "/CN=constrained" });
    expect(verify([ca.issue({ by, extensions: good }).der, by.der]).kind).toBe("svid");
  });

  test.each([{ rsa: 2048 }, { curve: "P-384", digest: "sha384" }])(
    "with a key of another kind: %j",
    (kind) => {
      expect(verify([ca.issue({ by: root, extensions: good, ...kind }).der]).kind).toBe("svid");
    },
  );

  test("taken apart, put together and signed again by its CA", () => {
    const issued = ca.issue({ by: root, extensions: good });
    expect(verify([forge(issued, root, () => undefined)]).kind).toBe("svid");
    const ours = ca.issue({ by: root, extensions: authorityLines, subject: "/CN=near" });
    const near = forge(ours, root, (tbs) => constrain(tbs, "acme.example", 0));
    expect(verify([ca.issue({ by: ours, extensions: good }).der, near]).kind).toBe("svid");
  });

  test("a server's purpose is another than a client's", () => {
    const lines = good.map((line) => (line.startsWith("extended") ? "extendedKeyUsage=serverAuth" : line));
    const { der } = ca.issue({ by: root, extensions: lines });
    expect(verify([der], Date.now(), "server").kind).toBe("svid");
    expect(verify([der])).toMatchObject({ code: "certificate_usage" });
  });
});

test.each(cases)("refused: $name", ({ present, code, later = 0 }) => {
  expect(verify(present(pki), Date.now() + later)).toMatchObject({ kind: "refusal", code });
});

describe("SPIFFE ids", () => {
  test.each(badIds)("refused: %s", (_name, id) => {
    expect(parseWorkloadId(id)).toBeUndefined();
  });

  test.each([workload, "spiffe://a/b", "spiffe://a_b-1.c/A.b-C_d/...", `spiffe://${"a".repeat(255)}/x`])(
    "read: %s",
    (id) => {
      expect(parseWorkloadId(id)?.id).toBe(id);
    },
  );

  test("a trust domain's own id has no path", () => {
    expect(parseSpiffeId("spiffe://acme.example")).toMatchObject({ trustDomain: "acme.example", path: "" });
    expect(parseSpiffeId(`spiffe://${"a".repeat(256)}`)).toBeUndefined();
  });
});
