/** Good bundles that mutants are made of: Rego in several files with JSON and YAML, several compiled modules, with tests, with changes. */
import { packSigned } from "../../../cli/sign-archive.js";
import { signEntries } from "../../../sidecar/bundles/signature/sign.js";
import { compileBundle } from "../../../sidecar/rego/build.js";
import { packEntries } from "../../../sidecar/rego/pack.js";
import type { Toolchain } from "../../../sidecar/rego/toolchain.js";
import { makeKeyPair } from "../../key-pair.js";

export type Name = "raw" | "made" | "tested" | "web";
export type Files = Readonly<Record<string, string | Uint8Array>>;

export interface Good {
  readonly name: Name;
  readonly files: Files;
  readonly bytes: Buffer;
}

const pemOf = (): { readonly privateKey: string; readonly publicKey: string } => {
  const { privateKey, publicKey } = makeKeyPair("ec");
  return {
    privateKey: String(privateKey.export({ type: "pkcs8", format: "pem" })),
    publicKey: String(publicKey.export({ type: "spki", format: "pem" })),
  };
};
export const author = pemOf();
const stranger = pemOf();
export const scope = "write";

export const entriesOf = (files: Files): Map<string, Uint8Array> =>
  new Map(Object.entries(files).map(([place, body]) => [place, Buffer.from(body)]));

export interface SignAs {
  readonly by?: "author" | "stranger";
  readonly scope?: string;
  readonly keyId?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

const signerOf = ({ by = "author", scope: own = scope, keyId = "author", claims }: SignAs) => ({
  ...{ key: (by === "author" ? author : stranger).privateKey, alg: "ES256" as const, keyId },
  ...(own === "" ? {} : { scope: own }),
  ...(claims === undefined ? {} : { claims }),
});

/** Packs files with a signature over them. */
export async function sign(files: Files, as: SignAs = {}): Promise<Buffer> {
  const signed = await packSigned(entriesOf(files), signerOf(as));
  if (signed.kind === "rejected") throw new Error(JSON.stringify(signed.errors));
  return Buffer.from(signed.bytes);
}

/** The text of a signature over files. */
export async function signatureOf(files: Files, as: SignAs = {}): Promise<string> {
  const signed = await signEntries(entriesOf(files), signerOf(as));
  if (signed.kind === "rejected") throw new Error(JSON.stringify(signed.errors));
  return Buffer.from(signed.file).toString();
}

export const pack = (files: Files): Buffer => Buffer.from(packEntries(entriesOf(files)));

export const manifestOf = (name: string, more: object = {}): string =>
  JSON.stringify({ revision: "good", roots: [name], ...more });

/** Rego in two files, data in JSON and YAML; the rule and the data name the revision, each by itself. */
export function regoFiles(name: Name, revision: string, version?: number): Record<string, string> {
  const tests = {
    [`${name}/answer_test.rego`]: `package ${name}_test\n\nimport data.${name}\n\ntest_ann if ${name}.allow with input as {"user": "ann"}\n\ntest_bob if not ${name}.allow with input as {"user": "bob"}\n`,
  };
  const metadata = {
    ...(version === undefined ? {} : { version }),
    ...(name === "tested" ? { expires: "2099-01-01T00:00:00Z" } : {}),
  };
  const roots = name === "tested" ? [name, `${name}_test`] : [name];
  return {
    ".manifest": manifestOf(name, { revision, roots, metadata }),
    [`${name}/answer.rego`]: `package ${name}

# METADATA
# entrypoint: true
answer := {"rule": "${revision}", "data": data.${name}.facts.revision, "yaml": data.${name}.more.revision}

# METADATA
# entrypoint: true
default allow := false

allow if data.${name}.parts.known[input.user]
`,
    [`${name}/parts.rego`]: `package ${name}.parts\n\nknown contains user if some user in data.${name}.facts.users\n`,
    [`${name}/facts/data.json`]: JSON.stringify({ revision, users: ["ann", "eve"], limits: { ann: 10 } }),
    [`${name}/more/data.yaml`]: `revision: ${revision}\nlist:\n  - 1\n  - two\n`,
    "notes.txt": "what means nothing in a bundle is signed, too",
    ...(name === "tested" ? tests : {}),
  };
}

/** Two modules, each of which answers its own entrypoint; the manifest has no facts, as `opa build` writes none. */
export async function compiledFiles(
  toolchain: Toolchain,
  revision: string,
): Promise<Record<string, string | Uint8Array>> {
  const moduleOf = async (path: string, rego: string): Promise<Uint8Array> => {
    const files = { "a.rego": `package made\n\n# METADATA\n# entrypoint: true\n${rego}\n` };
    const outcome = await compileBundle({ files, toolchain, entrypoints: [path] });
    if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
    return outcome.bundle.wasm;
  };
  const answer = `answer := {"rule": "${revision}", "data": data.made.facts.revision, "yaml": data.made.facts.revision}`;
  return {
    ".manifest": manifestOf("made", {
      revision,
      wasm: [
        { entrypoint: "made/answer", module: "/one/policy.wasm" },
        { entrypoint: "made/allow", module: "/two/policy.wasm" },
      ],
    }),
    "one/policy.wasm": await moduleOf("made/answer", answer),
    "two/policy.wasm": await moduleOf("made/allow", `allow if input.user in data.made.facts.users`),
    "made/facts/data.json": JSON.stringify({ revision, users: ["ann", "eve"] }),
  };
}
