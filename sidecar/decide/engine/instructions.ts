/** Writes WebAssembly's instructions. Source: WebAssembly Core Specification 2.0, "Binary Format", "Instructions". */
import { bytesOf, concat, unsigned } from "../wasm-binary.js";

export const get = (local: number): Uint8Array => concat([bytesOf(0x20), unsigned(local)]);
export const set = (local: number): Uint8Array => concat([bytesOf(0x21), unsigned(local)]);
export const tee = (local: number): Uint8Array => concat([bytesOf(0x22), unsigned(local)]);
export const getGlobal = (index: number): Uint8Array => concat([bytesOf(0x23), unsigned(index)]);
export const setGlobal = (index: number): Uint8Array => concat([bytesOf(0x24), unsigned(index)]);
export const int = (value: number): Uint8Array => concat([bytesOf(0x41), signed(value)]);
export const load = (offset: number): Uint8Array => concat([bytesOf(0x28, 0x02), unsigned(offset)]);
export const loadByte = bytesOf(0x2d, 0x00, 0x00);
export const store = (offset: number): Uint8Array => concat([bytesOf(0x36, 0x02), unsigned(offset)]);
export const call = (index: number): Uint8Array => concat([bytesOf(0x10), unsigned(index)]);
export const add = bytesOf(0x6a);
export const subtract = bytesOf(0x6b);
export const multiply = bytesOf(0x6c);
export const and = bytesOf(0x71);
export const or = bytesOf(0x72);
export const shiftLeft = bytesOf(0x74);
export const shiftRight = bytesOf(0x76);
export const equal = bytesOf(0x46);
export const notEqual = bytesOf(0x47);
export const isZero = bytesOf(0x45);
export const lessSigned = bytesOf(0x48);
export const lessUnsigned = bytesOf(0x49);
export const greaterSigned = bytesOf(0x4a);
export const atLeastUnsigned = bytesOf(0x4f);
export const drop = bytesOf(0x1a);
export const trap = bytesOf(0x00);
export const leave = bytesOf(0x0f);
export const end = bytesOf(0x0b);
export const otherwise = bytesOf(0x05);
export const when = (...then: Uint8Array[]): Uint8Array => concat([bytesOf(0x04, 0x40), ...then, end]);
export const whenGives = (then: Uint8Array[], instead: Uint8Array[]): Uint8Array =>
  concat([bytesOf(0x04, 0x7f), ...then, otherwise, ...instead, end]);
/** `loop` within `block`: 1 leaves, 0 goes on. */
export const repeat = (...body: Uint8Array[]): Uint8Array =>
  concat([bytesOf(0x02, 0x40, 0x03, 0x40), ...body, again(0), end, end]);
export const leaveIf = (depth = 1): Uint8Array => concat([bytesOf(0x0d), unsigned(depth)]);
export const again = (depth: number): Uint8Array => concat([bytesOf(0x0c), unsigned(depth)]);
/** Address of the list's entry whose index is on the stack. */
export const entry = (keys: number, index: Uint8Array): Uint8Array =>
  concat([get(keys), index, int(2), shiftLeft, add]);

function signed(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  for (;;) {
    const part = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (part & 0x40) === 0) || (rest === -1 && (part & 0x40) !== 0)) {
      out.push(part);
      return Uint8Array.from(out);
    }
    out.push(part | 0x80);
  }
}

/** Each takes two i32 and gives one, as `opa_value_iter` does. */
export const functionOf = (locals: number, ...code: Uint8Array[]): Uint8Array => {
  const declared = locals === 0 ? bytesOf(0x00) : bytesOf(0x01, locals, 0x7f);
  const body = concat([declared, ...code, end]);
  return concat([unsigned(body.byteLength), body]);
};
