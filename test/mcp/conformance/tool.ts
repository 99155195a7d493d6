/** Runs the official conformance tool against a server. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../world.js";

export type Status = "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";

/** What came of each check, as `scenario/check`; of a check that is made several times, the worst. */
export type Outcome = ReadonlyMap<string, { readonly status: Status; readonly why: string }>;

const order: readonly Status[] = ["INFO", "SKIPPED", "SUCCESS", "WARNING", "FAILURE"];

interface Check {
  readonly id: string;
  readonly status: Status;
  readonly errorMessage?: string;
}

/** @param revision whose scenarios are run, all of them */
export async function runTool(url: string, revision: string): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), "countersign-conformance-"));
  try {
    await new Promise<void>((resolve) => {
      const child = spawn(
        process.execPath,
        [
          ...["--no-warnings", "--import", join(root, "dist/test/mcp/conformance/missing-glob.js")],
          join(root, "node_modules/@modelcontextprotocol/conformance/dist/index.js"),
          ...["server", "--url", url, "--suite", "all", "--spec-version", revision, "-o", folder],
        ],
        { stdio: "ignore", env: { PATH: process.env["PATH"] } },
      );
      // its status says whether all passed; what passed is compared here
      child.on("close", () => {
        resolve();
      });
    });
    const checks = new Map<string, { status: Status; why: string }>();
    for (const entry of await readdir(folder)) {
      const scenario = entry.replace(/^server-/, "").replace(/-\d{4}-\d\d-\d\dT.*$/, "");
      const read = JSON.parse(await readFile(join(folder, entry, "checks.json"), "utf8")) as Check[];
      for (const { id, status, errorMessage: why = "" } of read) {
        const key = `${scenario}/${id}`;
        const worst = checks.get(key)?.status ?? "INFO";
        if (order.indexOf(status) >= order.indexOf(worst)) checks.set(key, { status, why });
      }
    }
    return checks;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
