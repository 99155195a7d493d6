import { gzipSync } from "node:zlib";

export interface Member {
  readonly name: string;
  readonly body?: string | Uint8Array;
  /** ustar's type; "0" is a file. */
  readonly type?: string;
  readonly link?: string;
  /** The size that the header tells, where it isn't the body's. */
  readonly size?: number;
}

/** Writes an archive, however wrong. */
export function tarOf(members: readonly Member[], end = 1024): Buffer {
  return Buffer.concat([...members.flatMap(entryOf), Buffer.alloc(end)]);
}

export function tarGz(members: readonly Member[]): Buffer {
  return gzipSync(tarOf(members));
}

/** A pax header, which speaks of the member that follows. */
export function pax(key: string, value: string): Member {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length;
  return { name: "pax", type: "x", body: `${length}${rest}` };
}

function entryOf({ name, body = "", type = "0", link = "", size }: Member): Buffer[] {
  const content = Buffer.from(body);
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0" + "0000000\0" + "0000000\0", 100);
  header.write(`${(size ?? content.byteLength).toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write(type, 156);
  header.write(link, 157);
  header.write("ustar\0" + "00", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return [header, content, Buffer.alloc((512 - (content.byteLength % 512)) % 512)];
}
