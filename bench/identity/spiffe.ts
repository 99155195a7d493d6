/** Measures what a workload's proof costs, new and known: `node dist/bench/identity/spiffe.js`. */
import { sign } from "node:crypto";
import { createFetchDocument } from "../../sidecar/net/fetch.js";
import { createSpiffe } from "../../sidecar/identify/spiffe/spiffe.js";
import { authorityLines, createCa, digestOf, svidLines, type Issued } from "../../test/identify/spiffe/ca.js";
import { makeKeyPair } from "../../test/key-pair.js";

const runs = 2_000;
const id = "spiffe://acme.example/ns/prod/sa/agent";

/** Microseconds of each, one after the other; the median and the 99th percentile. */
async function measure(name: string, work: (n: number) => Promise<{ kind: string }>): Promise<void> {
  const micros: number[] = [];
  for (let n = 0; n < runs * 1.5; n++) {
    const from = performance.now();
    const { kind } = await work(n);
    // the first third warms up
    if (n >= runs / 2) micros.push((performance.now() - from) * 1_000);
    if (kind !== "verified") throw new Error(`${name}: ${JSON.stringify({ kind })}`);
  }
  micros.sort((a, b) => a - b);
  const at = (share: number): string => (micros[Math.floor(micros.length * share)] ?? NaN).toFixed(1);
  process.stdout.write(`| ${name} | ${at(0.5)} | ${at(0.99)} |\n`);
}

async function main(): Promise<void> {
  const ca = createCa();
  const jwt = makeKeyPair("ec");
  const jwk = { ...jwt.publicKey.export({ format: "jwk" }), kid: "j1", use: "jwt-svid" };
  const now = Math.floor(Date.now() / 1_000);
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const svid = (n: number): string => {
    const payload = { sub: id, aud: ["countersign"], iat: now, exp: now + 3_000, jti: String(n) };
    const data = `${encode({ alg: "ES256", kid: "j1" })}.${encode(payload)}`;
    const key = { key: jwt.privateKey, dsaEncoding: "ieee-p1363" } as const;
    return `${data}.${sign("sha256", Buffer.from(data), key).toString("base64url")}`;
  };
  const open = (root: Issued, cacheEntries: number) => {
    const x509 = { kty: "EC", use: "x509-svid", x5c: [root.der.toString("base64")] };
    const path = ca.file("bundle.json", JSON.stringify({ keys: [x509, jwk] }));
    return createSpiffe(
      {
        trustDomains: [
          {
            ...{ name: "acme.example", tenants: ["acme"], tenantPaths: [], attested: true },
            bundle: { kind: "file", path },
          },
        ],
        ...{ forwardedBy: ["envoy"], audience: ["countersign"], maxLifetimeSeconds: 3_600 },
        ...{ clockSkewSeconds: 30, surviveSeconds: 3_600 },
      },
      {
        now: Date.now,
        fetchDocument: createFetchDocument(),
        onEvent: () => undefined,
        limits: { cacheEntries },
      },
    );
  };
  process.stdout.write("| what | median µs | p99 µs |\n|---|---|---|\n");
  try {
    for (const kind of ["ES256", "RS256"] as const) {
      const key = kind === "RS256" ? { rsa: 2_048 } : {};
      const root = ca.issue({ extensions: authorityLines, subject: "/CN=root", ...key });
      const by = ca.issue({ by: root, extensions: authorityLines, subject: "/CN=intermediate", ...key });
      const leaves = [1, 2].map(() => ca.issue({ by, extensions: svidLines(id), ...key }));
      const direct = [1, 2].map(() => ca.issue({ by: root, extensions: svidLines(id), ...key }));
      const base64 = (...chain: Issued[]): string[] => chain.map(({ der }) => der.toString("base64"));
      const chains = leaves.map((leaf) => base64(leaf, by));
      const short = direct.map((leaf) => base64(leaf));
      // with room for one, two that take turns are new each time
      const fresh = open(root, 1);
      const keeping = open(root, 100);
      await measure(`X.509-SVID ${kind} by an authority, new`, (n) => fresh.certificates(short[n % 2] ?? []));
      await measure(`X.509-SVID ${kind} through an intermediate, new`, (n) =>
        fresh.certificates(chains[n % 2] ?? []),
      );
      await measure(`X.509-SVID ${kind} through an intermediate, known`, (n) =>
        keeping.certificates(chains[n % 2] ?? []),
      );
      if (kind === "ES256") {
        const forwarded = leaves.map(
          (leaf) =>
            `Hash=${digestOf(leaf.der, "hex")};Chain="${encodeURIComponent(leaf.pem + by.pem)}";URI=${id}`,
        );
        await measure("the same in X-Forwarded-Client-Cert, known", (n) =>
          keeping.xfcc(forwarded[n % 2] ?? "", "envoy"),
        );
      }
      fresh.close();
      keeping.close();
    }
    const root = ca.issue({ extensions: authorityLines });
    const keeping = open(root, 10_000);
    const made = Array.from({ length: runs * 1.5 }, (_, n) => svid(n));
    await measure("JWT-SVID ES256, new", (n) => keeping.token(made[n] ?? ""));
    await measure("JWT-SVID ES256, known", (n) => keeping.token(made[n % 100] ?? ""));
    keeping.close();
  } finally {
    ca.remove();
  }
}

await main();
