/** The operations of an OpenAPI document as a tool server: a link without a handshake or anything else to keep. */
import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { UpstreamConfig } from "../../config.js";
import type { Forward } from "../../forward/forward.js";
import type { Link, LinkAnswer, LinkRequest } from "../links/link.js";
import { buildRequest } from "./build-request.js";
import type { Api } from "./operation.js";
import { failure, resultOf } from "./result.js";
import { sendOperation } from "./send.js";

export interface OpenApiLinkParts {
  readonly forward: Forward;
  readonly upstream: UpstreamConfig;
  readonly api: Api;
  /** The longest that a call may take, milliseconds. */
  readonly requestMs: number;
}

const rpc = { unknownMethod: -32601, invalidParams: -32602 } as const;

/** Opens a link: at once, since the API itself is asked when a tool is called only. */
export function openOpenApiLink(parts: OpenApiLinkParts): Link {
  const { api } = parts;
  const gone = new AbortController();
  return {
    era: "session",
    hello: {
      capabilities: { tools: {} },
      serverInfo: { name: api.title, version: api.version },
      ...(api.description === undefined ? {} : { instructions: api.description }),
    },
    async request(request) {
      const { method, params } = request;
      if (gone.signal.aborted) return { kind: "aborted" };
      if (method === "ping") return { kind: "result", result: {} };
      if (method === "tools/call") return callTool(parts, request, [request.signal, gone.signal]);
      if (method !== "tools/list")
        return { kind: "error", code: rpc.unknownMethod, message: "there is no such method" };
      // all of them are one page
      if (params["cursor"] !== undefined)
        return { kind: "error", code: rpc.invalidParams, message: "there is no such page" };
      return {
        kind: "result",
        result: { tools: [...api.tools.values()].map(({ definition }) => definition) },
      };
    },
    // nothing is under way but requests, and those are cancelled by their signals
    notify: () => Promise.resolve(true),
    respond: () => Promise.resolve(false),
    listen: () => undefined,
    close() {
      gone.abort();
      return Promise.resolve();
    },
  };
}

async function callTool(
  { forward, upstream, api, requestMs }: OpenApiLinkParts,
  { params, caller }: LinkRequest,
  signals: readonly AbortSignal[],
): Promise<LinkAnswer> {
  const { name, arguments: given = {} as JsonObject } = params;
  const operation = typeof name === "string" ? api.tools.get(name) : undefined;
  if (operation === undefined)
    return { kind: "error", code: rpc.invalidParams, message: "there is no such tool" };
  if (!isObject(given))
    return { kind: "error", code: rpc.invalidParams, message: "arguments must be an object" };
  const request = buildRequest(api, operation, given);
  // what a model can set right is a result (MCP 2025-11-25, server/tools, error handling)
  if (request.kind === "refusal") return { kind: "result", result: failure(request.message) };
  const { assertion, credentials } = caller;
  const sent = await sendOperation({
    ...{ forward, upstream, operation, request, requestMs, assertion, credentials, signals },
  });
  return sent.kind === "failed" || sent.kind === "aborted"
    ? sent
    : { kind: "result", result: resultOf(sent) };
}
