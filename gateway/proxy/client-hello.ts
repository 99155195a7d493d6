/** Reads whom a TLS client asks for. Sources: RFC 8446, sections 4.1.2 and 5.1; RFC 6066, section 3; RFC 9849 (ECH). */

export type Hello =
  | { readonly kind: "more" }
  /** `name` is absent where the client asks for none. */
  | { readonly kind: "hello"; readonly name: string | undefined }
  | { readonly kind: "wrong"; readonly why: "no_tls" | "malformed" | "hidden_name" | "too_long" };

/** The longest hello, bytes: those with post-quantum keys have some 2,000. */
export const longestHello = 16_384;

const wrong = (why: Extract<Hello, { kind: "wrong" }>["why"]): Hello => ({ kind: "wrong", why });

/** Reads as much as came. INVARIANT: bytes that aren't the beginning of a hello are wrong at once. */
export function readClientHello(bytes: Buffer): Hello {
  const pieces: Buffer[] = [];
  let size = 0;
  let at = 0;
  // a hello may stand in several records
  while (at < bytes.length) {
    if (bytes[at] !== 22) return wrong(at === 0 ? "no_tls" : "malformed");
    const major = bytes[at + 1];
    if (major !== undefined && major !== 3) return wrong("no_tls");
    if (bytes.length - at < 5) return { kind: "more" };
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > 16_384) return wrong("malformed");
    const piece = bytes.subarray(at + 5, Math.min(at + 5 + length, bytes.length));
    pieces.push(piece);
    size += piece.length;
    const message = Buffer.concat(pieces, size);
    if (message[0] !== undefined && message[0] !== 1) return wrong("no_tls");
    if (message.length >= 4) {
      const whole = message.readUIntBE(1, 3) + 4;
      if (whole > longestHello) return wrong("too_long");
      if (message.length >= whole) return parse(message.subarray(4, whole));
    }
    at += 5 + length;
  }
  return bytes.length > longestHello + 1_024 ? wrong("too_long") : { kind: "more" };
}

/** Takes fields of a length from the front; throws past the end. */
class Cursor {
  private at = 0;
  constructor(private readonly bytes: Buffer) {}
  get left(): number {
    return this.bytes.length - this.at;
  }
  take(length: number): Buffer {
    if (length > this.left) throw new RangeError("too short");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  number(length: 1 | 2): number {
    return this.take(length).readUIntBE(0, length);
  }
  vector(length: 1 | 2): Cursor {
    return new Cursor(this.take(this.number(length)));
  }
}

function parse(body: Buffer): Hello {
  try {
    const hello = new Cursor(body);
    hello.take(2 + 32);
    hello.vector(1);
    hello.vector(2);
    hello.vector(1);
    if (hello.left === 0) return { kind: "hello", name: undefined };
    const extensions = hello.vector(2);
    if (hello.left > 0) return wrong("malformed");
    let name: string | undefined;
    const seen = new Set<number>();
    while (extensions.left > 0) {
      const type = extensions.number(2);
      const data = extensions.vector(2);
      if (seen.has(type)) return wrong("malformed");
      seen.add(type);
      // encrypted hellos, and encrypted names before them: whom they are for can't be seen
      if (type === 0xfe0d || type === 0xffce) return wrong("hidden_name");
      if (type === 0) name = readName(data);
    }
    return { kind: "hello", name };
  } catch {
    return wrong("malformed");
  }
}

/** One name of a host, and nothing beside. */
function readName(data: Cursor): string {
  const names = data.vector(2);
  const type = names.number(1);
  const name = names.vector(2);
  const text = name.take(name.left).toString("latin1");
  if (type !== 0 || names.left > 0 || data.left > 0 || !/^[\x21-\x7e]{1,253}$/.test(text))
    throw new RangeError("not one name");
  return text.toLowerCase();
}
