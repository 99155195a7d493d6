/** Gives a request the form that its upstream's kind wants; most want it as their protocol has it. */
import type { Refusal } from "../../sidecar/contract.js";
import { isObject, parseJson, refuse } from "../../sidecar/contract.js";
import type { ForwardRequest } from "../forward/forward.js";
import { Untranslatable } from "../models/translate/canonical.js";
import { shapeBedrock } from "./bedrock/shape.js";
import type { UpstreamConfig } from "./upstream.js";

/** A request as the upstream's protocol has it, or as its kind wants it. */
export type Shaped = Pick<ForwardRequest, "method" | "path" | "headers" | "body" | "readAnswer">;

/**
 * Gives a request its upstream's form.
 * @param model the upstream's name of the model that is asked
 * @returns a refusal where the upstream has no such operation, or no word for a field
 */
export function shape<Request extends Shaped>(
  { wire }: UpstreamConfig,
  request: Request,
  model: string,
): Request | Refusal {
  const { path, body } = request;
  if (wire === undefined) return request;
  if (wire.kind === "azure-deployments") {
    // INVARIANT: one segment of the path, whatever the name
    const within = `/deployments/${encodeURIComponent(model)}`;
    return inDeployment.has(path) ? { ...request, path: `${within}${path}` } : request;
  }
  const said = typeof body === "string" && messages.has(path) ? parseJson(body) : undefined;
  if (!isObject(said)) return refuse("untranslatable", "the operation");
  try {
    return { ...request, ...shapeBedrock(said, wire) };
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error;
    return refuse("untranslatable", error.place);
  }
}

/** What stands under a deployment. Source: Azure OpenAI REST API reference, data plane inference. */
const inDeployment: ReadonlySet<string> = new Set([
  ...["/chat/completions", "/completions", "/embeddings", "/images/generations", "/images/edits"],
  ...["/audio/transcriptions", "/audio/translations", "/audio/speech"],
]);

/** Anthropic's one operation that Bedrock has. */
const messages: ReadonlySet<string> = new Set(["/v1/messages", "/messages"]);
