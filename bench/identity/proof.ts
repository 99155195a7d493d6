/** Measures what a DPoP proof, a workload proof and an API key cost: `node dist/bench/identity/proof.js`. */
import { hash, sign, type KeyObject } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApiKeys } from "../../sidecar/identify/api-keys/api-keys.js";
import { changeKeyFile } from "../../sidecar/identify/api-keys/change-file.js";
import { createKey } from "../../sidecar/identify/api-keys/manage.js";
import { createDpop } from "../../sidecar/identify/proof/dpop.js";
import { createSignatureCheck } from "../../sidecar/identify/proof/proof-key.js";
import { createMemoryReplay } from "../../sidecar/identify/proof/replay.js";
import { makeKeyPair } from "../../test/key-pair.js";

const runs = 4_000;
const token = "t".repeat(900);
const target = { method: "POST", url: "https://gateway.example/v1/chat/completions" };
const config = {
  algorithms: ["ES256", "EdDSA", "RS256"],
  max_age_seconds: 60,
  clock_skew_seconds: 10,
  nonce: false,
};

interface Holder {
  readonly alg: string;
  readonly jwk: object;
  readonly jkt: string;
  readonly sign: (data: Buffer) => Buffer;
}

/** A key with its RFC 7638 thumbprint. */
function holder(alg: string): Holder {
  const pair: { publicKey: KeyObject; privateKey: KeyObject } =
    alg === "ES256" ? makeKeyPair("ec") : alg === "EdDSA" ? makeKeyPair("ed25519") : makeKeyPair("rsa");
  const jwk = pair.publicKey.export({ format: "jwk" });
  const names =
    alg === "ES256" ? ["crv", "kty", "x", "y"] : alg === "EdDSA" ? ["crv", "kty", "x"] : ["e", "kty", "n"];
  const material = Object.fromEntries(names.map((name) => [name, jwk[name]]));
  return {
    alg,
    jwk,
    jkt: hash("sha256", JSON.stringify(material), "base64url"),
    sign: (data) =>
      sign(alg === "EdDSA" ? null : "sha256", data, { key: pair.privateKey, dsaEncoding: "ieee-p1363" }),
  };
}

function proof({ alg, jwk, sign: by }: Holder, n: number): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const payload = {
    ...{ jti: `jti-${n}`, htm: target.method, htu: target.url, iat: Math.floor(Date.now() / 1000) },
    ath: hash("sha256", token, "base64url"),
  };
  const data = `${encode({ typ: "dpop+jwt", alg, jwk })}.${encode(payload)}`;
  return `${data}.${by(Buffer.from(data)).toString("base64url")}`;
}

/** Microseconds of each of `work`, one after the other; the median and the 99th percentile. */
async function measure(name: string, work: readonly (() => unknown)[]): Promise<void> {
  const micros: number[] = [];
  for (const one of work) {
    const from = performance.now();
    const outcome = (await one()) as { kind?: string };
    micros.push((performance.now() - from) * 1_000);
    if (outcome.kind !== "verified") throw new Error(`${name}: ${JSON.stringify(outcome)}`);
  }
  micros.sort((a, b) => a - b);
  const at = (share: number): string => (micros[Math.floor(micros.length * share)] ?? NaN).toFixed(1);
  process.stdout.write(`| ${name} | ${at(0.5)} | ${at(0.99)} |\n`);
}

async function main(): Promise<void> {
  process.stdout.write("| what | median µs | p99 µs |\n|---|---|---|\n");
  for (const alg of config.algorithms) {
    const replay = createMemoryReplay({ keepMs: 80_000, maxEntries: 10_000_000, now: Date.now });
    const verify = createDpop({ config, signatures: createSignatureCheck(runs * 2), replay, now: Date.now });
    const few = alg === "RS256" ? 200 : runs / 2;
    const holders = Array.from({ length: few }, () => holder(alg));
    const cold = holders.map((one, n) => {
      const made = proof(one, n);
      return () => verify(made, token, target, { jkt: one.jkt });
    });
    const [known = holder(alg)] = holders;
    const warm = Array.from({ length: runs }, (_, n) => {
      const made = proof(known, runs + n);
      return () => verify(made, token, target, { jkt: known.jkt });
    });
    await measure(`DPoP ${alg}, a key for the first time`, cold);
    await measure(`DPoP ${alg}, a known key`, warm);
  }
  const directory = await mkdtemp(join(tmpdir(), "countersign-bench-keys-"));
  const file = join(directory, "keys.json");
  const now = new Date();
  const facts = {
    ...{
      name: "bench",
      tenant: "acme",
      subject: { type: "workload", id: "job" } as const,
      groups: [],
      roles: [],
    },
    expires: new Date(now.getTime() + 3_600_000).toISOString(),
  };
  const made = Array.from({ length: 1_000 }, () => createKey("cs_live", facts, now));
  await changeKeyFile(file, () => made.map(({ entry }) => entry), []);
  const fresh = Array.from(
    { length: 200 },
    () => () =>
      createApiKeys({ config: { file, prefix: "cs_live" }, now: Date.now }).verify(made[7]?.key ?? ""),
  );
  await measure("API key, file of 1,000 keys read for it", fresh);
  let clock = Date.now();
  const looking = createApiKeys({ config: { file, prefix: "cs_live" }, now: () => (clock += 250) });
  await measure(
    "API key, file looked at for it",
    Array.from({ length: runs }, (_, n) => () => looking.verify(made[n % 1_000]?.key ?? "")),
  );
  const known = createApiKeys({ config: { file, prefix: "cs_live" }, now: () => clock });
  await measure(
    "API key",
    Array.from({ length: runs }, (_, n) => () => known.verify(made[n % 1_000]?.key ?? "")),
  );
  await rm(directory, { recursive: true });
}

await main();
