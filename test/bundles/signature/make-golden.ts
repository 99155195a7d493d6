/**
 * Has OPA's own packages sign bundles, and writes them to `golden.json` with the public keys:
 *
 *     npx tsc -b && node dist/test/bundles/signature/make-golden.js && npx prettier --write test/bundles/signature/golden.json
 *
 * The private keys are made for it and thrown away.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KeyConfig, SignatureAlgorithm } from "../../../sidecar/bundles/config.js";
import { packEntries } from "../../../sidecar/rego/pack.js";
import { makeKeyPair } from "../../key-pair.js";
import { root } from "../../world.js";
import type { Question } from "./opa.js";
import { askOpa, buildOpa } from "./opa.js";

export interface Golden {
  readonly name: string;
  /** Base64 of a `.tar.gz`. */
  readonly archive: string;
  readonly keys: readonly KeyConfig[];
  readonly signing: {
    readonly keyid?: string;
    readonly scope?: string;
    readonly excludeFiles: readonly string[];
  };
  /** OPA's own word on it, by the same keys. */
  readonly opa: "verified" | "refused";
  /** Where we are stricter: our code. */
  readonly code?: string;
}

interface Plan {
  readonly name: string;
  readonly alg: SignatureAlgorithm;
  readonly files?: Record<string, string | Uint8Array>;
  /** What is packed, where it isn't what was signed. */
  readonly packed?: Record<string, string | Uint8Array>;
  readonly keyid?: string;
  readonly claims?: Record<string, unknown>;
  readonly hash?: string;
  readonly scope?: string;
  readonly signing?: Golden["signing"];
  /** As `opa build --signing-key` does it. */
  readonly build?: boolean;
  readonly code?: string;
}

const files = {
  ".manifest": '{"revision": "r1", "roots": ["p", "a", "n"], "metadata": {"version": 3}}',
  "p/p.rego": 'package p\n\nimport rego.v1\n\nallow if input.x == "<é>"\n',
  "n/data.json":
    '{"z": 1.0, "a": [1e2, -0, 0.10, 12345678901234567890, 1E+5], "<&>": "\\u2028\\u00e9\\/\\u0001\\n\\u0085", "😀": {}, "ﬀ": [[], null, true]}',
  "a/data.yaml":
    "# YAML\nwords: [yes, no, on, null, ~, True]\nnumbers: [1_000, 0777, 0x1F, 1.0, 1e3, .5, -0.0, 99999999999999999999]\ndate: 2026-01-01\nbase: &b {x: 1}\nmore:\n  <<: *b\n  y: |\n    two\n    lines\n7: seven\n",
  "README.md": "what means nothing in a bundle is signed, too\n",
  "p/.hidden": "",
};
const wasm = { ...files, "n/policy.wasm": Buffer.from("0061736d01000000", "hex") };
const excludeFiles: readonly string[] = [];

const plans: Plan[] = [
  ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"] as const).map(
    (alg) => ({
      name: `opa sign, ${alg}`,
      alg,
    }),
  ),
  ...(["HS256", "HS384", "HS512"] as const).map((alg) => ({ name: `opa sign, ${alg}`, alg })),
  { name: "opa build", alg: "ES256", build: true },
  { name: "opa build with a module", alg: "ES256", build: true, files: wasm },
  { name: "a module", alg: "ES256", files: wasm },
  {
    name: "the key's name among the claims only",
    alg: "ES256",
    keyid: "",
    claims: { keyid: "release", iat: 1_790_000_000, iss: "ci" },
  },
  {
    name: "no key's name but the configuration's",
    alg: "ES256",
    keyid: "",
    signing: { keyid: "release", excludeFiles },
  },
  { name: "no key's name at all", alg: "ES256", keyid: "", code: "signature_key" },
  { name: "a scope of the key", alg: "ES256", claims: { scope: "write" }, scope: "write" },
  {
    name: "a scope of the bundle's configuration",
    alg: "ES256",
    claims: { scope: "write" },
    scope: "read",
    signing: { scope: "write", excludeFiles },
  },
  { name: "another scope", alg: "ES256", claims: { scope: "write" }, code: "signature_scope" },
  ...["SHA-384", "SHA-512", "SHA-512-256"].map((hash) => ({ name: hash, alg: "ES256" as const, hash })),
  ...["MD5", "SHA-1", "SHA-224", "SHA-512-224"].map((hash) => ({
    name: hash,
    alg: "ES256" as const,
    hash,
    code: "signature_files",
  })),
  {
    name: "JSON in another order and spelling",
    alg: "ES256",
    packed: {
      ...files,
      ".manifest": '{"metadata":{"version":3},"roots":["p","a","n"],"revision":"\\u0072\\u0031"}',
    },
  },
  {
    name: "another number of the same value",
    alg: "ES256",
    packed: { ...files, ".manifest": files[".manifest"].replace("3}", "3.0}") },
    code: "signature_files",
  },
  {
    name: "a file that isn't signed",
    alg: "ES256",
    packed: { ...files, "more.txt": "x" },
    code: "signature_files",
  },
  {
    name: "a file that isn't signed and is left out",
    alg: "ES256",
    packed: { ...files, "p/more.txt": "x" },
    signing: { excludeFiles: ["*.md", "p/*.[a-z]xt"] },
  },
  {
    name: "a pattern that stops at the slash",
    alg: "ES256",
    packed: { ...files, "p/more.txt": "x" },
    signing: { excludeFiles: ["*.txt"] },
    code: "signature_files",
  },
  {
    name: "a signed file that was left out and changed",
    alg: "ES256",
    packed: { ...files, "README.md": "y" },
    signing: { excludeFiles: ["README.??"] },
  },
  {
    name: "a file that is gone",
    alg: "ES256",
    packed: Object.fromEntries(Object.entries(files).filter(([name]) => name !== "README.md")),
    code: "signature_files",
  },
];

function main(): void {
  buildOpa();
  const pairs = new Map<string, { privateKey: string; publicKey: string }>();
  const pairOf = (alg: SignatureAlgorithm): { privateKey: string; publicKey: string } => {
    const kind = alg.startsWith("E") ? alg : alg.startsWith("H") ? "H" : "R";
    const known = pairs.get(kind);
    if (known !== undefined) return known;
    const secret = "a secret for tests, of sixty-four bytes, that opens nothing at all";
    const curves: Partial<Record<string, string>> = { ES384: "P-384", ES512: "P-521" };
    const { privateKey, publicKey } =
      kind === "R" ? makeKeyPair("rsa") : makeKeyPair("ec", { curve: curves[kind] ?? "P-256" });
    const made =
      kind === "H"
        ? { privateKey: secret, publicKey: secret }
        : {
            privateKey: String(privateKey.export({ type: "pkcs8", format: "pem" })),
            publicKey: String(publicKey.export({ type: "spki", format: "pem" })),
          };
    pairs.set(kind, made);
    return made;
  };

  const golden = plans.map((plan): Golden => {
    const { name, alg, claims, hash, keyid = "release", signing = { excludeFiles }, scope, code } = plan;
    const { privateKey, publicKey } = pairOf(alg);
    const signed = plan.files ?? files;
    const question: Question = {
      ...{ do: plan.build === true ? "build" : "sign", key: privateKey, alg, keyid },
      ...(plan.build === true ? { archive: pack(signed) } : { files: signed }),
      ...(claims === undefined ? {} : { claims: JSON.stringify(claims) }),
      ...(hash === undefined ? {} : { hash }),
    };
    const [answer] = askOpa([question]);
    if (answer?.bytes === undefined) throw new Error(`${name}: ${answer?.error ?? ""}`);
    const archive =
      plan.build === true
        ? answer.bytes
        : pack({ ...(plan.packed ?? signed), ".signatures.json": answer.bytes });
    const key = { key: publicKey, algorithm: alg, ...(scope === undefined ? {} : { scope }) };
    const [word] = askOpa([
      {
        ...{
          do: "verify",
          archive,
          keys: { release: key },
          keyid: signing.keyid ?? "",
          exclude: signing.excludeFiles,
        },
        ...(signing.scope === undefined ? {} : { scope: signing.scope }),
      },
    ]);
    return {
      ...{
        name,
        archive: Buffer.from(archive).toString("base64"),
        keys: [{ id: "release", ...key }],
        signing,
      },
      opa: word?.text === "verified" && word.error === undefined ? "verified" : "refused",
      ...(code === undefined ? {} : { code }),
    };
  });
  writeFileSync(
    join(root, "test/bundles/signature/golden.json"),
    `${JSON.stringify(golden, undefined, 2)}\n`,
  );
}

function pack(entries: Record<string, string | Uint8Array>): Uint8Array {
  return packEntries(Object.entries(entries).map(([place, body]) => [place, Buffer.from(body)] as const));
}

main();
