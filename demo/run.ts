/** Starts everything that the demo needs in one process: issuer, upstreams, sidecar, gateway. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startGateway } from "../gateway/main.js";
import type { SidecarOptions } from "../sidecar/main.js";
import { startSidecar } from "../sidecar/main.js";
import { createDemoIssuer, saveDemoIssuer } from "./issuer.js";
import type { DemoIssuer } from "./issuer.js";
import { savePrivately } from "./private-file.js";
import { startMcpServer } from "./upstreams/mcp.js";
import { startModelServer } from "./upstreams/model.js";
import { startStore } from "./upstreams/store.js";
import { demoDirectory, demoGatewayConfig, demoSidecarConfig } from "./world.js";

export interface DemoOptions {
  /** The sidecar's options; its configuration is replaced by the demo's. */
  readonly sidecar: Omit<SidecarOptions, "config">;
  /** `host:port`; port 0 takes any free one. */
  readonly gatewayAddress: string;
  readonly cacheDir: string;
  /** The gateway asks the sidecar within the process, not by its socket. */
  readonly direct?: boolean;
  /** How long the gateway waits for a decision; a second unless given. */
  readonly deadlineMs?: number;
  /** Where the issuer's key and the socket lie; the user's demo directory unless given. */
  readonly directory?: string;
}

export interface Demo {
  readonly banner: string;
  readonly gatewayUrl: string;
  readonly sidecarUrls: readonly string[];
  readonly issuer: DemoIssuer;
  readonly upstreams: {
    readonly model: Awaited<ReturnType<typeof startModelServer>>;
    readonly mcp: Awaited<ReturnType<typeof startMcpServer>>;
    readonly store: Awaited<ReturnType<typeof startStore>>;
  };
  readonly sidecar: Awaited<ReturnType<typeof startSidecar>>;
  close(): Promise<void>;
}

/** Starts the demo. @throws Error where a port is taken or an address isn't loopback. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const addresses = [
    ...options.sidecar.addresses,
    ...options.sidecar.diagnosticAddresses,
    options.gatewayAddress,
  ];
  const open = addresses.find(
    (address) => !/^(?:unix:\/\/|(?:http:\/\/)?(?:localhost|127\.0\.0\.1|\[::1\]):)/.test(address),
  );
  // demo identities must never be reachable from elsewhere
  if (open !== undefined) throw new Error(`--demo binds to loopback only, not to ${open}`);
  const directory = options.directory ?? demoDirectory();
  const socket = join(directory, "pdp.sock");
  const decisionLog = join(directory, "decisions.jsonl");
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closers.splice(0).reverse()) await step();
  };
  try {
    const issuer = await createDemoIssuer({ now: Date.now });
    await saveDemoIssuer(issuer, directory);
    const secret = (name: string): Promise<string> =>
      savePrivately(directory, name, randomBytes(32).toString("base64url"));
    const keys = { operator: await secret("operator.key"), signals: await secret("signals.token") };
    const root = await mkdtemp(join(tmpdir(), "countersign-files-"));
    closers.push(() => rm(root, { recursive: true, force: true }));
    const modelKey = randomBytes(24).toString("base64url");
    const model = await startModelServer({ port: 0, apiKey: modelKey });
    closers.push(() => model.close());
    const mcp = await startMcpServer({ port: 0, root });
    closers.push(() => mcp.close());
    const store = await startStore({ port: 0 });
    closers.push(() => store.close());
    const sidecar = await startSidecar({
      ...options.sidecar,
      addresses: [`unix://${socket}`, ...options.sidecar.addresses],
      config: demoSidecarConfig(issuer, decisionLog, keys),
      cacheDir: options.cacheDir,
    });
    closers.push(() => sidecar.close());
    const gateway = await startGateway({
      config: demoGatewayConfig(
        { modelUrl: model.url, modelKey, mcpUrl: mcp.url, storeUrl: store.url },
        { listen: options.gatewayAddress, socket, deadlineMs: options.deadlineMs },
      ),
      log: sidecar.log,
      metrics: sidecar.metrics,
      ...(options.direct === true ? { ownSidecar: sidecar.own } : {}),
    });
    closers.push(() => gateway.close());
    const sidecarUrls = sidecar.addresses;
    return {
      banner: banner(gateway.address, sidecarUrls, { decisionLog, operatorKey: keys.operator }),
      gatewayUrl: gateway.address,
      sidecarUrls,
      issuer,
      upstreams: { model, mcp, store },
      sidecar,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function banner(
  gateway: string,
  sidecar: readonly string[],
  { decisionLog, operatorKey }: { decisionLog: string; operatorKey: string },
): string {
  const [, api = ""] = sidecar;
  const diagnostics = sidecar[2] ?? api;
  return `
countersign demo, on this machine only

  gateway       ${gateway}     put your clients here
  sidecar       ${api}     OPA's API (and ${sidecar[0] ?? ""} for the gateway)
  diagnostics   ${diagnostics}     /metrics, /health
  decision log  ${decisionLog}
  operator key  ${operatorKey}     who has it may set and lift fences

Try, in a second terminal:

  1. a call that is allowed
     curl -s ${gateway}/v1/chat/completions -H "Authorization: Bearer $(bin/countersign.js demo token senior)" \\
       -H 'content-type: application/json' -d '{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}'

  2. the same call by a contractor: denied, with the rule that did it
     curl -s ${gateway}/v1/chat/completions -H "Authorization: Bearer $(bin/countersign.js demo token contractor)" \\
       -H 'content-type: application/json' -d '{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}'

  3. which models may the analyst use?
     curl -s ${gateway}/v1/models -H "Authorization: Bearer $(bin/countersign.js demo token analyst)"

  4. what may the analyst know of budgets? (the senior engineer, with the token of senior, something else)
     curl -s ${gateway}/v1/retrieval/wiki/query -H "Authorization: Bearer $(bin/countersign.js demo token analyst)" \\
       -H 'content-type: application/json' -d '{"query":"budget","top_k":5}'

  5. a stream that is cut off in its middle: somebody says that the senior's laptop was stolen (it ends by itself after 30 seconds)
     curl -sN ${gateway}/v1/chat/completions -H "Authorization: Bearer $(bin/countersign.js demo token senior)" \\
       -H 'content-type: application/json' -d '{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"slowly"}]}' &
     sleep 3; bin/countersign.js fence add --to ${api} -k ${operatorKey} \\
       --chain sam@acme.example --for 30s --reason "laptop stolen"

  6. all scenarios as a table: tools, documents, tasks, budgets, a trap
     make tour

Ctrl-C ends it.
`;
}
