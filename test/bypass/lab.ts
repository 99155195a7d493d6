/** Where the cases run: a real gateway, a real sidecar with a policy that forbids by name, an upstream of raw TCP. */
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDemoIssuer } from "../../demo/issuer.js";
import type { IdentityName } from "../../demo/identities.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import { startSidecar } from "../../sidecar/main.js";
import { bundleCache, root } from "../world.js";
import type { RawUpstream } from "./upstream.js";
import { startRawUpstream } from "./upstream.js";

export const providerKey = "provider-key-5f2b";
/** Silence that an upstream is allowed, milliseconds: more than a busy machine's pause, and little. */
const patience = { much: 20_000, little: 1_500 };

export interface Lab {
  readonly port: number;
  /** Where a gateway listens that bears little silence. */
  readonly hastyPort: number;
  readonly upstream: RawUpstream;
  token(name: IdentityName): Promise<string>;
  close(): Promise<void>;
}

export async function startLab(config: Record<string, unknown> = {}): Promise<Lab> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-bypass-"));
  const socket = join(directory, "pdp.sock");
  const issuer = await createDemoIssuer({ now: Date.now });
  const upstream = await startRawUpstream();
  const sidecar = await startSidecar({
    bundles: [join(root, "test/bypass/policy")],
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
  const url = `http://127.0.0.1:${upstream.port}`;
  const api_key = { value: providerKey };
  const place = { region: "eu", environment: "prod" };
  const listen = (ms: number): ReturnType<typeof startGateway> => {
    const timeouts = { first_byte_ms: ms, between_bytes_ms: ms };
    return startGateway({
      config: {
        listen: "127.0.0.1:0",
        sidecar: { socket, deadline_ms: 20_000 },
        upstreams: {
          main: { url, api_key, timeouts },
          claude: { url, api_key, timeouts, protocol: "anthropic" },
          gem: { url, api_key, timeouts, protocol: "gemini" },
        },
        storage: { upstream: "main", provider: "openai", ...place },
        models: {
          small: { upstream: "main", provider: "openai", ...place },
          "forbidden-model": { upstream: "main", provider: "openai", ...place },
          "acme/small": { upstream: "main", provider: "openai", ...place },
          "claude-small": { upstream: "claude", provider: "anthropic", ...place },
          "claude-forbidden": { upstream: "claude", provider: "anthropic", ...place },
          "gem-small": { upstream: "gem", provider: "google", ...place },
          "gem-forbidden": { upstream: "gem", provider: "google", ...place },
        },
        ...config,
      } as unknown as Json,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    });
  };
  const gateways = await Promise.all([listen(patience.much), listen(patience.little)]);
  const [port = 0, hastyPort = 0] = gateways.map(({ address }) => Number(new URL(address).port));
  return {
    ...{ port, hastyPort },
    upstream,
    token: (name) => issuer.token(name),
    async close() {
      await Promise.all(gateways.map((gateway) => gateway.close()));
      await Promise.all([sidecar.close(), upstream.close()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Writes pieces to a port, with pauses where one is a number of milliseconds; gives all that comes back until it closes. */
export function exchange(
  port: number,
  pieces: readonly (Buffer | number)[],
  limit = 25_000,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = "";
    const socket = connect(port, "127.0.0.1");
    const timer = setTimeout(() => socket.destroy(), limit);
    socket.setNoDelay(true).setEncoding("latin1");
    socket.on("data", (chunk: string) => (out += chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(out);
    });
    const write = async (): Promise<void> => {
      for (const piece of pieces) {
        if (typeof piece === "number") await new Promise((go) => setTimeout(go, piece));
        else if (!socket.destroyed) socket.write(piece);
      }
    };
    socket.on("connect", () => {
      write().catch(reject);
    });
  });
}
