/** A tool server over standard streams that writes down all that it gets, and does what the tool's name says; run by itself. */
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";

interface Asked {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly name?: string; readonly protocolVersion?: string };
}

const [name = "", log = ""] = process.argv.slice(2);
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const say = (message: object): void => {
  write(JSON.stringify({ jsonrpc: "2.0", ...message }));
};
const reply = (id: unknown, text: string): void => {
  say({ id, result: { content: [{ type: "text", text }] } });
};
let previous = 0;

const tools: Readonly<Record<string, (id: number) => void>> = {
  read: (id) => {
    reply(id, "read by a child");
  },
  pid: (id) => {
    reply(id, `pid ${process.pid}.`);
  },
  env: (id) => {
    reply(id, Object.keys(process.env).sort().join());
  },
  garbage: (id) => {
    for (let i = 0; i < 40; i++) write(`garbage ${i} {"id":${id}}`);
  },
  hang: () => undefined,
  fork: (id) => {
    const sleeper = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)";
    const { pid } = spawn(process.execPath, ["-e", sleeper], { stdio: "inherit" });
    appendFileSync(log, `fork\t${pid}\n`);
    process.stdout.write("", () => process.exit(0));
    void id;
  },
  die: () => process.exit(3),
  half: (id) => {
    process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":{"content":[`, () => process.exit(0));
  },
  // another request's, while that one is under way
  others: (id) => {
    reply(previous, "what another one asked for");
    reply(id, "its own");
  },
  texts: (id) => {
    reply(String(id), "an id of another type");
    reply(id, "its own");
  },
  twice: (id) => {
    write(
      `{"jsonrpc":"2.0","id":${id},"result":{"content":[]},"result":{"content":[{"type":"text","text":"x"}]}}`,
    );
  },
  noise: (id) => {
    process.stderr.write("stderr-of-the-child ".repeat(20_000), () => {
      reply(id, "said much");
    });
  },
  token: (id) => {
    for (let progressToken = 100; progressToken < 120; progressToken++)
      say({ method: "notifications/progress", params: { progressToken, progress: 1, message: "another's" } });
    say({
      method: "notifications/progress",
      params: { progressToken: "mine", progress: 1, message: "another's" },
    });
    reply(id, "progressed");
  },
};

const hear = ({ id, method, params }: Asked): void => {
  if (id === undefined || method === undefined) return;
  if (method === "initialize")
    say({
      id,
      result: {
        protocolVersion: params?.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "child", version: "1" },
      },
    });
  else if (method === "tools/list")
    say({
      id,
      result: { tools: Object.keys(tools).map((one) => ({ name: one, inputSchema: { type: "object" } })) },
    });
  else if (method === "tools/call") {
    tools[params?.name ?? ""]?.(id);
    previous = id;
  } else say({ id, error: { code: -32_601, message: "no such method" } });
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    appendFileSync(log, `${name}\t${line}\n`);
    hear(JSON.parse(line) as Asked);
  })
  .on("close", () => process.exit(0));
