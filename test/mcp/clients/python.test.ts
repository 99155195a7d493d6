/** Python's clients of MCP, unmodified, through the gateway to official servers of both eras: `deploy/python-clients.sh` installs them. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { World } from "../../gateway/world.js";
import { callerToken, deny, startWorld } from "../../gateway/world.js";
import { root } from "../../world.js";
import type { Serving } from "../conformance/servers.js";
import { serveSessions, serveStateless } from "../conformance/servers.js";

const run = promisify(execFile);
const servers: Record<string, Serving> = {};
let world: World;

beforeAll(async () => {
  servers["sessions"] = await serveSessions();
  servers["stateless"] = await serveStateless();
  const listed = Object.entries(servers).map(
    ([name, { url }]) => [name, { url, definitions: "off" }] as const,
  );
  world = await startWorld({ config: { servers: Object.fromEntries(listed) } });
  world.sidecar.decide = (call) =>
    call.action.name === "tool.call" && /image|error_handling/.test(call.resource.id)
      ? deny("tool.denied")(call, {} as never)
      : { allow: true };
});
afterAll(async () => {
  await world.close();
  for (const server of Object.values(servers)) await server.close();
});

/** Runs a script of this folder; gives what came of each attempt. */
async function use(
  script: string,
  packages: string,
  mode: string,
  server: string,
): Promise<Record<string, unknown>> {
  const folders = [packages, "python-clients"].map((folder) => join(root, ".cache", folder));
  for (const folder of folders)
    if (!existsSync(join(folder, ".installed"))) throw new Error("run deploy/python-clients.sh first");
  const { stdout } = await run("python3", ["-W", "ignore", join(root, "test/mcp/clients", script)], {
    env: {
      PATH: process.env["PATH"],
      HOME: "/nonexistent",
      // they are many files, and each attempt is a process
      PYTHONPYCACHEPREFIX: join(root, ".cache/python-compiled"),
      PYTHONPATH: folders.join(":"),
      SERVER_URL: `${world.url}/mcp/${server}`,
      MODE: mode,
      TOKEN: callerToken,
    },
    timeout: 80_000,
    maxBuffer: 2 ** 22,
  });
  return JSON.parse(stdout) as Record<string, unknown>;
}

const some = (part: string): unknown => expect.stringContaining(part);
const basics = (error: string): Record<string, unknown> => ({
  list: expect.arrayContaining(["test_simple_text"]),
  call: "This is a simple text response for testing.",
  denied: {
    errors: expect.arrayContaining([error]),
    ...{
      code: error === "mcp.McpError" ? null : -32001,
      reasons: ["tool.denied"],
      message: some("denied by policy"),
    },
    decision_id: expect.stringMatching(/^d-/),
  },
  read: some("Data for ID: 7"),
  prompt: "Prompt with arguments: arg1='a', arg2='b'",
});
const whole = {
  ...basics("mcp.MCPError"),
  ...{ progress: [0, 50, 100], complete: ["paris", "park", "party"], sampling: "LLM response: Paris" },
  ...{ elicitation: some("action=accept"), roots: some("file:///work"), cancel: "cancelled" },
};
const logs = ["Tool started", "Tool processing data", "Tool completed"];

describe.each([
  ["use_mcp.py", "auto", "python-mcp", { ...whole, version: "2026-07-28", logs }],
  ["use_mcp.py", "legacy", "python-mcp", { ...whole, version: "2025-11-25", logs }],
  ["use_fastmcp.py", "auto", "python-mcp", whole],
  ["use_fastmcp.py", "legacy", "python-mcp", whole],
  // the line of the client that this adapter is made for says errors without a code
  ["use_langchain.py", "of its line", "python-mcp-langchain", basics("mcp.McpError")],
])("%s, %s", (script, mode, packages, expected) => {
  test("does all that it can with servers of both eras; what is denied raises its own error", async () => {
    const before = Object.values(servers).map((server) => server.cancelled());
    const found = await Promise.all(
      Object.keys(servers).map((server) => use(script, packages, mode, server)),
    );
    expect(found).toEqual([expected, expected]);
    const cancelled = Object.values(servers).map((server, i) => server.cancelled() - (before[i] ?? 0));
    expect(cancelled).toEqual("cancel" in expected ? [1, 1] : [0, 0]);
  }, 100_000);
});
