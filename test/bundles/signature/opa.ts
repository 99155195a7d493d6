/** Asks OPA's own packages, built with Go: `opa/main.go` says what they do. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { root } from "../../world.js";

export interface Question {
  readonly do: "sign" | "build" | "verify" | "hash";
  readonly archive?: Uint8Array;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly key?: string;
  readonly alg?: string;
  readonly keyid?: string;
  readonly claims?: string;
  readonly hash?: string;
  readonly keys?: Readonly<Record<string, { key: string; algorithm: string; scope?: string }>>;
  readonly scope?: string;
  readonly exclude?: readonly string[];
}

export interface Answer {
  readonly bytes?: Buffer;
  readonly text?: string;
  readonly error?: string;
}

const program = join(root, ".cache", "opa-signatures");

/** Builds the program with the toolchain's module, so that it is the same OPA. */
export function buildOpa(): void {
  execFileSync("go", ["build", "-o", program, join(root, "test/bundles/signature/opa/main.go")], {
    cwd: join(root, "sidecar", "rego", "toolchain"),
  });
}

export function askOpa(questions: readonly Question[]): Answer[] {
  const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString("base64");
  const asked = questions.map(({ archive, files, ...rest }) => ({
    ...rest,
    ...(archive === undefined ? {} : { archive: base64(archive) }),
    ...(files === undefined
      ? {}
      : { files: Object.fromEntries(Object.entries(files).map(([name, text]) => [name, base64(text)])) }),
  }));
  const out = execFileSync(program, { input: JSON.stringify(asked), maxBuffer: 2 ** 28, encoding: "utf8" });
  const answers = JSON.parse(out) as { bytes?: string; text?: string; error?: string }[];
  return answers.map(({ bytes, ...rest }) => ({
    ...rest,
    ...(bytes === undefined ? {} : { bytes: Buffer.from(bytes, "base64") }),
  }));
}
