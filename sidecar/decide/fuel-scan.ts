/**
 * Reads a function's instructions and tells where fuel is to be taken. What isn't known is refused: an instruction that
 * is read in another way than the engine reads it could hide a loop.
 * Source: WebAssembly Core Specification 2.0, "Instructions" of "Binary Format".
 */
import { WasmRefused } from "./wasm-binary.js";

/** Bytes of code that a unit pays for, beside the head itself. */
const bytesPerUnit = 1024;
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
  variable: 16,
} as const;

const immediates = tableOf([
  // unreachable, nop, else, return, drop, select; comparisons, arithmetic, conversions, sign extension
  [immediate.none, 0x00, 0x01, 0x05, 0x0f, 0x1a, 0x1b, ...range(0x45, 0xc4)],
  [immediate.block, 0x02, 0x04],
  [immediate.loop, 0x03],
  [immediate.end, 0x0b],
  // br, br_if, call; locals and tables
  [immediate.index, 0x0c, 0x0d, 0x10, ...range(0x20, 0x22), 0x25, 0x26],
  [immediate.variable, 0x23, 0x24],
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

/** What is to be put before the instruction at `at`. */
export interface Insert {
  readonly at: number;
  readonly kind: "burn" | "take" | "pay";
  cost: number;
}

/** Reads one function after the other. @param fuel index that the fuel will have among the globals */
export function createScan(bytes: Uint8Array, fuel: number) {
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
          case immediate.variable:
            // INVARIANT: the module's own code reaches no fuel: the index was nobody's before it was added
            if (number() >= fuel) throw new WasmRefused("a global that isn't there");
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

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function tableOf(rows: readonly (readonly [kind: number, ...opcodes: number[]])[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const [kind, ...opcodes] of rows) for (const opcode of opcodes) table[opcode] = kind;
  return table;
}
