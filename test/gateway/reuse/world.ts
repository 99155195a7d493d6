/** A sidecar and a gateway that reuses decisions, on a link that can be cut. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GatewayMetrics } from "../../../gateway/exchange.js";
import type { Gateway } from "../../../gateway/main.js";
import { startGateway } from "../../../gateway/main.js";
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import type { Sidecar } from "../../../sidecar/main.js";
import { startSidecar } from "../../../sidecar/main.js";
import { ec, es256, header, issuerConfig, jwk, payload, token } from "../../identify/world.js";
import { until } from "../../redis.js";
import { bundleCache } from "../../world.js";
import { json, startUpstream } from "../world.js";

const decision = `decision := {"allow": allow, "reasons": [], "obligations": [], "labels": [], "ttl": 60}`;
export const policies = {
  plain: `package countersign\n\n# METADATA\n# entrypoint: true\n${decision}\n
default allow := false\n
allow if {\n\tnot input.subject.id in data.blocked\n\tinput.resource.id != "forbidden"\n}\n`,
  readsId: `package countersign\n\n# METADATA\n# entrypoint: true\n${decision}\n
allow := input.context.request.id != ""\n`,
  readsTime: `package countersign\n\n# METADATA\n# entrypoint: true\n${decision}\n
default allow := true\n\nallow := false if input.context.time.hour == 99\n`,
  readsTask: `package countersign\n\n# METADATA\n# entrypoint: true\n${decision}\n
default allow := true\n\nallow := false if input.context.task.depth > 99\n`,
  labels: `package countersign\n\n# METADATA\n# entrypoint: true
decision := {"allow": true, "reasons": [], "obligations": [], "labels": ["secret"], "ttl": 60}\n`,
  ttlNone: `package countersign\n\n# METADATA\n# entrypoint: true
decision := {"allow": true, "reasons": [], "obligations": [], "labels": [], "ttl": 0}\n`,
  denies: `package countersign\n\n# METADATA\n# entrypoint: true
decision := {"allow": input.resource.id == "nothing", "reasons": [], "obligations": [], "labels": [], "ttl": 60}\n`,
};

export interface Said {
  readonly status: number;
  readonly id: string | undefined;
  readonly task: string | undefined;
  /** How it was decided. */
  readonly how: "reused" | "asked" | "neither";
}

export interface ReuseWorld {
  readonly sidecar: Sidecar;
  readonly gateway: Gateway;
  readonly folder: string;
  readonly counts: Record<string, number>;
  /** A bearer token, the same for the same arguments. */
  bearer(user?: string, jti?: string): string;
  ask(bearer?: string, more?: { model?: string; task?: string; text?: string }): Promise<Said>;
  /** Asks until a decision is reused. */
  warm(bearer?: string): Promise<void>;
  /** Asks the sidecar. */
  put(method: string, path: string, body?: Json): Promise<number>;
  cut(): void;
  mend(): void;
  records(): Promise<JsonObject[]>;
  close(): Promise<void>;
}

const completion = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello" } }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};

export async function startReuseWorld({
  policy = policies.plain,
  config = {},
  reuse = true,
}: {
  readonly policy?: string;
  readonly config?: JsonObject;
  readonly reuse?: boolean;
} = {}): Promise<ReuseWorld> {
  const folder = await mkdtemp(join(tmpdir(), "countersign-reuse-"));
  const [rules, socket, near] = [join(folder, "policy"), join(folder, "s", "pdp.sock"), join(folder, "near")];
  await mkdir(rules);
  await writeFile(join(rules, "test.rego"), policy);
  // what else there is, the API may write
  await writeFile(join(rules, ".manifest"), JSON.stringify({ roots: ["countersign"] }));
  const key = ec();
  const model = await startUpstream((_req, res) => {
    json(res, completion);
  });
  const sidecar = await startSidecar({
    bundles: [rules],
    addresses: [`unix://${socket}`, "127.0.0.1:0"],
    diagnosticAddresses: [],
    config: {
      decision_logs: { console: false, file: join(folder, "log") },
      api: { writes: true },
      identity: { issuers: [issuerConfig({ keys: [jwk(key, { kid: "k1" })] } as never)] },
      ...config,
    } as never,
    sets: [],
    watch: false,
    cacheDir: bundleCache,
    log: { level: "error", format: "json" },
    version: "test",
  });
  const link = await wire(socket, near);
  const counts: Record<string, number> = {};
  const metrics = new Proxy(
    {
      gatewayReused(result: string) {
        counts[result] = (counts[result] ?? 0) + 1;
      },
    },
    { get: (own, name) => (name in own ? own.gatewayReused : () => undefined) },
  ) as unknown as GatewayMetrics;
  const nothing = (): void => undefined;
  const gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket: near, deadline_ms: 20_000, reuse },
      upstreams: { main: { url: model.url } },
      models: Object.fromEntries(
        ["plain", "other", "forbidden"].map((name) => [
          name,
          { upstream: "main", provider: "openai", region: "eu", environment: "prod" },
        ]),
      ),
    } as unknown as Json,
    metrics,
    log: { info: nothing, warn: nothing, error: nothing },
  });
  const at = Math.floor(Date.now() / 1_000);
  const tokens = new Map<string, string>();
  const world: ReuseWorld = {
    ...{ sidecar, gateway, folder, counts },
    bearer(user = "ann", jti = "t1") {
      const name = `${user} ${jti}`;
      const known = tokens.get(name);
      if (known !== undefined) return known;
      const made = token(header, { ...payload, sub: user, jti, iat: at - 5, exp: at + 300 }, es256(key));
      tokens.set(name, made);
      return made;
    },
    async ask(bearer = world.bearer(), { model: name = "plain", task, text = "hi" } = {}) {
      const before = { ...counts };
      const response = await fetch(`${gateway.address}/v1/chat/completions`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${bearer}`,
          "content-type": "application/json",
          ...(task === undefined ? {} : { "x-countersign-task": task }),
        },
        body: JSON.stringify({ model: name, messages: [{ role: "user", content: text }] }),
      });
      await response.text();
      const grew = (what: string): boolean => (counts[what] ?? 0) > (before[what] ?? 0);
      return {
        status: response.status,
        id: response.headers.get("x-countersign-decision-id") ?? undefined,
        task: response.headers.get("x-countersign-task") ?? undefined,
        how: grew("reused") ? "reused" : grew("asked") ? "asked" : "neither",
      };
    },
    async warm(bearer) {
      await until(async () => (await world.ask(bearer)).how === "reused");
    },
    async put(method, path, body) {
      const response = await fetch(`${sidecar.addresses[1] ?? ""}${path}`, {
        method,
        headers: { "content-type": "application/json" },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      await response.text();
      return response.status;
    },
    cut: link.cut,
    mend: link.mend,
    async records() {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const text = await readFile(join(folder, "log"), "utf8");
      return text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as JsonObject);
    },
    async close() {
      await gateway.close();
      await sidecar.close();
      link.close();
      await model.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return world;
}

/** A socket in front of another one. */
async function wire(far: string, near: string): Promise<{ cut(): void; mend(): void; close(): void }> {
  let isCut = false;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    if (isCut) return void socket.destroy();
    const other = connect(far);
    for (const one of [socket, other]) {
      sockets.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        sockets.delete(one);
        socket.destroy();
        other.destroy();
      });
    }
    socket.pipe(other).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(near, resolve));
  const end = (): void => {
    for (const one of sockets) one.destroy();
  };
  return {
    cut() {
      isCut = true;
      end();
    },
    mend() {
      isCut = false;
    },
    close() {
      end();
      server.close();
    },
  };
}
