/** Installs and starts the gateways that ours is compared with, each set up to be as fast as it says it can be. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../test/free-port.js";
import { serverCore } from "../process.js";
import type { Stage, System } from "./systems.js";
import { chatPath } from "./systems.js";

const cache = fileURLToPath(new URL("../../../.cache/", import.meta.url));
const portkeyPlace = join(cache, "peers");
const litellmPlace = join(cache, "peers-python");
const versions = { portkey: "1.15.2", litellm: "1.102.4" } as const;
/**
 * The server below Portkey is held back: with later ones of 1.x, which an installation gets, all its streams are answered
 * 500 "immutable" (honojs/node-server#382).
 */
const portkeyManifest = {
  private: true,
  dependencies: { "@portkey-ai/gateway": versions.portkey },
  overrides: { "@hono/node-server": "1.13.8" },
};
const portkeyPackage = join(portkeyPlace, "node_modules", "@portkey-ai", "gateway");

export interface Peers {
  /** Versions of those that are there. */
  readonly portkey?: string;
  readonly litellm?: string;
  readonly skipped: readonly string[];
}

export interface Wanted {
  readonly portkey: boolean;
  readonly litellm: boolean;
  readonly say: (what: string) => void;
}

/** Installs what isn't there yet, in the version that is measured. */
export async function installPeers({ portkey, litellm, say }: Wanted): Promise<Peers> {
  const skipped: string[] = [];
  const found: { portkey?: string; litellm?: string } = {};
  if (portkey) {
    const manifest = join(portkeyPlace, "package.json");
    const same =
      existsSync(manifest) && (await readFile(manifest, "utf8")) === JSON.stringify(portkeyManifest);
    if (!same || (await portkeyVersion()) !== versions.portkey) {
      say("installing Portkey");
      await mkdir(portkeyPlace, { recursive: true });
      await writeFile(manifest, JSON.stringify(portkeyManifest));
      run("npm", [
        ...["install", "--prefix", portkeyPlace, "--no-package-lock", "--ignore-scripts"],
        ...["--no-fund", "--no-audit", "--loglevel=error"],
      ]);
    }
    const version = await portkeyVersion();
    if (version === undefined) skipped.push("Portkey could not be installed");
    else found.portkey = version;
  }
  if (litellm) {
    if (!litellmThere()) {
      say("installing LiteLLM");
      run("python3", [
        ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", litellmPlace],
        `litellm[proxy]==${versions.litellm}`,
      ]);
    }
    if (litellmThere()) found.litellm = versions.litellm;
    else skipped.push("LiteLLM could not be installed");
  }
  return { ...found, skipped };
}

/** Starts Portkey's gateway; the client says by headers where to send a request, as its documentation has it. */
export async function startPortkey(stage: Stage, name: string): Promise<System> {
  const port = await freePort();
  const server = await stage.run(
    serverCore,
    process.execPath,
    [join(portkeyPackage, "build", "start-server.js"), `--port=${port}`, "--headless"],
    { ready: /running at|listening|ready/i, env: { NODE_ENV: "production" } },
  );
  return {
    name,
    port,
    path: chatPath,
    headers: { "x-portkey-provider": "openai", "x-portkey-custom-host": `${stage.provider.url}/v1` },
    bearer: { same: stage.provider.apiKey },
    peer: true,
    processes: [{ name: "portkey", pid: server.pid }],
  };
}

/** Starts LiteLLM's proxy: one worker for its one core, without keys, database or callbacks, and logging errors only. */
export async function startLitellm(stage: Stage, name: string): Promise<System> {
  const port = await freePort();
  const config = join(stage.directory, "litellm.json");
  // JSON is YAML
  await writeFile(
    config,
    JSON.stringify({
      model_list: [
        {
          model_name: "gpt-4o",
          litellm_params: {
            model: "openai/gpt-4o",
            api_base: `${stage.provider.url}/v1`,
            api_key: stage.provider.apiKey,
          },
        },
      ],
      litellm_settings: { set_verbose: false, request_timeout: 600, telemetry: false },
      general_settings: { disable_spend_logs: true, disable_error_logs: true },
      router_settings: { num_retries: 0, disable_cooldowns: true },
    }),
  );
  const server = await stage.run(
    serverCore,
    "python3",
    [
      ...[join(litellmPlace, "bin", "litellm"), "--config", config, "--host", "127.0.0.1"],
      ...["--port", String(port), "--num_workers", "1", "--telemetry", "False"],
    ],
    {
      ready: /Uvicorn running on/,
      env: {
        PYTHONPATH: litellmPlace,
        LITELLM_LOG: "ERROR",
        LITELLM_MODE: "PRODUCTION",
        LITELLM_LOCAL_MODEL_COST_MAP: "True",
        PYTHONDONTWRITEBYTECODE: "1",
      },
    },
  );
  return {
    name,
    port,
    path: chatPath,
    headers: {},
    bearer: undefined,
    peer: true,
    processes: [{ name: "litellm", pid: server.pid }],
  };
}

async function portkeyVersion(): Promise<string | undefined> {
  const file = join(portkeyPackage, "package.json");
  if (!existsSync(file)) return undefined;
  return (JSON.parse(await readFile(file, "utf8")) as { version?: string }).version;
}

function litellmThere(): boolean {
  return existsSync(join(litellmPlace, `litellm-${versions.litellm}.dist-info`));
}

function run(command: string, args: readonly string[]): void {
  spawnSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
}
