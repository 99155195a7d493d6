/** Makes a self-signed certificate, in as much DER as that takes. */
import { randomBytes, sign } from "node:crypto";
import { makeKeyPair } from "../../key-pair.js";

const part = (tag: number, ...content: Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const size =
    body.length < 128
      ? [body.length]
      : body.length < 256
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
};
const sequence = (...content: Buffer[]): Buffer => part(0x30, ...content);
const identifier = (hex: string): Buffer => part(0x06, Buffer.from(hex, "hex"));
const name = (text: string): Buffer =>
  sequence(part(0x31, sequence(identifier("550403"), part(0x0c, Buffer.from(text)))));
const ecdsaSha256 = sequence(identifier("2a8648ce3d040302"));

/** @param names DNS names that it is for */
export function makeCertificate(names: readonly string[]): { readonly cert: string; readonly key: string } {
  const { privateKey, publicKey } = makeKeyPair("ec");
  const alternatives = sequence(...names.map((text) => part(0x82, Buffer.from(text))));
  const signed = sequence(
    part(0xa0, part(0x02, Buffer.from([2]))),
    part(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaSha256,
    name("countersign test"),
    sequence(part(0x17, Buffer.from("200101000000Z")), part(0x17, Buffer.from("490101000000Z"))),
    name("countersign test"),
    publicKey.export({ type: "spki", format: "der" }),
    part(
      0xa3,
      sequence(
        sequence(identifier("551d11"), part(0x04, alternatives)),
        sequence(identifier("551d13"), part(0x04, sequence(part(0x01, Buffer.from([0xff]))))),
      ),
    ),
  );
  const signature = sign("sha256", signed, privateKey);
  const der = sequence(signed, ecdsaSha256, part(0x03, Buffer.from([0]), signature));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
