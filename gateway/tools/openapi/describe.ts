/** Says what a request attempts, as policy sees it. */
import type { Call, JsonObject } from "../../../sidecar/contract.js";
import type { Operation } from "./operation.js";

/** May this caller speak to the server at all? */
export function speakCall(server: string): Call {
  return {
    kind: "tool",
    action: { name: "tool.list", properties: { phase: "request" } },
    resource: { type: "server", id: server, properties: { server } },
  };
}

/** Describes an operation as the tool that it is; what is told of it comes beside. */
export function describeOperation(
  name: "tool.list" | "tool.call",
  server: string,
  operation: Operation,
  about: JsonObject = {},
  phase: "request" | "response" = "request",
): Call {
  const { tool, id, method, template, digest } = operation;
  const reads = method === "GET" || method === "HEAD" || method === "OPTIONS";
  return {
    kind: "tool",
    action: { name, properties: { phase } },
    resource: {
      type: "tool",
      id: `${server}/${tool}`,
      properties: {
        definition_digest: digest,
        effect: reads ? "read" : "write",
        ...about,
        ...{ server, tool, operation_id: id, method, path: template.text },
      },
    },
  };
}
