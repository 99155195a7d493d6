/** Real Redis in numbers for a test: a cluster of masters with replicas, and one that Sentinels watch. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "./free-port.js";
import { redisServer, sleep, until } from "./redis.js";

export interface TestNode {
  readonly port: number;
  /** A client of the test's own, to look at and tamper with what is stored. */
  readonly client: Redis;
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Stops the process without closing its connections: it accepts and never answers. */
  freeze(): void;
  thaw(): void;
}

export interface TestCluster {
  /** `redis-cluster://…`, naming one of its nodes or all. */
  readonly url: string;
  /** Masters first. */
  readonly nodes: readonly TestNode[];
  /** Runs something on the master of a key. */
  masterOf(key: string): Promise<TestNode>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface TestSentinel {
  /** `redis-sentinel://…` */
  readonly url: string;
  readonly nodes: readonly TestNode[];
  readonly sentinels: readonly TestNode[];
  /** The one that Sentinel calls master now. */
  master(): Promise<TestNode>;
  close(): Promise<void>;
}

export interface FleetOptions {
  /** Further arguments of each `redis-server`. */
  readonly args?: readonly string[];
  /** Milliseconds until one that doesn't answer is taken to be gone. */
  readonly downMs?: number;
}

const slots = 16_384;

/** Starts three masters with a replica each. */
export async function startCluster({ args = [], downMs = 1_000 }: FleetOptions = {}): Promise<TestCluster> {
  const home = await createHome();
  const own = [
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    String(downMs),
    "--repl-diskless-sync-delay",
    "0",
  ];
  const nodes = await Promise.all(
    Array.from({ length: 6 }, async (_, n) => {
      const bus = await freePort();
      const more = ["--cluster-port", String(bus), "--cluster-replica-validity-factor", "0", ...args];
      return { bus, node: await home.start(`node${n}`, [...own, ...more]) };
    }),
  );
  const masters = nodes.slice(0, 3);
  await Promise.all(
    masters.map(async ({ node }, n) => {
      const [from, to] = [Math.floor((n * slots) / 3), Math.floor(((n + 1) * slots) / 3) - 1];
      await node.client.call("CLUSTER", "ADDSLOTSRANGE", from, to);
      await node.client.call("CLUSTER", "SET-CONFIG-EPOCH", n + 1);
    }),
  );
  for (const { node } of nodes) {
    for (const { node: other, bus } of nodes) {
      if (other !== node) await node.client.call("CLUSTER", "MEET", "127.0.0.1", other.port, bus);
    }
  }
  const all = nodes.map(({ node }) => node);
  const info = (node: TestNode): Promise<string> => node.client.call("CLUSTER", "INFO") as Promise<string>;
  await until(async () => {
    const told = await Promise.all(all.map(info));
    return told.every((one) => one.includes("cluster_known_nodes:6") && one.includes("cluster_state:ok"));
  }, 20);
  await Promise.all(
    nodes.slice(3).map(async ({ node }, n) => {
      const id = (await masters[n]?.node.client.call("CLUSTER", "MYID")) as string;
      await until(
        () =>
          node.client.call("CLUSTER", "REPLICATE", id).then(
            () => true,
            () => false,
          ),
        10,
      );
    }),
  );
  await until(async () => {
    const told = await Promise.all(all.slice(3).map((node) => node.client.info("replication")));
    return told.every((one) => one.includes("master_link_status:up"));
  }, 20);
  return {
    url: `redis-cluster://${all.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    nodes: all,
    async masterOf(key) {
      for (const node of all) {
        const got = await node.client.call("GET", key).then(
          () => true,
          (error: Error) => error.message.startsWith("WRONGTYPE"),
        );
        if (got) return node;
      }
      throw new Error("no master has the slot");
    },
    async flush() {
      for (const node of all) await node.client.flushall().catch(() => undefined);
    },
    close: home.close,
  };
}

/** Starts a master and a replica that three Sentinels watch. */
export async function startSentinel({ args = [], downMs = 500 }: FleetOptions = {}): Promise<TestSentinel> {
  const home = await createHome();
  const first = await home.start("one", ["--repl-diskless-sync-delay", "0", ...args]);
  const follow = ["--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", String(first.port), ...args];
  const second = await home.start("two", follow);
  await until(async () => (await second.client.info("replication")).includes("master_link_status:up"), 20);
  const sentinels = await Promise.all(
    [0, 1, 2].map(async (n) => {
      const file = join(home.directory, `sentinel${n}.conf`);
      const lines = [
        `sentinel monitor mymaster 127.0.0.1 ${first.port} 2`,
        `sentinel down-after-milliseconds mymaster ${downMs}`,
        "sentinel failover-timeout mymaster 3000",
      ];
      await writeFile(file, `${lines.join("\n")}\n`);
      return home.start(`sentinel${n}`, [], [file, "--sentinel"]);
    }),
  );
  await until(async () => {
    const told = await Promise.all(sentinels.map(({ client }) => client.info("sentinel")));
    return told.every((one) => one.includes("slaves=1,sentinels=3"));
  }, 20);
  const nodes = [first, second];
  return {
    url: `redis-sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/mymaster`,
    ...{ nodes, sentinels },
    async master() {
      const [, port] = (await sentinels[0]?.client.call(
        "SENTINEL",
        "GET-MASTER-ADDR-BY-NAME",
        "mymaster",
      )) as string[];
      const found = nodes.find((node) => node.port === Number(port));
      if (found === undefined) throw new Error("Sentinel names no master of ours");
      return found;
    },
    close: home.close,
  };
}

/** A folder with processes that end with the test. */
async function createHome() {
  const directory = await mkdtemp(join(tmpdir(), "countersign-fleet-"));
  const nodes: (TestNode & { end(): void })[] = [];
  const orphaned = (): void => {
    for (const node of nodes) node.end();
  };
  process.once("exit", orphaned);
  return {
    directory,
    async start(name: string, args: readonly string[], before: readonly string[] = []): Promise<TestNode> {
      const port = await freePort();
      const dir = join(directory, name);
      await mkdir(dir);
      const node = createNode(port, [
        ...before,
        ...["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", dir, ...args],
      ]);
      nodes.push(node);
      await node.start();
      return node;
    },
    async close(): Promise<void> {
      for (const node of nodes) node.client.disconnect();
      await Promise.all(nodes.map((node) => node.kill()));
      process.off("exit", orphaned);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function createNode(port: number, args: readonly string[]): TestNode & { end(): void } {
  const client = new Redis({
    ...{ port, host: "127.0.0.1", lazyConnect: true },
    ...{ retryStrategy: () => 50, maxRetriesPerRequest: null, enableReadyCheck: false },
  });
  client.on("error", () => undefined);
  let child: ChildProcess | undefined;
  return {
    ...{ port, client },
    async start() {
      child = spawn(redisServer, args, { stdio: "ignore" });
      if (client.status === "wait") client.connect().catch(() => undefined);
      await until(async () => {
        if (child?.exitCode != null) throw new Error("redis-server ended at once");
        const pong = client.ping().catch(() => "");
        return (await Promise.race([pong, sleep(100)])) === "PONG";
      }, 10);
    },
    async kill() {
      const running = child;
      child = undefined;
      if (running === undefined) return;
      const ended = new Promise((resolve) => running.once("exit", resolve));
      running.kill("SIGKILL");
      await ended;
    },
    freeze: () => child?.kill("SIGSTOP"),
    thaw: () => child?.kill("SIGCONT"),
    end: () => child?.kill("SIGKILL"),
  };
}
