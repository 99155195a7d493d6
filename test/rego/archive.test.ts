import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "@jest/globals";
import { readArchive } from "../../sidecar/rego/archive.js";
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
    ["a symbolic link", archive({ name: "p.rego", type: "2", link: "/etc/passwd" }), "bundle_entry"],
    ["a hard link", archive({ name: "p.rego", type: "1", link: "other" }), "bundle_entry"],
    ["a device", archive({ name: "p.rego", type: "3" }), "bundle_entry"],
    ["a pipe", archive({ name: "p.rego", type: "6" }), "bundle_entry"],
    [
      "the same name twice",
      archive({ name: "p.rego", body: rego }, { name: "p.rego", body: "package q\n" }),
      "bundle_duplicate",
    ],
    [
      "the same name twice, written differently",
      archive({ name: "/p.rego", body: rego }, { name: "./p.rego", body: "package q\n" }),
      "bundle_duplicate",
    ],
    [
      "a climbing pax name",
      archive(pax("21 path=../../p.rego\n"), { name: "p.rego", body: rego }),
      "bundle_path",
    ],
    ["a pax size", archive(pax("10 size=1\n"), { name: "p.rego", body: rego }), "bundle_archive"],
    ["a pax length past the end", archive(pax("99 path=p\n"), { name: "p.rego" }), "bundle_archive"],
    ["a pax length of nothing", archive(pax("0 path=p\n"), { name: "p.rego" }), "bundle_archive"],
    ["a wrong checksum", archive({ name: "p.rego", body: rego, sum: 1 }), "bundle_archive"],
    ["a size that is no number", archive({ name: "p.rego", size: "-0000000001" }), "bundle_archive"],
    ["a size past the end", archive({ name: "p.rego", size: "00000077777" }), "bundle_archive"],
    [
      "an end in mid-entry",
      gzipSync(entry({ name: "p.rego", body: rego }).subarray(0, 700)),
      "bundle_archive",
    ],
    ["no end", gzipSync(entry({ name: "p.rego", body: rego })), "bundle_archive"],
    ["what is no gzip", Buffer.from("package p"), "bundle_archive"],
    ["nothing", Buffer.alloc(0), "bundle_archive"],
    ["a broken gzip", archive({ name: "p.rego", body: rego }).subarray(0, 40), "bundle_archive"],
    ["a bomb", gzipSync(Buffer.alloc(limits.archiveBytes + 1), { level: 9 }), "bundle_too_large"],
  ];
  test.each(cases)("%s", (_, bytes, code) => {
    expect(readArchive(bytes)).toMatchObject({ kind: "rejected", errors: [{ code }] });
  });

  function latin1(): Buffer {
    const header = entry({ name: "?.rego" });
    header[0] = 0xe4;
    const sum = header.fill(32, 148, 156).reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return header;
  }

  test("a real tar with a link and one that climbs", async () => {
    const at = folder({ "in/p.rego": rego, "out.rego": rego });
    symlinkSync("../out.rego", join(at, "in/q.rego"));
    expect(await readBundle(tar(at, "in"))).toMatchObject({
      errors: [{ code: "bundle_entry", file: "in/q.rego" }],
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
    ["a delta", "patch.json", "{}", { code: "bundle_delta" }],
  ])("%s is refused with its place", async (_, name, text, error) => {
    expect(await readBundle(folder({ "p.rego": rego, [name]: text }))).toMatchObject({ errors: [error] });
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
