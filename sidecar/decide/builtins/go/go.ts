/**
 * Calls OPA's Go implementation of built-ins, as WASM in this process: `rego/toolchain/builtins`. Every call burns fuel
 * and memory has a maximum; after a fault the next call meets a fresh copy of the state after start-up.
 */
import type { GoExports } from "./go-instance.js";
import { startGo } from "./go-instance.js";
import { loadGoModule } from "./go-module.js";
import type { GoWorld } from "./go-wasi.js";

export interface GoContext {
  /** Nanoseconds since the epoch. */
  readonly nowNs: bigint;
  /** 32 bytes: the same for a decision give the same `rand.intn` and `uuid.rfc4122`. */
  readonly seed: () => Uint8Array;
  /** A number of its own for each decision of a policy; with `seed`, which is a decision's own, it tells it from others. */
  readonly decision: number;
  /** Units: turns of loops and calls of functions within Go's code. */
  readonly fuel: number;
}

export type GoAnswer =
  /** `text`: as `opa_value_parse` reads it. `bytes`: those of a string that is no UTF-8; `text` has U+FFFD there. */
  | { readonly kind: "value"; readonly text: Uint8Array; readonly bytes?: Uint8Array }
  | { readonly kind: "undefined" }
  /** OPA's code (`eval_type_error` …) and message: undefined in Rego, unless errors are strict. */
  | { readonly kind: "error"; readonly code: string; readonly message: string }
  /** INVARIANT: no error, which a policy would take for undefined: the evaluation fails. */
  | { readonly kind: "failed"; readonly code: "evaluation_budget_exceeded" | "evaluation_error" };

export interface GoBuiltins {
  /** Bytes of memory that Go has used so far. */
  usedBytes(): number;
  /**
   * Calls a built-in; never throws.
   * @param args UTF-8 of the arguments, each as `opa_value_dump` writes it, in an array `[a, b]`
   */
  call(name: string, args: Uint8Array, context: GoContext): GoAnswer;
}

export interface GoBuiltinsParts {
  /** The reactor, metered when it was built. */
  readonly wasmPath?: string;
  readonly maxMemoryPages?: number;
  /** What `opa.runtime()` gives, as `opa_value_dump` writes it. */
  readonly runtime?: string;
}

/** Longest text of the arguments; longer is more than a decision may cost. */
const argumentBytes = 16 << 20;

/** Memory beyond that is given back before the next decision. */
const calmBytes = 96 << 20;

/** First byte of an answer. */
const kind = { value: 0, undefined: 1, error: 2, tooLarge: 3, bytes: 5 } as const;

/**
 * Loads and starts the Go code.
 * @throws Error where the reactor is missing or another one
 */
export function createGoBuiltins(parts: GoBuiltinsParts = {}): GoBuiltins {
  const world: GoWorld = { memory: undefined, nowNs: 0n, seed: () => new Uint8Array(32), outOfMemory: false };
  const instance = startGo({
    module: loadGoModule(parts.wasmPath, parts.maxMemoryPages),
    world,
    prepare(exports) {
      exports.builtins_buffer(4_096);
      if (parts.runtime === undefined) return;
      const text = Buffer.from(parts.runtime);
      new Uint8Array(exports.memory.buffer).set(text, exports.builtins_buffer(text.byteLength));
      if (exports.builtins_set_runtime(text.byteLength) !== 1) throw new Error("runtime is no value");
    },
  });
  let broken = false;
  let decisions = 0;
  let last: Pick<GoContext, "decision" | "seed"> | undefined;

  return {
    usedBytes: () => instance.usedBytes(),
    call(name, args, context) {
      if (args.byteLength > argumentBytes) return exceeded;
      // two policies may count their decisions alike
      if (last?.decision !== context.decision || last.seed !== context.seed) {
        decisions++;
        // not within a decision, whose random numbers Go keeps
        broken ||= instance.usedBytes() > calmBytes;
      }
      last = { decision: context.decision, seed: context.seed };
      if (broken) instance.restore();
      broken = true;
      const { exports, fuel } = instance;
      world.nowNs = context.nowNs;
      world.seed = context.seed;
      world.outOfMemory = false;
      try {
        fuel.value = BigInt(Math.max(0, Math.floor(context.fuel)));
        const { answer, whole } = request(exports, name, args, context.nowNs, decisions);
        broken = !whole;
        return answer;
      } catch {
        // INVARIANT: the throw itself may hold arguments; only which limit was met is told
        return world.outOfMemory || BigInt(fuel.value) < 0n ? exceeded : failed;
      }
    },
  };
}

const exceeded: GoAnswer = { kind: "failed", code: "evaluation_budget_exceeded" };
const failed: GoAnswer = { kind: "failed", code: "evaluation_error" };

function request(
  exports: GoExports,
  name: string,
  args: Uint8Array,
  nowNs: bigint,
  decision: number,
): { answer: GoAnswer; whole: boolean } {
  const nameBytes = Buffer.from(name);
  const at = exports.builtins_buffer(nameBytes.byteLength + args.byteLength);
  const memory = new Uint8Array(exports.memory.buffer);
  memory.set(nameBytes, at);
  memory.set(args, at + nameBytes.byteLength);
  const packed = exports.builtins_call(nameBytes.byteLength, args.byteLength, nowNs, decision);
  const from = Number(BigInt.asUintN(32, packed >> 32n));
  const size = Number(BigInt.asUintN(32, packed));
  const out = Buffer.from(exports.memory.buffer, from, size);
  const content = out.subarray(1);
  switch (out[0]) {
    case kind.value:
      return { answer: { kind: "value", text: new Uint8Array(content) }, whole: true };
    case kind.bytes: {
      const bytes = new Uint8Array(content);
      return {
        answer: { kind: "value", text: Buffer.from(JSON.stringify(content.toString())), bytes },
        whole: true,
      };
    }
    case kind.undefined:
      return { answer: { kind: "undefined" }, whole: true };
    case kind.error:
      return { answer: errorOf(content), whole: true };
    case kind.tooLarge:
      return { answer: exceeded, whole: true };
    // what panicked may have left locks; anything else isn't Go's
    default:
      return { answer: failed, whole: false };
  }
}

function errorOf(content: Buffer): GoAnswer {
  const end = content.indexOf(0);
  return {
    kind: "error",
    code: content.toString("utf8", 0, end),
    message: content.toString("utf8", end + 1),
  };
}
