/** Hellos of TLS clients, made by hand. */

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const vector = (bytes: Buffer): Buffer => Buffer.concat([u16(bytes.length), bytes]);

export const extension = (type: number, data: Buffer): Buffer => Buffer.concat([u16(type), vector(data)]);

/** `server_name` with these entries: type and name. */
export const serverName = (...entries: readonly (readonly [number, string])[]): Buffer =>
  extension(
    0,
    vector(
      Buffer.concat(
        entries.map(([type, name]) => Buffer.concat([Buffer.from([type]), vector(Buffer.from(name))])),
      ),
    ),
  );

/** A ClientHello with these extensions, as a handshake message. */
export function helloOf(...extensions: readonly Buffer[]): Buffer {
  const body = Buffer.concat([
    ...[u16(0x0303), Buffer.alloc(32, 7), Buffer.from([0]), vector(u16(0x1301)), Buffer.from([1, 0])],
    vector(Buffer.concat(extensions)),
  ]);
  return Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
}

/** The message in a record, or in records of so many bytes. */
export function recordsOf(message: Buffer, size = message.length): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const piece = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1]), u16(piece.length), piece);
  }
  return Buffer.concat(records);
}
