/** Several sidecars that share their addresses, one for each core (`countersign sidecar --workers N`). */
import type { Worker } from "node:cluster";
import cluster from "node:cluster";
import { parseAddress, prepareSocket } from "../sidecar/api/listen.js";
import type { Sidecar, SidecarOptions } from "../sidecar/main.js";
import { configOf, startSidecar } from "../sidecar/main.js";
import { joinMetrics } from "../sidecar/record/join-metrics.js";
import type { Io } from "./main.js";
import { UsageError } from "./main.js";
import { untilStopped } from "./serve.js";

/** What primary and workers say to each other. */
type Message =
  /** A worker listens for messages. */
  | { readonly type: "here" }
  | { readonly type: "start"; readonly slot: number }
  | { readonly type: "ready"; readonly addresses: readonly string[] }
  /** Of one worker, for all; then of all, for the one that asked. */
  | { readonly type: "metrics"; readonly id: number; readonly metrics?: unknown }
  | { readonly type: "joined"; readonly id: number; readonly text: string }
  | { readonly type: "ask-metrics"; readonly id: number }
  | { readonly type: "close" };

/** Before a worker that ended is started again, milliseconds. */
const restartMs = 1_000;
/** For a worker to tell its metrics, milliseconds: one that doesn't is left out. */
const metricsMs = 2_000;

/** Reads `--workers`. @throws UsageError */
export function readWorkers(text: string | undefined): number {
  const count = Number(text ?? 1);
  if (!/^[1-9]\d{0,2}$/.test(text ?? "1")) throw new UsageError("--workers is a number from 1 to 999");
  return count;
}

/** Runs a sidecar as one of several; the primary holds the addresses and no policy. */
export function runWorkers(count: number, options: SidecarOptions, io: Io): Promise<number> {
  return cluster.isPrimary ? runPrimary(count, options, io) : runWorker(options);
}

/**
 * INVARIANT: what one worker knows of tasks, limits and fences the others know, too.
 * @throws UsageError where they couldn't
 */
function refuseAlone(options: SidecarOptions): void {
  const { state, api } = configOf(options);
  if (state.redisAt === undefined) {
    throw new UsageError(
      "--workers: each worker remembers tasks, limits and fences for itself unless they share a Redis; give a section state with redis_url and secret",
    );
  }
  if (api.writes)
    throw new UsageError("--workers: what api.writes takes stays with one worker; set it to false");
}

async function runPrimary(count: number, options: SidecarOptions, io: Io): Promise<number> {
  refuseAlone(options);
  for (const text of [...options.addresses, ...options.diagnosticAddresses]) {
    const address = parseAddress(text);
    if (address.kind === "unix") await prepareSocket(address.path);
  }
  let closing = false;
  const waiting = new Map<number, { readonly got: unknown[]; finish(): void }>();
  let lastId = 0;

  const joined = (asker: Worker, asked: number): void => {
    const id = ++lastId;
    const workers = Object.values(cluster.workers ?? {}).filter((one) => one?.isConnected() === true);
    const got: unknown[] = [];
    const finish = (): void => {
      if (!waiting.delete(id)) return;
      clearTimeout(timer);
      void joinMetrics(got).then((text) => {
        tell(asker, { type: "joined", id: asked, text });
      });
    };
    const timer = setTimeout(finish, metricsMs);
    waiting.set(id, {
      got,
      finish: () => {
        if (got.length >= workers.length) finish();
      },
    });
    for (const worker of workers) if (worker !== undefined) tell(worker, { type: "metrics", id });
  };

  const start = (slot: number): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      const worker = cluster.fork();
      let ready = false;
      worker.on("message", (message: Message) => {
        // what is said before is lost
        if (message.type === "here") tell(worker, closing ? { type: "close" } : { type: "start", slot });
        else if (message.type === "ready") {
          ready = true;
          resolve(message.addresses);
        } else if (message.type === "ask-metrics") joined(worker, message.id);
        else if (message.type === "metrics") {
          const one = waiting.get(message.id);
          one?.got.push(message.metrics);
          one?.finish();
        }
      });
      worker.on("exit", (code, signal: string | null) => {
        if (closing) return;
        if (!ready) {
          reject(new Error(`worker ${slot} could not start; its own lines above say why`));
          return;
        }
        io.err(`worker ${slot} ended (${signal ?? code}); another is started\n`);
        restart(slot);
      });
    });
  const restart = (slot: number): void => {
    setTimeout(() => {
      if (!closing)
        start(slot).catch(() => {
          restart(slot);
        });
    }, restartMs);
  };
  const close = async (): Promise<void> => {
    closing = true;
    const workers = Object.values(cluster.workers ?? {}).filter((one) => one !== undefined);
    await Promise.all(
      workers.map(
        (worker) =>
          new Promise<void>((resolve) => {
            worker.on("exit", () => {
              resolve();
            });
            if (worker.isDead()) resolve();
            else tell(worker, { type: "close" });
          }),
      ),
    );
  };

  try {
    let addresses: readonly string[] = [];
    // one after the other: the first leaves what it compiled for the others, where --cache-dir is given
    for (let slot = 1; slot <= count; slot++) addresses = await start(slot);
    for (const address of addresses) io.err(`sidecar listens on ${address} (${count} workers)\n`);
  } catch (error) {
    await close();
    throw error;
  }
  return untilStopped(io, close);
}

function tell(worker: Worker, message: Message): void {
  if (worker.isConnected()) worker.send(message, () => undefined);
}

function runWorker(options: SidecarOptions): Promise<number> {
  // the primary says when
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
  const say = (message: Message): void => {
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  };
  const asked = new Map<number, (text: string) => void>();
  let lastId = 0;
  return new Promise((resolve, reject) => {
    let starting: Promise<Sidecar> | undefined;
    let ending = false;
    // also in the middle of its start
    const end = async (): Promise<void> => {
      if (ending) return;
      ending = true;
      const sidecar = await starting?.catch(() => undefined);
      await sidecar?.close().catch(() => undefined);
      resolve(0);
      if (process.connected) process.disconnect();
    };
    const begin = (slot: number): Promise<Sidecar> => {
      const { state, bundles } = configOf(options);
      const kept = { "state.dir": state.dir, persistence_directory: bundles.persistenceDirectory };
      // INVARIANT: what outlives the process is each worker's own: of two that write one mark, the later could lower it
      const own = Object.entries(kept).flatMap(([name, directory]) =>
        directory === undefined ? [] : [`${name}=${directory}/worker-${slot}`],
      );
      return startSidecar({
        ...options,
        sets: [...options.sets, ...own],
        shared: {
          metricsText: () =>
            new Promise((give) => {
              asked.set(++lastId, give);
              say({ type: "ask-metrics", id: lastId });
            }),
        },
      });
    };
    process.on("message", (message: Message) => {
      if (message.type === "start") {
        starting = begin(message.slot);
        starting.then(({ addresses }) => {
          say({ type: "ready", addresses });
        }, reject);
      } else if (message.type === "close") void end();
      else if (message.type === "metrics")
        void starting?.then(async ({ metrics }) => {
          say({ type: "metrics", id: message.id, metrics: await metrics.registry.getMetricsAsJSON() });
        });
      else if (message.type === "joined") {
        asked.get(message.id)?.(message.text);
        asked.delete(message.id);
      }
    });
    // without its primary nobody could end it
    process.on("disconnect", () => void end());
    say({ type: "here" });
  });
}
