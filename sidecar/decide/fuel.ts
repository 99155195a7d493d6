/**
 * Adds fuel to a WASM module: an exported i64 that each function entry and each turn of a loop takes one from;
 * below zero it traps. Deterministic, and without a thread. Source: WebAssembly Core Specification 2.0, "Binary Format".
 */
import type { Writer } from "./wasm-binary.js";
import { bytesOf, concat, createReader, unsigned, WasmRefused } from "./wasm-binary.js";

/** Name of the exported global. Set it before each evaluation. */
export const fuelExport = "countersign_fuel";

const section = { imports: 2, globals: 6, exports: 7, code: 10 } as const;
/** Order in which known sections must stand; 12 (data count) belongs before code. */
const order = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];
const i64 = 0x7e;

/**
 * Rewrites a module so that it burns fuel.
 * @throws WasmRefused where the module isn't understood, or brings a global of that name itself
 */
export function addFuel(wasm: Uint8Array): Uint8Array {
  const sections = readSections(wasm);
  const index = countGlobals(sections);
  const out: Uint8Array[] = [wasm.subarray(0, 8)];
  const placed = new Set<number>();
  const emit = (id: number, body: Uint8Array): void => {
    placed.add(id);
    out.push(new Uint8Array([id]), unsigned(body.byteLength), body);
  };
  for (const { id, body } of sections) {
    if (id !== 0) insertMissing(id, placed, index, emit);
    switch (id) {
      case section.globals:
        emit(id, appendTo(body, fuelGlobal()));
        break;
      case section.exports:
        emit(id, appendTo(refuseTaken(body), fuelExportEntry(index)));
        break;
      case section.code:
        emit(id, rewriteCode(body, index));
        break;
      default:
        out.push(new Uint8Array([id]), unsigned(body.byteLength), body);
        placed.add(id);
    }
  }
  insertMissing(Infinity, placed, index, emit);
  return concat(out);
}

interface Section {
  readonly id: number;
  readonly body: Uint8Array;
}

function readSections(wasm: Uint8Array): Section[] {
  const magic = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  if (magic.some((byte, i) => wasm[i] !== byte)) throw new WasmRefused("not a WebAssembly 1 module");
  const reader = createReader(wasm, 8);
  const sections: Section[] = [];
  let last = -1;
  while (!reader.done()) {
    const id = reader.byte();
    const body = reader.take(reader.unsigned());
    const rank = id === 0 ? last : order.indexOf(id);
    if (id !== 0 && rank <= last) throw new WasmRefused(`section ${id} out of place`);
    last = rank;
    sections.push({ id, body });
  }
  return sections;
}

/** Adds the global or export section where the module has none, before the section that follows them. */
function insertMissing(next: number, placed: Set<number>, index: number, emit: Writer): void {
  const rank = next === Infinity ? order.length : order.indexOf(next);
  if (rank > order.indexOf(section.globals) && !placed.has(section.globals)) {
    emit(section.globals, concat([unsigned(1), fuelGlobal()]));
  }
  if (rank > order.indexOf(section.exports) && !placed.has(section.exports)) {
    emit(section.exports, concat([unsigned(1), fuelExportEntry(index)]));
  }
}

/** Gives the index that a further global gets: imported ones count first. */
function countGlobals(sections: readonly Section[]): number {
  let count = 0;
  const imports = sections.find(({ id }) => id === section.imports);
  if (imports !== undefined) {
    const reader = createReader(imports.body);
    for (let n = reader.unsigned(); n > 0; n--) {
      reader.take(reader.unsigned());
      reader.take(reader.unsigned());
      const kind = reader.byte();
      if (kind === 0x00) reader.unsigned();
      else if (kind === 0x01) {
        reader.byte();
        skipLimits(reader);
      } else if (kind === 0x02) skipLimits(reader);
      else if (kind === 0x03) {
        reader.take(2);
        count++;
      } else throw new WasmRefused(`unknown import kind ${kind}`);
    }
  }
  const globals = sections.find(({ id }) => id === section.globals);
  return count + (globals === undefined ? 0 : createReader(globals.body).unsigned());
}

type Reader = ReturnType<typeof createReader>;

function skipLimits(reader: Reader): void {
  const flags = reader.byte();
  if (flags > 1) throw new WasmRefused("shared or 64-bit memories are not taken");
  reader.unsigned();
  if (flags === 1) reader.unsigned();
}

/** `(global (mut i64) (i64.const 2^62))`: full until the host sets it. */
function fuelGlobal(): Uint8Array {
  return bytesOf(i64, 0x01, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xc0, 0x00, 0x0b);
}

function fuelExportEntry(index: number): Uint8Array {
  const name = new TextEncoder().encode(fuelExport);
  return concat([unsigned(name.byteLength), name, bytesOf(0x03), unsigned(index)]);
}

/** INVARIANT: a module that exports the name itself could hide the real fuel from the host. */
function refuseTaken(body: Uint8Array): Uint8Array {
  const reader = createReader(body);
  for (let n = reader.unsigned(); n > 0; n--) {
    const name = new TextDecoder().decode(reader.take(reader.unsigned()));
    if (name === fuelExport) throw new WasmRefused(`the module exports ${fuelExport} itself`);
    reader.byte();
    reader.unsigned();
  }
  return body;
}

/** Appends an item to a section that is a vector. */
function appendTo(body: Uint8Array, item: Uint8Array): Uint8Array {
  const reader = createReader(body);
  const count = reader.unsigned();
  return concat([unsigned(count + 1), body.subarray(reader.position()), item]);
}

function rewriteCode(body: Uint8Array, index: number): Uint8Array {
  // fuel = fuel - 1; if (fuel < 0) unreachable
  const global = unsigned(index);
  const burn = concat([
    ...[bytesOf(0x23), global, bytesOf(0x42, 0x01, 0x7d, 0x24), global],
    ...[bytesOf(0x23), global, bytesOf(0x42, 0x00, 0x53, 0x04, 0x40, 0x00, 0x0b)],
  ]);
  const reader = createReader(body);
  const count = reader.unsigned();
  const out: Uint8Array[] = [unsigned(count)];
  for (let n = 0; n < count; n++) {
    const rewritten = rewriteFunction(reader.take(reader.unsigned()), burn);
    out.push(unsigned(rewritten.byteLength), rewritten);
  }
  return concat(out);
}

function rewriteFunction(body: Uint8Array, burn: Uint8Array): Uint8Array {
  const reader = createReader(body);
  for (let groups = reader.unsigned(); groups > 0; groups--) {
    reader.unsigned();
    reader.byte();
  }
  const out: Uint8Array[] = [];
  let from = 0;
  const burnHere = (): void => {
    out.push(body.subarray(from, reader.position()), burn);
    from = reader.position();
  };
  burnHere();
  while (!reader.done()) {
    if (skipInstruction(reader) === "loop") burnHere();
  }
  out.push(body.subarray(from));
  return concat(out);
}

/** Passes over one instruction with its immediates. */
function skipInstruction(reader: Reader): "loop" | undefined {
  const opcode = reader.byte();
  if (opcode === 0x03) {
    reader.signed();
    return "loop";
  }
  // plain: control without immediates, drop, select, comparisons, arithmetic, conversions, sign extension
  if (opcode <= 0x01 || opcode === 0x05 || opcode === 0x0b || opcode === 0x0f) return undefined;
  if (opcode === 0x1a || opcode === 0x1b || (opcode >= 0x45 && opcode <= 0xc4)) return undefined;
  if (opcode === 0x02 || opcode === 0x04) reader.signed();
  else if (opcode === 0x0c || opcode === 0x0d || opcode === 0x10) reader.unsigned();
  else if (opcode >= 0x20 && opcode <= 0x26) reader.unsigned();
  else if (opcode === 0x0e) {
    for (let n = reader.unsigned() + 1; n > 0; n--) reader.unsigned();
  } else if (opcode === 0x11 || (opcode >= 0x28 && opcode <= 0x3e)) {
    reader.unsigned();
    reader.unsigned();
  } else if (opcode === 0x3f || opcode === 0x40) reader.byte();
  else if (opcode === 0x41 || opcode === 0x42) reader.signed();
  else if (opcode === 0x43) reader.take(4);
  else if (opcode === 0x44) reader.take(8);
  else if (opcode === 0x1c) reader.take(reader.unsigned());
  else if (opcode === 0xfc) skipPrefixed(reader);
  else throw new WasmRefused(`unknown instruction 0x${opcode.toString(16)}`);
  return undefined;
}

/** Saturating truncations and bulk memory. */
function skipPrefixed(reader: Reader): void {
  const opcode = reader.unsigned();
  if (opcode <= 7) return;
  const immediates = { 8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1 }[opcode];
  if (immediates === undefined) throw new WasmRefused(`unknown instruction 0xfc ${opcode}`);
  for (let n = immediates; n > 0; n--) reader.unsigned();
}
