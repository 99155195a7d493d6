/** One sidecar and its gateway with models, tools and an agent behind: real sockets, real tokens, real servers. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Gateway } from "../../../gateway/main.js";
import { startGateway } from "../../../gateway/main.js";
import type { Json } from "../../../sidecar/contract.js";
import type { Sidecar } from "../../../sidecar/main.js";
import { startSidecar } from "../../../sidecar/main.js";
import { ec, es256, header, issuerConfig, jwk, payload, token } from "../../identify/world.js";
import { bundleCache } from "../../world.js";
import type { AgentServer } from "../agents/agent-server.js";
import { startAgent } from "../agents/agent-server.js";
import type { ToolServer } from "../mcp-server.js";
import { startToolServer } from "../mcp-server.js";
import type { Served } from "../world.js";
import { json, startUpstream } from "../world.js";

const policy = `package countersign

import rego.v1

# METADATA
# entrypoint: true
decision := {"allow": count(denials) == 0, "reasons": denials, "obligations": [], "labels": labels, "ttl": 0}

labels contains "secret" if {
	input.resource.id == "reads"
	input.action.properties.phase == "request"
}

denials contains {"code": "flow", "message": "no way out", "rule": "test.flow", "labels": ["secret"]} if {
	input.resource.id == "sends"
	"secret" in input.context.task.labels
}

denials contains {"code": "token_wanted", "message": "a token is wanted", "rule": "test.token"} if {
	input.resource.id == "proven"
	not input.context.task.proven
}

denials contains {"code": "scope_wanted", "message": "a scope is wanted", "rule": "test.scope"} if {
	input.resource.id == "writes"
	not "docs.write" in object.get(input.context.task, "scopes", ["docs.write"])
}

denials contains {"code": "unwanted", "message": "not this purpose", "rule": "test.purpose"} if {
	input.action.name == "task.create"
	input.resource.properties.purpose == "mischief"
}

denials contains {"code": "forbidden", "message": "no", "rule": "test.forbidden"} if input.resource.id == "forbidden"
`;

const completion = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello" } }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};

export interface Caller {
  readonly user?: string;
  /** Acts for the user. */
  readonly agent?: string;
  readonly claims?: Record<string, unknown>;
}

export interface Asked extends Caller {
  readonly task?: string | undefined;
  readonly headers?: Record<string, string>;
}

export interface Answer {
  readonly status: number;
  readonly task: string | undefined;
  readonly taskId: string | undefined;
  readonly code: string | undefined;
  readonly text: string;
}

export interface TasksWorld {
  readonly url: string;
  readonly gateway: Gateway;
  readonly sidecar: Sidecar;
  readonly model: Served;
  readonly tools: ToolServer;
  readonly agent: AgentServer;
  /** What the gateway logged. */
  readonly log: string[];
  bearer(caller?: Caller): string;
  /** Asks a model. */
  ask(model: string, asked?: Asked): Promise<Answer>;
  /** Asks anything else of the gateway. */
  request(method: string, path: string, asked?: Asked, body?: unknown): Promise<Answer>;
  decisionLog(): Promise<string>;
  close(): Promise<void>;
}

const models = ["plain", "reads", "sends", "proven", "writes", "forbidden"];

/** @param config laid over the sidecar's */
export async function startTasksWorld(
  config: Record<string, unknown> = {},
  rules: string = policy,
): Promise<TasksWorld> {
  const folder = await mkdtemp(join(tmpdir(), "countersign-tasks-"));
  const [policyFolder, socket, file] = [
    join(folder, "policy"),
    join(folder, "s", "pdp.sock"),
    join(folder, "log"),
  ];
  await mkdir(policyFolder);
  await writeFile(join(policyFolder, "test.rego"), rules);
  const key = ec();
  const model = await startUpstream((_req, res) => {
    json(res, completion);
  });
  const [tools, agent] = [await startToolServer(true), await startAgent()];
  const sidecar = await startSidecar({
    bundles: [policyFolder],
    addresses: [`unix://${socket}`],
    diagnosticAddresses: [],
    config: {
      decision_logs: { console: false, file },
      identity: { issuers: [issuerConfig({ keys: [jwk(key, { kid: "k1" })] } as never)] },
      ...config,
    } as never,
    sets: [],
    watch: false,
    cacheDir: bundleCache,
    log: { level: "error", format: "json" },
    version: "test",
  });
  const log: string[] = [];
  const write = (message: string, fields: unknown = {}): void => {
    log.push(`${message} ${JSON.stringify(fields)}`);
  };
  const gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket, deadline_ms: 20_000 },
      upstreams: { main: { url: model.url } },
      models: Object.fromEntries(
        models.map((name) => [
          name,
          { upstream: "main", provider: "openai", region: "eu", environment: "prod" },
        ]),
      ),
      servers: { files: { url: tools.url, tools: [{ match: "*", risk: "low", effect: "read" }] } },
      agents: {
        helper: { url: `${agent.url}/rpc` },
        delegate: {
          url: `${agent.url}/rpc`,
          tasks: { exchange: true, scopes: ["docs.read"], budget: { requests: 3 }, deadline_seconds: 600 },
        },
      },
      routes: {
        web: { kind: "web", url: model.url, region: "eu", environment: "prod", headers: ["x-note"] },
      },
    } as unknown as Json,
    log: { info: write, warn: write, error: write },
  });
  const url = gateway.address;
  const bearer = ({ user = "ann", agent: by, claims = {} }: Caller = {}): string => {
    const now = Math.floor(Date.now() / 1_000);
    const act = by === undefined ? {} : { act: { sub: by } };
    const said = { ...payload, sub: user, iat: now - 5, exp: now + 300, ...act, ...claims };
    return token(header, said, es256(key));
  };
  const request: TasksWorld["request"] = async (method, path, asked = {}, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${bearer(asked)}`,
        ...(asked.task === undefined ? {} : { "x-countersign-task": asked.task }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...asked.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      ...{ status: response.status, text },
      task: response.headers.get("x-countersign-task") ?? undefined,
      taskId: response.headers.get("x-countersign-task-id") ?? undefined,
      code: response.ok ? undefined : /"code":\s*"([a-z_]+)"/.exec(text)?.[1],
    };
  };
  return {
    ...{ url, gateway, sidecar, model, tools, agent, log, bearer, request },
    ask: (name, asked = {}) =>
      request("POST", "/v1/chat/completions", asked, {
        model: name,
        messages: [{ role: "user", content: "hi" }],
      }),
    async decisionLog() {
      // written in the background
      await new Promise((resolve) => setTimeout(resolve, 200));
      return readFile(file, "utf8");
    },
    async close() {
      await gateway.close();
      await sidecar.close();
      await Promise.all([model.close(), tools.close(), agent.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Gives what must be there. */
export function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("it isn't there");
  return value;
}

/** Says a token's claims, without asking whether they hold. */
export function claimsOf(text: string | undefined): {
  txn: string;
  jti: string;
  tctx: Record<string, unknown>;
} {
  const [, claims = ""] = must(text).split(".");
  return JSON.parse(Buffer.from(claims, "base64url").toString()) as never;
}
