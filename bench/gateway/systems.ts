/** Starts what is compared: each on the servers' core, before the same provider, which is on the load's. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDemoIssuer } from "../../demo/issuer.js";
import { demoGatewayConfig, demoSidecarConfig } from "../../demo/world.js";
import { freePort } from "../../test/free-port.js";
import type { Started } from "../process.js";
import { loadCore, serverCore, start } from "../process.js";
import type { Records } from "./records.js";
import { createRecords } from "./records.js";
import type { Tokens } from "./tokens.js";
import { createTokens } from "./tokens.js";

export interface System {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  /** Of each request, beside the token. */
  readonly headers: Readonly<Record<string, string>>;
  /** What each request shows: always the same, or a new one each. */
  readonly bearer: { readonly same: string } | { readonly fresh: (count: number) => string[] } | undefined;
  /** The processes that serve it, by what they are called. */
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
  /** Another's: where it fails, the run goes on without it. */
  readonly peer?: boolean;
  /** Where its decisions are recorded. */
  readonly records?: Records;
}

export interface Provider {
  readonly url: string;
  readonly port: number;
  readonly apiKey: string;
}

export interface Stage {
  readonly directory: string;
  readonly provider: Provider;
  readonly tokens: Tokens;
  /** Starts a process that ends with the stage. */
  run(core: number, file: string, args: readonly string[], options?: RunOptions): Promise<Started>;
  direct(): System;
  bare(): Promise<System>;
  /** Starts a sidecar and a gateway, apart or as one process; gives them as a system per way to present tokens. */
  countersign(sets: readonly string[], how?: "apart" | "together"): Promise<CountersignServers>;
  close(): Promise<void>;
}

export interface RunOptions {
  readonly ready?: RegExp;
  readonly env?: Readonly<Record<string, string>>;
}

export interface CountersignServers {
  as(name: string, bearer: "same" | "fresh"): System;
}

export const chatPath = "/v1/chat/completions";
const root = fileURLToPath(new URL("../../../", import.meta.url));
const command = join(root, "bin", "countersign.js");

/** Prepares a folder, an issuer and the provider. */
export async function prepareStage(): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-bench-"));
  const started: Started[] = [];
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      await Promise.all(started.map((one) => one.stop()));
      await rm(directory, { recursive: true, force: true });
    })());
  // what was started must not outlive a run that is broken off
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void close().finally(() => process.exit(1)));
  }
  const run: Stage["run"] = async (core, file, args, { ready, env } = {}) => {
    const one = await start(core, file, args, ready, env);
    started.push(one);
    return one;
  };
  const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  try {
    const issuer = await createDemoIssuer({ now: Date.now });
    const tokens = await createTokens(issuer, directory);
    const apiKey = randomBytes(24).toString("base64url");
    const upstream = await run(loadCore, process.execPath, [program("upstream.js"), apiKey]);
    const url = addressIn(upstream);
    const provider = { url, port: Number(new URL(url).port), apiKey };
    return {
      directory,
      provider,
      tokens,
      run,
      direct: () => ({
        name: "direct to the provider",
        port: provider.port,
        path: chatPath,
        headers: {},
        bearer: { same: apiKey },
        processes: [],
      }),
      async bare() {
        const proxy = await run(serverCore, process.execPath, [program("bare.js"), url, apiKey]);
        return {
          name: "bare proxy on undici",
          port: Number(new URL(addressIn(proxy)).port),
          path: chatPath,
          headers: {},
          bearer: undefined,
          processes: [{ name: "proxy", pid: proxy.pid }],
        };
      },
      async countersign(sets, how = "apart") {
        const own = await mkdtemp(join(directory, "own-"));
        const [socket, log] = [join(own, "pdp.sock"), join(own, "decisions.jsonl")];
        await writeFile(join(own, "sidecar.json"), JSON.stringify(demoSidecarConfig(issuer, log)));
        const port = await freePort();
        const config = demoGatewayConfig(
          { modelUrl: url, modelKey: apiKey, mcpUrl: url, storeUrl: url },
          { listen: `127.0.0.1:${port}`, socket },
        );
        await writeFile(join(own, "gateway.json"), JSON.stringify(config));
        const decides = [
          ...["-b", join(root, "policies"), "-c", join(own, "sidecar.json")],
          ...["-a", `unix://${socket}`, "-l", "warn", "--cache-dir", join(root, ".cache", "bundles")],
          ...sets.flatMap((set) => ["--set", set]),
        ];
        const begin = async (name: string, args: readonly string[]) => ({
          name,
          pid: (await run(serverCore, command, args)).pid,
        });
        const processes =
          how === "together"
            ? [await begin("both", ["run", ...decides, "--gateway-config", join(own, "gateway.json")])]
            : [
                await begin("sidecar", ["sidecar", ...decides]),
                await begin("gateway", ["gateway", "-c", join(own, "gateway.json"), "-l", "error"]),
              ];
        const records = createRecords(log);
        return {
          as: (name, bearer) => ({
            name,
            port,
            path: chatPath,
            headers: {},
            bearer: bearer === "same" ? { same: tokens.same } : { fresh: tokens.fresh },
            ...{ processes, records },
          }),
        };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function addressIn({ said }: Started): string {
  const found = /http:\/\/[\d.:]+/.exec(said)?.[0];
  if (found === undefined) throw new Error(`it doesn't say where it listens: ${said}`);
  return found;
}
