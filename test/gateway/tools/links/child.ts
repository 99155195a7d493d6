/** A tool server over standard streams that does what a test's case wants; run by itself. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

interface Asked {
  id?: number;
  method?: string;
  params?: {
    name?: string;
    uri?: string;
    protocolVersion?: string;
    arguments?: Record<string, string>;
    _meta?: { progressToken?: unknown };
  };
  result?: { action?: string };
}

const [mode = "", file = ""] = process.argv.slice(2);
const say = (message: object): void => {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
};
const reply = (id: unknown, text: string): void => {
  say({ id, result: { content: [{ type: "text", text }] } });
};
let asking: number | undefined;
let calls = 0;

const tools: Record<string, (id: number, params: NonNullable<Asked["params"]>) => void> = {
  echo: (id, { arguments: args }) => {
    reply(id, args?.["text"] ?? "");
  },
  calls: (id) => {
    reply(id, String(++calls));
  },
  pid: (id) => {
    reply(id, String(process.pid));
  },
  env: (id) => {
    reply(id, JSON.stringify(process.env));
  },
  cwd: (id) => {
    reply(id, process.cwd());
  },
  "wrong id": (id) => {
    reply(id + 1_000, "wrong");
  },
  "id as text": (id) => {
    reply(String(id), "wrong");
  },
  twice: (id) => {
    reply(id, "first");
    reply(id, "second");
  },
  "no id": () => {
    say({ result: { content: [] } });
  },
  "both result and error": (id) => {
    say({ id, result: {}, error: { code: 1, message: "x" } });
  },
  "duplicate keys": (id) => {
    process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":{"a":1},"result":{"a":2}}\n`);
  },
  "a batch": (id) => {
    process.stdout.write(`[{"jsonrpc":"2.0","id":${id},"result":{}}]\n`);
  },
  garbage: () => {
    for (let i = 0; i < 40; i++) process.stdout.write(`garbage ${i}\n`);
  },
  "some garbage": (id) => {
    process.stdout.write("\n\r\nlistening on nothing\n");
    reply(id, "well");
  },
  "a huge line": () => {
    process.stdout.write("x".repeat(2 ** 20));
  },
  "not utf-8": (id) => {
    process.stdout.write(
      Buffer.concat([
        Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{"a":"`),
        Buffer.from([0xff, 0x22, 0x7d, 0x7d, 0x0a]),
      ]),
    );
  },
  hang: () => undefined,
  exit: () => process.exit(3),
  "half a line, then exit": (id) => {
    process.stdout.write(`{"jsonrpc":"2.0","id":${id}`, () => process.exit(0));
  },
  stderr: (id) => {
    process.stderr.write("secret-of-the-child ".repeat(1_000), () => {
      reply(id, "said");
    });
  },
  forks: (id) => {
    const sleeper = "setInterval(() => {}, 1000); process.on('SIGTERM', () => {})";
    const pids = [1, 2, 3].map(() => spawn(process.execPath, ["-e", sleeper], { stdio: "ignore" }).pid);
    reply(id, pids.join(" "));
  },
  "forks, then exit": () => {
    const sleeper = "setInterval(() => {}, 1000)";
    const { pid } = spawn(process.execPath, ["-e", sleeper], { stdio: "inherit" });
    writeFileSync(file, String(pid));
    process.exit(0);
  },
  progress: (id, { _meta }) => {
    const progressToken = _meta?.progressToken;
    for (const progress of [1, 2])
      say({ method: "notifications/progress", params: { progressToken, progress } });
    reply(id, String(progressToken));
  },
  "progress of others": (id) => {
    for (let token = 0; token < 50; token++)
      say({ method: "notifications/progress", params: { progressToken: token, progress: 1 } });
    say({ method: "notifications/progress", params: { progressToken: "client", progress: 1 } });
    setTimeout(reply, 100, id, "done");
  },
  "endless progress": (_id, { _meta }) => {
    const progressToken = _meta?.progressToken;
    const more = (): void => {
      for (let i = 0; i < 500; i++)
        say({ method: "notifications/progress", params: { progressToken, progress: i } });
      setTimeout(more, 1);
    };
    more();
  },
  "endless talk": () => {
    const more = (): void => {
      for (let i = 0; i < 500; i++) say({ method: "notifications/whatever", params: {} });
      setTimeout(more, 1);
    };
    more();
  },
  ask: (id) => {
    asking = id;
    say({ id: "mine", method: "elicitation/create", params: { message: "who?" } });
  },
  log: (id) => {
    say({ method: "notifications/message", params: { level: "info", data: "what a caller did" } });
    reply(id, "logged");
  },
  change: (id) => {
    say({ method: "notifications/tools/list_changed" });
    say({ method: "notifications/resources/updated", params: { uri: "note://a" } });
    reply(id, "changed");
  },
};

const initialized = { capabilities: { tools: {}, logging: {} }, serverInfo: { name: "child", version: "1" } };

const hear = ({ id, method, params, result }: Asked): void => {
  if (method === "server/discover") {
    if (mode === "exits at what it doesn't know") process.exit(1);
    if (mode === "silent at what it doesn't know") return;
    if (mode === "modern") {
      say({ id, result: { supportedVersions: ["2026-07-28"], resultType: "complete", ...initialized } });
    } else say({ id, error: { code: -32_601, message: "Method not found" } });
  } else if (method === "initialize") {
    if (mode === "future") say({ id, result: { ...initialized, protocolVersion: "2099-01-01" } });
    else
      say({
        id,
        result: { ...initialized, protocolVersion: mode === "old" ? "2024-11-05" : params?.protocolVersion },
      });
  } else if (method === "notifications/cancelled") {
    if (file !== "") writeFileSync(file, JSON.stringify(params));
  } else if (method === "subscriptions/listen") {
    const _meta = { "io.modelcontextprotocol/subscriptionId": id };
    say({ method: "notifications/subscriptions/acknowledged", params: { _meta, notifications: {} } });
    say({ method: "notifications/tools/list_changed", params: { _meta } });
    say({ method: "notifications/prompts/list_changed", params: { _meta } });
  } else if (method === "tools/list") {
    say({
      id,
      result: { tools: ["echo", "pid", "env"].map((name) => ({ name, inputSchema: { type: "object" } })) },
    });
  } else if (method === "resources/subscribe" || method === "resources/unsubscribe") say({ id, result: {} });
  else if (method === "tools/call" && id !== undefined && params !== undefined) {
    tools[params.name ?? ""]?.(id, params);
  } else if (result !== undefined && asking !== undefined) reply(asking, result.action ?? "");
  else if (id !== undefined && method === undefined && asking !== undefined) reply(asking, "refused");
};

if (mode === "dies") process.exit(7);
createInterface({ input: process.stdin })
  .on("line", (line) => {
    hear(JSON.parse(line) as Asked);
  })
  .on("close", () => {
    if (mode !== "stays") process.exit(0);
  });
if (mode === "stays") {
  process.on("SIGTERM", () => undefined);
  setInterval(() => undefined, 1_000);
}
