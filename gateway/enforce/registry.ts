/** The obligations that this gateway can carry out, by what they are carried out on. */
import { capParameters } from "./cap-parameters.js";
import type { Duty, Words } from "./duty.js";
import { filterTools } from "./filter-tools.js";
import { limitTokens } from "./limit-tokens.js";
import { mask } from "./mask.js";
import { requireSystemPrompt } from "./require-system-prompt.js";
import { setParameters } from "./set-parameters.js";
import { stopOn } from "./stop-on.js";

/** On a request of a model, before it is sent. */
export const modelDuties: Readonly<Record<string, Duty<Words>>> = {
  limit_tokens: limitTokens,
  set_parameters: setParameters,
  cap_parameters: capParameters,
  filter_tools: filterTools,
  require_system_prompt: requireSystemPrompt,
  stop_on: stopOn,
  mask,
};
