/** A gateway with a real sidecar that holds limits; upstreams that do what a request's text says. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Gateway } from "../../../gateway/main.js";
import { startGateway } from "../../../gateway/main.js";
import type { Json } from "../../../sidecar/contract.js";
import type { Sidecar } from "../../../sidecar/main.js";
import { startSidecar } from "../../../sidecar/main.js";
import { ec, es256, header, issuerConfig, jwk, payload, token } from "../../identify/world.js";
import { bundleCache } from "../../world.js";
import type { ToolServer } from "../mcp-server.js";
import { startToolServer } from "../mcp-server.js";
import type { Served } from "../world.js";
import { json, startUpstream } from "../world.js";

export interface Lab {
  readonly gateway: Gateway;
  readonly sidecar: Sidecar;
  readonly url: string;
  readonly upstream: Served;
  /** The sidecar's, which is the gateway's own. */
  readonly socket: string;
  tokenOf(user: string): string;
  post(path: string, body: object, user: string, headers?: Record<string, string>): Promise<Response>;
  chat(model: string, text: string, user: string, more?: object): Promise<Response>;
  close(): Promise<void>;
}

const policy = `package countersign

import rego.v1

# METADATA
# entrypoint: true
decision := {"allow": count(denials) == 0, "reasons": denials, "obligations": duties, "labels": [], "ttl": 60}

denials contains {"code": "nearly_out", "message": "little is left", "rule": "test.left"} if {
	input.resource.id == "seen"
	input.context.limits.seen.remaining < 2
}

duties contains {"id": "l", "type": "limit", "properties": {"name": "by-policy", "unit": "requests", "amount": 2, "window": "1h", "key": {"who": input.subject.id}}} if {
	input.resource.id == "by-policy"
}

duties contains {"id": "l", "type": "limit", "properties": {"name": "odd", "unit": "requests", "amount": 2, "window": "1h", "burst": 1}} if {
	input.resource.id == "odd"
}
`;

const price = { input: 1, output: 2, currency: "EUR", as_of: "2026-11-01", source: "test" };

/** @param limits of the sidecar's configuration */
export async function startLab(limits: readonly object[], more: Record<string, unknown> = {}): Promise<Lab> {
  const folder = await mkdtemp(join(tmpdir(), "countersign-limits-"));
  await mkdir(join(folder, "policy"));
  await writeFile(join(folder, "policy", "test.rego"), policy);
  const key = ec();
  const tokens = new Map<string, string>();
  const tokenOf = (user: string): string => {
    const known = tokens.get(user);
    if (known !== undefined) return known;
    const made = makeToken(user);
    tokens.set(user, made);
    return made;
  };
  // ten minutes into the next hour: no window of an hour or a month ends while a test runs
  const ahead = 4_200_000 - (Date.now() % 3_600_000);
  const now = (): number => Date.now() + ahead;
  const makeToken = (user: string): string => {
    const seconds = Math.floor(now() / 1000);
    return token(header, { ...payload, sub: user, iat: seconds - 5, exp: seconds + 300 }, es256(key));
  };
  const socket = join(folder, "s", "pdp.sock");
  const sidecar = await startSidecar({
    bundles: [join(folder, "policy")],
    addresses: [`unix://${socket}`, "127.0.0.1:0"],
    diagnosticAddresses: [],
    config: {
      decision_logs: { console: false, file: join(folder, "decisions.jsonl") },
      identity: { issuers: [issuerConfig({ keys: [jwk(key, { kid: "k1" })] } as never)] },
      limits,
      ...more,
    } as never,
    sets: [],
    watch: false,
    cacheDir: bundleCache,
    log: { level: "error", format: "json" },
    version: "test",
    now,
  });
  const upstream = await startUpstream((_req, res, body) => {
    answer(res, JSON.parse(body) as Asked);
  });
  const store = await startUpstream((_req, res) => {
    json(res, { documents: [{ id: "1", text: "a" }] });
  });
  const tools: ToolServer = await startToolServer(true);
  const models = ["seen", "by-policy", "odd", ...limits.map(({ name }: { name?: string }) => name ?? "")];
  const model = { upstream: "main", provider: "openai", region: "eu", environment: "prod" };
  const gateway = await startGateway({
    config: {
      listen: "127.0.0.1:0",
      sidecar: { socket, deadline_ms: 20_000 },
      limits: { default_output_tokens: 50 },
      upstreams: { main: { url: upstream.url } },
      models: {
        ...Object.fromEntries(models.map((name) => [name, model])),
        priced: { ...model, cost: price },
        unpriced: model,
      },
      servers: { files: { url: tools.url } },
      collections: {
        handbook: {
          url: `${store.url}/query`,
          classification: "internal",
          region: "eu",
          environment: "prod",
        },
      },
    } as unknown as Json,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  const url = gateway.address;
  const post: Lab["post"] = (path, body, user, headers = {}) =>
    fetch(`${url}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${tokenOf(user)}`, "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  return {
    ...{ gateway, sidecar, url, upstream, socket, tokenOf, post },
    chat: (name, text, user, rest = {}) =>
      post(
        "/v1/chat/completions",
        { model: name, messages: [{ role: "user", content: text }], ...rest },
        user,
      ),
    async close() {
      await gateway.close();
      await sidecar.close();
      await Promise.all([upstream.close(), store.close(), tools.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Asked {
  readonly stream?: boolean;
  readonly messages?: readonly { readonly content: string }[];
}

const completion = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello" } }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};

/** `fail`, `wrong`, `hang`; `on and on` streams words that nobody asked for, one each few milliseconds. */
function answer(res: ServerResponse, { stream, messages }: Asked): void {
  const text = messages?.at(-1)?.content ?? "";
  if (text === "fail") return json(res, { error: { message: "no" } }, 500);
  if (text === "wrong") return json(res, { error: { message: "no" } }, 400);
  if (text === "hang") return;
  if (stream !== true) return json(res, completion);
  res.writeHead(200, { "content-type": "text/event-stream" });
  const most = text === "on and on" ? 5_000 : 5;
  let sent = 0;
  const timer = setInterval(() => {
    sent++;
    const chunk = {
      ...{ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m" },
      choices: [{ index: 0, delta: { content: "word" }, finish_reason: sent < most ? null : "stop" }],
    };
    res.write(`data: ${JSON.stringify(chunk)}\n\n`);
    if (sent < most) return;
    clearInterval(timer);
    res.end("data: [DONE]\n\n");
  }, 2);
  res.on("close", () => {
    clearInterval(timer);
  });
}

/** Tries again until it holds; as long as a slow machine may need. */
export async function eventually(check: () => void | Promise<void>): Promise<void> {
  const until = Date.now() + 20_000;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
