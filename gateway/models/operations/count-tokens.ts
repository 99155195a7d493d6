/** Anthropic's `POST /v1/messages/count_tokens`. Source: Anthropic API reference, "Count tokens in a message". */
import { filterTools } from "../../enforce/filter-tools.js";
import { requireSystemPrompt } from "../../enforce/require-system-prompt.js";
import { anthropic, isNamed } from "../anthropic.js";
import { classifyInvoke, offeredIn } from "../classify.js";
import { messagesFields } from "../messages-fields.js";
import type { Check } from "../fields.js";
import type { ModelProtocol } from "../protocol.js";
import type { Operation } from "./operation.js";

const known = [
  ...["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"],
  ...["cache_control", "speed", "user_profile_id", "workspace_id"],
];
const fields: Readonly<Record<string, Check>> = Object.fromEntries(
  Object.entries(messagesFields).filter(([name]) => known.includes(name)),
);

export const countTokens: Operation = {
  protocol: "anthropic",
  speaker: anthropic,
  classify(value, bytes, models) {
    const asks = classifyInvoke(value, bytes, models, {
      fields,
      required: ["model", "messages"],
      parameters: ["thinking", "output_config", "speed", "workspace_id"],
      words: anthropic.words,
      isTool: isNamed,
    });
    if (asks.kind === "refusal") return asks;
    const { action, ...call } = asks.call;
    return { ...asks, call: { ...call, action: { ...action, name: "model.count_tokens" } } };
  },
  duties: { filter_tools: filterTools, require_system_prompt: requireSystemPrompt },
  words: anthropic.words,
  headers: anthropic.headers({}),
  path: (base) => (base.pathname === "/" ? "/v1/messages/count_tokens" : "/messages/count_tokens"),
  named: (body, model) => ({ ...body, model }),
  offered: (body) => offeredIn(body, anthropic.words),
  // what was counted wasn't read by a model
  usage: (_answer, before) => before,
};

/** Counts in the version that a client speaks. */
export function countTokensIn(spoken: ModelProtocol): Operation {
  return {
    ...countTokens,
    classify(...asked) {
      const asks = countTokens.classify(...asked);
      return spoken.within?.(asks) ?? asks;
    },
    headers: spoken.headers({}),
  };
}
