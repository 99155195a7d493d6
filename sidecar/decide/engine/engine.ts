import type { CallBuiltin } from "./abi.js";
import { orderBytes, orderHeader, orderVolatile } from "./order.js";
import { Aborted } from "./abi.js";
import type { Loaded } from "./load.js";
import { loadFuel, pageBytes, placeText, start, valueGrowth } from "./load.js";
import type { ValueReader } from "./read-value.js";
import { valueBytes, writeBooleanValue, writeIntegerValue, writeStringValue } from "./read-value.js";

export interface EngineParts {
  /** INVARIANT: no other engine has its memory. */
  readonly loaded: Loaded;
  readonly call: CallBuiltin;
}

/** A change of the base documents: the value as JSON text, or none to remove what is there. Path: keys of objects. */
export interface Patch {
  readonly path: readonly string[];
  readonly value: string | undefined;
}

/** One loaded policy. What throws leaves it unusable until {@link Engine.replace}. */
export interface Engine {
  readonly entrypoints: ReadonlyMap<string, number>;
  /** Names of the built-ins that the module imports, by their id. */
  readonly builtins: ReadonlyMap<number, string>;
  /** Of the instance's memory; addresses are good until the next evaluation. */
  readonly read: ValueReader;
  /** Evaluates and gives the address of the result set. `input`: text of a JSON document, or of a Rego value. */
  evaluate(entrypoint: number, input: string | Uint8Array | undefined, fuel: bigint): number;
  /** Places a value, given as text or as its UTF-8, in memory, for a built-in's result. */
  write(text: string | Uint8Array): number;
  /** Places an integer of 32 bits in memory. */
  writeInteger(value: number): number;
  writeBoolean(value: boolean): number;
  /** Places a string of any bytes, UTF-8 or not, in memory. */
  writeString(text: Uint8Array): number;
  /** Bytes of the value's text, as `opa_value_dump` writes it. */
  dump(address: number): Uint8Array;
  /** Fuel that is left; below zero when it ran out. */
  fuel(): bigint;
  /** Address of the base documents. */
  data(): number;
  /** Changes the base documents in place. @throws Error where a path leads through what is no object */
  patch(patches: readonly Patch[]): void;
  /** Puts a fresh instance in the place of one that was left in the middle of its work. */
  replace(): void;
  /** Bytes of the linear memory. */
  memoryBytes(): number;
}

/** After so many evaluations that didn't need memory which one of them took, it is given back. */
const calmAfter = 1_000;

/**
 * Makes a loaded policy ready to evaluate.
 *
 * The data lie below a mark in the linear memory; an evaluation allocates above it and is forgotten by setting the heap
 * back to the mark. After a fault, a fresh instance takes over the same memory, so that data aren't loaded again; only
 * what the module itself keeps (below the data) is restored from a copy.
 */
export function createEngine({ loaded, call }: EngineParts): Engine {
  const { module, layout } = loaded;
  const { maximum, base, table, lists, listBytes, entrypoints, builtins } = layout;
  let { memory } = loaded;
  let { root, mark } = layout;
  let bytes = Buffer.from(memory.buffer);
  /** What lies below the end of what belongs to the module itself, as it was when the data were last changed. */
  const kept = new Uint8Array(base);
  let settled = false;
  let keptMemory = memory.buffer.byteLength;
  let calm = 0;

  const memoryBytes = (): Buffer => {
    if (bytes.buffer !== memory.buffer) bytes = Buffer.from(memory.buffer);
    return bytes;
  };
  /** Notes the state to which evaluations return. What costs time is left for the next of them: patches come in rows. */
  const settle = (): void => {
    mark = instance.opa_heap_ptr_get();
    keptMemory = memory.buffer.byteLength;
    settled = false;
  };
  const finishSettling = (): void => {
    memoryBytes().fill(0, table, table + orderBytes);
    const words = new DataView(memory.buffer, table);
    words.setUint32(orderHeader.mark, mark, true);
    words.setUint32(orderHeader.next, lists, true);
    words.setUint32(orderHeader.end, lists + listBytes, true);
    kept.set(new Uint8Array(memory.buffer, 0, base));
    settled = true;
  };
  /** Grows memory once for what is to come: the module itself grows it page by page. */
  const reserve = (size: number): void => {
    const room = maximum * pageBytes - memory.buffer.byteLength;
    if (size < 2 ** 20 || mark + size <= memory.buffer.byteLength || size >= room) return;
    instance.opa_malloc(size);
    instance.opa_heap_ptr_set(mark);
  };
  const place = (text: string | Uint8Array): { at: number; size: number } =>
    placeText(text, instance, memoryBytes);
  const parse = (text: string | Uint8Array): number => {
    const { at, size } = place(text);
    const value = instance.opa_value_parse(at, size);
    if (value === 0) throw new Aborted("a value that can't be parsed");
    return value;
  };
  /** The same, and gives the text's memory back: for what stays. */
  const load = (text: string): number => {
    const { at, size } = place(text);
    const value = instance.opa_json_parse(at, size);
    instance.opa_free(at);
    if (value === 0) throw new Aborted("data that can't be parsed");
    return value;
  };
  const replace = (): void => {
    calm = 0;
    if (memory.buffer.byteLength !== keptMemory) {
      const old = new Uint8Array(memory.buffer, 0, mark);
      memory = new WebAssembly.Memory({ initial: keptMemory / pageBytes, maximum });
      new Uint8Array(memory.buffer).set(old);
    }
    ({ instance, fuel, read } = start(module, memory, call, table));
    new Uint8Array(memory.buffer).set(kept);
  };
  finishSettling();
  let { instance, fuel, read } = start(module, memory, call, table);
  new Uint8Array(memory.buffer).set(kept);

  return {
    entrypoints,
    builtins,
    get read() {
      return read;
    },
    evaluate(entrypoint, input, budget) {
      if (!settled) finishSettling();
      if (memory.buffer.byteLength > keptMemory && ++calm > calmAfter) replace();
      const before = memory.buffer.byteLength;
      // the input's size is limited at the door: reading it isn't the policy's work
      fuel.value = loadFuel;
      instance.opa_heap_ptr_set(mark);
      memoryBytes().fill(0, table + orderVolatile.from, table + orderVolatile.to);
      const context = instance.opa_eval_ctx_new();
      if (input !== undefined) instance.opa_eval_ctx_set_input(context, parse(input));
      fuel.value = budget;
      instance.opa_eval_ctx_set_data(context, root);
      instance.opa_eval_ctx_set_entrypoint(context, entrypoint);
      if (instance.eval(context) !== 0) throw new Aborted("the evaluation failed");
      if (memory.buffer.byteLength > before) calm = 0;
      return instance.opa_eval_ctx_get_result(context);
    },
    write(text) {
      const { at, size } = place(text);
      const value = instance.opa_value_parse(at, size);
      if (value === 0) throw new Aborted("a value that can't be parsed");
      instance.opa_free(at);
      return value;
    },
    writeInteger(value) {
      const at = instance.opa_malloc(valueBytes.number);
      writeIntegerValue(new DataView(memory.buffer), at, value);
      return at;
    },
    writeBoolean(value) {
      const at = instance.opa_malloc(valueBytes.boolean);
      writeBooleanValue(new DataView(memory.buffer), at, value);
      return at;
    },
    writeString(text) {
      const { at, size } = place(text);
      const value = instance.opa_malloc(valueBytes.string);
      writeStringValue(new DataView(memory.buffer), value, at, size);
      return value;
    },
    dump(address) {
      const from = instance.opa_value_dump(address);
      const all = memoryBytes();
      return all.subarray(from, all.indexOf(0, from));
    },
    fuel: () => BigInt(fuel.value),
    data: () => root,
    patch(patches) {
      fuel.value = loadFuel;
      instance.opa_heap_ptr_set(mark);
      reserve(patches.reduce((sum, { value }) => sum + (value?.length ?? 0), 0) * valueGrowth);
      instance.opa_heap_blocks_restore();
      try {
        for (const { path, value } of patches) {
          if (path.length === 0) {
            const next = load(value ?? "{}");
            instance.opa_value_free(root);
            root = next;
            continue;
          }
          const at = load(JSON.stringify(path));
          const code =
            value === undefined
              ? instance.opa_value_remove_path(root, at)
              : instance.opa_value_add_path(root, at, load(value));
          instance.opa_value_free(at);
          if (code !== 0) throw new Error(`the data can't be changed there (OPA's error ${code})`);
        }
      } finally {
        instance.opa_heap_blocks_stash();
        settle();
      }
    },
    replace,
    memoryBytes: () => memory.buffer.byteLength,
  };
}
