/** Builds small WebAssembly modules by hand, to show what the rewriting does to them. */
import { bytesOf, concat, unsigned } from "../../sidecar/decide/wasm-binary.js";

export const magic = bytesOf(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);

export function sectionOf(id: number, ...body: Uint8Array[]): Uint8Array {
  const content = concat(body);
  return concat([bytesOf(id), unsigned(content.byteLength), content]);
}

export function vector(...items: Uint8Array[]): Uint8Array {
  return concat([unsigned(items.length), ...items]);
}

export function name(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return concat([unsigned(bytes.byteLength), bytes]);
}

const functionBody = (code: Uint8Array): Uint8Array => {
  const body = concat([bytesOf(0x00), code, bytesOf(0x0b)]);
  return concat([unsigned(body.byteLength), body]);
};

/** A module with one function, `run: () -> ()`. */
export function moduleOf(code: Uint8Array, ...before: Uint8Array[]): Uint8Array {
  return concat([
    magic,
    sectionOf(1, vector(bytesOf(0x60, 0x00, 0x00))),
    sectionOf(3, vector(bytesOf(0x00))),
    ...before,
    sectionOf(7, vector(concat([name("run"), bytesOf(0x00, 0x00)]))),
    sectionOf(10, vector(functionBody(code))),
  ]);
}

/** `loop br 0 end` */
export const endlessLoop = bytesOf(0x03, 0x40, 0x0c, 0x00, 0x0b);
/** `call 0` */
export const endlessRecursion = bytesOf(0x10, 0x00);
