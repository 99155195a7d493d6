/** Finds functions by their names in a WASM module. Source: WebAssembly Core Specification 2.0, "Binary Format". */
import { concat, createReader, unsigned } from "../wasm-binary.js";

export interface Section {
  readonly id: number;
  readonly body: Uint8Array;
}

export interface FunctionFound {
  /** In the module's index space, where imported functions stand first. */
  readonly index: number;
  /** Among those that the module defines; below zero for an imported one. */
  readonly defined: number;
  /** Index of its type. */
  readonly type: number;
  /** How many functions and globals the module has: the indexes of the next ones. */
  readonly functions: number;
  readonly globals: number;
}

export function readSections(wasm: Uint8Array): Section[] {
  const reader = createReader(wasm, 8);
  const sections: Section[] = [];
  while (!reader.done()) {
    const id = reader.byte();
    sections.push({ id, body: reader.take(reader.unsigned()) });
  }
  return sections;
}

/** Finds a function by the name that the name section gives it. */
export function findFunction(sections: readonly Section[], name: string): FunctionFound | undefined {
  const index = namesOf(sections).get(name);
  if (index === undefined) return undefined;
  const imported = importsOf(sections);
  const types = vectorOf(sections, 3).map((reader) => reader.unsigned());
  const defined = index - imported.functions.length;
  const type = types[defined];
  if (type === undefined) return undefined;
  const globals = sections.find(({ id }) => id === 6);
  return {
    index,
    defined,
    type,
    functions: imported.functions.length + types.length,
    globals: imported.globals + (globals === undefined ? 0 : createReader(globals.body).unsigned()),
  };
}

type Reader = ReturnType<typeof createReader>;

/** Readers standing at each item; each item must be read before the next. */
function vectorOf(sections: readonly Section[], id: number): { map<T>(read: (reader: Reader) => T): T[] } {
  return {
    map(read) {
      const section = sections.find((one) => one.id === id);
      if (section === undefined) return [];
      const reader = createReader(section.body);
      return Array.from({ length: reader.unsigned() }, () => read(reader));
    },
  };
}

interface Imports {
  /** `module field`, in order. */
  readonly functions: readonly string[];
  readonly globals: number;
}

function importsOf(sections: readonly Section[]): Imports {
  const decoder = new TextDecoder();
  const functions: string[] = [];
  let globals = 0;
  vectorOf(sections, 2).map((reader) => {
    const module = decoder.decode(reader.take(reader.unsigned()));
    const field = decoder.decode(reader.take(reader.unsigned()));
    const kind = reader.byte();
    if (kind === 0) {
      reader.unsigned();
      functions.push(`${module} ${field}`);
    } else if (kind === 3) {
      reader.take(2);
      globals++;
    } else {
      if (kind === 1) reader.byte();
      const bounded = reader.byte() === 1;
      reader.unsigned();
      if (bounded) reader.unsigned();
    }
  });
  return { functions, globals };
}

/** A function's entry in the code section, size included. */
export function codeAt(sections: readonly Section[], defined: number): Uint8Array | undefined {
  const section = sections.find(({ id }) => id === 10);
  if (section === undefined) return undefined;
  const reader = createReader(section.body);
  const count = reader.unsigned();
  for (let n = 0; n < count; n++) {
    const from = reader.position();
    reader.take(reader.unsigned());
    if (n === defined) return section.body.subarray(from, reader.position());
  }
  return undefined;
}

/** Function names of the custom section `name`; the first of those that stand twice. */
function namesOf(sections: readonly Section[]): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  const decoder = new TextDecoder();
  for (const { id, body } of sections) {
    if (id !== 0) continue;
    const reader = createReader(body);
    if (decoder.decode(reader.take(reader.unsigned())) !== "name") continue;
    while (!reader.done()) {
      const kind = reader.byte();
      const part = createReader(reader.take(reader.unsigned()));
      if (kind !== 1) continue;
      for (let n = part.unsigned(); n > 0; n--) {
        const index = part.unsigned();
        const name = decoder.decode(part.take(part.unsigned()));
        if (!names.has(name)) names.set(name, index);
      }
    }
  }
  return names;
}

/** How many parameters a type has. */
export function parametersOf(sections: readonly Section[], type: number): number {
  const sizes = vectorOf(sections, 1).map((reader) => {
    reader.byte();
    const parameters = reader.unsigned();
    reader.take(parameters);
    reader.take(reader.unsigned());
    return parameters;
  });
  return sizes[type] ?? 0;
}

/** Index of an imported function. */
export function importedFunction(
  sections: readonly Section[],
  from: string,
  name: string,
): number | undefined {
  const index = importsOf(sections).functions.indexOf(`${from} ${name}`);
  return index < 0 ? undefined : index;
}

/** Appends items to a section that is a vector. */
export function appendTo(body: Uint8Array, items: readonly Uint8Array[]): Uint8Array {
  const reader = createReader(body);
  const count = reader.unsigned();
  return concat([unsigned(count + items.length), body.subarray(reader.position()), ...items]);
}

/** Replaces entries of the code section, by their place in it, and appends others. */
export function replaceCode(
  body: Uint8Array,
  replaced: ReadonlyMap<number, Uint8Array>,
  added: readonly Uint8Array[],
): Uint8Array {
  const reader = createReader(body);
  const count = reader.unsigned();
  const out: Uint8Array[] = [unsigned(count + added.length)];
  for (let n = 0; n < count; n++) {
    const from = reader.position();
    reader.take(reader.unsigned());
    out.push(replaced.get(n) ?? body.subarray(from, reader.position()));
  }
  return concat([...out, ...added]);
}
