/**
 * The Dockerfile, without a Docker daemon: its COPY and RUN lines are carried out stage by stage in empty folders, and what the
 * last stage holds is started. What its compilers are to make is taken from the build that runs this test, unless IMAGE is set
 * (`make test-all`).
 */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { until } from "../redis.js";
import { root } from "../world.js";

const folder = mkdtempSync(join(tmpdir(), "countersign-image-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Stage {
  readonly name: string;
  readonly lines: readonly string[];
}

function readStages(): Stage[] {
  const text = readFileSync(join(root, "Dockerfile"), "utf8").replace(/\\\n/g, " ");
  return text
    .split(/^FROM /m)
    .slice(1)
    .map((part) => {
      const [head = "", ...lines] = part.split("\n");
      return { name: / AS (\w+)/.exec(head)?.[1] ?? "final", lines };
    });
}

/** The folder of a stage's root; WORKDIRs are folders in it. */
const at = (stage: string, path = ""): string => join(folder, stage, path);

function carryOut({ name, lines }: Stage): void {
  let workdir = "/";
  for (const line of lines) {
    const [verb = "", ...words] = line.trim().split(/\s+/);
    if (verb === "WORKDIR") {
      workdir = words[0] ?? "/";
      mkdirSync(at(name, workdir), { recursive: true });
    } else if (verb === "COPY") {
      const from = /^--from=(\w+)$/.exec(words[0] ?? "")?.[1];
      const paths = from === undefined ? words : words.slice(1);
      const target = paths.pop() ?? "";
      for (const path of paths) {
        const source = from === undefined ? join(root, path) : at(from, path);
        const into = target.endsWith("/") ? join(target, path.split("/").at(-1) ?? "") : target;
        const destination = at(name, join(workdir, into));
        mkdirSync(dirname(destination), { recursive: true });
        cpSync(source, destination, { recursive: true });
      }
    } else if (verb === "RUN") {
      if (takeMade(name, words.join(" "))) continue;
      execFileSync("bash", ["-c", words.join(" ")], { cwd: at(name, workdir), stdio: ["ignore", "ignore", "pipe"] });
    }
  }
}

/** Brings what a step would compile from this checkout's own build. */
function takeMade(stage: string, command: string): boolean {
  if (process.env["IMAGE"] !== undefined) return false;
  const made = compiled[command];
  if (made === undefined) return false;
  for (const path of made) {
    cpSync(join(root, path), at(stage, join("src", path)), {
      recursive: true,
      filter: (source) => !/(?:\.map|\.d\.ts|\.tsbuildinfo|toolchain\/.*wasm\.\d+.*)$/.test(source),
    });
  }
  return true;
}

const meter = "node ../../decide/builtins/go/go-meter.js";
/** Steps that compile, as they stand in the Dockerfile, and what `make build` makes in their place. */
const compiled: Readonly<Record<string, readonly string[]>> = {
  "sidecar/rego/toolchain/build.sh": ["dist/sidecar/rego/toolchain"],
  "sidecar/rego/toolchain/build.sh native": [],
  "npm ci --no-fund --no-audit": [],
  "npx tsc -p tsconfig.json --incremental false --sourceMap false --declaration false": [
    ...["dist/cli", "dist/sidecar", "dist/gateway", "dist/demo"],
  ],
  [`cd dist/sidecar/rego/toolchain && ${meter} builtins.wasm metered.wasm && mv metered.wasm builtins.wasm`]: [],
};

test("its steps work, its result starts, becomes healthy and carries no demo", async () => {
  const stages = readStages();
  expect(stages.map(({ name }) => name)).toEqual(["toolchain", "build", "final"]);
  const steps = new Set(stages.flatMap(({ lines }) => lines.map((line) => line.trim().split(/\s+/).slice(1).join(" "))));
  expect(Object.keys(compiled).filter((step) => !steps.has(step))).toEqual([]);
  for (const stage of stages) carryOut(stage);
  const app = at("final", "app");
  expect(existsSync(join(app, "dist/demo"))).toBe(false);
  expect(existsSync(join(app, "operator/operator.rego"))).toBe(true);
  expect(existsSync(join(app, "node_modules/jest"))).toBe(false);
  expect(existsSync(join(app, "node_modules/@modelcontextprotocol"))).toBe(false);

  const last = stages.at(-1)?.lines.join("\n") ?? "";
  expect(last).toContain("USER node");
  const read = (verb: string): string[] => JSON.parse(new RegExp(`^${verb} (\\[.*\\])$`, "m").exec(last)?.[1] ?? "[]") as string[];
  const [program = "", ...entry] = read("ENTRYPOINT");
  const command = read("CMD").map((word) =>
    word.replace(/^\/app\//, "").replace("0.0.0.0:8181", "127.0.0.1:18481").replace("0.0.0.0:8282", "127.0.0.1:18482"),
  );
  // --disable-warning came with Node 21.3; the image has a newer one, this machine may not
  const flags = entry.filter((word) => !word.startsWith("--disable-warning"));
  const child = spawn(program, [...flags, ...command], { cwd: app, stdio: "ignore", env: { PATH: process.env["PATH"] } });
  try {
    await until(async () => {
      const health = await fetch("http://127.0.0.1:18482/health?bundles").catch(() => undefined);
      return health?.ok === true;
      // its first start compiles the policies, with a core for itself or not
    }, 60);
  } finally {
    child.kill("SIGKILL");
  }
  expect(() => execFileSync(program, [...flags, "run", "--demo"], { cwd: app, stdio: "pipe" })).toThrow(/demo/);
}, 300_000);
