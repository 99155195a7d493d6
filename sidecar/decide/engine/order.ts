/**
 * Makes a policy go through sets and objects in OPA's order.
 *
 * OPA's Go evaluator goes through them sorted, so that `[x | some x in names]`, `concat(", ", names)` and `walk` mean one
 * thing; its C code goes through its hash tables. The loader replaces `opa_value_iter`: when an iteration starts, the
 * keys are sorted once into a list of pointers, and each step is the next entry. Base documents don't change while a
 * policy runs, so their lists are kept from one evaluation to the next.
 *
 * Source: OPA, wasm/src/value.c and object.h; WebAssembly Core Specification 2.0, "Binary Format".
 */
import { bytesOf, concat, unsigned } from "../wasm-binary.js";
import {
  add,
  and,
  atLeastUnsigned,
  call,
  drop,
  end,
  entry,
  equal,
  functionOf,
  get,
  getGlobal,
  greaterSigned,
  int,
  isZero,
  leave,
  leaveIf,
  lessSigned,
  lessUnsigned,
  load,
  loadByte,
  multiply,
  notEqual,
  or,
  otherwise,
  repeat,
  set,
  shiftLeft,
  shiftRight,
  store,
  subtract,
  tee,
  trap,
  when,
  whenGives,
} from "./instructions.js";
import { appendTo, codeAt, findFunction, readSections, replaceCode } from "./sections.js";

/** Name of the exported global: the address of the lists' table, 0 while there is none. */
export const orderExport = "countersign_order";

/** The table: a header of four words, slots for the running evaluation, slots for base documents. */
const slotBytes = 32;
const slots = 64;
const baseSlots = 1_024;
const header = 16;
/** Bytes of the table. */
export const orderBytes = header + (slots + baseSlots) * slotBytes;
/** Bytes to forget before each evaluation: the first of them. */
export const orderVolatile = { from: header, to: header + slots * slotBytes } as const;
/** Words of the header: end of the base documents, where the next list of theirs goes, end of that room. */
export const orderHeader = { mark: 0, next: 4, end: 8 } as const;

const field = { node: 0, length: 4, sum: 8, keys: 12, cursor: 16 } as const;
const [objectType, setType] = [6, 7];

interface Indexes {
  readonly original: number;
  readonly sum: number;
  readonly build: number;
  readonly find: number;
  readonly compare: number;
  readonly malloc: number;
  readonly table: number;
}

/** `iter(node, prev)`: the key after prev, or the first; 0 at the end. */
function iterate({ original, sum, build, find, table }: Indexes): Uint8Array {
  const [node, previous, slot, at, length, kind] = [0, 1, 2, 3, 4, 5];
  const passOn = concat([get(node), get(previous), call(original), leave]);
  const base = concat([get(node), getGlobal(table), load(orderHeader.mark), lessUnsigned]);
  const slotAt = (mask: number, from: number): Uint8Array =>
    concat([
      ...[get(node), int(4), shiftRight, int(mask - 1), and, int(5), shiftLeft],
      ...[getGlobal(table), int(from), add, add, set(slot)],
    ]);
  return functionOf(
    4,
    concat([getGlobal(table), isZero, when(passOn)]),
    concat([get(node), isZero, when(passOn)]),
    concat([get(node), loadByte, tee(kind), int(objectType), notEqual]),
    concat([get(kind), int(setType), notEqual, and, when(passOn)]),
    concat([get(node), load(12), tee(length), int(2), lessUnsigned, when(passOn)]),
    // the slot: of the base documents where there is room for the list, else of this evaluation
    base,
    when(
      slotAt(baseSlots, orderVolatile.to),
      concat([get(slot), load(field.node), get(node), equal]),
      concat([get(slot), load(field.length), get(length), equal, and, isZero]),
      when(
        // not kept yet: only a beginning may claim the slot, and only with room for the list
        concat([get(previous), getGlobal(table), load(orderHeader.end)]),
        concat([getGlobal(table), load(orderHeader.next), subtract]),
        concat([get(length), int(2), shiftLeft, lessSigned, or]),
        when(concat([int(0), set(slot)])),
      ),
    ),
    concat([get(slot), isZero]),
    when(slotAt(slots, orderVolatile.from)),
    // a list that is not this node's as it is now is made anew
    concat([get(slot), load(field.node), get(node), notEqual]),
    concat([get(slot), load(field.length), get(length), notEqual, or]),
    whenGives(
      [int(1)],
      [
        get(previous),
        isZero,
        base,
        isZero,
        and,
        whenGives([get(node), get(length), call(sum), get(slot), load(field.sum), notEqual], [int(0)]),
      ],
    ),
    when(concat([get(slot), get(node), call(build), drop])),
    get(previous),
    isZero,
    whenGives(
      [int(0)],
      [
        concat([get(slot), load(field.cursor), set(at)]),
        concat([get(slot), load(field.keys), get(at), int(2), shiftLeft, add, load(0)]),
        concat([get(previous), notEqual]),
        when(get(slot), get(previous), call(find), set(at)),
        concat([get(at), int(1), add]),
      ],
    ),
    concat([tee(at), get(length), atLeastUnsigned, when(int(0), leave)]),
    concat([get(slot), get(at), store(field.cursor)]),
    concat([get(slot), load(field.keys), get(at), int(2), shiftLeft, add, load(0)]),
  );
}

/** Calls back for each key of a node, which stands on the stack as the local `element`'s first word. */
function eachKey(
  [node, bucket, index, element]: readonly [number, number, number, number],
  next: number,
  take: Uint8Array,
): Uint8Array {
  return concat([
    ...[get(node), load(4), set(bucket), int(0), set(index)],
    repeat(
      concat([get(index), get(node), load(8), atLeastUnsigned, leaveIf()]),
      concat([get(bucket), get(index), int(2), shiftLeft, add, load(0), set(element)]),
      repeat(
        concat([get(element), isZero, leaveIf()]),
        take,
        concat([get(element), get(next), add, load(0), set(element)]),
      ),
      concat([get(index), int(1), add, set(index)]),
    ),
  ]);
}

/** The offset of an element's `next`: 8 in an object, 4 in a set. */
const nextOffset = (node: number): Uint8Array =>
  concat([get(node), loadByte, int(objectType), equal, whenGives([int(8)], [int(4)])]);

/** `sum(node, length)`: of the keys' addresses, each times an odd number of its turn. */
function sumKeys(): Uint8Array {
  const [node, , bucket, index, element, next, total] = [0, 1, 2, 3, 4, 5, 6];
  return functionOf(
    5,
    concat([nextOffset(node), set(next)]),
    eachKey(
      [node, bucket, index, element],
      next,
      concat([get(total), int(31), multiply, get(element), load(0), add, set(total)]),
    ),
    get(total),
  );
}

/** `build(slot, node)`: gathers and sorts the keys. */
function buildList({ sum, compare, malloc, table }: Indexes): Uint8Array {
  const [slot, node] = [0, 1];
  const [bucket, index, element, next, length, keys, filled, other] = [2, 3, 4, 5, 6, 7, 8, 9];
  const [width, left, right, middle, stop, out] = [10, 11, 12, 13, 14, 15];
  const tableWord = (offset: number): Uint8Array => concat([getGlobal(table), load(offset)]);
  /** Signed order of two entries, by their indexes in `keys`. */
  const inOrder = (a: number, b: number): Uint8Array =>
    concat([entry(keys, get(a)), load(0), entry(keys, get(b)), load(0), call(compare)]);
  /** A place in the list, at most its end. */
  const bounded = (place: Uint8Array, into: number): Uint8Array =>
    concat([place, get(length), lessUnsigned, whenGives([place], [get(length)]), set(into)]);
  return functionOf(
    14,
    concat([nextOffset(node), set(next)]),
    concat([get(node), load(12), set(length)]),
    // a slot of the base documents lies behind those of the evaluation
    concat([get(slot), getGlobal(table), int(orderVolatile.to), add, lessUnsigned]),
    whenGives(
      [get(length), int(2), shiftLeft, call(malloc)],
      [
        tableWord(orderHeader.next),
        concat([getGlobal(table), tableWord(orderHeader.next)]),
        concat([get(length), int(2), shiftLeft, add, store(orderHeader.next)]),
      ],
    ),
    set(keys),
    eachKey(
      [node, bucket, index, element],
      next,
      concat([
        ...[get(filled), get(length), atLeastUnsigned, when(trap)],
        ...[entry(keys, get(filled)), get(element), load(0), store(0)],
        ...[get(filled), int(1), add, set(filled)],
      ]),
    ),
    concat([get(filled), get(length), notEqual, when(trap)]),
    // insertion sort of runs of eight
    concat([int(0), set(left)]),
    repeat(
      concat([get(left), get(length), atLeastUnsigned, leaveIf()]),
      bounded(concat([get(left), int(8), add]), stop),
      concat([get(left), int(1), add, set(right)]),
      repeat(
        concat([get(right), get(stop), atLeastUnsigned, leaveIf()]),
        concat([entry(keys, get(right)), load(0), set(element)]),
        concat([get(right), set(index)]),
        repeat(
          concat([get(index), get(left), equal, leaveIf()]),
          concat([entry(keys, concat([get(index), int(1), subtract])), load(0), get(element)]),
          concat([call(compare), int(1), lessSigned, leaveIf()]),
          concat([entry(keys, get(index))]),
          concat([entry(keys, concat([get(index), int(1), subtract])), load(0), store(0)]),
          concat([get(index), int(1), subtract, set(index)]),
        ),
        concat([entry(keys, get(index)), get(element), store(0)]),
        concat([get(right), int(1), add, set(right)]),
      ),
      concat([get(left), int(8), add, set(left)]),
    ),
    // merges of runs, from one list into another and back
    concat([get(length), int(8), greaterSigned]),
    when(
      concat([get(length), int(2), shiftLeft, call(malloc), set(other), int(8), set(width)]),
      repeat(
        concat([get(width), get(length), atLeastUnsigned, leaveIf()]),
        concat([int(0), set(out)]),
        repeat(
          concat([get(out), get(length), atLeastUnsigned, leaveIf()]),
          concat([get(out), set(left)]),
          bounded(concat([get(out), get(width), add]), middle),
          bounded(concat([get(middle), get(width), add]), stop),
          concat([get(middle), set(right)]),
          repeat(
            concat([get(out), get(stop), atLeastUnsigned, leaveIf()]),
            entry(other, get(out)),
            concat([get(left), get(middle), lessUnsigned]),
            whenGives(
              [
                concat([get(right), get(stop), lessUnsigned]),
                whenGives([inOrder(left, right), int(1), lessSigned], [int(1)]),
              ],
              [int(0)],
            ),
            whenGives(
              [entry(keys, get(left)), load(0), get(left), int(1), add, set(left)],
              [entry(keys, get(right)), load(0), get(right), int(1), add, set(right)],
            ),
            store(0),
            concat([get(out), int(1), add, set(out)]),
          ),
        ),
        // what was merged is the list now
        concat([int(0), set(out)]),
        repeat(
          concat([get(out), get(length), atLeastUnsigned, leaveIf()]),
          concat([entry(keys, get(out)), entry(other, get(out)), load(0), store(0)]),
          concat([get(out), int(1), add, set(out)]),
        ),
        concat([get(width), int(1), shiftLeft, set(width)]),
      ),
    ),
    concat([get(slot), get(node), store(field.node), get(slot), get(length), store(field.length)]),
    concat([get(slot), get(keys), store(field.keys), get(slot), int(0), store(field.cursor)]),
    concat([get(slot), get(node), get(length), call(sum), store(field.sum)]),
    int(0),
  );
}

/** `find(slot, key)`: the index of a key in the list, by bisection. */
function findKey({ compare }: Indexes): Uint8Array {
  const [slot, key, low, high, middle, order] = [0, 1, 2, 3, 4, 5];
  return functionOf(
    4,
    concat([get(slot), load(field.length), set(high)]),
    repeat(
      concat([get(low), get(high), atLeastUnsigned, leaveIf()]),
      concat([get(low), get(high), add, int(1), shiftRight, set(middle)]),
      concat([get(slot), load(field.keys), get(middle), int(2), shiftLeft, add, load(0)]),
      concat([get(key), call(compare), tee(order), isZero, when(get(middle), leave)]),
      concat([get(order), int(0), lessSigned]),
      concat([
        bytesOf(0x04, 0x40),
        ...[get(middle), int(1), add, set(low), otherwise, get(middle), set(high)],
        end,
      ]),
    ),
    // a key that isn't there: the collection changed under its iteration
    trap,
    int(0),
  );
}

/**
 * Rewrites a policy so that it goes through collections in order.
 * @returns the module as it is where its functions have no names, or others than OPA's
 */
export function addOrder(wasm: Uint8Array): Uint8Array {
  const sections = readSections(wasm);
  const target = findFunction(sections, "opa_value_iter");
  const compare = findFunction(sections, "opa_value_compare");
  const malloc = findFunction(sections, "opa_malloc");
  if (target === undefined || compare === undefined || malloc === undefined) return wasm;
  const original = codeAt(sections, target.defined);
  if (original === undefined) return wasm;
  const indexes: Indexes = {
    original: target.functions,
    sum: target.functions + 1,
    build: target.functions + 2,
    find: target.functions + 3,
    compare: compare.index,
    malloc: malloc.index,
    table: target.globals,
  };
  const added = [original, sumKeys(), buildList(indexes), findKey(indexes)];
  const out: Uint8Array[] = [wasm.subarray(0, 8)];
  for (const { id, body } of sections) {
    const rewritten =
      id === 3
        ? appendTo(
            body,
            added.map(() => unsigned(target.type)),
          )
        : id === 6
          ? appendTo(body, [bytesOf(0x7f, 0x01, 0x41, 0x00, 0x0b)])
          : id === 7
            ? appendTo(body, [exportOf(orderExport, target.globals)])
            : id === 10
              ? replaceCode(body, new Map([[target.defined, iterate(indexes)]]), added)
              : body;
    out.push(bytesOf(id), unsigned(rewritten.byteLength), rewritten);
  }
  return concat(out);
}

function exportOf(name: string, global: number): Uint8Array {
  const text = new TextEncoder().encode(name);
  return concat([unsigned(text.byteLength), text, bytesOf(0x03), unsigned(global)]);
}
