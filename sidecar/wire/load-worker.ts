/** The thread that {@link createLoadAside} starts for one module with its data. */
import { parentPort, workerData } from "node:worker_threads";
import { PolicyRefused } from "../decide/engine/abi.js";
import { loadMemory } from "../decide/engine/load.js";
import { compileModule } from "../decide/engine/modules.js";
import { giveWay } from "./give-way.js";
import type { Answered, LoadTask } from "./load-aside.js";

/** Copied in one turn of the other thread, bytes. */
const sliceBytes = 2 ** 20;

const { code, data, maxPages } = workerData as LoadTask;
const say = (answer: Answered, transfer: ArrayBuffer[] = []): void =>
  parentPort?.postMessage(answer, transfer);

giveWay();
try {
  const module = code instanceof Uint8Array ? compileModule(code) : code;
  const { memory, layout } = loadMemory({ module, data, maxPages });
  let at = 0;
  parentPort?.on("message", () => {
    const from = at;
    at = Math.min(at + sliceBytes, layout.mark);
    const bytes = memory.buffer.slice(from, at);
    say({ kind: "slice", at: from, bytes }, [bytes]);
  });
  say({ kind: "loaded", module, layout });
} catch (error) {
  const message = error instanceof Error ? error.message : "the policy could not be loaded";
  say({ kind: "refused", message, isPolicy: error instanceof PolicyRefused });
}
