/** Measures what a token costs, new and known: `node dist/bench/identity/token.js`. */
import { sign, type KeyObject } from "node:crypto";
import { createTokens } from "../../sidecar/identify/token/tokens.js";
import { makeKeyPair } from "../../test/key-pair.js";

const runs = 4_000;
const algorithms = ["RS256", "ES256", "EdDSA"] as const;

interface Signer {
  readonly alg: (typeof algorithms)[number];
  readonly jwk: object;
  readonly sign: (data: Buffer) => Buffer;
}

function signer(alg: Signer["alg"]): Signer {
  const pair: { publicKey: KeyObject; privateKey: KeyObject } =
    alg === "ES256" ? makeKeyPair("ec") : alg === "EdDSA" ? makeKeyPair("ed25519") : makeKeyPair("rsa");
  return {
    alg,
    jwk: { ...pair.publicKey.export({ format: "jwk" }), kid: "k1" },
    sign: (data) =>
      sign(alg === "EdDSA" ? null : "sha256", data, { key: pair.privateKey, dsaEncoding: "ieee-p1363" }),
  };
}

/** A token of some 900 characters: a person, an agent that acts for it, eight groups. */
function token({ alg, sign: by }: Signer, n: number): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    ...{ iss: "https://issuer.example", aud: "countersign", iat: now, exp: now + 3_600, jti: `jti-${n}` },
    ...{ sub: "ann@acme.example", act: { sub: "agent:assistant" }, scope: "models:use tools:call", acr: "2" },
    groups: Array.from({ length: 8 }, (_, i) => `group-of-some-length-${i}`),
  };
  const data = `${encode({ typ: "at+jwt", alg, kid: "k1" })}.${encode(payload)}`;
  return `${data}.${by(Buffer.from(data)).toString("base64url")}`;
}

/** Microseconds of each, one after the other; the median and the 99th percentile. */
async function measure(name: string, work: readonly (() => Promise<{ kind: string }>)[]): Promise<void> {
  const micros: number[] = [];
  for (const one of work) {
    const from = performance.now();
    const { kind } = await one();
    micros.push((performance.now() - from) * 1_000);
    if (kind !== "verified") throw new Error(`${name}: ${kind}`);
  }
  micros.sort((a, b) => a - b);
  const at = (share: number): string => (micros[Math.floor(micros.length * share)] ?? NaN).toFixed(1);
  process.stdout.write(`| ${name} | ${at(0.5)} | ${at(0.99)} |\n`);
}

async function main(): Promise<void> {
  process.stdout.write("| what | median µs | p99 µs |\n|---|---|---|\n");
  for (const alg of algorithms) {
    const by = signer(alg);
    const tokens = createTokens({
      issuers: [
        {
          ...{ name: "bench", issuer: "https://issuer.example", audience: "countersign", algorithms: [alg] },
          ...{ tenants: ["acme"], claims: { groups: "groups" }, jwks: { keys: [by.jwk as never] } },
        },
      ],
      now: Date.now,
      fetchDocument: () => Promise.resolve({ kind: "fault", fault: "network" }),
    });
    const made = Array.from({ length: runs }, (_, n) => token(by, n));
    // the first one imports the key
    await tokens.verify(token(by, runs));
    await measure(
      `${alg}, a new token`,
      made.map((one) => async () => tokens.verify(one)),
    );
    await measure(
      `${alg}, a known token`,
      made.map((one) => async () => tokens.verify(one)),
    );
    tokens.close();
  }
}

await main();
