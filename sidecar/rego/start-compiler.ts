/**
 * Starts the compiler, OPA's Go packages, in a process of its own: as WASM under Node, which can reach nothing, or as a
 * program of the machine, some six times as fast, which opens no file and no connection (see toolchain/native.go).
 */
import type { ChildProcess } from "node:child_process";
import { fork, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";

export interface Compiler {
  readonly pid: number | undefined;
  send(id: number, request: Uint8Array): void;
  /** Keeps this process alive, until it is released. */
  hold(): void;
  release(): void;
  /** Resolves when the process has ended. */
  kill(): Promise<void>;
}

export interface CompilerEvents {
  answered(id: number, response: Uint8Array): void;
  /** The process has ended, or never began. */
  gone(): void;
}

const reactorProgram = fileURLToPath(new URL("./compile-process.js", import.meta.url));

/** @param flags V8's */
export function startReactor(wasmPath: string, flags: readonly string[], on: CompilerEvents): Compiler {
  const child = fork(reactorProgram, [wasmPath], {
    env: {},
    execArgv: ["--no-warnings", ...flags],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  child.on("message", (message: { id?: number; response?: Uint8Array }) => {
    if (message.id === undefined || message.response === undefined) return;
    on.answered(message.id, message.response);
  });
  child.on("exit", on.gone);
  child.on("error", on.gone);
  return {
    ...lifeOf(child, () => (child.channel === undefined || child.channel === null ? [] : [child.channel])),
    send(id, request) {
      child.send({ id, request });
    },
  };
}

/** Frames of the native program: four bytes of length, big-endian, and JSON. Answers come in the order of the requests. */
export function startNative(path: string, on: CompilerEvents): Compiler {
  const child = spawn(path, [], { env: {}, stdio: ["pipe", "pipe", "ignore"] });
  const asked: number[] = [];
  let parts: Buffer[] = [];
  let size = 0;
  child.stdout.on("data", (part: Buffer) => {
    parts.push(part);
    size += part.byteLength;
    for (;;) {
      if (size < 4) return;
      if ((parts[0]?.byteLength ?? 0) < 4) parts = [Buffer.concat(parts)];
      const length = parts[0]?.readUInt32BE(0) ?? 0;
      if (size < 4 + length) return;
      const all = Buffer.concat(parts);
      parts = [all.subarray(4 + length)];
      size = all.byteLength - 4 - length;
      const id = asked.shift();
      if (id !== undefined) on.answered(id, all.subarray(4, 4 + length));
    }
  });
  child.on("exit", on.gone);
  child.on("error", on.gone);
  // a request that the program doesn't read any more: its end is told besides
  child.stdin.on("error", () => undefined);
  return {
    ...lifeOf(child, () => [child.stdin, child.stdout] as unknown as Socket[]),
    send(id, request) {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(request.byteLength);
      asked.push(id);
      child.stdin.write(head);
      child.stdin.write(request);
    },
  };
}

interface Held {
  ref(): void;
  unref(): void;
}

function lifeOf(child: ChildProcess, pipes: () => readonly Held[]): Omit<Compiler, "send"> {
  return {
    pid: child.pid,
    hold() {
      child.ref();
      for (const pipe of pipes()) pipe.ref();
    },
    release() {
      child.unref();
      for (const pipe of pipes()) pipe.unref();
    },
    kill() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
        return Promise.resolve();
      // who waits for the end must not run out of events before it
      const ended = new Promise<void>((resolve) => {
        child.once("exit", () => {
          resolve();
        });
      });
      child.kill("SIGKILL");
      return ended;
    },
  };
}
