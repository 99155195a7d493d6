/**
 * Lets the host serve built-ins that a policy's module has itself: their functions call the host, and where it says
 * that the module is right, the module's own code goes on. Source: OPA, internal/compiler/wasm/wasm.go.
 */
import { bytesOf, concat, unsigned } from "../wasm-binary.js";
import { call, equal, functionOf, get, int, tee, whenGives } from "./instructions.js";
import {
  appendTo,
  codeAt,
  findFunction,
  importedFunction,
  parametersOf,
  readSections,
  replaceCode,
} from "./sections.js";

/** Ids of built-ins that the host serves instead of the module begin here; the module's own count from 0. */
export const firstInsteadId = 1 << 24;
/** What the host gives where the module's own code is right: no address of a value. */
export const moduleGoesOn = -1;

/** The C function of each built-in that OPA's module has. */
export const moduleFunctions: Readonly<Record<string, string>> = {
  abs: "opa_arith_abs",
  all: "opa_agg_all",
  and: "opa_set_intersection",
  any: "opa_agg_any",
  "array.concat": "opa_array_concat",
  "array.flatten": "opa_array_flatten",
  "array.reverse": "opa_array_reverse",
  "array.slice": "opa_array_slice",
  "base64.decode": "opa_base64_decode",
  "base64.encode": "opa_base64_encode",
  "base64.is_valid": "opa_base64_is_valid",
  "base64url.decode": "opa_base64_url_decode",
  "base64url.encode": "opa_base64_url_encode",
  "bits.and": "opa_bits_and",
  "bits.lsh": "opa_bits_shiftleft",
  "bits.negate": "opa_bits_negate",
  "bits.or": "opa_bits_or",
  "bits.rsh": "opa_bits_shiftright",
  "bits.xor": "opa_bits_xor",
  ceil: "opa_arith_ceil",
  concat: "opa_strings_concat",
  contains: "opa_strings_contains",
  count: "opa_agg_count",
  div: "opa_arith_divide",
  endswith: "opa_strings_endswith",
  floor: "opa_arith_floor",
  format_int: "opa_strings_format_int",
  "glob.match": "opa_glob_match",
  "graph.reachable": "builtin_graph_reachable",
  indexof: "opa_strings_indexof",
  "internal.template_string": "opa_template_string",
  intersection: "opa_sets_intersection",
  "json.filter": "builtin_json_filter",
  "json.is_valid": "opa_json_is_valid",
  "json.marshal": "opa_json_marshal",
  "json.remove": "builtin_json_remove",
  "json.unmarshal": "opa_json_unmarshal",
  lower: "opa_strings_lower",
  max: "opa_agg_max",
  min: "opa_agg_min",
  minus: "opa_arith_minus",
  mul: "opa_arith_multiply",
  "net.cidr_contains": "opa_cidr_contains",
  "net.cidr_intersects": "opa_cidr_intersects",
  "numbers.range": "opa_numbers_range",
  "object.filter": "builtin_object_filter",
  "object.get": "builtin_object_get",
  "object.keys": "builtin_object_keys",
  "object.remove": "builtin_object_remove",
  "object.union": "builtin_object_union",
  "object.union_n": "builtin_object_union_n",
  or: "opa_set_union",
  plus: "opa_arith_plus",
  product: "opa_agg_product",
  "regex.find_all_string_submatch_n": "opa_regex_find_all_string_submatch",
  "regex.is_valid": "opa_regex_is_valid",
  "regex.match": "opa_regex_match",
  rem: "opa_arith_rem",
  replace: "opa_strings_replace",
  round: "opa_arith_round",
  sort: "opa_agg_sort",
  split: "opa_strings_split",
  startswith: "opa_strings_startswith",
  "strings.replace_n": "opa_strings_replace_n",
  "strings.reverse": "opa_strings_reverse",
  substring: "opa_strings_substring",
  sum: "opa_agg_sum",
  to_number: "opa_to_number",
  trim: "opa_strings_trim",
  trim_left: "opa_strings_trim_left",
  trim_prefix: "opa_strings_trim_prefix",
  trim_right: "opa_strings_trim_right",
  trim_space: "opa_strings_trim_space",
  trim_suffix: "opa_strings_trim_suffix",
  union: "opa_sets_union",
  upper: "opa_strings_upper",
};

/** By id: the built-in that stands behind it. */
export const insteadNames: ReadonlyMap<number, string> = new Map(
  Object.keys(moduleFunctions).map((name, i) => [firstInsteadId + i, name]),
);

/** Rewrites a module so that the host is asked first for the named built-ins; those that it doesn't have are left out. */
export function addInstead(wasm: Uint8Array, names: ReadonlySet<string>): Uint8Array {
  const sections = readSections(wasm);
  const replaced = new Map<number, Uint8Array>();
  const added: Uint8Array[] = [];
  const types: number[] = [];
  for (const [id, name] of insteadNames) {
    const found = names.has(name) ? findFunction(sections, moduleFunctions[name] ?? "") : undefined;
    const body = found === undefined ? undefined : codeAt(sections, found.defined);
    if (found === undefined || body === undefined || replaced.has(found.defined)) continue;
    const parameters = parametersOf(sections, found.type);
    const host = importedFunction(sections, "env", `opa_builtin${parameters}`);
    if (host === undefined) continue;
    replaced.set(found.defined, asking(id, parameters, host, found.functions + added.length));
    added.push(body);
    types.push(found.type);
  }
  if (replaced.size === 0) return wasm;
  const out: Uint8Array[] = [wasm.subarray(0, 8)];
  for (const { id, body } of sections) {
    const rewritten =
      id === 3 ? appendTo(body, types.map(unsigned)) : id === 10 ? replaceCode(body, replaced, added) : body;
    out.push(bytesOf(id), unsigned(rewritten.byteLength), rewritten);
  }
  return concat(out);
}

/** `r = opa_builtinN(id, 0, …); r == -1 ? original(…) : r` */
function asking(id: number, parameters: number, host: number, original: number): Uint8Array {
  const own = Array.from({ length: parameters }, (_, i) => get(i));
  const result = parameters;
  return functionOf(
    1,
    concat([int(id), int(0), ...own, call(host), tee(result), int(moduleGoesOn), equal]),
    whenGives([...own, call(original)], [get(result)]),
  );
}
