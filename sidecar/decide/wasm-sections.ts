/** Reads a module's sections. Source: WebAssembly Core Specification 2.0, "Modules" of "Binary Format". */
import { createReader, WasmRefused } from "./wasm-binary.js";

/** Ids of sections. */
export const section = {
  types: 1,
  imports: 2,
  functions: 3,
  memories: 5,
  globals: 6,
  exports: 7,
  code: 10,
} as const;

/** Order in which known sections must stand; 12 (data count) belongs before code. */
export const sectionOrder = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];

export interface Section {
  readonly id: number;
  readonly body: Uint8Array;
}

/** Reads the sections in their order. @throws WasmRefused where one stands out of place */
export function readSections(wasm: Uint8Array): Section[] {
  const magic = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  if (magic.some((byte, i) => wasm[i] !== byte)) throw new WasmRefused("not a WebAssembly 1 module");
  const reader = createReader(wasm, 8);
  const sections: Section[] = [];
  let last = -1;
  while (!reader.done()) {
    const id = reader.byte();
    const body = reader.take(reader.unsigned());
    const rank = id === 0 ? last : sectionOrder.indexOf(id);
    if (id !== 0 && rank <= last) throw new WasmRefused(`section ${id} out of place`);
    last = rank;
    sections.push({ id, body });
  }
  return sections;
}
