import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "@jest/globals";
import { readArchive } from "../../sidecar/rego/archive.js";
import { readDirectory } from "../../sidecar/rego/directory.js";
import { limits, placeIn } from "../../sidecar/rego/limits.js";
import { readBundle } from "../../sidecar/rego/read.js";

const root = mkdtempSync(join(tmpdir(), "countersign-archive-"));
afterAll(() => {
  rmSync(root, { recursive: true });
});
let made = 0;

/** A folder with files, and archives of it by the machine's own tar. */
function folder(files: Record<string, string>): string {
  const at = join(root, String(made++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(at, name, ".."), { recursive: true });
    writeFileSync(join(at, name), text);
  }
  return at;
}
function tar(at: string, ...args: string[]): string {
  const file = join(root, `${made++}.tar.gz`);
  execFileSync("tar", ["-C", at, "-czPf", file, ...args]);
  return file;
}

interface Header {
  readonly name: string;
  readonly body?: string;
  readonly type?: string;
  readonly size?: string;
  readonly sum?: number;
  readonly link?: string;
}
/** A header by hand, for what no tar would write. */
function entry({ name, body = "", type = "0", size, sum, link = "" }: Header): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write(`${size ?? Buffer.byteLength(body).toString(8).padStart(11, "0")}\0`, 124);
  header.write("        ", 148);
  header.write(type, 156);
  header.write(link, 157);
  header.write("ustar\u000000", 257);
  const right = header.reduce((total, byte) => total + byte, 0);
  header.write(`${(sum ?? right).toString(8).padStart(6, "0")}\0 `, 148);
  const padded = Buffer.alloc(Math.ceil(Buffer.byteLength(body) / 512) * 512);
  padded.write(body);
  return Buffer.concat([header, padded]);
}
const end = Buffer.alloc(1024);
const archive = (...headers: Header[]): Buffer => gzipSync(Buffer.concat([...headers.map(entry), end]));
const pax = (record: string): Header => ({ name: "x", type: "x", body: record });

const rego = "package p\n";
const whole = Buffer.concat([entry({ name: "p.rego", body: rego }), end]);

function halves(): Buffer {
  return Buffer.concat([gzipSync(whole.subarray(0, 600)), gzipSync(whole.subarray(600))]);
}
function flipped(at: number): Buffer {
  const bytes = gzipSync(whole);
  const place = at < 0 ? bytes.byteLength + at : at;
  bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
  return bytes;
}
/** A header that was changed, and its sum set right. */
function summed(header: Buffer): Buffer {
  const sum = header.fill(32, 148, 156).reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
function base256(): Buffer {
  const header = entry({ name: "p.rego" });
  header.fill(0xff, 124, 136);
  return summed(header);
}
/** What packs to a few kilobytes, and has as many entries as there may be of anything, and one more. */
function emptyOnes(type: string): Buffer {
  const one = entry({ name: "x", type });
  const headers =
    type === "0"
      ? Array.from({ length: limits.files + 1 }, (_, i) => entry({ name: `${i}` }))
      : [Buffer.alloc(one.byteLength * (limits.headers + 1), one)];
  return gzipSync(Buffer.concat([...headers, end]), { level: 1 });
}

describe("archives that are read", () => {
  const long = `${"deep/".repeat(12)}${"n".repeat(120)}.rego`;
  test.each([
    ["ustar", ["--format=ustar", "p.rego", "a/data.json"]],
    ["pax", ["--format=pax", "p.rego", "a/data.json"]],
    ["GNU", ["--format=gnu", "p.rego", "a/data.json"]],
    ["OPA's leading slash", ["--transform=s,^,/,", "p.rego", "a/data.json"]],
    ["a leading dot", ["./p.rego", "./a"]],
  ])("%s", async (_, args) => {
    const at = folder({ "p.rego": rego, "a/data.json": "{}" });
    expect(await readBundle(tar(at, ...args))).toEqual({
      kind: "source",
      files: { "p.rego": rego, "a/data.json": "{}" },
      base: new Map([["a/data.json", {}]]),
    });
  });

  test.each(["pax", "gnu"])("a name of more than 100 bytes in %s", async (format) => {
    const file = tar(folder({ [long]: rego }), `--format=${format}`, long);
    expect(await readBundle(file)).toEqual({ kind: "source", files: { [long]: rego } });
  });

  test("what means nothing in a bundle is left out", async () => {
    const file = tar(folder({ "p.rego": rego, "README.md": "x", "a/other.json": "{" }), ".");
    expect(await readBundle(file)).toEqual({ kind: "source", files: { "p.rego": rego } });
  });
});

describe("archives that are refused", () => {
  const cases: readonly (readonly [name: string, bytes: Buffer, code: string])[] = [
    ["a name that climbs", archive({ name: "../p.rego", body: rego }), "bundle_path"],
    ["a name that climbs in the middle", archive({ name: "a/../../p.rego", body: rego }), "bundle_path"],
    ["a name that climbs after a slash", archive({ name: "/../p.rego", body: rego }), "bundle_path"],
    ["two leading slashes", archive({ name: "//p.rego", body: rego }), "bundle_path"],
    ["a backslash", archive({ name: "a\\..\\p.rego", body: rego }), "bundle_path"],
    ["a drive", archive({ name: "C:p.rego", body: rego }), "bundle_path"],
    ["a line break", archive({ name: "a\nb.rego", body: rego }), "bundle_path"],
    ["an empty name", archive({ name: "", body: rego }), "bundle_path"],
    ["a name in latin1", gzipSync(Buffer.concat([latin1(), end])), "bundle_path"],
    ["a symbolic link", archive({ name: "p.rego", type: "2", link: "/etc/passwd" }), "bundle_link"],
    ["a hard link", archive({ name: "p.rego", type: "1", link: "other" }), "bundle_link"],
    ["a long link's name", archive({ name: "x", type: "K", body: "other" }), "bundle_link"],
    ["a character device", archive({ name: "p.rego", type: "3" }), "bundle_entry"],
    ["a block device", archive({ name: "p.rego", type: "4" }), "bundle_entry"],
    ["a pipe", archive({ name: "p.rego", type: "6" }), "bundle_entry"],
    ["a contiguous file", archive({ name: "p.rego", type: "7", body: rego }), "bundle_entry"],
    ["GNU's sparse file", archive({ name: "p.rego", type: "S", body: rego }), "bundle_entry"],
    ["a volume's name", archive({ name: "p.rego", type: "V" }), "bundle_entry"],
    ["a folder with a body", archive({ name: "a", type: "5", body: rego }), "bundle_entry"],
    ["a folder that climbs", archive({ name: "a/../..", type: "5" }), "bundle_path"],
    ["a file with a slash at its end", archive({ name: "a/", body: rego }), "bundle_path"],
    ["a long name", archive(pax(`1036 path=${"n".repeat(1025)}\n`), { name: "p" }), "bundle_path"],
    ["a name of megabytes", archive({ name: "x", type: "L", body: "n".repeat(70_000) }), "bundle_too_large"],
    ...(
      [
        ["the same name twice", "p.rego", "p.rego"],
        ["the same name twice, written differently", "/p.rego", "./p.rego"],
        ["two names of one spelling", "P.rego", "p.rego"],
        ["two names of one spelling, of which one has a sign for K", "k.rego", "\u212a.rego"],
        ["two names that Unicode makes one", "\u00e9.rego", "e\u0301.rego"],
        ["a file below a file", "a", "a/data.json"],
        ["a file where files are below", "a/b/data.json", "A"],
      ] as const
    ).map(
      ([trick, one, other]) =>
        [
          trick,
          archive({ name: one, body: rego }, { name: other, body: "package q\n" }),
          "bundle_duplicate",
        ] as const,
    ),
    [
      "a folder named like a file",
      archive({ name: "p.rego", body: rego }, { name: "p.rego/", type: "5" }),
      "bundle_duplicate",
    ],
    [
      "a file named like a folder",
      archive({ name: "a/", type: "5" }, { name: "a", body: rego }),
      "bundle_duplicate",
    ],
    [
      "a climbing pax name",
      archive(pax("21 path=../../p.rego\n"), { name: "p.rego", body: rego }),
      "bundle_path",
    ],
    ["an empty pax name", archive(pax("8 path=\n"), { name: "p.rego", body: rego }), "bundle_path"],
    ["a pax size", archive(pax("10 size=1\n"), { name: "p.rego", body: rego }), "bundle_archive"],
    [
      "a pax sparse file",
      archive(pax("22 GNU.sparse.major=1\n"), { name: "p.rego", body: rego }),
      "bundle_archive",
    ],
    [
      "a pax charset",
      archive(pax("21 hdrcharset=BINARY\n"), { name: "p.rego", body: rego }),
      "bundle_archive",
    ],
    ["a pax link", archive(pax("14 linkpath=p\n"), { name: "p.rego", body: rego }), "bundle_archive"],
    [
      "a pax name twice",
      archive(pax("10 path=p\n10 path=q\n"), { name: "p.rego", body: rego }),
      "bundle_archive",
    ],
    [
      "two pax headers that name",
      archive(pax("10 path=p\n"), pax("10 path=q\n"), { name: "r" }),
      "bundle_archive",
    ],
    [
      "a pax and a GNU name",
      archive(pax("10 path=p\n"), { name: "x", type: "L", body: "q" }, { name: "r" }),
      "bundle_archive",
    ],
    [
      "a name for all entries",
      archive({ ...pax("10 path=p\n"), type: "g" }, { name: "q.rego", body: rego }),
      "bundle_archive",
    ],
    ["a name of nothing", archive({ name: "p.rego", body: rego }, pax("10 path=q\n")), "bundle_truncated"],
    ["a pax length past the end", archive(pax("99 path=p\n"), { name: "p.rego" }), "bundle_archive"],
    ["a pax length of nothing", archive(pax("0 path=p\n"), { name: "p.rego" }), "bundle_archive"],
    ["a pax length in hexadecimal", archive(pax("0xc path=p\n"), { name: "p.rego" }), "bundle_archive"],
    ["a pax record without an end", archive(pax("10 path=pq"), { name: "p.rego" }), "bundle_archive"],
    ["a pax record without a name", archive(pax("6 =ab\n"), { name: "p.rego" }), "bundle_archive"],
    ["a wrong checksum", archive({ name: "p.rego", body: rego, sum: 1 }), "bundle_archive"],
    ["a size that is no number", archive({ name: "p.rego", size: "-0000000001" }), "bundle_archive"],
    ["a size in base 256", gzipSync(Buffer.concat([base256(), end])), "bundle_archive"],
    ["a size past the end", archive({ name: "p.rego", size: "00000077777" }), "bundle_truncated"],
    ["a size of gigabytes", archive({ name: "p.rego", size: "77777777777" }), "bundle_truncated"],
    [
      "an end in mid-entry",
      gzipSync(entry({ name: "p.rego", body: rego }).subarray(0, 700)),
      "bundle_truncated",
    ],
    ["no end", gzipSync(entry({ name: "p.rego", body: rego })), "bundle_truncated"],
    ["another archive behind the end", gzipSync(Buffer.concat([whole, whole])), "bundle_trailing"],
    ["a byte behind the end", gzipSync(Buffer.concat([whole, Buffer.from("x")])), "bundle_trailing"],
    ["a second gzip member", Buffer.concat([gzipSync(whole), gzipSync(whole)]), "bundle_trailing"],
    ["an archive in two gzip members", halves(), "bundle_trailing"],
    ["many tiny gzip members", Buffer.concat(Array<Buffer>(20_000).fill(gzipSync(""))), "bundle_trailing"],
    ["a byte behind the gzip", Buffer.concat([gzipSync(whole), Buffer.alloc(1)]), "bundle_trailing"],
    ["what is no gzip", Buffer.from("package p"), "bundle_archive"],
    ["a tar that isn't packed", whole, "bundle_archive"],
    ["nothing", Buffer.alloc(0), "bundle_archive"],
    ["a gzip that is cut in its header", gzipSync(whole).subarray(0, 9), "bundle_truncated"],
    ["a gzip that is cut", gzipSync(whole).subarray(0, 40), "bundle_truncated"],
    ["a gzip that is cut in its trailer", gzipSync(whole).subarray(0, -1), "bundle_truncated"],
    ["a gzip with another check sum", flipped(-8), "bundle_archive"],
    ["a gzip with another length", flipped(-1), "bundle_archive"],
    ["a gzip of another method", flipped(2), "bundle_archive"],
    ["a bomb", gzipSync(Buffer.alloc(limits.archiveBytes + 1), { level: 9 }), "bundle_too_large"],
    ["more folders than there may be", emptyOnes("5"), "bundle_too_large"],
    ["more pax headers than there may be", emptyOnes("x"), "bundle_too_large"],
    ["more files than there may be", emptyOnes("0"), "bundle_too_large"],
  ];
  const told = new Set<string>();
  test.each(cases)("%s", async (_, bytes, code) => {
    const read = await readArchive(bytes);
    expect(read).toMatchObject({ kind: "rejected", errors: [{ code }] });
    if (read.kind === "rejected") for (const { message } of read.errors) told.add(message);
  });

  function latin1(): Buffer {
    const header = entry({ name: "?.rego" });
    header[0] = 0xe4;
    return summed(header);
  }

  test("its size may be limited further", async () => {
    const bytes = archive({ name: "p.rego", body: rego });
    expect(await readArchive(bytes, { maxBytes: 2048 })).toMatchObject({ kind: "read" });
    const small = { kind: "rejected", errors: [{ code: "bundle_too_large" }] };
    expect(await readArchive(bytes, { maxBytes: 2047 })).toMatchObject(small);
    expect(await readArchive(bytes, { maxBytes: 10 })).toMatchObject(small);
  });

  test("each trick is told apart from the others", () => {
    expect(told.size).toBeGreaterThan(25);
  });

  test("a real tar with a link and one that climbs", async () => {
    const at = folder({ "in/p.rego": rego, "out.rego": rego });
    symlinkSync("../out.rego", join(at, "in/q.rego"));
    expect(await readBundle(tar(at, "in"))).toMatchObject({
      errors: [{ code: "bundle_link", file: "in/q.rego" }],
    });
    expect(await readBundle(tar(join(at, "in"), "../out.rego"))).toMatchObject({
      errors: [{ code: "bundle_path" }],
    });
  });
});

describe("places", () => {
  test.each([
    ["a/b.rego", "a/b.rego"],
    ["/a/b.rego", "a/b.rego"],
    ["./a/b.rego", "a/b.rego"],
    ["a/./b.rego", undefined],
    ["a//b.rego", undefined],
    ["..", undefined],
    ["a/..", undefined],
    ["/", undefined],
    [`${"a/".repeat(limits.depth)}b`, undefined],
    ["a\u0000b", undefined],
  ])("%j is %j", (name, place) => {
    expect(placeIn(name)).toBe(place);
  });
});

describe("directories", () => {
  test("hidden folders are left out, .manifest is read", async () => {
    const at = folder({ "p.rego": rego, ".manifest": "{}", ".git/x.rego": rego, "a/.hidden.rego": rego });
    expect(await readBundle(at)).toEqual({ kind: "source", files: { "p.rego": rego, ".manifest": "{}" } });
  });

  test("links that stay inside are followed, as Kubernetes mounts files", async () => {
    const at = folder({ "..2026/p.rego": rego, "..2026/a/data.json": "{}" });
    symlinkSync("..2026", join(at, "..data"));
    symlinkSync("..data/p.rego", join(at, "p.rego"));
    symlinkSync("..data/a", join(at, "a"));
    expect(await readBundle(at)).toEqual({
      kind: "source",
      files: { "p.rego": rego, "a/data.json": "{}" },
      base: new Map([["a/data.json", {}]]),
    });
  });

  test.each([
    ["a file elsewhere", "../outside.rego", "bundle_link"],
    ["a folder elsewhere", "..", "bundle_link"],
    ["its own folder", ".", "bundle_link"],
    ["nothing", "gone.rego", "bundle_link"],
  ])("a link to %s is refused", async (_, target, code) => {
    const at = folder({ "in/p.rego": rego, "outside.rego": rego });
    symlinkSync(target, join(at, "in/q.rego"));
    expect(await readBundle(join(at, "in"))).toMatchObject({
      kind: "rejected",
      errors: [{ code, file: "q.rego" }],
    });
  });

  test.each([
    ["JSON that ends early", "data.json", "{\n ", { code: "invalid_json", file: "data.json", row: 2 }],
    ["a key twice", "a/data.json", '{"a":1,\n"a":2}', { code: "duplicate_key", file: "a/data.json", row: 2 }],
    ["an array as data", "data.json", "[]", { code: "invalid_json", file: "data.json", row: 1, col: 1 }],
    ["a broken manifest", ".manifest", "{", { code: "invalid_json", file: ".manifest", row: 1 }],
    ["a delta", "patch.json", "{}", { code: "delta_base" }],
  ])("%s is refused with its place", async (_, name, text, error) => {
    expect(await readBundle(folder({ "p.rego": rego, [name]: text }))).toMatchObject({ errors: [error] });
  });

  test("a pipe in the place of a file is refused, and not waited for", async () => {
    const at = folder({ "p.rego": rego });
    execFileSync("mkfifo", [join(at, "q.rego")]);
    expect(await readBundle(at)).toMatchObject({ errors: [{ code: "bundle_entry", file: "q.rego" }] });
  });

  test("two names that differ in case only are refused", async () => {
    const at = folder({ "p.rego": rego, "P.rego": rego });
    expect(await readBundle(at)).toMatchObject({ errors: [{ code: "bundle_duplicate" }] });
  });

  test("where there are signatures, they and all that isn't hidden are read", async () => {
    const at = folder({ "p.rego": rego, ".signatures.json": "{}", "README.md": "x", ".git/config": "" });
    const read = await readDirectory(at);
    expect(read.kind === "read" && [...read.entries.keys()]).toEqual([
      ".signatures.json",
      "README.md",
      "p.rego",
    ]);
    expect(await readDirectory(at, { maxBytes: 3 })).toMatchObject({
      errors: [{ code: "bundle_too_large" }],
    });
  });

  test("bytes that are no UTF-8 are refused", async () => {
    const at = folder({ "p.rego": rego });
    writeFileSync(join(at, "q.rego"), Buffer.from([0x70, 0xff]));
    expect(await readBundle(at)).toMatchObject({ errors: [{ code: "invalid_utf8", file: "q.rego" }] });
  });

  test("what isn't there is named", async () => {
    expect(await readBundle(join(root, "gone"))).toMatchObject({ errors: [{ code: "bundle_unreadable" }] });
  });
});
