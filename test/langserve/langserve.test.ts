/** A real LangServe and its own client, through the gateway: where `LANGSERVE=1` (`make test-all`). */
import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { freePort } from "../free-port.js";
import { allow, callerToken, deny, startWorld } from "../gateway/world.js";
import type { World } from "../gateway/world.js";
import { root } from "../world.js";

const wanted = process.env["LANGSERVE"] === "1";
const environment = { PATH: process.env["PATH"], PYTHONPATH: join(root, ".cache/langserve") };
const script = (name: string): string[] => ["-B", "-W", "ignore", join(root, "test/langserve", name)];
let world: World;
let server: ChildProcess | undefined;

async function answers(url: string): Promise<void> {
  for (let left = 200; left > 0; left--) {
    const up = await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("LangServe didn't start; run deploy/langserve.sh");
}

(wanted ? describe : describe.skip)("LangServe's own client", () => {
  beforeAll(async () => {
    const port = await freePort();
    server = spawn("python3", [...script("serve.py"), String(port)], { env: environment, stdio: "ignore" });
    const url = `http://127.0.0.1:${port}`;
    await answers(`${url}/words/input_schema`);
    const chains = ["words", "calls", "message"];
    world = await startWorld({
      config: {
        routes: {
          chains: { kind: "langserve", url, region: "eu", environment: "prod", chains, tools: ["weather"] },
        },
      },
    });
  }, 60_000);
  afterAll(async () => {
    server?.kill();
    await world.close();
  });

  const use = async (): Promise<Record<string, unknown>> => {
    const { stdout } = await promisify(execFile)("python3", script("use.py"), {
      env: { ...environment, GATEWAY_URL: world.url, TOKEN: callerToken },
      timeout: 60_000,
    });
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  test("is answered where it is allowed, calls of tools too", async () => {
    world.sidecar.decide = allow;
    expect(await use()).toEqual({
      invoke: "one two ",
      configured: "one two ",
      batch: ["one ", "two three "],
      stream: ["one ", "two "],
      log: true,
      events: ["on_chain_start", "on_chain_stream", "on_chain_stream", "on_chain_end"],
      "call, whole": ["weather"],
      "call, streamed": '{"city":"Bern"}',
      "call, in a log": true,
      "call, in events": "on_chain_end",
    });
  }, 90_000);

  test("raises its own errors where it is denied", async () => {
    world.sidecar.decide = deny();
    const results = Object.values(await use());
    expect(results).toHaveLength(10);
    for (const result of results)
      expect(result).toMatchObject({
        error: "HTTPStatusError",
        message: expect.stringContaining("403") as unknown,
      });
  }, 90_000);

  test("gets no call that was refused", async () => {
    world.sidecar.decide = ({ resource }) => ({ allow: resource.type !== "function" });
    const results = await use();
    expect(results).toMatchObject({ invoke: "one two ", "call, whole": [] });
    for (const name of ["call, streamed", "call, in a log", "call, in events"])
      expect(results[name]).toMatchObject({
        error: "HTTPStatusError",
        message: expect.stringContaining("refused") as unknown,
      });
    expect(JSON.stringify(results)).not.toContain("Bern");
  }, 90_000);
});
