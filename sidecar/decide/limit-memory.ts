/** Sets the maximum of a module's own memory. */
import { bytesOf, concat, createReader, unsigned, WasmRefused } from "./wasm-binary.js";
import { readSections, section } from "./wasm-sections.js";

type Reader = ReturnType<typeof createReader>;

/** Gives the module with another maximum. @throws WasmRefused where it needs more from its start */
export function withMemoryLimit(wasm: Uint8Array, maxPages: number): Uint8Array {
  const parts = readSections(wasm).flatMap(({ id, body }) => {
    const content = id === section.memories ? limitMemory(body, 0, maxPages) : body;
    return [bytesOf(id), unsigned(content.byteLength), content];
  });
  return concat([wasm.subarray(0, 8), ...parts]);
}

/** Reads the limits of a memory or a table. @throws WasmRefused where they are of another kind */
export function readLimits(reader: Reader): { least: number; most: number | undefined } {
  const flags = reader.byte();
  if (flags > 1) throw new WasmRefused("shared or 64-bit memories are not taken");
  const least = reader.unsigned();
  return { least, most: flags === 1 ? reader.unsigned() : undefined };
}

/**
 * Sets the maximum of the module's own memory in the section's content, where one is asked for.
 * @param imported number of memories that the module imports
 */
export function limitMemory(body: Uint8Array, imported: number, maxPages: number | undefined): Uint8Array {
  const reader = createReader(body);
  const count = reader.unsigned();
  if (count + imported > 1) throw new WasmRefused("more than one memory isn't taken");
  if (count === 0) return body;
  const { least, most = 65_536 } = readLimits(reader);
  if (maxPages === undefined) return body;
  if (least > maxPages) throw new WasmRefused("the module's memory is larger than it may be");
  return concat([bytesOf(0x01, 0x01), unsigned(least), unsigned(Math.min(most, maxPages))]);
}
