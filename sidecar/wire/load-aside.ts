/** Loads large policies in a thread of their own: laying 10 MB of data into memory would keep each decision waiting. */
import { Worker } from "node:worker_threads";
import { inLine } from "../bundles/in-line.js";
import { PolicyRefused } from "../decide/engine/abi.js";
import type { Layout, Loaded } from "../decide/engine/load.js";
import type { ModuleCache } from "../decide/engine/modules.js";
import type { BuiltBundle } from "../rego/bundle.js";

export interface LoadTask {
  /** As it stands in the bundle, or compiled already. */
  readonly code: Uint8Array | WebAssembly.Module;
  /** Base documents as JSON text. */
  readonly data: string;
  readonly maxPages: number;
}

/** What the thread says: a slice whenever it is asked for the next one. */
export type Answered =
  | { readonly kind: "loaded"; readonly module: WebAssembly.Module; readonly layout: Layout }
  | { readonly kind: "slice"; readonly at: number; readonly bytes: ArrayBuffer }
  | { readonly kind: "refused"; readonly message: string; readonly isPolicy: boolean };

export interface LoadAsideParts {
  readonly modules: ModuleCache;
  /** What an evaluation may take on top of the data, in 64 KiB pages. */
  readonly maxPages: number;
  /** Bytes of data, and of a module that isn't compiled, from which on a thread is worth its start. */
  readonly leastBytes?: number;
}

/** The large ones of a bundle's modules, loaded; by their code as it stands in the bundle. */
export type LoadedModules = ReadonlyMap<Uint8Array, Loaded>;

export interface LoadAside {
  /** @throws Error as loading them here does, or where it takes too long, or too much memory */
  load(built: Pick<BuiltBundle, "wasm" | "more" | "data">): Promise<LoadedModules>;
  close(): Promise<void>;
}

/** The largest data take some seconds, and more where the thread gives way to decisions. */
const longestMs = 300_000;
const program = new URL("./load-worker.js", import.meta.url);

export function createLoadAside({ modules, maxPages, leastBytes = 262_144 }: LoadAsideParts): LoadAside {
  const running = new Set<Worker>();
  // the data lie in memory twice meanwhile: whoever comes waits
  const inTurn = inLine();

  const loadOne = (task: LoadTask): Promise<Loaded> => {
    const worker = new Worker(program, { workerData: task, env: {} });
    running.add(worker);
    let taken: Loaded | undefined;
    let late: NodeJS.Timeout | undefined;
    const loaded = new Promise<Loaded>((resolve, reject) => {
      const fail = (reason: string) => () => {
        reject(new Error(`the policy could not be loaded: ${reason}`));
      };
      worker.on("message", (answer: Answered) => {
        try {
          if (answer.kind === "refused")
            throw answer.isPolicy ? new PolicyRefused(answer.message) : new Error(answer.message);
          taken = answer.kind === "loaded" ? makeRoom(answer) : copy(answer, taken);
          // INVARIANT: one slice a turn, as the next one is asked for when this one is copied
          if (answer.kind === "slice" && endOf(answer) === taken.layout.mark) resolve(taken);
          else worker.postMessage("next");
        } catch (error) {
          reject(error as Error);
        }
      });
      worker.on("messageerror", fail("its thread can't be understood"));
      worker.on("error", fail("it may need too much memory"));
      worker.on("exit", fail("its thread ended"));
      late = setTimeout(fail(`it takes more than ${longestMs / 1000} s`), longestMs);
    });
    return loaded.finally(() => {
      clearTimeout(late);
      running.delete(worker);
      void worker.terminate();
    });
  };

  return {
    async load({ wasm, more = [], data }) {
      const all = new Map<Uint8Array, Loaded>();
      for (const code of [wasm, ...more.map((one) => one.wasm)]) {
        const module = modules.find(code);
        const size = data.length + (module === undefined ? code.byteLength : 0);
        if (size < leastBytes) continue;
        const loaded = await inTurn(() => loadOne({ code: module ?? code, data, maxPages }));
        modules.add(code, loaded.module);
        all.set(code, loaded);
      }
      return all;
    },
    async close() {
      await Promise.all([...running].map((worker) => worker.terminate()));
    },
  };
}

type Slice = Extract<Answered, { kind: "slice" }>;

function makeRoom({ module, layout }: Extract<Answered, { kind: "loaded" }>): Loaded {
  const memory = new WebAssembly.Memory({ initial: layout.pages, maximum: layout.maximum });
  return { module, memory, layout };
}

function copy({ at, bytes }: Slice, to: Loaded | undefined): Loaded {
  if (to === undefined) throw new Error("a slice came before the layout");
  new Uint8Array(to.memory.buffer).set(new Uint8Array(bytes), at);
  return to;
}

function endOf({ at, bytes }: Slice): number {
  return at + bytes.byteLength;
}
