/**
 * Rewrites a module's code so that it burns fuel. Source: WebAssembly Core Specification 2.0, "Binary Format".
 *
 * INVARIANT: control moves forward in a function except to the head of a loop. So what a head takes for each begun
 * kilobyte of its loop, and an entry for each of its function, bounds all that may run until the next head is met.
 * Instructions whose work isn't constant (copies, fills, growth) take for it themselves.
 */
import { createScan } from "./fuel-scan.js";
import { bytesOf, concat, createReader, signed, unsigned, WasmRefused } from "./wasm-binary.js";

export interface FunctionTypes {
  /** Number of parameters, by the function's place in the code section. */
  readonly parameters: readonly number[];
}

/** Bytes (or entries of a table) that a unit pays for in a copy, as a power of two. */
const copyShift = 6;

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
  const scan = createScan(body, global);
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
