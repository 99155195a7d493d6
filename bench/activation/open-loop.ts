/** Sends requests when they are due, whether or not those before were answered. */
import type { Socket } from "node:net";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Template } from "../load.js";
import { counter } from "../load.js";

export interface Answered {
  /** When it was due, and when it was answered; milliseconds of `performance.now()`. */
  readonly due: number;
  readonly at: number;
  /** 0 where the connection broke. */
  readonly status: number;
  readonly body: string;
}

export interface OpenLoop {
  /** @param connections how many requests can be under way; the others wait, and their wait counts */
  readonly port: number;
  readonly template: Template;
  readonly perSecond: number;
  readonly connections: number;
  readonly onAnswer: (answer: Answered) => void;
}

/** Gives what stops it and waits for what is under way. */
export function startOpenLoop({ port, template, perSecond, connections, onAnswer }: OpenLoop) {
  const due: number[] = [];
  const idle: ((due: number) => void)[] = [];
  const sockets = new Set<Socket>();
  let sent = 0;
  let underWay = 0;
  let next = 0;

  const send = (): void => {
    while (due.length > 0 && idle.length > 0) idle.pop()?.(due.shift() ?? 0);
  };
  const open = (): void => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const bytes = Buffer.from(template.bytes);
    let since = 0;
    let text = "";
    const answered = (status: number, body: string): void => {
      underWay--;
      onAnswer({ due: since, at: performance.now(), status, body });
    };
    const take = (time: number): void => {
      since = time;
      text = "";
      underWay++;
      bytes.write(String(next++ % template.distinct).padStart(counter.length, "0"), template.at, "latin1");
      socket.write(bytes);
    };
    sockets.add(socket);
    socket.on("connect", () => {
      idle.push(take);
      send();
    });
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      const head = text.indexOf("\r\n\r\n");
      const length = head < 0 ? undefined : /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
      if (length === undefined || text.length < head + 4 + Number(length)) return;
      answered(Number(text.slice(9, 12)), text.slice(head + 4));
      since = 0;
      idle.push(take);
      send();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      sockets.delete(socket);
      const free = idle.indexOf(take);
      if (free >= 0) idle.splice(free, 1);
      if (since > 0) answered(0, "");
      if (!stopping) open();
    });
  };

  let stopping = false;
  const began = performance.now();
  const clock = setInterval(() => {
    const now = performance.now();
    for (; began + (sent * 1000) / perSecond <= now; sent++) due.push(began + (sent * 1000) / perSecond);
    send();
  }, 1);
  for (let n = 0; n < connections; n++) open();

  return async (): Promise<void> => {
    clearInterval(clock);
    const longest = performance.now() + 5_000;
    while ((underWay > 0 || due.length > 0) && performance.now() < longest) await sleep(10);
    stopping = true;
    for (const socket of sockets) socket.destroy();
  };
}
