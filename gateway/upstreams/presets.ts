/** What is known of servers by name: where they are, what they speak, and which headers are theirs. Keys go in as bearer tokens. */
import type { ProtocolName } from "../models/protocol.js";

export interface Preset {
  /** The API's base; absent: only its operator knows. */
  readonly url?: string;
  /** Beside OpenAI's. */
  readonly speaks?: readonly ProtocolName[];
  /** Where a relay looks for its own key, beside that of the provider behind it. */
  readonly relayKey?: { readonly header: string; readonly scheme: string };
  /** Its streams tell usage unasked, and the field that asks for it is an error. */
  readonly tellsUsage?: true;
  /** Headers that it may be given. */
  readonly headers: readonly string[];
  /** Where that is said. */
  readonly source: string;
}

export const presets = {
  openrouter: {
    url: "https://openrouter.ai/api/v1",
    speaks: ["anthropic"],
    // the last is the former name of the second, and still taken
    headers: ["http-referer", "x-openrouter-title", "x-openrouter-categories", "x-title"],
    source:
      "openrouter.ai/docs/app-attribution, openrouter.ai/docs/api/api-reference/anthropic-messages/create-messages",
  },
  portkey: {
    url: "https://api.portkey.ai/v1",
    speaks: ["anthropic"],
    relayKey: { header: "x-portkey-api-key", scheme: "" },
    headers: [
      ...["x-portkey-provider", "x-portkey-virtual-key", "x-portkey-config", "x-portkey-custom-host"],
      ...["x-portkey-cache-namespace", "x-portkey-cache-force-refresh", "x-portkey-request-timeout"],
      ...["x-portkey-azure-resource-name", "x-portkey-azure-deployment-id", "x-portkey-azure-api-version"],
      ...["x-portkey-vertex-project-id", "x-portkey-vertex-region", "x-portkey-strict-open-ai-compliance"],
    ],
    source:
      "portkey.ai/docs/api-reference/inference-api/headers, portkey.ai/docs/product/ai-gateway/messages-api",
  },
  litellm: {
    speaks: ["anthropic"],
    headers: [
      ...["x-litellm-tags", "x-litellm-timeout", "x-litellm-stream-timeout", "x-litellm-num-retries"],
      "x-litellm-enable-message-redaction",
    ],
    source: "docs.litellm.ai/docs/proxy/request_headers, docs.litellm.ai/docs/anthropic_unified",
  },
  helicone: {
    url: "https://oai.helicone.ai/v1",
    relayKey: { header: "helicone-auth", scheme: "Bearer " },
    headers: [
      ...["helicone-cache-enabled", "helicone-retry-enabled", "helicone-target-url", "helicone-omit-request"],
      ...["helicone-omit-response", "helicone-ratelimit-policy", "helicone-moderations-enabled"],
      ...["helicone-llm-security-enabled", "helicone-property-environment", "helicone-property-app"],
    ],
    source:
      "docs.helicone.ai/helicone-headers/header-directory, docs.helicone.ai/getting-started/how-to-integrate",
  },
  ollama: {
    url: "http://127.0.0.1:11434/v1",
    speaks: ["anthropic"],
    headers: [],
    source: "docs.ollama.com/openai, docs.ollama.com/api/anthropic-compatibility",
  },
  vllm: {
    url: "http://127.0.0.1:8000/v1",
    speaks: ["anthropic"],
    headers: [],
    source: "docs.vllm.ai/en/stable/serving/integrations/claude_code",
  },
  mistral: {
    url: "https://api.mistral.ai/v1",
    tellsUsage: true,
    headers: [],
    source:
      "github.com/mistralai/client-python, sdkconfiguration.py; usage: github.com/openai/openai-agents-python/issues/442",
  },
  groq: {
    url: "https://api.groq.com/openai/v1",
    headers: [],
    source: "console.groq.com/docs/openai",
  },
  together: {
    url: "https://api.together.ai/v1",
    headers: [],
    source: "docs.together.ai/docs/inference/openai-compatibility",
  },
  gemini: {
    url: "https://generativelanguage.googleapis.com/v1beta/openai",
    headers: [],
    source: "ai.google.dev/gemini-api/docs/openai",
  },
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof presets;

export const presetNames = Object.keys(presets) as PresetName[];
