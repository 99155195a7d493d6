/** Compares the engine with OPA's own evaluator on many inputs. */
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import type { ResolveBuiltin } from "../../sidecar/decide/builtins/host.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";

export interface Comparison {
  readonly files: Readonly<Record<string, string>>;
  /** `a/b/c` */
  readonly entrypoint: string;
  /** JSON texts. */
  readonly inputs: readonly string[];
  readonly regoVersion?: 0 | 1;
}

export interface Difference {
  readonly input: string;
  readonly ours: string;
  readonly opa: string;
}

/** Gives the inputs on which the two differ: in the result to the last byte, in being undefined, or in the error's code. */
export async function compare(
  toolchain: Toolchain,
  { files, entrypoint, inputs, regoVersion }: Comparison,
  builtins: ResolveBuiltin,
): Promise<Difference[]> {
  const version = regoVersion === undefined ? {} : { rego_version: regoVersion };
  const built = await toolchain.build({ files, entrypoints: [entrypoint], ...version });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  const policy = loadPolicy({
    wasm: new Uint8Array(Buffer.from(built.result.wasm, "base64")),
    data: built.result.data,
    budget: 20_000_000,
    maxPages: 1_024,
    builtins,
  });
  const theirs = await askOpa(toolchain, { files, entrypoint, inputs, ...version });
  return inputs.flatMap((input, i) => {
    const answer = policy.evaluate(entrypoint, parseJson(input));
    const ours =
      answer.kind === "value"
        ? stringifyJson(parseJson(stringifyJson(answer.value), { depth: 10_000 }))
        : answer.kind === "failed"
          ? `error ${answer.fault?.code ?? `${answer.code} ${answer.detail}`}`
          : answer.kind;
    const opa = theirs[i] ?? "undefined";
    return ours === opa ? [] : [{ input, ours, opa }];
  });
}

interface Asked {
  readonly files: Readonly<Record<string, string>>;
  readonly entrypoint: string;
  readonly inputs: readonly string[];
  readonly rego_version?: 0 | 1;
}

/** Results as JSON text, in order; an input that gives an error fails its batch, which is then halved. */
async function askOpa(toolchain: Toolchain, asked: Asked): Promise<(string | undefined)[]> {
  const { files, entrypoint, inputs } = asked;
  const path = `data${entrypoint
    .split("/")
    .map((part) => `[${JSON.stringify(part)}]`)
    .join("")}`;
  const outcome = await toolchain.evaluate({
    ...asked,
    files: { ...files, "differential_inputs/data.json": `{"list":[${inputs.join()}]}` },
    query: `json.marshal({format_int(i, 10): r | input_i := data.differential_inputs.list[i]; r := ${path} with input as input_i})`,
  });
  if (outcome.kind === "done") {
    const [text] = outcome.result.results as string[];
    const results = parseJson(text ?? "{}", { depth: 10_000 }) as Record<string, never>;
    return inputs.map((_, i) => {
      const found = results[String(i)];
      return found === undefined ? undefined : stringifyJson(found);
    });
  }
  if (inputs.length === 1) {
    const [first] = outcome.errors;
    const code = /\b(eval_[a-z_]+error)\b/.exec(first?.message ?? "")?.[1] ?? first?.code;
    return [`error ${code ?? "unknown"}`];
  }
  const half = Math.ceil(inputs.length / 2);
  const halves: (string | undefined)[][] = [];
  for (const part of [inputs.slice(0, half), inputs.slice(half)]) {
    halves.push(await askOpa(toolchain, { ...asked, inputs: part }));
  }
  return halves.flat();
}
