/** One process that speaks MCP by its standard streams: started without a shell, and ended with all that it started. */
import { spawn } from "node:child_process";
import type { JsonObject } from "../../../../sidecar/contract.js";
import { stringifyJson } from "../../../../sidecar/contract.js";
import type { CommandConfig } from "../../command-config.js";
import type { Message } from "../messages.js";
import { readMessage } from "../messages.js";
import { createLineCutter } from "./lines.js";

export interface Child {
  /** Writes one message; `false` where it can't be. */
  send(message: JsonObject): boolean;
  /** Has it end: first by closing its input, then by SIGTERM, then by SIGKILL. */
  stop(): Promise<void>;
  /** Ends it at once. */
  kill(why: Ending): void;
}

/** Why a child is no more; `ended`: of its own accord. */
export type Ending = "ended" | "not_started" | "stopped" | "too_long" | "garbage" | "unread";

export interface ChildEnd {
  readonly why: Ending;
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** Written to stderr, bytes. INVARIANT: what it was is neither kept nor logged. */
  readonly stderrBytes: number;
}

export interface ChildParts {
  readonly command: CommandConfig;
  /** All of its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** What of it nobody may be told. */
  readonly secrets: readonly string[];
  /** Takes the next message; undefined: a line that is none. */
  readonly receive: (message: Message | undefined) => void;
  /** Takes a message that quotes a secret. */
  readonly onQuote: (message: Message | undefined) => void;
  /** Called once, when it is no more, and neither is its group. */
  readonly onEnd: (end: ChildEnd) => void;
}

/** What waits to be read by a child before it is given up, bytes. */
const mostUnread = 32 * 2 ** 20;

/** How long what a child said last may take to come, milliseconds. */
const lingerMs = 250;

export function startChild(parts: ChildParts): Child {
  const { command, environment, receive, onQuote, onEnd } = parts;
  const quotes = watchFor(parts.secrets);
  const { argv, cwd, stopMs, maxMessage } = command;
  const [file = "", ...args] = argv;
  const child = spawn(file, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: environment,
    // INVARIANT: a group of its own, so that it and what it forks can be ended together
    detached: true,
    shell: false,
    windowsHide: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let why: Ending = "ended";
  let over = false;
  let stderrBytes = 0;
  const signalGroup = (signal: "SIGTERM" | "SIGKILL"): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // none of it is left
    }
  };
  const ended = new Promise<void>((resolve) => {
    const end = (code: number | null, signal: string | null): void => {
      if (over) return;
      over = true;
      child.stdout.destroy();
      child.stderr.destroy();
      onEnd({ why, code: code ?? undefined, signal: signal ?? undefined, stderrBytes });
      resolve();
    };
    child.on("error", () => {
      why = "not_started";
      end(null, null);
    });
    child.on("exit", (code, signal) => {
      // what it forked doesn't go on without it
      signalGroup("SIGKILL");
      // what it said last is read; but what left its group may hold its output open
      setTimeout(end, lingerMs, code, signal).unref();
    });
    child.on("close", end);
  });
  const killNow = (): void => {
    signalGroup("SIGKILL");
  };
  const kill = (because: Ending): void => {
    if (over) return;
    if (why === "ended") why = because;
    killNow();
  };
  const isOver = (): boolean => over || why !== "ended";
  const cut = createLineCutter(maxMessage);
  child.stdout.on("data", (piece: Buffer) => {
    if (isOver()) return;
    const lines = cut.push(piece);
    if (lines === undefined) return kill("too_long");
    for (const line of lines) {
      if (!isBlank(line)) (quotes(line) ? onQuote : receive)(readMessage(line));
      // what came together with the last straw isn't read any more
      if (isOver()) return;
    }
  });
  child.stderr.on("data", (piece: Buffer) => {
    stderrBytes += piece.length;
  });
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", () => undefined);
  return {
    kill,
    send(message) {
      if (over || !child.stdin.writable) return false;
      child.stdin.write(`${stringifyJson(message)}\n`);
      if (child.stdin.writableLength > mostUnread) kill("unread");
      return true;
    },
    async stop() {
      if (over) return;
      if (why === "ended") why = "stopped";
      child.stdin.end();
      const timers = [
        setTimeout(signalGroup, stopMs, "SIGTERM"),
        setTimeout(signalGroup, 2 * stopMs, "SIGKILL"),
      ];
      await ended;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** What is shorter may stand in any text, characters. */
const shortest = 12;

function watchFor(secrets: readonly string[]): (line: Buffer) => boolean {
  const written = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
  const patterns = [...new Set(written)].filter((text) => text.length >= shortest);
  return (line) => patterns.some((pattern) => line.includes(pattern));
}

function isBlank(line: Buffer): boolean {
  return line.length === 0 || (line.length === 1 && line[0] === 0x0d);
}
