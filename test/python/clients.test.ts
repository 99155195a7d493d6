/** Unmodified clients of Python's, through the real gateway to real upstreams: `deploy/python-clients.sh` installs them. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { World } from "../world.js";
import { root, startWorld } from "../world.js";

const packages = join(root, ".cache/python-clients");
const run = promisify(execFile);

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

interface Result {
  readonly name: string;
  readonly text?: string;
  readonly errors?: readonly string[];
  readonly message?: string;
}

/** Runs a script of this folder; gives what came of each attempt, by name, and how many requests reached the upstream. */
async function use(script: string): Promise<{ results: Map<string, Result>; reached: number }> {
  if (!existsSync(join(packages, ".installed"))) throw new Error("run deploy/python-clients.sh first");
  const before = world.upstreams.model.received.length;
  const { stdout } = await run("python3", [join(root, "test/python", script)], {
    env: {
      PATH: process.env["PATH"],
      HOME: world.directory,
      PYTHONPATH: packages,
      // they are many files, and each script is a process
      PYTHONPYCACHEPREFIX: join(root, ".cache/python-compiled"),
      GATEWAY_URL: world.gatewayUrl,
      ALLOWED_TOKEN: await world.issuer.token("senior"),
      DENIED_TOKEN: await world.issuer.token("analyst"),
    },
    timeout: 110_000,
    maxBuffer: 2 ** 22,
  });
  const results = JSON.parse(stdout.slice(stdout.indexOf("["))) as Result[];
  return {
    results: new Map(results.map((result) => [result.name, result])),
    reached: world.upstreams.model.received.length - before,
  };
}

const id = /^[0-9a-f-]{36}$/;
const errors = (name: string): object => ({ errors: expect.arrayContaining([name]) });
const inBody = {
  ...{ status: 403, code: "denied", reasons: ["tier_not_granted"] },
  decision_id: expect.stringMatching(id),
};
/** LiteLLM keeps the message only. */
const inMessage = {
  status: 403,
  message: expect.stringMatching(/denied by policy.*\[tier_not_granted; decision [0-9a-f-]{36}\]/),
};

describe.each([
  ["use_openai.py", "This is gpt-4o", "openai.PermissionDeniedError", "openai.AuthenticationError", inBody],
  [
    ...["use_anthropic.py", "This is claude-sonnet"],
    ...["anthropic.PermissionDeniedError", "anthropic.AuthenticationError", inBody],
  ],
  [
    "use_langchain.py",
    "This is gpt-4o",
    "openai.PermissionDeniedError",
    "openai.AuthenticationError",
    inBody,
  ],
  ["use_litellm.py", "This is gpt-4o", "litellm.APIError", "litellm.AuthenticationError", inMessage],
] as [string, string, string, string, object][])("%s", (script, says, permission, authentication, what) => {
  test("is answered where it is allowed; raises its own errors, with code, reason and decision, where it isn't", async () => {
    const { results, reached } = await use(script);
    const said = Object.fromEntries(results);
    expect(said).toMatchObject({
      "plain, allowed": { text: expect.stringContaining(says) },
      "streamed, allowed": { text: expect.stringContaining(says) },
      "plain, denied": { ...errors(permission), ...what },
      "streamed, denied": { ...errors(permission), ...what },
      "unknown, denied": { ...errors(authentication), status: 401 },
    });
    if (results.has("models")) expect(results.get("models")?.text).toBe("gpt-4o-mini llama-3.1-70b");
    // nothing of what was denied
    expect(reached).toBe(2);
  }, 120_000);
});
