/** Starts what is measured: `countersign run` with the shipped policies on one core, tool servers on the other. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDemoIssuer } from "../../demo/issuer.js";
import { demoSidecarConfig } from "../../demo/world.js";
import { freePort } from "../../test/free-port.js";
import type { Started } from "../process.js";
import { hasChildren, loadCore, pinSelf, serverCore, start } from "../process.js";

export interface Stage {
  /** Of the tool servers, without a path. */
  readonly upstream: string;
  readonly gateway: string;
  readonly pid: number;
  readonly token: string;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly servers: readonly string[];
  readonly toolsPerServer: number;
  /** Of the tools of a server, those that the caller's tenant may use; the others are another's. */
  readonly allowed: (tool: number) => boolean;
  /** Of the gateway's configuration. */
  readonly mcp?: Record<string, unknown>;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
const toolName = (i: number): string => `tool_${String(i).padStart(2, "0")}`;

/** Copies the shipped policies, with facts about these servers and tools. */
async function writePolicies(
  folder: string,
  { servers, toolsPerServer, allowed }: StageOptions,
): Promise<void> {
  await cp(join(root, "policies"), folder, { recursive: true });
  const path = join(folder, "data.json");
  const data = JSON.parse(await readFile(path, "utf8")) as { facts: Record<string, Record<string, unknown>> };
  const { facts } = data;
  const without = facts["without_purpose"] as Record<string, string[]>;
  for (const server of servers) {
    facts["servers"] = { ...facts["servers"], [server]: { tenants: ["acme"], approve: "first_use" } };
    without["tools"]?.push(`${server}/*`);
    for (let i = 0; i < toolsPerServer; i++)
      facts["tools"] = {
        ...facts["tools"],
        [`${server}/${toolName(i)}`]: {
          ...{ effect: "read", risk: "low", arguments: { text: "string" } },
          tenants: [allowed(i) ? "acme" : "globex"],
        },
      };
  }
  await writeFile(path, JSON.stringify(data));
}

export async function prepareStage(options: StageOptions): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-bench-tools-"));
  const started: Started[] = [];
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      await Promise.all(started.map((one) => one.stop()));
      await rm(directory, { recursive: true, force: true });
    })());
  // what was started must not outlive a run that is broken off
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void close().finally(() => process.exit(1)));
  try {
    pinSelf();
    const server = fileURLToPath(new URL("server.js", import.meta.url));
    const upstream = await start(loadCore, process.execPath, [server, String(options.toolsPerServer)]);
    started.push(upstream);
    const url = /http:\/\/[\d.:]+/.exec(upstream.said)?.[0] ?? "";
    const policies = join(directory, "policies");
    await writePolicies(policies, options);
    const issuer = await createDemoIssuer({ now: Date.now });
    const port = await freePort();
    const [socket, log] = [join(directory, "pdp.sock"), join(directory, "decisions.jsonl")];
    await writeFile(join(directory, "sidecar.json"), JSON.stringify(demoSidecarConfig(issuer, log)));
    const servers = options.servers.map((name) => [
      name,
      { url: `${url}/${name}`, tools: [{ match: "*", risk: "low", effect: "read" }] },
    ]);
    const config = {
      ...{ listen: `127.0.0.1:${port}`, sidecar: { socket, deadline_ms: 5_000 }, environment: "demo" },
      ...{ servers: Object.fromEntries(servers), ...(options.mcp === undefined ? {} : { mcp: options.mcp }) },
    };
    await writeFile(join(directory, "gateway.json"), JSON.stringify(config));
    const both = await start(serverCore, join(root, "bin/countersign.js"), [
      ...[
        "run",
        "-b",
        policies,
        "-c",
        join(directory, "sidecar.json"),
        "-a",
        `unix://${socket}`,
        "-l",
        "error",
      ],
      ...["--cache-dir", join(root, ".cache/bundles"), "--gateway-config", join(directory, "gateway.json")],
    ]);
    started.push(both);
    // the toolchain's process, which stays a while
    while (hasChildren(both.pid)) await new Promise((resolve) => setTimeout(resolve, 200));
    const token = await issuer.token("senior");
    return { upstream: url, gateway: `http://127.0.0.1:${port}`, pid: both.pid, token, close };
  } catch (error) {
    await close();
    throw error;
  }
}
