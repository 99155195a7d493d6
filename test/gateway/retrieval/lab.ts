/** A store behind the real gateway: what the store received is remembered, a sidecar says what a test wants. */
import { request as sendTo } from "node:http";
import type { Call, Condition, DecisionRequest } from "../../../sidecar/contract.js";
import type { FakeSidecar, Received, Served, World } from "../world.js";
import { callerToken, startUpstream, startWorld } from "../world.js";

export interface StoreLab {
  readonly world: World;
  readonly sidecar: FakeSidecar;
  /** The store's root through the gateway: `…/stores/lab`. */
  readonly url: string;
  /** The same at a port of its own, for clients that take no path. */
  readonly ownUrl: string;
  /** What the store got, look-ups too. */
  readonly received: Received[];
  /** Allows, with this condition on documents, and what else a test wants. */
  narrow(condition: Condition | undefined, more?: readonly LabObligation[]): void;
  /** Asks the store's API through the gateway, as the caller. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<LabAnswer>;
  close(): Promise<void>;
}

export interface LabObligation {
  readonly type: string;
  readonly properties: Record<string, unknown>;
  /** By default `request`. */
  readonly phase?: "request" | "response";
}

export interface LabAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/**
 * @param storeUrl where the real store, or one that is true to its form, listens
 * @param store its configuration (`kind`, `collections` …); url, region and environment are given
 */
export async function startStoreLab(storeUrl: string, store: Record<string, unknown>): Promise<StoreLab> {
  const recorder = await startRecorder(storeUrl);
  const world = await startWorld({
    config: {
      stores: {
        lab: { url: recorder.url, region: "eu", environment: "prod", listen: "127.0.0.1:0", ...store },
      },
    },
  });
  const url = `${world.url}/stores/lab`;
  return {
    ...{ world, sidecar: world.sidecar, url, received: recorder.received },
    ownUrl: world.gateway.stores.get("lab") ?? "",
    narrow(condition, more = []) {
      world.sidecar.decide = decideBy(condition, more);
    },
    async ask(method, path, body, headers = {}) {
      const type = typeof body === "string" ? "application/x-ndjson" : "application/json";
      const response = await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${callerToken}`,
          ...(body === undefined ? {} : { "content-type": type }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === "" ? undefined : JSON.parse(text),
      };
    },
    async close() {
      await world.close();
      await recorder.close();
    },
  };
}

/** Allows all, with obligations in their phase; the condition goes with what touches documents. */
export function decideBy(
  condition: Condition | undefined,
  more: readonly LabObligation[] = [],
): FakeSidecar["decide"] {
  return (call: Call, _request: DecisionRequest) => {
    const phase = call.action.properties["phase"];
    const touches = call.action.name.startsWith("retrieval.");
    const filter: LabObligation[] =
      condition === undefined || !touches ? [] : [{ type: "filter", properties: { condition } }];
    const all = [...filter, ...more].filter((one) => (one.phase ?? "request") === phase && touches);
    const obligations = all.map(({ type, properties }) => ({
      id: type,
      type,
      properties: properties as never,
    }));
    return { allow: true, obligations };
  };
}

/** Passes requests on to the store, and remembers them. */
function startRecorder(storeUrl: string): Promise<Served> {
  const { hostname, port, pathname } = new URL(storeUrl);
  return startUpstream((req, res, body) => {
    const base = pathname.replace(/\/$/, "");
    const headers = { ...req.headers, host: `${hostname}:${port}` };
    const asked = sendTo(
      { hostname, port, path: base + (req.url ?? "/"), method: req.method, headers },
      (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
      },
    );
    asked.on("error", () => res.destroy());
    asked.end(body);
  });
}
