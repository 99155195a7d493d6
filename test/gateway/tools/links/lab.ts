/** Opens links as the gateway does, and remembers what servers say. */
import { randomUUID } from "node:crypto";
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { Fields, parseJson, Problems } from "../../../../sidecar/contract.js";
import type { Forwarder } from "../../../../gateway/forward/forward.js";
import { createForwarder } from "../../../../gateway/forward/forward.js";
import { sleep } from "../../../../gateway/routing/sleep.js";
import type {
  Holder,
  Link,
  LinkAnswer,
  LinkCaller,
  LinkRequest,
  OpenLink,
  ServerMessage,
} from "../../../../gateway/tools/links/link.js";
import { createLinks } from "../../../../gateway/tools/links/open-link.js";
import type { LinkParts } from "../../../../gateway/tools/links/parts.js";
import type { ServerConfig } from "../../../../gateway/tools/server-config.js";
import { readServer } from "../../../../gateway/tools/server-config.js";

export const nobody: LinkCaller = { assertion: undefined, credentials: {} };
export const never: LinkRequest["signal"] = new AbortController().signal;

/** Reads a server's configuration as the gateway does. @throws Error with its problems */
export function serverOf(value: JsonObject): ServerConfig {
  const problems = new Problems();
  const server = readServer(new Fields(parseJson(JSON.stringify(value)), "servers.s", problems), problems);
  if (problems.list.length > 0) throw new Error(problems.list.join("\n"));
  return server;
}

export interface Lab {
  readonly open: OpenLink;
  readonly forwarder: Forwarder;
  readonly log: readonly string[];
  close(): Promise<void>;
}

export function startLab(more: Partial<LinkParts> = {}): Lab {
  const forwarder = createForwarder({
    secretOf: () => {
      throw new Error("no secrets here");
    },
    tlsOf: () => undefined,
  });
  const log: string[] = [];
  const write = (message: string, fields: unknown = {}): void => {
    log.push(`${message} ${JSON.stringify(fields)}`);
  };
  const parts: LinkParts = {
    forward: forwarder.forward,
    newId: randomUUID,
    random: Math.random,
    clock: () => performance.now(),
    // what waits long in life is quick here
    sleep: (ms, signal) => sleep(Math.min(ms, 20), signal),
    log: { info: write, warn: write, error: write },
    environment: process.env,
    readSecret: (source) => ("value" in source ? source.value : "env" in source ? `from-${source.env}` : ""),
    ...more,
  };
  const links = createLinks(parts);
  return {
    ...{ open: links.open, forwarder, log },
    async close() {
      await links.close();
      await forwarder.close();
    },
  };
}

export interface Heard {
  readonly said: ServerMessage[];
  lost: number;
  readonly holder: Holder;
}

export function listener(capabilities: JsonObject = {}, id = "alice"): Heard {
  const heard: Heard = {
    said: [],
    lost: 0,
    holder: {
      subject: { tenant: "acme", type: "user", id } as Holder["subject"],
      capabilities,
      clientInfo: { name: "countersign", version: "0" },
      onMessage: (message) => heard.said.push(message),
      onLost: () => heard.lost++,
    },
  };
  return heard;
}

/** Opens a link that must open. */
export async function opened(lab: Pick<Lab, "open">, server: ServerConfig, heard: Heard): Promise<Link> {
  const link = await lab.open(server, heard.holder, nobody, never);
  if ("kind" in link) throw new Error(link.kind === "failed" ? link.code : link.kind);
  return link;
}

export function call(
  link: Link,
  name: string,
  args: JsonObject = {},
  more: {
    readonly onMessage?: (message: ServerMessage) => void;
    readonly signal?: AbortSignal;
    readonly _meta?: JsonObject;
  } = {},
): Promise<LinkAnswer> {
  const { onMessage = () => undefined, signal = never, _meta } = more;
  const params: JsonObject = { name, arguments: args, ...(_meta === undefined ? {} : { _meta }) };
  return link.request({ method: "tools/call", params, onMessage, signal, caller: nobody });
}

export const textOf = (answer: LinkAnswer): Json | undefined => {
  if (answer.kind !== "result") return JSON.stringify(answer);
  const [first] = answer.result["content"] as JsonObject[];
  return first?.["text"];
};
