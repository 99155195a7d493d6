/** The programs of docs/examples, run as they stand there, in each language that this machine has. */
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import ts from "typescript";
import { root } from "../world.js";
import { audience, issuer, startAssertionWorld, type AssertionWorld } from "./world.js";

interface Run {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

const cache = join(root, ".cache");
const python = join(cache, "python");
const example = (language: string): string => join(root, "docs/examples", `verify-assertion.${language}`);
const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;
const pythonPath = { PYTHONPATH: python };

interface Language {
  readonly name: string;
  /** Why it isn't run here, where it isn't. */
  readonly missing: () => string | undefined;
  /** Gives the command that takes an assertion as its argument. */
  readonly prepare: (directory: string) => readonly string[];
}

const languages: readonly Language[] = [
  {
    name: "TypeScript",
    missing: () => undefined,
    prepare() {
      // beside node_modules, so that jose is found
      const folder = join(cache, "examples");
      mkdirSync(folder, { recursive: true });
      const path = join(folder, `verify-assertion-${process.pid}.mjs`);
      const { outputText } = ts.transpileModule(readFileSync(example("ts"), "utf8"), {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      });
      writeFileSync(path, outputText);
      return ["node", path];
    },
  },
  {
    name: "Python",
    missing() {
      const found = spawnSync("python3", ["-c", "import jwt, cryptography"], {
        env: { ...process.env, ...pythonPath },
      });
      if (found.status === 0) return undefined;
      return "PyJWT isn't there; get it with: pip install --target .cache/python pyjwt cryptography";
    },
    prepare: () => ["python3", example("py")],
  },
  {
    name: "Go",
    missing: () => (has("go", "version") ? undefined : "Go isn't there"),
    prepare(directory) {
      // what the toolchain is built with has the library: nothing is fetched
      const toolchain = join(root, "sidecar/rego/toolchain");
      const module = readFileSync(join(toolchain, "go.mod"), "utf8").replace(
        /^module .*$/m,
        "module example",
      );
      writeFileSync(join(directory, "go.mod"), module);
      copyFileSync(join(toolchain, "go.sum"), join(directory, "go.sum"));
      copyFileSync(example("go"), join(directory, "main.go"));
      const env = { ...process.env, GOFLAGS: "-mod=mod -buildvcs=false" };
      const built = spawnSync("go", ["build", "-o", "verify", "."], { cwd: directory, env });
      if (built.status !== 0) throw new Error(String(built.stderr));
      return [join(directory, "verify")];
    },
  },
];

const run = ([program = "", ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<Run> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...pythonPath, ...env } });
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk) => (out += String(chunk)));
    child.stderr.on("data", (chunk) => (err += String(chunk)));
    child.on("error", reject);
    child.on("close", (status) => {
      resolve({ status, out, err });
    });
  });

let directory: string;
const prepared = new Map<string, readonly string[]>();
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "countersign-examples-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Prepares a language's program once. */
function commandOf({ name, prepare }: Language): readonly string[] {
  const command = prepared.get(name) ?? prepare(directory);
  prepared.set(name, command);
  return command;
}

describe.each(["ES256", "EdDSA"])("an assertion signed with %s", (algorithm) => {
  let world: AssertionWorld;
  let other: AssertionWorld;
  const assertions: Record<string, string> = {};
  beforeAll(async () => {
    world = await startAssertionWorld({ signing: { algorithm } });
    other = await startAssertionWorld({ signing: { algorithm }, wanted: { type: "JWT" } });
    for (const [name, from] of [
      ["good", world],
      ["another signer's", other],
    ] as const) {
      expect((await from.ask("senior")).status).toBe(200);
      assertions[name] = from.received();
    }
    const [head = "", body = "", signature = ""] = (assertions["good"] ?? "").split(".");
    const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: "root" })).toString("base64url");
    assertions["forged"] = `${head}.${forged}.${signature}`;
    const none = Buffer.from(JSON.stringify({ alg: "none", typ: "countersign-assertion+jwt" })).toString(
      "base64url",
    );
    assertions["unsigned"] = `${none}.${body}.`;
  });
  afterAll(async () => {
    await world.close();
    await other.close();
  });

  describe.each(languages)("$name", (language) => {
    const { name } = language;
    const reason = language.missing();
    if (reason !== undefined) {
      test.skip(`isn't run: ${reason}`, () => undefined);
      return;
    }
    test("believes a good one, and no other", async () => {
      const command = commandOf(language);
      const env = {
        JWKS_URL: `${world.gatewayUrl}/.well-known/jwks.json`,
        ISSUER: issuer,
        AUDIENCE: audience,
      };
      const verify = (assertion: string, more: NodeJS.ProcessEnv = {}): Promise<Run> =>
        run([...command, assertion], { ...env, ...more });
      const { good = "", ...bad } = assertions;
      const [accepted, ...refused] = await Promise.all([
        verify(good),
        verify(good, { AUDIENCE: "https://other.internal" }),
        verify(good, { ISSUER: "https://other.example" }),
        ...Object.values(bad).map((assertion) => verify(assertion)),
      ]);
      expect([name, accepted.status, accepted.err]).toEqual([name, 0, ""]);
      expect(JSON.parse(accepted.out)).toMatchObject({ sub: "sam@acme.example", tenant: "acme" });
      expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 1));
      expect(refused.map(({ out }) => out).join("")).toBe("");
    }, 120_000);
  });

  test.each(languages.filter(({ missing }) => missing() === undefined))(
    "$name tells it from another kind of token of the same signer",
    async (language) => {
      expect((await other.ask("senior")).status).toBe(200);
      const { status } = await run([...commandOf(language), other.received()], {
        JWKS_URL: `${other.gatewayUrl}/.well-known/jwks.json`,
        ISSUER: issuer,
        AUDIENCE: audience,
      });
      expect(status).toBe(1);
    },
    120_000,
  );
});
