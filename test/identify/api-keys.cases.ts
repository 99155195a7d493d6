import { crc32 } from "node:zlib";

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The test's own reading of the checksum: CRC-32 of all before it, in base 62. */
export function checksum(body: string): string {
  let rest = crc32(body);
  let out = "";
  for (let i = 0; i < 6; i++) {
    out = (digits[rest % 62] ?? "") + out;
    rest = Math.floor(rest / 62);
  }
  return out;
}

/** A key with a right checksum and any body. */
export const signed = (body: string): string => body + checksum(body);
const body = (key: string): string => key.slice(0, -6);
const at = (key: string, i: number, text: string): string => key.slice(0, i) + text + key.slice(i + 1);
const parts = (key: string): [prefix: string, id: string, secret: string] => {
  const split = key.split("_");
  return [split.slice(0, -2).join("_"), split.at(-2) ?? "", (split.at(-1) ?? "").slice(0, -6)];
};

export interface ApiKeyCase {
  readonly name: string;
  /** What is presented, made of a good key. */
  readonly present: (key: string) => string;
  readonly expect: string;
}

export const apiKeyCases: readonly ApiKeyCase[] = [
  { name: "a good key", present: (key) => key, expect: "identified" },
  { name: "nothing", present: () => "", expect: "api_key_malformed" },
  { name: "something else", present: () => "secret", expect: "api_key_malformed" },
  { name: "a JWT", present: () => "eyJhbGciOiJub25lIn0.e30.", expect: "api_key_malformed" },
  { name: "huge", present: (key) => key + "x".repeat(1_000_000), expect: "api_key_malformed" },
  {
    name: "a digit mistyped",
    present: (key) => at(key, 30, key[30] === "a" ? "b" : "a"),
    expect: "api_key_malformed",
  },
  { name: "two digits swapped", present: (key) => swapped(key), expect: "api_key_malformed" },
  { name: "the checksum of another", present: (key) => `${body(key)}000000`, expect: "api_key_malformed" },
  { name: "cut off", present: (key) => key.slice(0, -1), expect: "api_key_malformed" },
  {
    name: "cut off, with a right checksum",
    present: (key) => signed(body(key).slice(0, -1)),
    expect: "api_key_malformed",
  },
  { name: "without its checksum", present: body, expect: "api_key_malformed" },
  { name: "with a blank after it", present: (key) => `${key} `, expect: "api_key_malformed" },
  { name: "with a newline after it", present: (key) => `${key}\n`, expect: "api_key_malformed" },
  { name: "twice", present: (key) => `${key},${key}`, expect: "api_key_malformed" },
  { name: "in lower case", present: (key) => key.toLowerCase(), expect: "api_key_malformed" },
  {
    name: "of another environment",
    present: (key) => signed(`cs_test${body(key).slice("cs_live".length)}`),
    expect: "api_key_malformed",
  },
  {
    name: "of another product",
    present: (key) => signed(`sk_live${body(key).slice("cs_live".length)}`),
    expect: "api_key_malformed",
  },
  {
    name: "of a prefix that ours begins with",
    present: (key) => signed(`cs${body(key).slice("cs_live".length)}`),
    expect: "api_key_malformed",
  },
  {
    name: "of a prefix that begins with ours",
    present: (key) => signed(`cs_live_x${body(key).slice("cs_live".length)}`),
    expect: "api_key_malformed",
  },
  {
    name: "another secret with a right checksum",
    present: (key) => signed(body(key).slice(0, -43) + "z".repeat(43)),
    expect: "api_key_unknown",
  },
  {
    name: "an id that nobody has",
    present: (key) => signed(`cs_live_${"0".repeat(12)}_${parts(key)[2]}`),
    expect: "api_key_unknown",
  },
  {
    name: "an id of Object's",
    present: (key) => signed(`cs_live_constructor0_${parts(key)[2]}`),
    expect: "api_key_unknown",
  },
];

function swapped(key: string): string {
  for (let i = 25; i < 60; i++) {
    const [a = "", b = ""] = [key[i], key[i + 1]];
    if (a !== b) return at(at(key, i, b), i + 1, a);
  }
  return "";
}
