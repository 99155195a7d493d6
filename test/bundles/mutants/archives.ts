/** Damage to archives, and their tricks. */
import { gunzipSync, gzipSync } from "node:zlib";
import type { BundleCode } from "../../../sidecar/bundles/codes.js";
import type { Member } from "../../rego/tar.js";
import { pax, tarGz, tarOf } from "../../rego/tar.js";
import type { Random } from "./random.js";

export function flip(bytes: Buffer, random: Random, times = 1, from = 0): Buffer {
  const copy = Buffer.from(bytes);
  for (let n = 0; n < times; n++) {
    const at = from + random.below(copy.byteLength - from);
    copy.writeUInt8(copy.readUInt8(at) ^ (1 << random.below(8)), at);
  }
  return copy;
}

/** Damages what is inside, and packs it again. */
export function inside(bytes: Buffer, change: (tar: Buffer) => Buffer): Buffer {
  return gzipSync(change(gunzipSync(bytes)), { level: 1 });
}

/** Sets a header right after a change of it. */
function summed(tar: Buffer, at: number): Buffer {
  const header = tar.subarray(at, at + 512).fill(32, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return tar;
}

/** Where headers lie. */
function headersOf(tar: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at + 512 <= tar.byteLength && tar[at] !== 0;) {
    found.push(at);
    const size = Number.parseInt(tar.toString("latin1", at + 124, at + 135), 8);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}

/** A bit of some header's name, type, size or prefix, with a check sum that is right. */
export function flipHeader(bytes: Buffer, random: Random): Buffer {
  return inside(bytes, (tar) => {
    const at = random.one(headersOf(tar));
    const field = random.one([
      [0, 30],
      [124, 12],
      [156, 1],
      [345, 10],
    ] as const);
    const place = at + field[0] + random.below(field[1]);
    tar.writeUInt8(tar.readUInt8(place) ^ (1 << random.below(8)), place);
    return summed(tar, at);
  });
}

/** Ends at a border of blocks, or of headers. */
export function cutInside(bytes: Buffer, random: Random): Buffer {
  return inside(bytes, (tar) =>
    tar.subarray(0, random.one([...headersOf(tar), random.below(tar.byteLength - 1024)])),
  );
}

export const damaged: readonly BundleCode[] = [
  ...(["bundle_archive", "bundle_truncated", "bundle_trailing", "bundle_too_large"] as const),
];
export const tricked: readonly BundleCode[] = [
  ...damaged,
  ...(["bundle_entry", "bundle_link", "bundle_path", "bundle_duplicate"] as const),
];

const body = "package p\n";
const plain: Member = { name: "p.rego", body };
const told = (key: string, value: string): Buffer => tarGz([pax(key, value), plain]);
const whole = tarOf([plain]);

/** By name: archives that no honest program writes, and the one code of each. */
export const tricks: readonly (readonly [name: string, code: BundleCode, bytes: () => Buffer])[] = [
  ...(
    [
      ["climbs", "../p.rego"],
      ["climbs in the middle", "a/../../p.rego"],
      ["is absolute twice", "//p.rego"],
      ["has a backslash", "a\\..\\p.rego"],
      ["has a drive", "C:p.rego"],
      ["has a line break", "a\nb.rego"],
      ["is empty", ""],
      ["is no file's", "a/"],
      ["is deep", `${"a/".repeat(40)}p.rego`],
    ] as const
  ).map(
    ([what, name]) => [`a name that ${what}`, "bundle_path", () => tarGz([{ name, body }, plain])] as const,
  ),
  ...(
    [
      ["1", "bundle_link"],
      ["2", "bundle_link"],
      ["K", "bundle_link"],
      ["3", "bundle_entry"],
      ["4", "bundle_entry"],
      ["6", "bundle_entry"],
      ["7", "bundle_entry"],
      ["S", "bundle_entry"],
      ["V", "bundle_entry"],
      ["D", "bundle_entry"],
    ] as const
  ).map(
    ([type, code]) =>
      [
        `an entry of type ${type}`,
        code,
        () => tarGz([plain, { name: "q.rego", type, link: "/etc/passwd" }]),
      ] as const,
  ),
  ...(
    [
      ["the same", "p.rego"],
      ["the same, absolute", "/p.rego"],
      ["the same, dotted", "./p.rego"],
      ["the same in capitals", "P.REGO"],
      ["below a file", "p.rego/q.rego"],
    ] as const
  ).map(
    ([what, name]) =>
      [`a second place that is ${what}`, "bundle_duplicate", () => tarGz([plain, { name, body }])] as const,
  ),
  ["a pax name that climbs", "bundle_path", () => told("path", "../../p.rego")],
  ["a pax size", "bundle_archive", () => told("size", "1")],
  ["a pax link", "bundle_archive", () => told("linkpath", "p")],
  ["a pax charset", "bundle_archive", () => told("hdrcharset", "BINARY")],
  ["a pax sparse file", "bundle_archive", () => told("GNU.sparse.major", "1")],
  ["a name for all", "bundle_archive", () => tarGz([{ ...pax("path", "p"), type: "g" }, plain])],
  ["two names", "bundle_archive", () => tarGz([pax("path", "p"), pax("path", "q"), plain])],
  ["a name of nothing", "bundle_truncated", () => tarGz([plain, pax("path", "q")])],
  [
    "a header of megabytes",
    "bundle_too_large",
    () => tarGz([{ name: "x", type: "L", body: "n".repeat(70_000) }]),
  ],
  ["a size past the end", "bundle_truncated", () => tarGz([{ ...plain, size: 100_000 }])],
  ["no end", "bundle_truncated", () => gzipSync(tarOf([plain], 0))],
  ["another archive behind it", "bundle_trailing", () => gzipSync(Buffer.concat([whole, whole]))],
  ["another gzip behind it", "bundle_trailing", () => Buffer.concat([gzipSync(whole), gzipSync(whole)])],
  ["a byte behind it", "bundle_trailing", () => Buffer.concat([gzipSync(whole), Buffer.alloc(1)])],
  ["no gzip", "bundle_archive", () => whole],
  ["no archive", "bundle_archive", () => Buffer.from("not an archive")],
  ["a web page", "bundle_archive", () => Buffer.from("<!doctype html><title>Sign in</title>")],
  ["a bomb", "bundle_too_large", () => gzipSync(Buffer.alloc(2 ** 21 + 1), { level: 9 })],
  ["many folders", "bundle_too_large", () => tarGz(Array<Member>(5_000).fill({ name: "x", type: "5" }))],
];
