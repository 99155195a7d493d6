/** Where the cases run: a real gateway, a real sidecar whose policy denies what it doesn't name, servers of raw TCP, real children. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDemoIssuer } from "../../demo/issuer.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import { startSidecar } from "../../sidecar/main.js";
import { bundleCache, root } from "../world.js";
import { api } from "./api.js";
import type { ClientStep, Who } from "./attack.js";
import type { ToolUpstream } from "./upstream.js";
import { startToolUpstream } from "./upstream.js";

/** The gateway's own, for servers. */
export const credential = "server-key-of-the-gateway-7c1e";
/** In a cookie and a header of every request of a client's. */
export const canary = "canary-93f1";
/** What is waited for servers, children and clients, milliseconds: more than a busy machine's pause, and little. */
const much = { silence: 20_000, child: 20_000, input: 20_000 };
const little = { silence: 1_500, child: 2_500, input: 400 };

type Reload = Extract<ClientStep, { reload: string }>["reload"];

export interface Lab {
  readonly port: number;
  /** Where a gateway listens that bears little silence. */
  readonly hastyPort: number;
  readonly upstream: ToolUpstream;
  /** Where children write what they get. */
  readonly childLog: string;
  token(name: Who): Promise<string>;
  reload(to: Reload): Promise<void>;
  close(): Promise<void>;
}

export async function startLab(): Promise<Lab> {
  // what children must not be given
  process.env["BYPASS_SECRET"] = canary;
  const directory = await mkdtemp(join(tmpdir(), "countersign-bypass-tools-"));
  const socket = join(directory, "pdp.sock");
  const childLog = join(directory, "child.log");
  const document = join(directory, "pets.json");
  await writeFile(document, JSON.stringify(api));
  const issuer = await createDemoIssuer({ now: Date.now });
  const upstream = await startToolUpstream();
  const sidecar = await startSidecar({
    bundles: [join(root, "test/bypass-tools/policy")],
    addresses: [`unix://${socket}`],
    diagnosticAddresses: [],
    config: {
      decision_logs: { file: join(directory, "decisions.jsonl") },
      identity: { issuers: [issuer.issuerConfig() as unknown as Json] },
    },
    sets: [],
    watch: false,
    cacheDir: bundleCache,
    log: { level: "error", format: "json" },
    version: "test",
  });
  const serverOf =
    ({ silence }: typeof much) =>
    (name: string): object => ({
      ...{ url: `http://127.0.0.1:${upstream.port}/${name}/mcp`, api_key: { value: credential } },
      timeouts: { first_byte_ms: silence, between_bytes_ms: silence },
    });
  const config = (servers: object, patience = much): Json => {
    const server = serverOf(patience);
    const child = (name: string, isolation: string): object => ({
      command: [process.execPath, join(root, "dist/test/bypass-tools/child.js"), name, childLog],
      ...{ isolation, revision: "2025-11-25", restart: { min_ms: 1, max_ms: 5 }, stop_ms: 50 },
      ...{ max_message_bytes: 65_536, timeouts: { request_ms: patience.child } },
    });
    return {
      listen: "127.0.0.1:0",
      sidecar: { socket, deadline_ms: 20_000 },
      servers: {
        ...{ files: server("files"), tide: server("tide"), guest: server("guest"), vault: server("vault") },
        ...{ kid: child("kid", "caller"), kin: child("kin", "tenant") },
        pets: {
          ...server("pets"),
          url: `http://127.0.0.1:${upstream.port}/pets/v1`,
          openapi: { file: document },
          operations: ["listPets", "getPet", "addPet", "findFile", "remove"],
        },
        ...servers,
      },
      agents: { helper: { ...server("helper"), url: `http://127.0.0.1:${upstream.port}/helper/rpc` } },
      mcp: {
        ...{ together: ["files", "twin"], list_max_age_ms: 0, max_sessions_per_caller: 10_000 },
        ...{ input_ms: patience.input, request_ms: 25_000, max_messages: 100, resume_bytes: 4_096 },
      },
    } as unknown as Json;
  };
  const server = serverOf(much);
  const twin = { twin: server("twin") };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const gateway = await startGateway({ config: config(twin), log });
  const hasty = await startGateway({ config: config(twin, little), log });
  const portOf = ({ address }: typeof gateway): number => Number(new URL(address).port);
  return {
    ...{ port: portOf(gateway), hastyPort: portOf(hasty), upstream, childLog },
    token: (name) =>
      name === "sibling" ? issuer.token("senior", { sub: "eve@acme.example" }) : issuer.token(name),
    async reload(to) {
      const servers = {
        "as before": config(twin),
        "twin elsewhere": config({ twin: server("guest") }),
        "without the twin": {
          ...(config({}) as object),
          mcp: { ...(config({}) as { mcp: object }).mcp, together: ["files"] },
        },
      };
      const reloaded = await gateway.reload(() => servers[to] as Json);
      if (reloaded.kind !== "applied") throw new Error(reloaded.problems.join("; "));
    },
    async close() {
      await Promise.all([gateway.close(), hasty.close()]);
      await Promise.all([sidecar.close(), upstream.close()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
