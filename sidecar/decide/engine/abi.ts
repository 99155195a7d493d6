/** The WASM ABI of OPA's policies, as far as the engine uses it. Source: OPA, "Wasm", ABI 1.3. */

export interface PolicyExports {
  opa_malloc(size: number): number;
  opa_free(address: number): void;
  opa_json_parse(address: number, size: number): number;
  opa_value_parse(address: number, size: number): number;
  opa_value_dump(value: number): number;
  opa_value_free(value: number): void;
  opa_value_add_path(base: number, path: number, value: number): number;
  opa_value_remove_path(base: number, path: number): number;
  opa_heap_ptr_get(): number;
  opa_heap_ptr_set(address: number): void;
  opa_heap_blocks_stash(): void;
  opa_heap_blocks_restore(): void;
  opa_eval_ctx_new(): number;
  opa_eval_ctx_set_input(context: number, value: number): void;
  opa_eval_ctx_set_data(context: number, value: number): void;
  opa_eval_ctx_set_entrypoint(context: number, id: number): void;
  opa_eval_ctx_get_result(context: number): number;
  eval(context: number): number;
  builtins(): number;
  entrypoints(): number;
}

const required: readonly (keyof PolicyExports | "opa_wasm_abi_version" | "opa_wasm_abi_minor_version")[] = [
  ...(["opa_wasm_abi_version", "opa_wasm_abi_minor_version", "opa_malloc", "opa_free"] as const),
  ...(["opa_json_parse", "opa_value_parse", "opa_value_dump", "opa_value_free"] as const),
  ...(["opa_value_add_path", "opa_value_remove_path", "opa_heap_ptr_get", "opa_heap_ptr_set"] as const),
  ...(["opa_heap_blocks_stash", "opa_heap_blocks_restore", "opa_eval_ctx_new"] as const),
  ...(["opa_eval_ctx_set_input", "opa_eval_ctx_set_data", "opa_eval_ctx_set_entrypoint"] as const),
  ...(["opa_eval_ctx_get_result", "eval", "builtins", "entrypoints"] as const),
];

/** Why a module can't be used. */
export class PolicyRefused extends Error {
  override readonly name = "PolicyRefused";
  /** @param missing the built-ins that nobody serves, where that is why */
  constructor(
    message: string,
    readonly missing: readonly string[] = [],
  ) {
    super(message);
  }
}

/** @throws PolicyRefused where a module isn't a policy of ABI 1.3, which OPA writes since 0.44 */
export function refuseOtherModules(module: WebAssembly.Module): void {
  const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  for (const name of required) {
    if (!exported.has(name)) {
      throw new PolicyRefused(
        `the module is no policy of OPA's WASM ABI 1.3: ${name} is missing; build it with OPA 0.44 or later`,
      );
    }
  }
}

/** What a policy's own fault stopped: `opa_abort` with its message. */
export class Aborted extends Error {
  override readonly name = "Aborted";
}

/** Answers a call of a built-in: the address of a value, 0 for undefined. What it throws ends the evaluation. */
export type CallBuiltin = (id: number, args: readonly number[]) => number;

/** Makes the imports that a policy needs from its host. */
export function importsOf(memory: WebAssembly.Memory, call: CallBuiltin): WebAssembly.Imports {
  const textAt = (address: number): string => {
    const bytes = Buffer.from(memory.buffer);
    return bytes.toString("utf8", address, bytes.indexOf(0, address));
  };
  return {
    env: {
      memory,
      opa_abort: (address: number) => {
        throw new Aborted(textAt(address));
      },
      // only test builds of the module's C part write here
      opa_println: () => undefined,
      opa_builtin0: (id: number) => call(id, []),
      opa_builtin1: (id: number, _: number, ...args: number[]) => call(id, args),
      opa_builtin2: (id: number, _: number, ...args: number[]) => call(id, args),
      opa_builtin3: (id: number, _: number, ...args: number[]) => call(id, args),
      opa_builtin4: (id: number, _: number, ...args: number[]) => call(id, args),
    },
  };
}
