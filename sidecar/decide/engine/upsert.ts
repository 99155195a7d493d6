/**
 * Keeps `with input.a as …` from writing into what is no object.
 *
 * For it OPA's compiler copies the input and inserts into the copy, without asking whether the input is an object: a text, a
 * number or a list is then written into as if its struct were a hash table, at addresses that its length and content name.
 * The loader replaces `opa_value_shallow_copy`, which is called for this: of what is no object it gives an empty one, as OPA's
 * Go evaluator does. The one other caller, `opa_agg_sort`, copies lists: while it runs, lists are copied.
 *
 * Source: OPA 1.22, internal/compiler/wasm/wasm.go (`compileUpsert`), wasm/src/aggregates.c, v1/topdown/input.go.
 */
import { bytesOf, concat, unsigned } from "../wasm-binary.js";
import {
  call,
  equal,
  functionOf,
  get,
  getGlobal,
  int,
  loadByte,
  set,
  setGlobal,
  whenGives,
} from "./instructions.js";
import { appendTo, codeAt, findFunction, readSections, replaceCode } from "./sections.js";

const objectType = 6;

/** @returns the module as it is where nothing is copied, or its functions have no names */
export function guardUpsert(wasm: Uint8Array): Uint8Array {
  const sections = readSections(wasm);
  const copy = findFunction(sections, "opa_value_shallow_copy");
  const empty = findFunction(sections, "opa_object");
  const copying = copy === undefined ? undefined : codeAt(sections, copy.defined);
  if (copy === undefined || copying === undefined || empty === undefined) return wasm;
  const isSorting = copy.globals;
  const [value, result] = [0, 1];
  const added = [{ type: copy.type, body: copying }];
  const replaced = new Map([
    [
      copy.defined,
      functionOf(
        0,
        concat([getGlobal(isSorting), whenGives([int(1)], [get(value), loadByte, int(objectType), equal])]),
        whenGives([get(value), call(copy.functions)], [call(empty.index)]),
      ),
    ],
  ]);
  // a module has it only where its policy sorts
  const sort = findFunction(sections, "opa_agg_sort");
  const sorting = sort === undefined ? undefined : codeAt(sections, sort.defined);
  if (sort !== undefined && sorting !== undefined) {
    added.push({ type: sort.type, body: sorting });
    // what traps leaves the mark: an instance is replaced after each failure
    const marked = concat([int(1), setGlobal(isSorting), get(value), call(copy.functions + 1), set(result)]);
    replaced.set(sort.defined, functionOf(1, marked, concat([int(0), setGlobal(isSorting), get(result)])));
  }
  const out: Uint8Array[] = [wasm.subarray(0, 8)];
  for (const { id, body } of sections) {
    const rewritten =
      id === 3
        ? appendTo(
            body,
            added.map(({ type }) => unsigned(type)),
          )
        : id === 6
          ? appendTo(body, [bytesOf(0x7f, 0x01, 0x41, 0x00, 0x0b)])
          : id === 10
            ? replaceCode(
                body,
                replaced,
                added.map((one) => one.body),
              )
            : body;
    out.push(bytesOf(id), unsigned(rewritten.byteLength), rewritten);
  }
  return concat(out);
}
