/** Real servers on loopback, a resolver of its own, and the loop that the engine makes around a call. */
import type { IncomingMessage, RequestListener, Server } from "node:http";
import { createServer } from "node:http";
import type { ServerOptions } from "node:https";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../../sidecar/contract.js";
import type { Scope } from "../../../sidecar/decide/builtins/host.js";
import { Waiting } from "../../../sidecar/decide/builtins/host.js";
import type {
  Network,
  NetworkBuiltin,
  NetworkParts,
} from "../../../sidecar/decide/builtins/network/network.js";
import { createNetwork } from "../../../sidecar/decide/builtins/network/network.js";
import { writeValue } from "../../../sidecar/decide/builtins/text.js";
import type { RegoValue } from "../../../sidecar/decide/engine/value.js";
import { objectOf } from "../../../sidecar/decide/engine/value.js";

/** A value as a policy would hold it. */
export function rego(value: Json): RegoValue {
  if (Array.isArray(value)) return value.map(rego);
  if (typeof value !== "object" || value === null || "text" in value) return value as RegoValue;
  return objectOf(Object.entries(value as JsonObject).map(([key, member]) => [key, rego(member)] as const));
}

export interface Asked {
  /** Base of URLs by a name that resolves to loopback. */
  readonly url: string;
  readonly port: number;
  readonly requests: IncomingMessage[];
}

export interface World {
  serve(listener: RequestListener, tls?: ServerOptions): Promise<Asked>;
  network(parts: NetworkParts): Network;
  close(): Promise<void>;
}

/** Resolves `*.test` to loopback, and nothing else. */
export const testLookup = (name: string): Promise<readonly string[]> =>
  name.endsWith(".test")
    ? Promise.resolve(["127.0.0.1"])
    : Promise.reject(Object.assign(new Error("none"), { code: "ENOTFOUND" }));

export function createWorld(): World {
  const servers: Server[] = [];
  const networks: Network[] = [];
  return {
    async serve(listener, tls) {
      const requests: IncomingMessage[] = [];
      const answer: RequestListener = (request, response) => {
        requests.push(request);
        listener(request, response);
      };
      const server = tls === undefined ? createServer(answer) : createSecureServer(tls, answer);
      servers.push(server as Server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      return { url: `http${tls === undefined ? "" : "s"}://api.test:${port}`, port, requests };
    },
    network(parts) {
      const network = createNetwork({ lookup: testLookup, ...parts });
      networks.push(network);
      return network;
    },
    async close() {
      await Promise.all(networks.map((network) => network.close()));
      for (const server of servers) server.closeAllConnections();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

let decisions = 0;

/** What is the same for a decision; its time in milliseconds since the epoch. */
export function scopeAt(ms: number): Scope {
  decisions++;
  return {
    nowNs: BigInt(ms) * 1_000_000n,
    seed: () => new Uint8Array(32),
    kept: new Map<string, RegoValue>(),
    decision: decisions,
  };
}

/** Calls as the engine does: again, with the same scope, when an answer that was missing is there. */
export async function call(
  network: Network,
  name: NetworkBuiltin,
  argument: Json,
  scope: Scope = scopeAt(Date.now()),
): Promise<Json> {
  const builtin = network.builtins.get(name);
  if (builtin === undefined) throw new Error(`no ${name}`);
  const values = [rego(argument)];
  for (let round = 0; round < 5; round++) {
    try {
      const served = builtin.call(scope, {
        values: () => values,
        text: () => Buffer.from(`[${values.map(writeValue).join(",")}]`),
      });
      if (served.kind === "undefined" || served.kind === "bytes") throw new Error(served.kind);
      if (served.kind === "text") return parseJson(String(served.text), { depth: 2_000 });
      if (served.kind === "value") return writeValue(served.value);
      throw new Error("bytes");
    } catch (error) {
      if (!(error instanceof Waiting)) throw error;
      await error.settled;
    }
  }
  throw new Error("no answer after five rounds");
}

/** Sends, and gives the response. */
export async function send(network: Network, request: Json, scope?: Scope): Promise<JsonObject> {
  return (await call(network, "http.send", request, scope)) as JsonObject;
}

/** Sends, and gives what comes of it where `raise_error` is false: the error's message. */
export async function refusal(network: Network, request: JsonObject): Promise<string> {
  const response = await send(network, { raise_error: false, ...request });
  return stringifyJson(response["error"] ?? response);
}
