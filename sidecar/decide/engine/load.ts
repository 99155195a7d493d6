/** Lays a policy's data into a linear memory: all that takes its time when a policy is loaded, and needs no host. */
import { stringifyJson } from "../../contract.js";
import { fuelExport } from "../fuel.js";
import type { CallBuiltin, PolicyExports } from "./abi.js";
import { Aborted, importsOf, PolicyRefused, refuseOtherModules } from "./abi.js";
import { orderBytes, orderExport } from "./order.js";
import type { ValueReader } from "./read-value.js";
import { createReader } from "./read-value.js";

export interface LoadParts {
  /** With fuel, {@link addFuel}, and in order, {@link addOrder}. */
  readonly module: WebAssembly.Module;
  /** Base documents as JSON text. */
  readonly data: string;
  /** What an evaluation may take on top of the data, in 64 KiB pages. */
  readonly maxPages: number;
}

/** A module and a memory with its data in it, for an engine to take over. */
export interface Loaded {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly layout: Layout;
}

/** Where what lies in a loaded memory; plain data, so that it can be loaded elsewhere. */
export interface Layout {
  /** Pages of the memory, and the most that it may have. */
  readonly pages: number;
  readonly maximum: number;
  /** End of what belongs to the module itself. */
  readonly base: number;
  /** Address of the table of sorted lists; of the lists, and their size. */
  readonly table: number;
  readonly lists: number;
  readonly listBytes: number;
  /** Address of the base documents. */
  readonly root: number;
  /** Where evaluations allocate from; nothing was written above. */
  readonly mark: number;
  readonly entrypoints: ReadonlyMap<string, number>;
  /** Names of the built-ins that the module imports, by their id. */
  readonly builtins: ReadonlyMap<number, string>;
}

export const pageBytes = 65_536;
/** Bytes that a document takes in memory for each byte of its text, about. */
export const valueGrowth = 12;
/** Loading and patching: enough for data of the largest size that memory can hold, and no more. */
export const loadFuel = 1n << 40n;
/** 4 GiB, which is all that 32 bits reach. */
const mostPages = 65_536;
const probeText = '{"a": [1, -2.50, true, null, "b\\u00e9", 9007199254740993], "s": {"x", 1}}';
const probeJson = '{"a":[1,-2.50,true,null,"bé",9007199254740993],"s":[1,"x"]}';

/** @throws PolicyRefused where the module is no policy, or the data don't fit */
export function loadMemory({ module, data, maxPages }: LoadParts): Loaded {
  refuseOtherModules(module);
  // sized for the data beforehand: growing page by page makes loading quadratic
  const initial = Math.min(mostPages, 64 + Math.ceil((Buffer.byteLength(data) * valueGrowth) / pageBytes));
  const maximum = Math.min(mostPages, initial + maxPages);
  const memory = new WebAssembly.Memory({ initial, maximum });
  const { instance, read } = start(module, memory, callNothing, 0);
  const base = instance.opa_heap_ptr_get();
  const place = (text: string): { at: number; size: number } =>
    placeText(text, instance, () => Buffer.from(memory.buffer));
  const numbersBy = (object: number): Map<string, number> =>
    new Map(Object.entries(read.json(object) as Record<string, number>));

  refuseOtherLayout(() => {
    const { at, size } = place(probeText);
    const value = instance.opa_value_parse(at, size);
    return value === 0 ? "" : stringifyJson(read.json(value));
  });
  const entrypoints = numbersBy(instance.entrypoints());
  const builtins = new Map([...numbersBy(instance.builtins())].map(([name, id]) => [id, name]));
  instance.opa_heap_ptr_set(base);
  const table = instance.opa_malloc(orderBytes);
  const root = refuseTooLarge(() => {
    const { at, size } = place(data);
    const value = instance.opa_json_parse(at, size);
    instance.opa_free(at);
    if (value === 0) throw new Aborted("data that can't be parsed");
    return value;
  });
  // four bytes for a key, which takes sixty and more itself
  const listBytes = 65_536 + Math.ceil((instance.opa_heap_ptr_get() - base) / 16);
  const lists = instance.opa_malloc(listBytes);
  instance.opa_heap_blocks_stash();
  const mark = instance.opa_heap_ptr_get();
  const pages = memory.buffer.byteLength / pageBytes;
  const layout = { pages, maximum, base, table, lists, listBytes, root, mark, entrypoints, builtins };
  return { module, memory, layout };
}

/** Copies a text, or its UTF-8, into memory of its own. */
export function placeText(
  text: string | Uint8Array,
  instance: Pick<PolicyExports, "opa_malloc">,
  memory: () => Buffer,
): { at: number; size: number } {
  const size = typeof text === "string" ? Buffer.byteLength(text) : text.byteLength;
  const at = instance.opa_malloc(size);
  if (typeof text === "string") memory().write(text, at, size);
  else memory().set(text, at);
  return { at, size };
}

export interface Started {
  readonly instance: PolicyExports;
  readonly fuel: WebAssembly.Global;
  readonly read: ValueReader;
}

/** @param table address of the table of sorted lists, 0 for none */
export function start(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  call: CallBuiltin,
  table: number,
): Started {
  const { exports } = new WebAssembly.Instance(module, importsOf(memory, call));
  const order = exports[orderExport] as WebAssembly.Global | undefined;
  if (order !== undefined) order.value = table;
  const fuel = exports[fuelExport] as WebAssembly.Global;
  fuel.value = loadFuel;
  return { instance: exports as unknown as PolicyExports, fuel, read: createReader(memory) };
}

/** Reading values calls no built-in. */
const callNothing: CallBuiltin = () => {
  throw new Aborted("a built-in is called where nothing is evaluated");
};

function refuseTooLarge(load: () => number): number {
  try {
    return load();
  } catch {
    throw new PolicyRefused("the data don't fit into memory; raise decision.max_memory_mb, or give less");
  }
}

function refuseOtherLayout(probe: () => string): void {
  try {
    if (probe() === probeJson) return;
  } catch {
    // what can't even be read is another layout, too
  }
  throw new PolicyRefused("the module keeps its values in another way than OPA 0.44 to 1.22; build it anew");
}
