/**
 * Rewrites a module's code so that it burns fuel. Source: WebAssembly Core Specification 2.0, "Binary Format".
 *
 * INVARIANT: control moves forward in a function except to the head of a loop. So what a head takes for each begun
 * kilobyte of its loop, and an entry for each of its function, bounds all that may run until the next head is met.
 * Instructions whose work isn't constant (copies, fills, growth) take for it themselves.
 */
import { bytesOf, concat, createReader, signed, unsigned, WasmRefused } from "./wasm-binary.js";

export interface FunctionTypes {
  /** Number of parameters, by the function's place in the code section. */
  readonly parameters: readonly number[];
}

/** Bytes of code that a unit pays for, beside the head itself. */
const bytesPerUnit = 1024;
/** Bytes (or entries of a table) that a unit pays for in a copy, as a power of two. */
const copyShift = 6;
/** A host call that moves the memory; thousand times a loop's turn. */
const growCost = 1000;

/** What follows an opcode. */
const immediate = {
  refused: 0,
  none: 1,
  block: 2,
  loop: 3,
  end: 4,
  index: 5,
  branchTable: 6,
  indices: 7,
  memory: 8,
  memorySize: 9,
  memoryGrow: 10,
  constant: 11,
  f32: 12,
  f64: 13,
  select: 14,
  prefixed: 15,
} as const;

const immediates = tableOf([
  // unreachable, nop, else, return, drop, select; comparisons, arithmetic, conversions, sign extension
  [immediate.none, 0x00, 0x01, 0x05, 0x0f, 0x1a, 0x1b, ...range(0x45, 0xc4)],
  [immediate.block, 0x02, 0x04],
  [immediate.loop, 0x03],
  [immediate.end, 0x0b],
  // br, br_if, call; variables and tables
  [immediate.index, 0x0c, 0x0d, 0x10, ...range(0x20, 0x26)],
  [immediate.branchTable, 0x0e],
  [immediate.indices, 0x11],
  [immediate.memory, ...range(0x28, 0x3e)],
  [immediate.memorySize, 0x3f],
  [immediate.memoryGrow, 0x40],
  [immediate.constant, 0x41, 0x42],
  [immediate.f32, 0x43],
  [immediate.f64, 0x44],
  [immediate.select, 0x1c],
  [immediate.prefixed, 0xfc],
]);

/** Behind 0xfc: how many indices follow, and whether the work grows with the number on top of the stack. */
const prefixed: Readonly<Record<number, readonly [indices: number, bulk: boolean]>> = {
  ...Object.fromEntries(range(0, 7).map((opcode) => [opcode, [0, false] as const])),
  8: [2, true],
  9: [1, false],
  10: [2, true],
  11: [1, true],
  12: [2, true],
  13: [1, false],
  14: [2, true],
  15: [1, true],
  16: [1, false],
  17: [1, true],
};
const tableGrow = 15;

/** Numbers and references to functions and externals: the types that are one byte. */
const valueTypes = new Set([0x7f, 0x7e, 0x7d, 0x7c, 0x70, 0x6f]);

/** @throws WasmRefused for a type of more than a byte, behind which instructions could hide */
export function refuseOtherType(type: number): void {
  if (!valueTypes.has(type)) throw new WasmRefused(`unknown type 0x${type.toString(16)}`);
}

/**
 * Gives the code section anew.
 * @param global index of the fuel
 * @throws WasmRefused where an instruction isn't known
 */
export function rewriteCode(body: Uint8Array, global: number, { parameters }: FunctionTypes): Uint8Array {
  const get = concat([bytesOf(0x23), unsigned(global)]);
  const set = concat([bytesOf(0x24), unsigned(global)]);
  // fuel = fuel - cost
  const take = cached((cost) => concat([get, bytesOf(0x42), signed(cost), bytesOf(0x7d), set]));
  // …; if (fuel < 0) unreachable
  const burn = cached((cost) => concat([take(cost), get, bytesOf(0x42, 0x00, 0x53, 0x04, 0x40, 0x00, 0x0b)]));
  // fuel = fuel - (n >> shift), n on top of the stack
  const pay = cached((local) =>
    concat([
      ...[bytesOf(0x22), unsigned(local), get, bytesOf(0x20), unsigned(local)],
      ...[bytesOf(0xad, 0x42, copyShift, 0x88, 0x7d), set],
    ]),
  );

  const reader = createReader(body);
  const count = reader.unsigned();
  if (count !== parameters.length) throw new WasmRefused("functions and code differ in number");
  const scan = createScan(body);
  const out = createOutput(body.byteLength);
  out.write(unsigned(count));
  for (const parametersHere of parameters) {
    const size = reader.unsigned();
    const start = reader.position();
    reader.take(size);
    scan.run(start, start + size);
    const local = parametersHere + scan.locals;
    const inserts = scan.inserts.map(({ at, kind, cost }) => ({
      at,
      bytes: kind === "burn" ? burn(cost) : kind === "take" ? take(cost) : pay(local),
    }));
    if (scan.bulk) {
      // one more group of locals: (1 × i32)
      inserts.unshift({ at: scan.code, bytes: bytesOf(0x01, 0x7f) });
    }
    const groups = unsigned(scan.groups + (scan.bulk ? 1 : 0));
    out.write(
      unsigned(
        inserts.reduce(
          (sum, { bytes }) => sum + bytes.byteLength,
          groups.byteLength + start + size - scan.types,
        ),
      ),
    );
    out.write(groups);
    let from = scan.types;
    for (const { at, bytes } of inserts) {
      out.copy(body, from, at);
      out.write(bytes);
      from = at;
    }
    out.copy(body, from, start + size);
  }
  return out.done();
}

interface Insert {
  readonly at: number;
  readonly kind: "burn" | "take" | "pay";
  cost: number;
}

/** Reads one function after the other. */
function createScan(bytes: Uint8Array) {
  let at = 0;
  const end = (): never => {
    throw new WasmRefused("the module ends early");
  };
  const skip = (): void => {
    for (let n = 0; n < 10; n++) if ((bytes[at++] ?? end()) < 0x80) return;
    throw new WasmRefused("a number is too long");
  };
  const number = (): number => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const part = bytes[at++] ?? end();
      value += (part & 0x7f) * 2 ** shift;
      if (part < 0x80) return value;
    }
    throw new WasmRefused("a number is too long");
  };
  /** Nothing, a type of one byte, or the index of a type. */
  const blockType = (): void => {
    const first = bytes[at] ?? end();
    if (first === 0x40) at++;
    else if (first < 0x80 && (first & 0x40) !== 0) {
      refuseOtherType(first);
      at++;
    } else skip();
    // a longer negative number would be a type of more than a byte
    if (first >= 0x80 && ((bytes[at - 1] ?? end()) & 0x40) !== 0) refuseOtherType(first);
  };

  const state = {
    inserts: [] as Insert[],
    /** Begin of the groups of locals, and their number; the locals; begin of the instructions. */
    types: 0,
    groups: 0,
    locals: 0,
    code: 0,
    bulk: false,
    run(start: number, stop: number): void {
      at = start;
      const inserts: Insert[] = [];
      /** The loop's turn for each open block that is a loop. */
      const open: (Insert | undefined)[] = [];
      const groups = number();
      state.types = at;
      state.groups = groups;
      state.locals = 0;
      for (let n = groups; n > 0; n--) {
        state.locals += number();
        refuseOtherType(bytes[at++] ?? end());
      }
      state.code = at;
      state.bulk = false;
      state.inserts = inserts;
      const costOf = (from: number): number => 1 + Math.floor((at - from) / bytesPerUnit);
      // a function that begins with a loop burns there
      const entry = bytes[at] === 0x03 ? undefined : ({ at, kind: "burn", cost: 1 } satisfies Insert);
      if (entry !== undefined) inserts.push(entry);
      open.push(entry);
      while (at < stop) {
        const opcode = bytes[at] ?? end();
        at++;
        switch (immediates[opcode]) {
          case immediate.none:
            break;
          case immediate.index:
            skip();
            break;
          case immediate.constant:
            skip();
            break;
          case immediate.memory:
            // further bits would be the index of a further memory
            if (number() > 31) throw new WasmRefused("more than one memory isn't taken");
            skip();
            break;
          case immediate.block:
            blockType();
            open.push(undefined);
            break;
          case immediate.loop: {
            blockType();
            const turn: Insert = { at, kind: "burn", cost: 1 };
            inserts.push(turn);
            open.push(turn);
            break;
          }
          case immediate.end: {
            if (open.length === 0) throw new WasmRefused("a block ends twice");
            const turn = open.pop();
            if (turn !== undefined) turn.cost = costOf(turn.at);
            break;
          }
          case immediate.branchTable:
            for (let n = number() + 1; n > 0; n--) skip();
            break;
          case immediate.indices:
            skip();
            skip();
            break;
          case immediate.memorySize:
            if (number() !== 0) throw new WasmRefused("more than one memory isn't taken");
            break;
          case immediate.memoryGrow:
            inserts.push({ at: at - 1, kind: "take", cost: growCost });
            if (number() !== 0) throw new WasmRefused("more than one memory isn't taken");
            break;
          case immediate.f32:
            at += 4;
            break;
          case immediate.f64:
            at += 8;
            break;
          case immediate.select:
            for (let n = number(); n > 0; n--) refuseOtherType(bytes[at++] ?? end());
            break;
          case immediate.prefixed: {
            const from = at - 1;
            const further = number();
            const [indices, bulk] = prefixed[further] ?? unknown(`0xfc ${further}`);
            for (let n = indices; n > 0; n--) skip();
            if (further === tableGrow) inserts.push({ at: from, kind: "take", cost: growCost });
            if (bulk) {
              inserts.push({ at: from, kind: "pay", cost: 0 });
              state.bulk = true;
            }
            break;
          }
          default:
            unknown(`0x${opcode.toString(16)}`);
        }
      }
      if (at !== stop || open.length !== 0) throw new WasmRefused("a function ends early");
    },
  };
  return state;
}

function unknown(instruction: string): never {
  throw new WasmRefused(`unknown instruction ${instruction}`);
}

/** Collects bytes in one buffer that grows. */
function createOutput(expected: number) {
  let bytes = new Uint8Array(expected + (expected >> 1) + 64);
  let size = 0;
  const reserve = (more: number): void => {
    if (size + more <= bytes.byteLength) return;
    const larger = new Uint8Array(Math.max(size + more, bytes.byteLength * 1.5));
    larger.set(bytes.subarray(0, size));
    bytes = larger;
  };
  return {
    write(part: Uint8Array): void {
      reserve(part.byteLength);
      bytes.set(part, size);
      size += part.byteLength;
    },
    copy(from: Uint8Array, start: number, end: number): void {
      reserve(end - start);
      // most pieces are a few bytes, for which a call costs more than the copy
      if (end - start < 32) for (let at = start; at < end; at++) bytes[size++] = from[at] as number;
      else {
        bytes.set(from.subarray(start, end), size);
        size += end - start;
      }
    },
    done: (): Uint8Array => bytes.subarray(0, size),
  };
}

function cached(make: (key: number) => Uint8Array): (key: number) => Uint8Array {
  const kept = new Map<number, Uint8Array>();
  return (key) => {
    const made = kept.get(key) ?? make(key);
    kept.set(key, made);
    return made;
  };
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function tableOf(rows: readonly (readonly [kind: number, ...opcodes: number[]])[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const [kind, ...opcodes] of rows) for (const opcode of opcodes) table[opcode] = kind;
  return table;
}
