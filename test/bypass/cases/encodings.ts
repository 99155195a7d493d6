/** Bytes that mean another text to another reader. */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import type { Attack, Topic } from "../attack.js";
import { chat, request, wire } from "../attack.js";

const forbidden = chat({ model: "forbidden-model" });
const typed = (type: string | undefined, body: string | Buffer = forbidden): Attack => ({
  name: type ?? "none",
  send: request(body, { type }),
  status: 415,
  code: "unsupported_media_type",
});
const utf7 = forbidden.replaceAll('"', "+ACI-").replaceAll("{", "+AHs-").replaceAll("}", "+AH0-");
const swapped = (text: string): Buffer => Buffer.from(text, "utf16le").swap16();
const bytes = (name: string, body: Buffer, code: string): Attack => ({
  name,
  send: request(body),
  status: 400,
  code,
});
const overlong = (text: string, letter: string): Buffer =>
  Buffer.from(
    Buffer.from(text)
      .toString("latin1")
      .replace(letter, (c) =>
        String.fromCharCode(0xc0 | (c.charCodeAt(0) >> 6), 0x80 | (c.charCodeAt(0) & 0x3f)),
      ),
    "latin1",
  );
const packed = (coding: string, body: Buffer): Attack => ({
  name: `${coding}, ${body.length} bytes`,
  send: request(body, { head: [`content-encoding: ${coding}`] }),
  status: 415,
  code: "unsupported_encoding",
});
const bomb = Buffer.alloc(2 ** 26, 0x20);

export const encodings: readonly Topic[] = [
  {
    title: "content types",
    then: "415 `unsupported_media_type`: `application/json`, in UTF-8 if it says so",
    attacks: [
      ...[
        undefined,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "*/*",
      ],
      ...[
        "application/json; charset=utf-7",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/json; charset=ibm037",
      ],
      ...[
        "application/json; charset=utf-8; charset=utf-16",
        "application/json, text/plain",
        "application/jsonp",
        "application/json+x",
        "application/vnd.api+json",
      ],
      ...['application/json; charset="utf-8', "application/json; profile=x", "application/json\u00a0"],
    ].map((type) => typed(type)),
  },
  {
    title: "charsets",
    then: "refused: `invalid_utf8`, or no JSON",
    attacks: [
      typed("application/json;charset=UTF-7", Buffer.from(utf7)),
      bytes("utf-7 that isn't said", Buffer.from(utf7), "invalid_json"),
      bytes("utf-16le", Buffer.from(forbidden, "utf16le"), "invalid_json"),
      bytes("utf-16le with its mark", Buffer.from(`\ufeff${forbidden}`, "utf16le"), "invalid_utf8"),
      bytes("utf-16be", swapped(forbidden), "invalid_json"),
      bytes("utf-16be with its mark", swapped(`\ufeff${forbidden}`), "invalid_utf8"),
      bytes("a byte order mark", Buffer.from(`\ufeff${forbidden}`), "invalid_json"),
      bytes(
        "an overlong letter in a key",
        overlong(`{"model":"small","model":"forbidden-model","messages":[]}`, "m"),
        "invalid_utf8",
      ),
      bytes("an overlong quote", overlong(chat(), '"'), "invalid_utf8"),
      bytes(
        "an overlong NUL",
        Buffer.concat([Buffer.from('{"model":"small'), Buffer.of(0xc0, 0x80), Buffer.from('"}')]),
        "invalid_utf8",
      ),
      bytes(
        "a surrogate in three bytes",
        Buffer.concat([Buffer.from('{"model":"'), Buffer.of(0xed, 0xa0, 0x80), Buffer.from('"}')]),
        "invalid_utf8",
      ),
      bytes(
        "a lone surrogate, escaped",
        Buffer.from(chat({ user: "x" }).replace('"x"', '"\\ud800"')),
        "invalid_json",
      ),
      bytes("a NUL between", Buffer.from(chat().replace(",", ",\0")), "invalid_json"),
      bytes("latin-1", Buffer.from(chat({ user: "\u00e9" }), "latin1"), "invalid_utf8"),
      bytes("a blank that isn't JSON's", Buffer.from(`\u00a0${chat()}`), "invalid_json"),
      bytes("a vertical tab", Buffer.from(`\u000b${chat()}`), "invalid_json"),
      {
        name: "UTF-8, said in capitals and quotes, is passed on",
        send: request(chat({ user: "\u00e9\u2028\ud83d\ude00" }), {
          type: 'Application/JSON ; charset="UTF-8"',
        }),
        status: 200,
        upstream: [wire(chat({ user: "\u00e9\u2028\ud83d\ude00" }).replace("\u2028", "\\u2028"))],
      },
    ],
  },
  {
    title: "compressed bodies",
    then: "415 `unsupported_encoding`: nothing is unpacked, so that nothing can burst",
    attacks: [
      packed("gzip", gzipSync(forbidden)),
      packed("gzip", gzipSync(bomb)),
      packed("br", brotliCompressSync(bomb)),
      packed("deflate", deflateSync(bomb)),
      packed("gzip, gzip", gzipSync(gzipSync(bomb))),
      packed("identity", Buffer.from(forbidden)),
      packed("GZip", gzipSync(forbidden)),
      packed("aes128gcm", Buffer.from(forbidden)),
      packed("", Buffer.from(forbidden)),
      bytes("gzip that isn't said", gzipSync(forbidden), "invalid_utf8"),
      bytes(
        "a zip archive",
        Buffer.concat([Buffer.from("PK\u0003\u0004"), deflateSync(forbidden)]),
        "invalid_utf8",
      ),
      {
        name: "more than may be sent",
        send: request(`${chat()}${" ".repeat(5 * 2 ** 20)}`),
        status: 413,
        code: "body_too_large",
      },
    ],
  },
];
