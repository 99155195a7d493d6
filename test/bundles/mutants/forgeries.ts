/** Bundles that their author didn't sign, or not so. */
import type { BundleCode } from "../../../sidecar/bundles/codes.js";
import type { Files } from "./goods.js";
import { author, pack, sign, signatureOf } from "./goods.js";
import type { Mutation } from "./mutation.js";
import { all, without } from "./mutation.js";

/** Files with a signature that was made of others. */
const signedAs = async (files: Files, of: Files, change = (text: string): string => text): Promise<Buffer> =>
  pack({ ...files, ".signatures.json": change(await signatureOf(of)) });
const tokenOf = (text: string): string => (JSON.parse(text) as { signatures: [string] }).signatures[0];
const withToken = (token: string): string => JSON.stringify({ signatures: [token] });
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const mine = (kind: string, code: BundleCode, make: Mutation["make"]): Mutation => ({
  ...{ kind, to: all, codes: [code], make },
});

export const forgeries: readonly Mutation[] = [
  mine("no signature", "signature_missing", ({ files }) => pack(files)),
  mine("a stranger's signature", "signature_invalid", ({ files }) => sign(files, { by: "stranger" })),
  mine("another scope", "signature_scope", ({ files }) => sign(files, { scope: "read" })),
  mine("no scope", "signature_scope", ({ files }) => sign(files, { scope: "" })),
  mine("a signature that has expired", "signature_invalid", ({ files }) =>
    sign(files, { claims: { exp: 1 } }),
  ),
  mine("a signature of the future", "signature_invalid", ({ files }) =>
    sign(files, { claims: { nbf: 4e9 } }),
  ),
  mine("another bundle's signature", "signature_files", (good, random, goods) =>
    signedAs(good.files, goods[random.one(all.filter((name) => name !== good.name))].files),
  ),
  mine("a file more", "signature_files", ({ files, name }, random) =>
    signedAs(
      { ...files, [`${name}/more${random.below(9)}.rego`]: `package ${name}\n\nallow := true\n` },
      files,
    ),
  ),
  mine("a file less", "signature_files", ({ files }, random) =>
    signedAs(without(files, random.one(Object.keys(files))), files),
  ),
  mine("a file that is another", "signature_files", ({ files }, random) => {
    const place = random.one(Object.keys(files));
    const body = Buffer.concat([Buffer.from(files[place] ?? ""), Buffer.from(" x")]);
    return signedAs({ ...files, [place]: body }, files);
  }),
  mine("two signatures", "signature_malformed", ({ files }) =>
    signedAs(files, files, (text) => JSON.stringify({ signatures: [tokenOf(text), tokenOf(text)] })),
  ),
  mine("a list of no signature", "signature_malformed", ({ files }) =>
    signedAs(files, files, () => '{"signatures":[]}'),
  ),
  mine("signatures that are no JSON", "signature_malformed", ({ files }) =>
    signedAs(files, files, () => "{"),
  ),
  mine("a key of JSON twice", "signature_malformed", ({ files }) =>
    signedAs(files, files, (text) => text.replace("{", '{"signatures":[],')),
  ),
  mine("a plugin that verifies", "signature_malformed", ({ files }) =>
    signedAs(files, files, (text) => JSON.stringify({ signatures: [tokenOf(text)], plugin: "always" })),
  ),
  mine("signatures elsewhere", "signature_malformed", async ({ files, name }) =>
    pack({
      ...files,
      ".signatures.json": await signatureOf(files),
      [`${name}/.signatures.json`]: await signatureOf(files),
    }),
  ),
  mine("no algorithm", "signature_key", ({ files }) =>
    signedAs(files, files, (text) => {
      const [, payload = ""] = tokenOf(text).split(".");
      return withToken(`${part({ alg: "none", kid: "author" })}.${payload}.AAAA`);
    }),
  ),
  mine("the public key as a secret", "signature_key", ({ files }) =>
    signedAs(files, files, (text) => {
      const [, payload = ""] = tokenOf(text).split(".");
      return withToken(
        `${part({ alg: "HS256", kid: "author", jwk: author.publicKey })}.${payload}.${part({ a: 1 })}`,
      );
    }),
  ),
  mine("a header of extensions", "signature_malformed", ({ files }) =>
    signedAs(files, files, (text) => {
      const [, payload = "", sum = ""] = tokenOf(text).split(".");
      return withToken(`${part({ alg: "ES256", b64: false, crit: ["b64"] })}.${payload}.${sum}`);
    }),
  ),
  mine("a payload that is another", "signature_invalid", ({ files }) =>
    signedAs(files, files, (text) => {
      const [header = "", , sum = ""] = tokenOf(text).split(".");
      return withToken(`${header}.${part({ files: [], scope: "write" })}.${sum}`);
    }),
  ),
  mine("data that is no JSON", "signature_files", ({ files, name }) =>
    signedAs({ ...files, [`${name}/x/data.json`]: '{"a":' }, files),
  ),
  mine("data with a key twice", "signature_files", ({ files, name }) =>
    signedAs({ ...files, [`${name}/facts/data.json`]: '{"revision":"good","revision":"bad"}' }, files),
  ),
  mine("data as deep as a well", "signature_files", ({ files, name }) =>
    signedAs({ ...files, [`${name}/facts/data.json`]: `{"a":${"[".repeat(500)}${"]".repeat(500)}}` }, files),
  ),
];
