/**
 * Adds fuel to a WASM module: an exported i64 that each function entry and each turn of a loop takes from; below zero
 * it traps. Deterministic, and without a thread. Source: WebAssembly Core Specification 2.0, "Binary Format".
 */
import { rewriteCode } from "./fuel-code.js";
import { refuseOtherType } from "./fuel-scan.js";
import { limitMemory, readLimits } from "./limit-memory.js";
import { bytesOf, concat, createReader, signed, unsigned, WasmRefused } from "./wasm-binary.js";
import { readSections, section, sectionOrder } from "./wasm-sections.js";

/** Name of the exported global. Set it before each evaluation. */
export const fuelExport = "countersign_fuel";
/** With their index among all globals behind it: names of exported variables. */
export const variableExport = "countersign_variable_";

export interface FuelOptions {
  /** Fuel of a new instance, which its start function draws on. */
  readonly initial?: bigint;
  /** Upper bound of the module's own memory in 64 KiB pages. */
  readonly maxPages?: number;
  /** Exports the module's variables, so that an instance's state can be copied. */
  readonly variables?: boolean;
}

/** A tenth of a second and more: what no start function of a policy needs. */
const initialFuel = 100_000_000n;

const i64 = 0x7e;
/** Of an export. */
const globalKind = 0x03;

/**
 * Rewrites a module so that it burns fuel.
 * @throws WasmRefused where the module isn't understood, or brings a global of that name itself
 */
export function addFuel(wasm: Uint8Array, options: FuelOptions = {}): Uint8Array {
  const sections = readSections(wasm);
  const body = (id: number): Uint8Array | undefined => sections.find((one) => one.id === id)?.body;
  const imported = countImports(body(section.imports));
  const globals = readGlobals(body(section.globals));
  const index = imported.globals + globals.length;
  const fuelGlobal = concat([
    bytesOf(i64, 0x01, 0x42),
    signed(options.initial ?? initialFuel),
    bytesOf(0x0b),
  ]);
  const exported = [exportOf(fuelExport, index)];
  if (options.variables === true) {
    globals.forEach(({ mutable }, i) => {
      if (mutable) exported.push(exportOf(`${variableExport}${imported.globals + i}`, imported.globals + i));
    });
  }

  const out: Uint8Array[] = [wasm.subarray(0, 8)];
  const emit = (id: number, content: Uint8Array): void => {
    out.push(bytesOf(id), unsigned(content.byteLength), content);
  };
  const rewrite: Readonly<Record<number, (content: Uint8Array) => Uint8Array>> = {
    [section.memories]: (content) => limitMemory(content, imported.memories, options.maxPages),
    [section.globals]: (content) => appendTo(content, [fuelGlobal]),
    [section.exports]: (content) => appendTo(refuseTaken(content, index), exported),
    [section.code]: (content) =>
      rewriteCode(content, index, {
        parameters: readParameters(body(section.types), body(section.functions)),
      }),
  };
  // sections that a module lacks come into being before the section that follows them
  const missing = [section.globals, section.exports].filter((id) => body(id) === undefined);
  for (const { id, body: content } of sections) {
    while (
      id !== 0 &&
      missing[0] !== undefined &&
      sectionOrder.indexOf(id) > sectionOrder.indexOf(missing[0])
    ) {
      const next = missing.shift() as number;
      emit(next, rewrite[next]?.(unsigned(0)) as Uint8Array);
    }
    emit(id, rewrite[id]?.(content) ?? content);
  }
  for (const id of missing) emit(id, rewrite[id]?.(unsigned(0)) as Uint8Array);
  return concat(out);
}

/** Tells whether a module has been rewritten. @throws WasmRefused where it isn't understood */
export function hasFuel(wasm: Uint8Array): boolean {
  const exported = readSections(wasm).find(({ id }) => id === section.exports)?.body;
  return exported !== undefined && readExports(exported).some(({ name }) => name === fuelExport);
}

/** Counts what is imported: it comes before the module's own. */
function countImports(body: Uint8Array | undefined): { globals: number; memories: number } {
  const count = { globals: 0, memories: 0 };
  const reader = createReader(body ?? unsigned(0));
  for (let n = reader.unsigned(); n > 0; n--) {
    reader.take(reader.unsigned());
    reader.take(reader.unsigned());
    const kind = reader.byte();
    if (kind === 0x00) reader.unsigned();
    else if (kind === 0x01) {
      refuseOtherType(reader.byte());
      readLimits(reader);
    } else if (kind === 0x02) {
      readLimits(reader);
      count.memories++;
    } else if (kind === 0x03) {
      refuseOtherType(reader.byte());
      reader.byte();
      count.globals++;
    } else throw new WasmRefused(`unknown import kind ${kind}`);
  }
  if (count.memories > 1) throw new WasmRefused("more than one memory isn't taken");
  return count;
}

/** Reads the module's own globals. Their first values are constants, of which each holds one instruction. */
function readGlobals(body: Uint8Array | undefined): { mutable: boolean }[] {
  const reader = createReader(body ?? unsigned(0));
  return Array.from({ length: reader.unsigned() }, () => {
    refuseOtherType(reader.byte());
    const mutable = reader.byte() === 1;
    const opcode = reader.byte();
    if (opcode === 0x23 || opcode === 0xd2) reader.unsigned();
    else if (opcode === 0x41 || opcode === 0x42) reader.signed();
    else if (opcode === 0x43) reader.take(4);
    else if (opcode === 0x44) reader.take(8);
    else if (opcode === 0xd0) reader.byte();
    else throw new WasmRefused("a global whose first value is no constant");
    if (reader.byte() !== 0x0b) throw new WasmRefused("a global whose first value is no constant");
    return { mutable };
  });
}

/** Gives how many parameters each of the module's own functions has. */
function readParameters(types: Uint8Array | undefined, functions: Uint8Array | undefined): number[] {
  const typeReader = createReader(types ?? unsigned(0));
  const skipTypes = (): number => {
    const count = typeReader.unsigned();
    for (const type of typeReader.take(count)) refuseOtherType(type);
    return count;
  };
  const parameters = Array.from({ length: typeReader.unsigned() }, () => {
    if (typeReader.byte() !== 0x60) throw new WasmRefused("a type that is no function's");
    const count = skipTypes();
    skipTypes();
    return count;
  });
  const reader = createReader(functions ?? unsigned(0));
  return Array.from({ length: reader.unsigned() }, () => {
    const count = parameters[reader.unsigned()];
    if (count === undefined) throw new WasmRefused("a function of an unknown type");
    return count;
  });
}

function exportOf(text: string, index: number): Uint8Array {
  const name = new TextEncoder().encode(text);
  return concat([unsigned(name.byteLength), name, bytesOf(globalKind), unsigned(index)]);
}

/** INVARIANT: a module that exports the name itself, or the fuel by another, could hide or change it. */
function refuseTaken(body: Uint8Array, fuel: number): Uint8Array {
  for (const { name, kind, index } of readExports(body)) {
    if (name === fuelExport || name.startsWith(variableExport)) {
      throw new WasmRefused(`the module exports ${name} itself`);
    }
    if (kind === globalKind && index >= fuel) throw new WasmRefused("a global that isn't there");
  }
  return body;
}

function readExports(body: Uint8Array): { name: string; kind: number; index: number }[] {
  const reader = createReader(body);
  return Array.from({ length: reader.unsigned() }, () => ({
    name: new TextDecoder().decode(reader.take(reader.unsigned())),
    kind: reader.byte(),
    index: reader.unsigned(),
  }));
}

/** Appends items to a section that is a vector. */
function appendTo(body: Uint8Array, items: readonly Uint8Array[]): Uint8Array {
  const reader = createReader(body);
  const count = reader.unsigned();
  return concat([unsigned(count + items.length), body.subarray(reader.position()), ...items]);
}
