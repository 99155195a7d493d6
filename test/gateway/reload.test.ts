/** A configuration that changes under way: what runs ends where it began, what comes goes by the new one, a bad one changes nothing. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventEmitter, once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { WebSocket, WebSocketServer } from "ws";
import { followConfig } from "../../cli/follow-config.js";
import type { GatewayMetrics } from "../../gateway/exchange.js";
import type { Gateway } from "../../gateway/main.js";
import { startGateway } from "../../gateway/main.js";
import type { Json } from "../../sidecar/contract.js";
import type { FakeSidecar, Served } from "./world.js";
import { allow, callerToken, json, startFakeSidecar, startUpstream, until } from "./world.js";

const completion = {
  ...{ id: "c", object: "chat.completion", created: 1, model: "m" },
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello" } }],
};

interface Lab {
  readonly gateway: Gateway;
  readonly sidecar: FakeSidecar;
  readonly one: Served;
  readonly other: Served;
  readonly log: string[];
  readonly counted: string[];
  /** The configuration that it began with, and what is laid over it. */
  config(more?: Record<string, unknown>): Json;
  reload(more?: Record<string, unknown>): ReturnType<Gateway["reload"]>;
  chat(model: string, more?: Record<string, unknown>): Promise<Response>;
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(first: Record<string, unknown> = {}): Promise<Lab> {
  const sidecar = await startFakeSidecar();
  const [one, other] = await Promise.all([startUpstream(answer), startUpstream(answer)]);
  const log: string[] = [];
  const counted: string[] = [];
  const metrics = new Proxy({} as GatewayMetrics, {
    get: (_target, name) => (what: unknown, event: unknown) => {
      if (name === "gatewayReloaded" || name === "gatewayCredential")
        counted.push([what, event].join(" ").trim());
    },
  });
  const write =
    (level: string) =>
    (message: string, fields: unknown = {}): void => {
      log.push(`${level} ${message} ${JSON.stringify(fields)}`);
    };
  const config = (more: Record<string, unknown> = {}): Json =>
    ({
      listen: "127.0.0.1:0",
      sidecar: { socket: sidecar.socket, deadline_ms: 20_000 },
      upstreams: { one: { url: one.url }, other: { url: other.url } },
      models: { small: at("one") },
      ...first,
      ...more,
    }) as unknown as Json;
  const gateway = await startGateway({
    config: config(),
    log: { info: write("info"), warn: write("warn"), error: write("error") },
    metrics,
  });
  closers.push(sidecar.close, one.close, other.close, gateway.close);
  return {
    ...{ gateway, sidecar, one, other, log, counted, config },
    reload: (more) => gateway.reload(() => config(more)),
    chat: (model, more = {}) =>
      fetch(`${gateway.address}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${callerToken}`, "content-type": "application/json" },
        body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }], ...more }),
      }),
  };
}
const answer = (_req: unknown, res: ServerResponse): void => {
  json(res, completion);
};
const at = (upstream: string, more: object = {}): object => ({
  ...{ upstream, provider: "p", region: "eu", environment: "prod" },
  ...more,
});
const event = (text: string): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", choices: [{ index: 0, delta: { content: text } }] })}\n\n`;

describe("a reload", () => {
  test("puts models that came into effect, and takes out those that went", async () => {
    const lab = await start();
    expect((await lab.chat("large")).status).toBe(404);
    expect(await lab.reload({ models: { large: at("other") } })).toEqual({ kind: "applied" });
    expect((await lab.chat("large")).status).toBe(200);
    expect((await lab.chat("small")).status).toBe(404);
    expect(lab.other.received).toHaveLength(1);
    expect(lab.counted).toEqual(["started", "applied"]);
    expect(lab.log.at(-1)).toBe(
      'info configuration reloaded {"models_added":["large"],"models_removed":["small"]}',
    );
  });

  test("leaves a stream whole that runs across it, and more than one", async () => {
    const lab = await start();
    let stream: ServerResponse | undefined;
    lab.one.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(event("first"));
      stream = res;
    };
    const answer = await lab.chat("small", { stream: true });
    const read = answer.text();
    for (let i = 0; i < 3; i++) {
      const upstreams = { one: { url: lab.other.url }, other: { url: lab.other.url } };
      expect(await lab.reload({ upstreams, models: { small: at("one"), [`m${i}`]: at("other") } })).toEqual({
        kind: "applied",
      });
      stream?.write(event(`piece ${i}`));
    }
    lab.other.received.length = 0;
    expect((await lab.chat("m2")).status).toBe(200);
    expect((await lab.chat("small")).status).toBe(200);
    expect(lab.other.received).toHaveLength(2);
    stream?.end(`${event("last")}data: [DONE]\n\n`);
    const text = await read;
    for (const piece of ["first", "piece 0", "piece 1", "piece 2", "last", "[DONE]"])
      expect(text).toContain(piece);
    await until(() => lab.sidecar.outcomes.length === 3);
    expect(lab.sidecar.outcomes.map(({ outcome }) => outcome)).toEqual([
      "forwarded",
      "forwarded",
      "forwarded",
    ]);
  });

  test("leaves a WebSocket open that runs across it, by whose configuration it was opened", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    server.on("connection", (peer) => {
      peer.on("message", (data) => {
        peer.send(`echo ${(data as Buffer).toString()}`);
      });
    });
    closers.push(() => {
      server.close();
    });
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const wiki = { kind: "web", url, region: "eu", environment: "prod", websocket: {} };
    const lab = await start({ routes: { wiki } });
    const socket = new WebSocket(`${lab.gateway.address}/routes/wiki/live`, {
      headers: { authorization: `Bearer ${callerToken}` },
    });
    await once(socket, "open");
    const closed = once(socket, "close");
    expect(await lab.reload({ routes: {} })).toEqual({ kind: "applied" });
    expect(await lab.reload({ routes: {}, environment: "other" })).toEqual({ kind: "applied" });
    const heard = once(socket, "message");
    socket.send("still here");
    // what closed it is said, where it closed
    const [first] = (await Promise.race([heard, closed])) as [unknown];
    expect(String(first)).toBe("echo still here");
    socket.close();
    await closed;
    expect((await fetch(`${lab.gateway.address}/routes/wiki/live`)).status).toBe(404);
  });

  test("closes the connections of an upstream that went, when the last request there has ended", async () => {
    const lab = await start();
    const open = new Set<unknown>();
    let held: ServerResponse | undefined;
    lab.one.answer = (req, res) => {
      open.add(req.socket);
      req.socket.once("close", () => open.delete(req.socket));
      held = res;
    };
    const answer = lab.chat("small");
    await until(() => held !== undefined);
    const rest = { upstreams: { other: { url: lab.other.url } }, models: { small: at("other") } };
    expect(await lab.reload(rest)).toEqual({ kind: "applied" });
    expect((await lab.chat("small")).status).toBe(200);
    expect(open.size).toBe(1);
    if (held !== undefined) json(held, completion);
    expect((await answer).status).toBe(200);
    await until(() => open.size === 0);
  });

  test("keeps the connections of an upstream that stays", async () => {
    const lab = await start();
    const sockets = new Set<unknown>();
    lab.one.answer = (req, res) => {
      sockets.add(req.socket);
      json(res, completion);
    };
    await (await lab.chat("small")).text();
    for (let i = 0; i < 5; i++) {
      await lab.reload({ models: { small: at("one"), [`m${i}`]: at("one") } });
      await (await lab.chat("small")).text();
    }
    expect(sockets.size).toBe(1);
  });

  test("of many under load breaks nothing, and leaves nothing behind", async () => {
    const lab = await start();
    let going = true;
    const statuses: number[] = [];
    const callers = Array.from({ length: 4 }, async (_, i) => {
      while (going) {
        const stream = i % 2 === 0;
        const response = await lab.chat("small", stream ? { stream } : {});
        const text = await response.text();
        statuses.push(stream && !text.includes("[DONE]") ? 0 : response.status);
      }
    });
    const streaming: Served["answer"] = (_req, res, body) => {
      if (!body.includes('"stream":true')) {
        json(res, completion);
        return;
      }
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(event("a"));
      setTimeout(() => res.end(`${event("b")}data: [DONE]\n\n`), 5);
    };
    lab.one.answer = streaming;
    lab.other.answer = streaming;
    let sockets = 0;
    for (const served of [lab.one, lab.other]) {
      const { answer: before } = served;
      const known = new WeakSet<object>();
      served.answer = (req, res, body) => {
        if (!known.has(req.socket)) {
          known.add(req.socket);
          sockets++;
          req.socket.once("close", () => sockets--);
        }
        before(req, res, body);
      };
    }
    for (let i = 0; i < 20; i++) {
      const url = i % 2 === 0 ? lab.other.url : lab.one.url;
      const upstreams = { one: { url, timeouts: { connect_ms: 1_000 + i } } };
      expect(await lab.reload({ upstreams })).toEqual({ kind: "applied" });
      const before = statuses.length;
      await until(() => statuses.length >= before + 8);
    }
    going = false;
    await Promise.all(callers);
    expect(statuses.every((status) => status === 200)).toBe(true);
    expect(statuses.length).toBeGreaterThan(100);
    expect(lab.counted.filter((one) => one === "applied")).toHaveLength(20);
    // only those of the configuration in force are left
    await until(() => sockets <= 4);
  });

  test("one after the other, however many are asked for", async () => {
    const lab = await start();
    const names = Array.from({ length: 10 }, (_, i) => `m${i}`);
    await Promise.all(names.map((name) => lab.reload({ models: { [name]: at("one") } })));
    expect((await lab.chat("m9")).status).toBe(200);
    expect((await lab.chat("m8")).status).toBe(404);
  });
});

/** Configurations that must change nothing, and what is said of them. */
const bad: readonly (readonly [string, (lab: Lab) => unknown, readonly string[]])[] = [
  [
    "with several mistakes",
    () => ({ models: { small: at("nowhere") }, upstream: {} }),
    ["models.small.upstream: is not among the upstreams", "upstream: unknown field; did you mean upstreams?"],
  ],
  [
    "without a credential",
    () => ({ upstreams: { one: { url: "http://127.0.0.1:1", api_key: { file: "/nowhere/key" } } } }),
    ["the credential file:key is missing or unusable: missing"],
  ],
  ["on another port", () => ({ listen: "127.0.0.1:1" }), ["listen: can't change without a restart"]],
  ["with TLS", () => ({ tls: { cert_file: "/a", key_file: "/b" } }), ["tls: can't change without a restart"]],
  [
    "with another proxy",
    () => ({ proxies: [{ name: "p", socket: "/tmp/p.sock" }] }),
    ["proxies: can't change without a restart"],
  ],
  [
    "with another key of ids",
    () => ({ id_key: { value: "k".repeat(43) } }),
    ["id_key: can't change without a restart"],
  ],
  [
    "with another sidecar",
    () => ({ sidecar: { socket: "/tmp/other.sock" } }),
    ["sidecar.socket: can't change without a restart"],
  ],
];
test.each(bad)(
  "a configuration %s changes nothing, and each problem is said",
  async (_name, make, problems) => {
    const lab = await start();
    const made = make(lab) as Record<string, unknown>;
    expect(await lab.reload({ ...made, environment: "changed" })).toEqual({ kind: "rejected", problems });
    expect((await lab.chat("small")).status).toBe(200);
    expect(lab.sidecar.asked.at(-1)?.context.environment).toBeUndefined();
    expect(lab.counted).toEqual(["started", "rejected"]);
    expect(lab.log.at(-1)).toBe(
      `warn configuration not reloaded: nothing has changed ${JSON.stringify({ problems })}`,
    );
    // and it isn't in the way of a good one
    expect(await lab.reload({ environment: "good" })).toEqual({ kind: "applied" });
    await lab.chat("small");
    expect(lab.sidecar.asked.at(-1)?.context.environment).toBe("good");
  },
);

describe("what is known of deployments", () => {
  const group = (second: string, failures = 1): object => ({
    group: {
      deployments: [at("one", { name: "a", priority: 0 }), at(second, { name: "b", priority: 1 })],
      breaker: { failures, cool_down_ms: 600_000 },
      retries: { max: 1, pause_ms: 0 },
    },
  });
  const fails: Served["answer"] = (_req, res) => {
    json(res, { error: { message: "down" } }, 500);
  };
  test("stays for those that stay", async () => {
    const lab = await start({ models: group("other") });
    lab.one.answer = fails;
    expect((await lab.chat("group")).status).toBe(200);
    expect(lab.one.received).toHaveLength(1);
    // its breaker is open, and stays so
    await lab.reload({ models: { ...group("other"), more: at("one") } });
    expect((await lab.chat("group")).status).toBe(200);
    expect(lab.one.received).toHaveLength(1);
  });
  const changes: readonly (readonly [string, (lab: Lab) => Record<string, unknown>])[] = [
    ["whose breaker has other limits", () => ({ models: group("other", 2) })],
    [
      "whose upstream changed",
      ({ one, other }) => ({
        upstreams: { one: { url: one.url, timeouts: { connect_ms: 4_000 } }, other: { url: other.url } },
      }),
    ],
  ];
  test.each(changes)("begins anew for those %s", async (_name, change) => {
    const lab = await start({ models: group("other") });
    lab.one.answer = fails;
    await lab.chat("group");
    await lab.reload(change(lab));
    await lab.chat("group");
    expect(lab.one.received).toHaveLength(2);
  });
});

describe("a credential", () => {
  const keyed = (lab: Pick<Lab, "one">, file: string, more: object = {}): Record<string, unknown> => ({
    upstreams: { one: { url: lab.one.url, api_key: { file, id: "main", refresh_ms: 10 }, ...more } },
  });
  const takes =
    (...keys: string[]): Served["answer"] =>
    (req, res) => {
      const known = keys.includes(String(req.headers.authorization).slice("Bearer ".length));
      json(
        res,
        known ? completion : { error: { message: `no key ${req.headers.authorization}` } },
        known ? 200 : 401,
      );
    };
  const lab = async (): Promise<{ lab: Lab; file: string; sent: () => string[] }> => {
    const directory = mkdtempSync(join(tmpdir(), "countersign-reload-"));
    closers.push(() => {
      rmSync(directory, { recursive: true });
    });
    const file = join(directory, "key");
    writeFileSync(file, "key-1");
    const made = await start();
    expect(await made.reload(keyed(made, file))).toEqual({ kind: "applied" });
    const sent = (): string[] =>
      made.one.received.map(({ headers }) => String(headers.authorization).slice(7));
    return { lab: made, file, sent };
  };
  const changed = async ({ counted }: Lab): Promise<void> => {
    const before = counted.length;
    await until(() => counted.slice(before).includes("main changed"));
  };

  test("that changes before the upstream knows it: the one before is sent, and first from then on", async () => {
    const { lab: made, file, sent } = await lab();
    made.one.answer = takes("key-1");
    writeFileSync(file, "key-2");
    await changed(made);
    expect((await made.chat("small")).status).toBe(200);
    expect((await made.chat("small")).status).toBe(200);
    expect(sent()).toEqual(["key-2", "key-1", "key-1"]);
    // one outcome, one attempt: the client saw nothing of it
    expect(made.sidecar.outcomes.every(({ attempts }) => attempts === undefined)).toBe(true);
    made.one.answer = takes("key-2");
    expect((await made.chat("small")).status).toBe(200);
    expect((await made.chat("small")).status).toBe(200);
    expect(sent().slice(3)).toEqual(["key-1", "key-2", "key-2"]);
    expect(made.counted.slice(2)).toEqual(["main changed", "main previous_used", "main current_used"]);
    expect(made.log.join("\n")).not.toContain("key-");
  });
  test("in another header is met alike", async () => {
    const { lab: made, file } = await lab();
    const headers = { "user-agent": { file, id: "main", refresh_ms: 10 } };
    await made.reload({ upstreams: { one: { url: made.one.url, headers } } });
    made.one.answer = (req, res) => {
      const known = req.headers["user-agent"] === "key-1";
      json(res, known ? completion : {}, known ? 200 : 403);
    };
    writeFileSync(file, "key-2");
    await changed(made);
    expect((await made.chat("small")).status).toBe(200);
    expect((await made.chat("small")).status).toBe(200);
    expect(made.one.received.map(({ headers: sent }) => sent["user-agent"])).toEqual([
      "key-2",
      "key-1",
      "key-1",
    ]);
  });
  test("of a named route is met alike, where the body can be sent again", async () => {
    const { lab: made, file, sent } = await lab();
    const upstream = { url: made.one.url, api_key: { file, id: "main", refresh_ms: 10 } };
    const route = { kind: "web", region: "eu", environment: "prod", ...upstream };
    expect(await made.reload({ routes: { wiki: route } })).toEqual({ kind: "applied" });
    made.one.answer = takes("key-1");
    writeFileSync(file, "key-2");
    await changed(made);
    const read = (): Promise<Response> =>
      fetch(`${made.gateway.address}/routes/wiki/page`, {
        headers: { authorization: `Bearer ${callerToken}` },
      });
    expect((await read()).status).toBe(200);
    expect((await read()).status).toBe(200);
    expect(sent()).toEqual(["key-2", "key-1", "key-1"]);
  });
  test("that nobody takes is tried twice, and no more", async () => {
    const { lab: made, file, sent } = await lab();
    made.one.answer = takes();
    writeFileSync(file, "key-2");
    await changed(made);
    const response = await made.chat("small");
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain("key-");
    expect(sent()).toEqual(["key-2", "key-1"]);
  });
  test("without a change isn't tried twice", async () => {
    const { lab: made, sent } = await lab();
    made.one.answer = takes();
    expect((await made.chat("small")).status).toBe(502);
    expect(sent()).toEqual(["key-1"]);
  });
  test("keeps its overlap across a reload, and is let go of with the upstream", async () => {
    const { lab: made, file, sent } = await lab();
    made.one.answer = takes("key-1");
    writeFileSync(file, "key-2");
    await changed(made);
    await made.reload(keyed(made, file, { timeouts: { connect_ms: 4_321 } }));
    expect((await made.chat("small")).status).toBe(200);
    expect(sent()).toEqual(["key-2", "key-1"]);
    await made.reload();
    await made.chat("small");
    const before = made.counted.length;
    writeFileSync(file, "key-3");
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(made.counted).toHaveLength(before);
  });
});

describe("the command line", () => {
  const follow = async (watch: boolean) => {
    const directory = mkdtempSync(join(tmpdir(), "countersign-follow-"));
    closers.push(() => {
      rmSync(directory, { recursive: true });
    });
    const lab = await start();
    const signals = new EventEmitter();
    const file = join(directory, "gateway.json");
    const write = (value: unknown, path = file): void => {
      writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
    };
    write(lab.config());
    const following = followConfig({ file, gateway: lab.gateway, watch, signals });
    closers.push(() => {
      following.close();
    });
    return { lab, signals, file, directory, write };
  };
  const large = { models: { large: at("other") } };

  test("reads the file again at SIGHUP, and not before", async () => {
    const { lab, signals, write } = await follow(false);
    write(lab.config(large));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await lab.chat("large")).status).toBe(404);
    signals.emit("SIGHUP");
    await until(() => lab.counted.length === 2);
    expect((await lab.chat("large")).status).toBe(200);
    write("{");
    signals.emit("SIGHUP");
    await until(() => lab.counted.length === 3);
    expect(lab.counted.at(-1)).toBe("rejected");
    expect(lab.log.at(-1)).toContain("gateway.json: not valid YAML or JSON");
    expect((await lab.chat("large")).status).toBe(200);
  });
  test("with --watch, reads it again when it is written, replaced, or removed and back", async () => {
    const { lab, file, write } = await follow(true);
    write(lab.config(large));
    await until(() => lab.counted.length === 2);
    expect((await lab.chat("large")).status).toBe(200);
    write(lab.config(), `${file}.new`);
    renameSync(`${file}.new`, file);
    await until(() => lab.counted.length === 3);
    expect((await lab.chat("small")).status).toBe(200);
    rmSync(file);
    await until(() => lab.counted.length === 4);
    expect(lab.counted.at(-1)).toBe("rejected");
    expect((await lab.chat("small")).status).toBe(200);
    write(lab.config(large));
    await until(() => lab.counted.length === 5);
    expect((await lab.chat("large")).status).toBe(200);
  });
  test("with --watch, follows a ConfigMap's link", async () => {
    const { lab, directory, write } = await follow(false);
    const mount = join(directory, "mount");
    mkdirSync(mount);
    const publish = (name: string, value: unknown): void => {
      mkdirSync(join(mount, name));
      write(value, join(mount, name, "gateway.json"));
      symlinkSync(name, join(mount, "..data_tmp"));
      renameSync(join(mount, "..data_tmp"), join(mount, "..data"));
    };
    publish("..one", lab.config());
    symlinkSync("..data/gateway.json", join(mount, "gateway.json"));
    const following = followConfig({
      ...{
        file: join(mount, "gateway.json"),
        gateway: lab.gateway,
        watch: true,
        signals: new EventEmitter(),
      },
    });
    closers.push(() => {
      following.close();
    });
    publish("..two", lab.config(large));
    await until(() => lab.counted.includes("applied"));
    expect((await lab.chat("large")).status).toBe(200);
  });
});

test("a gateway that can't start leaves nothing running", async () => {
  const sidecar = await startFakeSidecar();
  sidecar.decide = allow;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const config = {
    listen: "127.0.0.1:0",
    sidecar: { socket: sidecar.socket },
    upstreams: { one: { url: "http://127.0.0.1:1", api_key: { env: "COUNTERSIGN_NO_SUCH_KEY" } } },
  } as unknown as Json;
  await expect(startGateway({ config, log })).rejects.toThrow("COUNTERSIGN_NO_SUCH_KEY is missing");
  await sidecar.close();
});
