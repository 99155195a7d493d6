/** Says a request in Anthropic's words to Bedrock. Source: Amazon Bedrock API Reference, "InvokeModel", "Converse". */
import type { JsonObject } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import { notIn } from "../../models/anthropic-version.js";
import { Untranslatable } from "../../models/translate/canonical.js";
import { readAnthropicRequest } from "../../models/translate/read-anthropic.js";
import type { Shaped } from "../shape.js";
import type { BedrockApi } from "../upstream.js";
import { createReadAnswer } from "./read-answer.js";
import { writeConverse } from "./write-converse.js";

/** Ids of models and profiles, and ARNs. INVARIANT: one segment of a path. */
const modelId = /^[A-Za-z0-9][A-Za-z0-9.:/_-]{0,2047}$/;

/** @throws Untranslatable */
export function shapeBedrock(
  body: JsonObject,
  spoken: BedrockApi,
): Pick<Shaped, "path" | "headers" | "body" | "readAnswer"> {
  const { model, stream, ...rest } = body;
  const { api } = spoken;
  if (typeof model !== "string" || !modelId.test(model)) throw new Untranslatable("model");
  const streams = stream === true;
  const operation =
    api === "invoke"
      ? streams
        ? "invoke-with-response-stream"
        : "invoke"
      : streams
        ? "converse-stream"
        : "converse";
  const wrong = spoken.api === "invoke" && spoken.version === "2026-10-21" && notIn(spoken.version, body);
  if (wrong) throw new Untranslatable(wrong);
  const said =
    spoken.api === "invoke"
      ? { anthropic_version: spoken.version, ...rest }
      : writeConverse(readAnthropicRequest(body));
  return {
    path: `/model/${encodeURIComponent(model)}/${operation}`,
    headers: { accept: streams ? "application/vnd.amazon.eventstream" : "application/json" },
    body: stringifyJson(said),
    readAnswer: createReadAnswer({ api, streams, model }),
  };
}
