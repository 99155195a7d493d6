import { createHash, createHmac } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { CompactSign } from "jose";
import { main } from "../../../cli/main.js";
import { packSigned, signArchive } from "../../../cli/sign-archive.js";
import type { KeyConfig, SignatureAlgorithm, SigningConfig } from "../../../sidecar/bundles/config.js";
import { readGlob } from "../../../sidecar/bundles/signature/glob.js";
import { hashFile } from "../../../sidecar/bundles/signature/hash.js";
import { readKey } from "../../../sidecar/bundles/signature/keys.js";
import { signEntries } from "../../../sidecar/bundles/signature/sign.js";
import type { VerifyOutcome } from "../../../sidecar/bundles/signature/verify.js";
import { verifyEntries } from "../../../sidecar/bundles/signature/verify.js";
import type { Entries } from "../../../sidecar/rego/archive.js";
import { readArchive } from "../../../sidecar/rego/archive.js";
import { readDirectory } from "../../../sidecar/rego/directory.js";
import { packEntries } from "../../../sidecar/rego/pack.js";
import { makeKeyPair } from "../../key-pair.js";
import { fc } from "../../properties.js";
import { root } from "../../world.js";
import type { Golden } from "./make-golden.js";
import { askOpa, buildOpa } from "./opa.js";

const withOpa = process.env["OPA_SIGNATURES"] !== undefined;
const golden = JSON.parse(
  readFileSync(join(root, "test/bundles/signature/golden.json"), "utf8"),
) as readonly Golden[];

interface Pem {
  readonly privateKey: string;
  readonly publicKey: string;
}
function pemOf(kind: "ec" | "rsa", size: { curve?: string; bits?: number }): Pem {
  const { privateKey, publicKey } = makeKeyPair(kind, size);
  return {
    privateKey: String(privateKey.export({ type: "pkcs8", format: "pem" })),
    publicKey: String(publicKey.export({ type: "spki", format: "pem" })),
  };
}
const ec = pemOf("ec", {});
const other = pemOf("ec", {});
const rsa = pemOf("rsa", { bits: 2048 });
const secret = "a secret for tests, of sixty-four bytes, that opens nothing at all";

const bytesOf = (text: string): Buffer => Buffer.from(text);
const files: Entries = new Map([
  [".manifest", bytesOf('{"revision":"1","roots":["p","a"]}')],
  ["p/p.rego", bytesOf("package p\n")],
  ["a/data.json", bytesOf('{"b":1.0}')],
  ["a/more.txt", bytesOf("x")],
]);
const signing: SigningConfig = { excludeFiles: [] };
const keyOf = (key: string, algorithm: SignatureAlgorithm = "ES256", scope?: string): KeyConfig => ({
  ...{ id: "release", key, algorithm },
  ...(scope === undefined ? {} : { scope }),
});
const keysOf = (...keys: KeyConfig[]): ReadonlyMap<string, KeyConfig> =>
  new Map(keys.map((key) => [key.id, key]));
const trusted = { signing, keys: keysOf(keyOf(ec.publicKey)) };

function codeOf(outcome: VerifyOutcome): string {
  return outcome.kind === "verified" ? "verified" : (outcome.errors[0]?.code ?? "");
}
const withFile = (place: string, text: string, to = files): Entries =>
  new Map([...to, [place, bytesOf(text)]]);
const listOf = (entries: Entries): object[] =>
  [...entries]
    .filter(([place]) => place !== ".signatures.json")
    .map(([name, bytes]) => ({ name, hash: hashFile(name, bytes, "sha256").hash, algorithm: "SHA-256" }));

/** Signs whatever payload, by a key of the test's own. */
async function forge(
  payload: object | string,
  {
    header = {},
    key = ec.privateKey,
    alg = "ES256",
    entries = files,
  }: {
    header?: object;
    key?: string;
    alg?: SignatureAlgorithm;
    entries?: Entries;
  } = {},
): Promise<Entries> {
  const read = readKey(key, alg, "sign");
  if (read.kind === "unfit") throw new Error(read.message);
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  const token = await new CompactSign(bytesOf(text))
    .setProtectedHeader({ alg, kid: "release", ...header })
    .sign(read.key);
  return signedBy(token, entries);
}
const signedBy = (token: string, entries = files): Entries =>
  withFile(".signatures.json", JSON.stringify({ signatures: [token] }), entries);
const base64 = (value: object | string): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

let signed: Entries;
let token: string;
beforeAll(async () => {
  const outcome = await signEntries(files, { key: ec.privateKey, alg: "ES256", keyId: "release" });
  if (outcome.kind === "rejected") throw new Error("not signed");
  signed = new Map([...files, [".signatures.json", outcome.file]]);
  token = (JSON.parse(String(outcome.file)) as { signatures: [string] }).signatures[0];
});

describe("what OPA signed", () => {
  test.each(golden)("$name", async ({ archive, keys, signing, opa, code }) => {
    const read = await readArchive(Buffer.from(archive, "base64"));
    if (read.kind === "rejected") throw new Error("unreadable");
    const outcome = await verifyEntries(read.entries, { signing, keys: keysOf(...keys) });
    expect(codeOf(outcome)).toBe(code ?? "verified");
    // never more than OPA
    if (outcome.kind === "verified") expect(opa).toBe("verified");
  });

  test("its YAML goes on as the JSON that was hashed", async () => {
    const { archive, keys } = golden[0] as Golden;
    const read = await readArchive(Buffer.from(archive, "base64"));
    if (read.kind === "rejected") throw new Error("unreadable");
    const outcome = await verifyEntries(read.entries, { signing, keys: keysOf(...keys) });
    const yaml = outcome.kind === "verified" ? outcome.entries.get("a/data.yaml") : undefined;
    expect(JSON.parse(String(yaml))).toEqual({
      words: ["yes", "no", "on", null, null, true],
      numbers: [1000, 511, 31, 1, 1000, 0.5, -0, 1e20],
      date: "2026-01-01",
      base: { x: 1 },
      more: { x: 1, y: "two\nlines\n" },
      7: "seven",
    });
  });
});

describe("what we sign", () => {
  const algorithms: readonly (readonly [SignatureAlgorithm, Pem])[] = [
    ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const).map((alg) => [alg, rsa] as const),
    ["ES256", ec],
    ["ES384", pemOf("ec", { curve: "P-384" })],
    ["ES512", pemOf("ec", { curve: "P-521" })],
    ...(["HS256", "HS384", "HS512"] as const).map(
      (alg) => [alg, { privateKey: secret, publicKey: secret }] as const,
    ),
  ];
  // every file's kind, and names that need a pax header
  const rich = new Map([
    ...files,
    ["p/policy.wasm", Buffer.from("0061736d01000000", "hex")],
    [`a/${"n".repeat(120)}/data.yaml`, bytesOf("a: 0777\nb: &x [1.0, yes]\nc: *x\n")],
    ["a/é😀/data.json", bytesOf('{"😀":1e2,"ﬀ":"\\u2028<&>\\u0085","z":[]}')],
  ]);
  const archives: { archive: Uint8Array; alg: SignatureAlgorithm; key: string }[] = [];

  test.each(algorithms)("%s", async (alg, { privateKey, publicKey }) => {
    const packed = await packSigned(rich, { key: privateKey, alg, keyId: "release", scope: "write" });
    if (packed.kind === "rejected") throw new Error(JSON.stringify(packed));
    archives.push({ archive: packed.bytes, alg, key: publicKey });
    const read = await readArchive(packed.bytes);
    if (read.kind === "rejected") throw new Error("unreadable");
    expect(
      await verifyEntries(read.entries, { signing, keys: keysOf(keyOf(publicKey, alg, "write")) }),
    ).toMatchObject({ verified: { signed: true, keyId: "release", scope: "write" } });
    // signed again, it has one signature
    const again = await signArchive(packed.bytes, { key: privateKey, alg });
    expect(again).toMatchObject({ kind: "signed" });
  });

  (withOpa ? test : test.skip)("OPA verifies", () => {
    buildOpa();
    const answers = askOpa(
      archives.map(({ archive, alg, key }) => ({
        ...{ do: "verify", archive, keys: { release: { key, algorithm: alg, scope: "write" } } },
      })),
    );
    expect(archives).toHaveLength(algorithms.length);
    expect(answers).toEqual(archives.map(() => ({ text: "verified" })));
  });

  test.each<[string, Parameters<typeof signEntries>[1], string]>([
    ["a short secret", { key: secret.slice(0, 31), alg: "HS256" }, "signature_key"],
    ["a secret that is a key in PEM", { key: rsa.privateKey, alg: "HS256" }, "signature_key"],
    ["a key on another curve", { key: ec.privateKey, alg: "ES384" }, "signature_key"],
    ["an EC key for RS256", { key: ec.privateKey }, "signature_key"],
    ["a public key", { key: ec.publicKey, alg: "ES256" }, "signature_key"],
    ["a small key", { key: pemOf("rsa", { bits: 1024 }).privateKey }, "signature_key"],
    [
      "claims that say what is signed",
      { key: ec.privateKey, alg: "ES256", claims: { files: [] } },
      "signature_malformed",
    ],
  ])("not by %s", async (_, signer, code) => {
    expect(await signEntries(files, signer)).toMatchObject({ kind: "rejected", errors: [{ code }] });
  });

  test.each(["a/data.json", "a/data.yaml", "a/.signatures.json"])(
    "not %s that says two things",
    async (place) => {
      const entries = withFile(place, "a: 1\na: 2\n");
      const errors = [{ code: "signature_files", file: place }];
      expect(await signEntries(entries, { key: ec.privateKey, alg: "ES256" })).toMatchObject({ errors });
    },
  );
});

describe("what isn't verified", () => {
  test("a signature that is missing, or that nothing could verify", async () => {
    expect(codeOf(await verifyEntries(files, trusted))).toBe("signature_missing");
    expect(codeOf(await verifyEntries(files, { keys: trusted.keys }))).toBe("verified");
    expect(codeOf(await verifyEntries(signed, { keys: trusted.keys }))).toBe("verified");
    expect(codeOf(await verifyEntries(signed, { keys: new Map() }))).toBe("signature_unexpected");
    const wrong = { keys: keysOf(keyOf(other.publicKey)) };
    expect(codeOf(await verifyEntries(signed, wrong))).toBe("signature_invalid");
  });

  test.each<[string, KeyConfig, Partial<SigningConfig>, string]>([
    ["another key", keyOf(other.publicKey), {}, "signature_invalid"],
    ["another algorithm", keyOf(rsa.publicKey, "RS256"), {}, "signature_key"],
    ["a key that isn't configured", { ...keyOf(ec.publicKey), id: "old" }, {}, "signature_key"],
    [
      "a key that the bundle's configuration names",
      { ...keyOf(ec.publicKey), id: "old" },
      { keyid: "old" },
      "verified",
    ],
    ["a private key", keyOf(ec.privateKey), {}, "signature_key"],
    ["a key's scope", keyOf(ec.publicKey, "ES256", "write"), {}, "signature_scope"],
    ["a bundle's scope", keyOf(ec.publicKey), { scope: "write" }, "signature_scope"],
    ["a damaged key", keyOf(ec.publicKey.replace("M", "N")), {}, "signature_key"],
  ])("with %s", async (_, key, more, code) => {
    const outcome = await verifyEntries(signed, { signing: { ...signing, ...more }, keys: keysOf(key) });
    expect(codeOf(outcome)).toBe(code);
    // nothing of a key is ever told
    expect(JSON.stringify(outcome.kind === "rejected" ? outcome : {})).not.toMatch(/BEGIN|MF|MH/);
  });

  test("an RSA key's public half as a secret of HS, and no algorithm at all", async () => {
    const head = base64({ alg: "HS256", kid: "release" });
    const body = base64({ files: listOf(files) });
    const mac = createHmac("sha256", rsa.publicKey).update(`${head}.${body}`).digest("base64url");
    const confused = signedBy(`${head}.${body}.${mac}`);
    for (const algorithm of ["RS256", "HS256"] as const) {
      const keys = keysOf(keyOf(rsa.publicKey, algorithm));
      expect(codeOf(await verifyEntries(confused, { signing, keys }))).toBe("signature_key");
    }
    for (const alg of ["none", "None", "ES256 "]) {
      const none = signedBy(`${base64({ alg, kid: "release" })}.${body}.${mac}`);
      expect(codeOf(await verifyEntries(none, trusted))).toBe("signature_key");
    }
    expect(codeOf(await verifyEntries(signedBy(`${head}.${body}.`), trusted))).toBe("signature_malformed");
  });

  test.each<[string, string, string]>([
    ["an array", "[]", "signature_malformed"],
    ["nothing", "", "signature_malformed"],
    ["no signatures", "{}", "signature_malformed"],
    ["no JWT", '{"signatures":[]}', "signature_malformed"],
    ["what is no JWT", '{"signatures":["x"]}', "signature_malformed"],
    ["a number", '{"signatures":[1]}', "signature_malformed"],
    ["a JWT of four parts", '{"signatures":["e30.e30.e30.e30"]}', "signature_malformed"],
    ["a header that is no JSON", '{"signatures":["e3.e30.e30"]}', "signature_malformed"],
    ["signatures twice", '{"signatures":["a.b.c"],"signatures":["a.b.c"]}', "signature_malformed"],
    ["a plugin", '{"signatures":["a.b.c"],"plugin":"mine"}', "signature_malformed"],
  ])("a file of signatures with %s", async (_, text, code) => {
    expect(codeOf(await verifyEntries(withFile(".signatures.json", text), trusted))).toBe(code);
  });

  test("two JWTs, OPA's name of its own plugin, a file of signatures elsewhere", async () => {
    const two = withFile(".signatures.json", JSON.stringify({ signatures: [token, token] }));
    expect(codeOf(await verifyEntries(two, trusted))).toBe("signature_malformed");
    const named = withFile(".signatures.json", JSON.stringify({ signatures: [token], plugin: "_default" }));
    expect(codeOf(await verifyEntries(named, trusted))).toBe("verified");
    const elsewhere = withFile("a/.signatures.json", "{}", signed);
    expect(codeOf(await verifyEntries(elsewhere, trusted))).toBe("signature_malformed");
    expect(codeOf(await verifyEntries(elsewhere, { keys: new Map() }))).toBe("signature_malformed");
  });

  const good = listOf(files);
  const first = good[0] as { name: string; hash: string };
  test.each<[string, object | string, object, string]>([
    ["nothing but files", { files: good }, {}, "verified"],
    [
      "hashes in capitals",
      { files: good.map((file) => ({ ...file, hash: (file as typeof first).hash.toUpperCase() })) },
      {},
      "verified",
    ],
    ["no files", {}, {}, "signature_malformed"],
    ["files that are none", { files: [1] }, {}, "signature_malformed"],
    ["a file without an algorithm", { files: [{ name: "a", hash: "" }] }, {}, "signature_malformed"],
    ["a list", [], {}, "signature_malformed"],
    ["a scope that is no text", { files: good, scope: ["write"] }, {}, "signature_malformed"],
    ["files twice", `{"files":[],"files":${JSON.stringify(good)}}`, {}, "signature_malformed"],
    ["extensions", { files: good }, { crit: ["b64"], b64: true }, "signature_malformed"],
    ["a key's name that is a number", { files: good }, { kid: 7 }, "signature_key"],
    ["an end", { files: good, exp: 1_000_000_001 }, {}, "verified"],
    ["an end that is over", { files: good, exp: 1_000_000_000 }, {}, "signature_invalid"],
    ["a beginning to come", { files: good, nbf: 1_000_000_001 }, {}, "signature_invalid"],
    ["an end that is text", { files: good, exp: "never" }, {}, "signature_malformed"],
    ["a file twice", { files: [...good, first] }, {}, "signature_files"],
    ["a file twice, once wrong", { files: [{ ...first, hash: "00" }, ...good] }, {}, "signature_files"],
    [
      "a name with a slash",
      { files: good.map((file) => ({ ...file, name: `/${(file as typeof first).name}` })) },
      {},
      "signature_files",
    ],
    ["a file too many", { files: [...good, { ...first, name: "x" }] }, {}, "signature_files"],
    ["a file too few", { files: good.slice(1) }, {}, "signature_files"],
    ["no files at all", { files: [] }, {}, "signature_files"],
    ["an empty hash", { files: good.map((file) => ({ ...file, hash: "" })) }, {}, "signature_files"],
    ["MD5", { files: listOf(files).map((file) => ({ ...file, algorithm: "MD5" })) }, {}, "signature_files"],
    [
      "another way to write SHA-256",
      { files: good.map((file) => ({ ...file, algorithm: "sha256" })) },
      {},
      "signature_files",
    ],
  ])("a payload with %s", async (_, payload, header, code) => {
    const entries = await forgeHeader(payload, header);
    expect(codeOf(await verifyEntries(entries, { ...trusted, now: () => 1e12 }))).toBe(code);
  });

  /** As {@link forge}, where the header may be one that jose wouldn't write. */
  async function forgeHeader(payload: object | string, header: object): Promise<Entries> {
    if (!("crit" in header)) return forge(payload, { header });
    const text = typeof payload === "string" ? payload : JSON.stringify(payload);
    return signedBy(`${base64({ alg: "ES256", kid: "release", ...header })}.${base64(text)}.AAAA`);
  }

  test.each<[string, Entries]>([
    ["changed", withFile("p/p.rego", "package q\n")],
    ["added", withFile("q.rego", "package q\n")],
    ["added, hidden", withFile(".hidden", "")],
    ["added, of no meaning", withFile("README", "")],
    ["of another number", withFile("a/data.json", '{"b":1}')],
    ["with a key twice", withFile("a/data.json", '{"b":1.0,"b":1.0}')],
    ["that is YAML now", withFile("a/data.json", "b: 1.0")],
    ["with a byte order mark", withFile("a/data.json", '\ufeff{"b":1.0}')],
    [
      "under another name",
      new Map([...files].map(([place, bytes]) => [place.replace("more", "less"), bytes])),
    ],
    ["left out", new Map([...files].slice(1))],
  ])("a file %s", async (_, entries) => {
    const mixed = new Map([...entries, [".signatures.json", signed.get(".signatures.json") as Uint8Array]]);
    expect(codeOf(await verifyEntries(mixed, trusted))).toBe("signature_files");
  });

  test("aliases that grow without end, or into themselves", async () => {
    const laughs = `a: &a [${"x,".repeat(9)}x]\n${[..."bcdefghi"].map((name, i) => `${name}: &${name} [${`*${"abcdefghi"[i] ?? ""},`.repeat(10)}]`).join("\n")}\n`;
    for (const text of [laughs, "a: &a [*a]\n", `a: ${"[".repeat(200)}${"]".repeat(200)}\n`]) {
      const entries = withFile("a/data.yaml", text);
      const list = [...good, { name: "a/data.yaml", hash: "00", algorithm: "SHA-256" }];
      expect(codeOf(await verifyEntries(await forge({ files: list }, { entries }), trusted))).toBe(
        "signature_files",
      );
    }
  });
});

describe("countersign sign", () => {
  const at = mkdtempSync(join(tmpdir(), "countersign-sign-"));
  afterAll(() => {
    rmSync(at, { recursive: true });
  });
  const write = (name: string, text: string | Uint8Array): string => {
    const path = join(at, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  };
  const key = write("key.pem", ec.privateKey);
  const by = ["--signing-key", key, "--signing-alg", "ES256", "--signing-key-id", "release"];
  const folder = join(at, "policies");
  for (const [place, bytes] of files) write(`policies/${place}`, bytes);
  write("policies/.git/config", "");

  async function sign(...args: string[]): Promise<{ code: number; err: string }> {
    let err = "";
    const io = { out: () => undefined, err: (text: string) => void (err += text) };
    return { code: await main(["sign", ...args], io), err };
  }

  test("signs a folder, which is then verified as a folder", async () => {
    expect(
      await sign("-b", ...by, "--claims-file", write("claims.json", '{"iss":"ci"}'), "-o", folder, folder),
    ).toEqual({ code: 0, err: "" });
    const read = await readDirectory(folder);
    if (read.kind === "rejected") throw new Error("unreadable");
    expect(await verifyEntries(read.entries, trusted)).toMatchObject({ verified: { keyId: "release" } });
    const text = readFileSync(join(folder, ".signatures.json"), "utf8");
    const [, payload = ""] = (JSON.parse(text) as { signatures: [string] }).signatures[0].split(".");
    expect(JSON.parse(String(Buffer.from(payload, "base64url")))).toEqual({
      files: listOf(new Map([...files].sort())),
      iss: "ci",
      keyid: "release",
    });
    write("policies/more.rego", "package more\n");
    const more = await readDirectory(folder);
    if (more.kind === "rejected") throw new Error("unreadable");
    expect(codeOf(await verifyEntries(more.entries, trusted))).toBe("signature_files");
    rmSync(join(folder, "more.rego"));
  });

  test("signs an archive into another", async () => {
    const plain = write("plain.tar.gz", packEntries(files));
    const archive = join(at, "signed.tar.gz");
    expect(await sign(...by, "--archive", archive, plain)).toEqual({ code: 0, err: "" });
    const read = await readArchive(readFileSync(archive));
    if (read.kind === "rejected") throw new Error("unreadable");
    expect(codeOf(await verifyEntries(read.entries, trusted))).toBe("verified");
  });

  const hs = ["--signing-alg", "HS256", "--signing-key"];
  test.each<[string, string[], number, RegExp]>([
    ["no key", [folder], 2, /--signing-key/],
    ["no path", by, 2, /PATH/],
    ["a key that isn't there", ["--signing-key", "gone.pem", folder], 2, /ENOENT/],
    ["a short secret", [...hs, "hunter2", folder], 1, /signature_key: .*32 bytes/],
    ["a secret that is PEM", [...hs, key, folder], 1, /signature_key: .*PEM/],
    ["another kind of key", ["--signing-key", key, folder], 1, /signature_key: RS256/],
    [
      "no such algorithm",
      ["--signing-key", key, "--signing-alg", "none", folder],
      2,
      /--signing-alg: one of HS256/,
    ],
    ["a plugin", [...by, "--signing-plugin", "mine", folder], 2, /plugin/],
    ["a path that isn't there", [...by, join(at, "gone")], 1, /bundle_unreadable/],
    ["two files of one place", [...by, folder, folder], 1, /bundle_duplicate/],
    ["both ways out", [...by, "-o", at, "--archive", "x", folder], 2, /exclude/],
    [
      "claims that are no object",
      [...by, "--claims-file", write("list.json", "[]"), folder],
      2,
      /--claims-file/,
    ],
    [
      "claims of files",
      [...by, "--claims-file", write("f.json", '{"files":[]}'), folder],
      1,
      /signature_malformed/,
    ],
  ])("refuses %s", async (_, args, code, message) => {
    const done = await sign(...args);
    expect(done.code).toBe(code);
    expect(done.err).toMatch(message);
    expect(done.err).not.toMatch(/hunter2|BEGIN/);
  });
});

test("two keys at once: a bundle of either is verified, and none of a third", async () => {
  const keys = keysOf(keyOf(ec.publicKey), { ...keyOf(other.publicKey), id: "next" });
  const next = await signEntries(files, { key: other.privateKey, alg: "ES256", keyId: "next" });
  if (next.kind === "rejected") throw new Error("not signed");
  expect(await verifyEntries(signed, { signing, keys })).toMatchObject({ verified: { keyId: "release" } });
  const entries = new Map([...files, [".signatures.json", next.file]]);
  expect(await verifyEntries(entries, { signing, keys })).toMatchObject({ verified: { keyId: "next" } });
  // who has one key can't speak by another's name
  const posing = await signEntries(files, { key: other.privateKey, alg: "ES256", keyId: "release" });
  if (posing.kind === "rejected") throw new Error("not signed");
  expect(
    codeOf(await verifyEntries(new Map([...files, [".signatures.json", posing.file]]), { signing, keys })),
  ).toBe("signature_invalid");
});

test.each<[string, string, boolean | undefined]>([
  ["*", "a", true],
  ["*", "a/b", false],
  ["*/b", "a/b", true],
  ["a?c", "abc", true],
  ["a?c", "a/c", false],
  ["[a-c]x", "bx", true],
  ["[^a-c]x", "bx", false],
  ["[^a]x", "/x", true],
  ["\\*", "*", true],
  ["\\*", "a", false],
  ["a.b", "axb", false],
  ["**", "ab", true],
  ["[z-a]", "m", false],
  ["[a", "a", undefined],
  ["[]a]", "a", undefined],
  ["[a-]", "a", undefined],
  ["a\\", "a", undefined],
  ["?", "😀", true],
])("the pattern %s and %s: %s", (pattern, place, fits) => {
  expect(readGlob(pattern)?.(place)).toBe(fits);
});

test("a mutated archive is never taken for another than the one that was signed", async () => {
  const packed = await packSigned(files, { key: ec.privateKey, alg: "ES256", keyId: "release" });
  if (packed.kind === "rejected") throw new Error("not signed");
  const whole = Buffer.from(packed.bytes);
  const unpacked = await readArchive(whole);
  if (unpacked.kind === "rejected") throw new Error("unreadable");
  const said = (entries: Entries): string =>
    listOf(entries)
      .map((file) => JSON.stringify(file))
      .sort()
      .join();
  const place = fc.nat({ max: 10_000 });
  const mutation = fc.oneof(
    fc.record({ kind: fc.constant("flip" as const), at: place, bit: fc.nat({ max: 7 }) }),
    fc.record({ kind: fc.constant("cut" as const), at: place }),
    fc.record({ kind: fc.constant("take out" as const), at: place, count: fc.integer({ min: 1, max: 600 }) }),
    fc.record({ kind: fc.constant("repeat" as const), at: place, count: fc.integer({ min: 1, max: 600 }) }),
    fc.record({
      kind: fc.constant("put in" as const),
      at: place,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }),
    }),
  );
  const mutate = (bytes: Buffer, how: typeof mutation extends fc.Arbitrary<infer T> ? T : never): Buffer => {
    const at = how.at % bytes.byteLength;
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (how.kind) {
      case "flip": {
        const copy = Buffer.from(bytes);
        copy.writeUInt8(copy.readUInt8(at) ^ (1 << how.bit), at);
        return copy;
      }
      case "cut":
        return Buffer.from(head);
      case "take out":
        return Buffer.concat([head, tail.subarray(how.count)]);
      case "repeat":
        return Buffer.concat([head, tail.subarray(0, how.count), tail]);
      case "put in":
        return Buffer.concat([head, how.bytes, tail]);
    }
  };
  const tar = gunzipSync(whole);
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("packed", "unpacked", "files"),
      mutation,
      fc.nat({ max: 4 }),
      async (where, how, which) => {
        let bytes: Buffer;
        if (where === "packed") bytes = mutate(whole, how);
        else if (where === "unpacked") bytes = gzipSync(mutate(tar, how), { level: 1 });
        else {
          const all = [...unpacked.entries];
          const changed = all[which % all.length];
          if (changed !== undefined && changed[1].byteLength > 0)
            changed[1] = mutate(Buffer.from(changed[1]), how);
          bytes = Buffer.from(packEntries(all));
        }
        const read = await readArchive(bytes);
        if (read.kind === "rejected") {
          seen.add(read.errors[0]?.code ?? "");
          return;
        }
        const outcome = await verifyEntries(read.entries, trusted);
        seen.add(codeOf(outcome));
        if (outcome.kind === "verified") expect(said(outcome.entries)).toBe(said(files));
      },
    ),
    { numRuns: 400 },
  );
  expect([...seen]).toEqual(
    expect.arrayContaining(["bundle_archive", "bundle_truncated", "signature_files", "signature_malformed"]),
  );
});

test("a file's hash is over what it says", () => {
  const sha = (text: string): string => createHash("sha256").update(text).digest("hex");
  const hash = (name: string, text: string): string => hashFile(name, bytesOf(text), "sha256").hash;
  expect(hash("data.json", ' {"b" : [1.0, 1e2], "a": "\\u003c\\u2028"}')).toBe(
    sha('{"a":"<\\u2028","b":[1.0,1e2]}'),
  );
  expect(hash("x.json", ' {"b":1}')).toBe(sha(' {"b":1}'));
  expect(hash("a/.manifest", "{ }")).toBe(sha("{}"));
  // Go sorts by UTF-8
  expect(hash("data.json", '{"😀":1,"\uffee":2}')).toBe(sha('{"\uffee":2,"😀":1}'));
});
