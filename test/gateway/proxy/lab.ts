/** A forward proxy before a real TLS server, with names that lead where a test wants. */
import { execFile } from "node:child_process";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "node:net";
import { createServer } from "node:net";
import { authorityLines, createCa } from "../../identify/spiffe/ca.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

export const host = "api.agents.example";
/** Names of the tests, and where they lead. */
export const names: Record<string, readonly string[]> = {
  [host]: ["127.0.0.1"],
  "other.agents.example": ["127.0.0.1"],
  "public.example": ["127.0.0.1"],
  "both.example": ["93.184.215.14", "10.0.0.1"],
  "meta.agents.example": ["169.254.169.254"],
  "mapped.example": ["::ffff:127.0.0.1"],
  "six.example": ["::1"],
  "ula.example": ["fd12::1"],
  "nat.example": ["64:ff9b::7f00:1"],
  "zero.example": ["0.0.0.0"],
  "nothing.example": [],
  "text.example": ["localhost"],
};

export interface ProxyLab {
  readonly world: World;
  /** Where the proxy listens. */
  readonly proxyPort: number;
  /** Of the TLS server. */
  readonly port: number;
  readonly caPem: string;
  readonly caFile: string;
  /** Requests that the TLS server got, and connections, whatever became of them. */
  readonly received: string[];
  readonly connections: () => number;
  /** Bytes that a server without TLS got. */
  readonly plain: { readonly port: number; bytes: number };
  close(): Promise<void>;
}

export async function startProxyLab(proxy: Record<string, unknown> = {}): Promise<ProxyLab> {
  const ca = createCa();
  const authority = ca.issue({ extensions: authorityLines, subject: "/CN=web" });
  const own = ca.issue({
    by: authority,
    extensions: [`subjectAltName=DNS:${host},DNS:other.agents.example`, "extendedKeyUsage=serverAuth"],
  });
  const received: string[] = [];
  let connections = 0;
  const server = createTlsServer({ cert: own.pem, key: own.keyPem }, (req, res) => {
    received.push(`${req.method ?? ""} ${req.url ?? ""} ${JSON.stringify(req.headers)}`);
    res.end(`hello ${req.url ?? ""}`);
  });
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const plain = { port: 0, bytes: 0 };
  const open = new Set<Socket>();
  const bare = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (piece) => (plain.bytes += piece.length));
  });
  await new Promise<void>((resolve) => bare.listen(0, "127.0.0.1", resolve));
  plain.port = (bare.address() as AddressInfo).port;
  const port = (server.address() as AddressInfo).port;
  const world = await startWorld({
    config: {
      forward_proxy: {
        listen: "127.0.0.1:0",
        ports: [port, plain.port],
        private_hosts: [host, "other.agents.example", "meta.agents.example"],
        hello_ms: 20_000,
        ...proxy,
      },
    },
    resolve: (name) => Promise.resolve(names[name] ?? []),
  });
  return {
    world,
    proxyPort: Number(new URL(world.gateway.forwardProxy ?? "").port),
    port,
    caPem: authority.pem,
    caFile: authority.certFile,
    received,
    connections: () => connections,
    plain,
    async close() {
      await world.close();
      server.closeAllConnections();
      for (const one of open) one.destroy();
      await new Promise((resolve) => bare.close(resolve));
      await new Promise((resolve) => server.close(resolve));
      ca.remove();
    },
  };
}

/** Runs a program; gives what it said, and how it ended. */
export function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ readonly code: number; readonly out: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 20_000 };
    execFile(program, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ code, out: stdout + stderr });
    });
  });
}

/** Speaks to the proxy by hand: gives what came until it closed, or until `milliseconds` after the last byte. */
export function speak(
  port: number,
  text: string | Buffer,
  then?: (answer: string, socket: Socket) => void,
  milliseconds = 15_000,
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let out = "";
    let told = false;
    socket.on("data", (piece) => {
      out += piece.toString("latin1");
      if (!told && out.includes("\r\n\r\n")) {
        told = true;
        then?.(out, socket);
      }
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve(out);
    });
    socket.setTimeout(milliseconds, () => socket.destroy());
  });
}
