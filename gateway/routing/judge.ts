/** What an upstream's error means for what is tried next. */
import { isObject, parseJson } from "../../sidecar/contract.js";
import type { FallbackKind } from "./deployment.js";

/** INVARIANT: of these only, a request is sent again. 529: overloaded (Anthropic API reference, "Errors"). */
const retryable: ReadonlySet<number> = new Set([408, 409, 429, 500, 502, 503, 504, 529]);

export function isRetryable(status: number | undefined): boolean {
  return status !== undefined && retryable.has(status);
}

/** Codes of errors (`error.code`, `error.type`). Sources: OpenAI's and Azure OpenAI's error codes. */
const codes: Readonly<Record<string, FallbackKind>> = {
  context_length_exceeded: "context_window",
  request_too_large: "context_window",
  string_above_max_length: "context_window",
  content_filter: "content_policy",
  contentFilter: "content_policy",
  content_policy_violation: "content_policy",
  ResponsibleAIPolicyViolation: "content_policy",
  moderation_blocked: "content_policy",
};
/** Where there is no code of its own, providers say it in words. */
const words: readonly (readonly [RegExp, FallbackKind])[] = [
  [
    /(?:prompt|input) is too long|maximum context length|context window|exceed(?:s|ed)? the (?:model's )?context/i,
    "context_window",
  ],
  [/content (?:filtering|management) policy|content policy|output blocked/i, "content_policy"],
];

/** Tells which list of fallbacks an error opens, if any. */
export function errorKind(status: number, error: Buffer | undefined): FallbackKind | undefined {
  if (isRetryable(status)) return "general";
  if (status === 413) return "context_window";
  if (status !== 400 && status !== 422) return undefined;
  const said = read(error);
  for (const code of said.codes) if (Object.hasOwn(codes, code)) return codes[code];
  return words.find(([pattern]) => pattern.test(said.message))?.[1];
}

function read(error: Buffer | undefined): { readonly codes: readonly string[]; readonly message: string } {
  try {
    const value = error === undefined ? undefined : parseJson(error);
    const inner = isObject(value) ? (value["error"] ?? value) : undefined;
    if (!isObject(inner)) return { codes: [], message: "" };
    const { code, type, message, innererror } = inner;
    const within = isObject(innererror) ? innererror["code"] : undefined;
    return {
      codes: [code, type, within].filter((one) => typeof one === "string"),
      message: typeof message === "string" ? message : "",
    };
  } catch {
    return { codes: [], message: "" };
  }
}
