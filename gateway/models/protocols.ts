import type { ModelProtocol, ProtocolName } from "./protocol.js";
import { anthropic } from "./anthropic.js";
import { openai } from "./openai.js";

export const protocols: Readonly<Record<ProtocolName, ModelProtocol>> = { openai, anthropic };
