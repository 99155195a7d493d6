/** Evaluates a document as a sidecar does, and by OPA's own evaluator, and tells where the two differ. */
import type { Json } from "../sidecar/contract.js";
import { isObject, parseJson, stringifyJson } from "../sidecar/contract.js";
import { loadModules } from "../sidecar/bundles/activate.js";
import type { Answer } from "../sidecar/decide/answer.js";
import { serveBuiltins } from "../sidecar/decide/builtins/serve.js";
import { loadPolicy } from "../sidecar/decide/policy.js";
import type { AuthorFiles, EvalRequest } from "../sidecar/rego/author.js";
import { compileBundle } from "../sidecar/rego/build.js";
import type { Toolchain } from "../sidecar/rego/toolchain.js";
import { readBundleFiles } from "./bundle-files.js";
import { drawErrors } from "./draw-errors.js";
import type { Io } from "./main.js";
import { UsageError } from "./main.js";
import { canonical } from "./same-json.js";

export interface SidecarEval {
  readonly request: Omit<EvalRequest, keyof AuthorFiles>;
  readonly data: readonly string[];
  readonly bundles: readonly string[];
  readonly toolchain: Toolchain;
  readonly io: Io;
}

/** What a sidecar has no part in: it is asked for a document, and that is all. */
const notAsked: readonly (readonly [keyof EvalRequest, string])[] = [
  ["partial", "--partial"],
  ["package", "--package"],
  ["explain", "--explain"],
  ["coverage", "--coverage"],
  ["profile", "--profile"],
  ["metrics", "--metrics"],
  ["show_builtin_errors", "--show-builtin-errors"],
  ["timeout_ms", "--timeout"],
];

/** As a sidecar's, unless it is configured otherwise. */
const budget = 10_000_000;

/** Gives the exit code (1: the engines differ, 2: errors), and whether there is a result. @throws UsageError */
export async function evalAsSidecar(parts: SidecarEval): Promise<{ code: number; defined: boolean }> {
  const { request, data, bundles, toolchain, io } = parts;
  for (const [name, flag] of notAsked) {
    if (request[name as keyof typeof request] !== undefined && isSet(request[name as keyof typeof request]))
      throw new UsageError(`${flag} is not for --engine wasm: a sidecar evaluates documents, as they are`);
  }
  if ((request.imports ?? []).length > 0 || (request.count ?? 1) > 1 || request.format === "bindings")
    throw new UsageError("--import, --count and --format bindings are not for --engine wasm");
  if (!/^data(\.[A-Za-z_]\w*|\["[^"\\]*"\])+$/.test(request.query.trim()))
    throw new UsageError("--engine wasm: QUERY is a document such as data.a.b, as a sidecar is asked for it");
  const path = [...request.query.matchAll(/\.([A-Za-z_]\w*)|\["([^"\\]*)"\]/g)].map(
    ([, a, b]) => a ?? b ?? "",
  );
  const paths = [...bundles, ...data];
  const json = paths.find((one) => /\.(json|ya?ml)$/.test(one));
  if (paths.length === 0 || json !== undefined)
    throw new UsageError("--engine wasm: give folders, .rego files or .tar.gz, which are read as bundles");
  const fail = { code: 2, defined: false };

  const read = await readBundleFiles(paths, { ignore: request.ignore ?? [], tell: bundles.length === 0 });
  if (read.kind === "rejected") {
    io.err(drawErrors(read.errors, {}));
    return fail;
  }
  if (read.told !== "") io.err(read.told);
  const built = await compileBundle({
    entries: read.entries,
    toolchain,
    ...(request.rego_version === undefined ? {} : { regoVersion: request.rego_version }),
  });
  if (built.kind === "rejected") {
    const named = built.errors.map((one) =>
      one.file === undefined ? one : { ...one, file: read.shown(one.file) },
    );
    io.err(drawErrors(named, read.sources()));
    return fail;
  }
  const input = request.input_text === undefined ? undefined : parseJson(request.input_text);
  const { bundle } = built;
  const builtins = serveBuiltins();
  const policy = loadModules(bundle, ({ wasm, data: base }) =>
    loadPolicy({ wasm, data: base, budget, maxPages: 1_024, builtins }),
  );
  const strict = request.strict_builtin_errors ?? false;
  const evaluated = policy.evaluate(path.join("/"), input, { strictBuiltinErrors: strict });
  const answer = evaluated.kind === "pending" ? await evaluated.settled : evaluated;
  const ids = answer.kind === "failed" ? [] : answer.rules.map((index) => bundle.rules[index]?.id ?? "?");
  if (ids.length > 0) io.err(`rules that held: ${ids.join(", ")}\n`);
  show(answer, request.format ?? "json", request.query.trim(), io);

  const rego = [...read.entries].filter(([place]) =>
    /\.rego$|(^|\/)data\.(json|ya?ml)$|^\.manifest$/.test(place),
  );
  if (!rego.some(([place]) => place.endsWith(".rego"))) {
    io.err("the bundle holds no Rego: there is nothing to compare with\n");
    return { code: answer.kind === "failed" ? 2 : 0, defined: answer.kind === "value" };
  }
  const decoder = new TextDecoder();
  const files = Object.fromEntries(rego.map(([place, bytes]) => [`bundle/${place}`, decoder.decode(bytes)]));
  const reference = await toolchain.author("eval", {
    ...{ ...request, format: "json", paths: [], bundles: ["bundle"], archives: {}, files },
  });
  const theirs = reference.kind === "rejected" ? reference.errors[0]?.message : valueIn(reference.result.out);
  const ours =
    answer.kind === "value"
      ? canonical(answer.value)
      : answer.kind === "undefined"
        ? "undefined"
        : "an error";
  if (ours === theirs) return { code: answer.kind === "failed" ? 2 : 0, defined: answer.kind === "value" };
  io.err(`the engines differ: OPA's evaluator gives ${theirs ?? "nothing"}\n`);
  return { code: answer.kind === "failed" ? 2 : 1, defined: answer.kind === "value" };
}

const isSet = (value: unknown): boolean => value !== false && value !== "";

/** Prints as `opa eval` prints one value. */
function show(answer: Answer, format: string, text: string, io: Io): void {
  if (answer.kind === "failed") {
    const { fault, code, detail } = answer;
    io.err(
      `1 error occurred: ${fault === undefined ? `${code}: ${detail}` : `${fault.code}: ${fault.message}`}\n`,
    );
    return;
  }
  const value: Json | undefined = answer.kind === "value" ? answer.value : undefined;
  if (format === "json" || format === "discard") {
    const expressions = value === undefined ? [] : [{ value, text, location: { row: 1, col: 1 } }];
    const result: Json = format === "discard" ? "discarded" : [{ expressions }];
    io.out(`${stringifyJson(value === undefined ? {} : { result }, 2)}\n`);
  } else if (value === undefined) io.out(format === "pretty" ? "undefined\n" : "");
  else if (format === "pretty") io.out(`${stringifyJson(value, 2)}\n`);
  else if (format === "values") io.out(`${stringifyJson([value], 2)}\n`);
  else io.out(`${typeof value === "string" ? value : stringifyJson(value)}\n`);
}

/** Gives the value in what `opa eval` prints. */
function valueIn(out: string): string {
  const read = parseJson(out);
  if (!isObject(read)) return "nothing";
  if (read["errors"] !== undefined) return "an error";
  const [first] = Array.isArray(read["result"]) ? read["result"] : [];
  const [expression] = isObject(first) && Array.isArray(first["expressions"]) ? first["expressions"] : [];
  return isObject(expression) && expression["value"] !== undefined
    ? canonical(expression["value"])
    : "undefined";
}
