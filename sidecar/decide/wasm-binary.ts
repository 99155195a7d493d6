/** Reads and writes the parts of WebAssembly's binary format that fuel needs. */

/** A module that can't be rewritten safely, and so isn't loaded. */
export class WasmRefused extends Error {
  override readonly name = "WasmRefused";
}

/** Reads within bounds. @throws WasmRefused past the end */
export function createReader(bytes: Uint8Array, start = 0) {
  let at = start;
  const byte = (): number => {
    const value = bytes[at++];
    if (value === undefined) throw new WasmRefused("the module ends early");
    return value;
  };
  return {
    byte,
    done: (): boolean => at >= bytes.byteLength,
    position: (): number => at,
    take(size: number): Uint8Array {
      if (at + size > bytes.byteLength) throw new WasmRefused("the module ends early");
      at += size;
      return bytes.subarray(at - size, at);
    },
    /** u32 in LEB128. */
    unsigned(): number {
      let value = 0;
      for (let shift = 0; shift < 35; shift += 7) {
        const part = byte();
        value += (part & 0x7f) * 2 ** shift;
        if (part < 0x80) return value;
      }
      throw new WasmRefused("a number is too long");
    },
    /** Passes over a signed LEB128 of up to 64 bits; its value isn't needed. */
    signed(): void {
      for (let n = 0; n < 10; n++) if (byte() < 0x80) return;
      throw new WasmRefused("a number is too long");
    },
  };
}

/** Writes a u32 in LEB128. */
export function unsigned(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
  return Uint8Array.from(out);
}

/** Writes a signed LEB128 of up to 64 bits. */
export function signed(value: number | bigint): Uint8Array {
  const out: number[] = [];
  let rest = BigInt(value);
  while (rest < -0x40n || rest >= 0x40n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest & 0x7fn));
  return Uint8Array.from(out);
}

export function bytesOf(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.byteLength;
  }
  return out;
}
