import { spawnSync } from "node:child_process";

/**
 * Runs promtool.
 * @throws where it is missing, with the command that installs it
 */
export function promtool(args: readonly string[], input = ""): { readonly code: number; readonly output: string } {
  const run = spawnSync("promtool", args, { input, encoding: "utf8" });
  if (run.error !== undefined) {
    throw new Error(
      "promtool is missing; install it with: sudo apt-get install --no-install-recommends -y prometheus",
    );
  }
  return { code: run.status ?? -1, output: `${run.stdout}${run.stderr}` };
}
