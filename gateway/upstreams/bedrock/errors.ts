/** Bedrock's errors in Anthropic's words. Source: Amazon Bedrock API Reference, "Common errors", "ResponseStream"; Anthropic API reference, "Errors". */
import type { JsonObject } from "../../../sidecar/contract.js";
import { isObject, parseJson } from "../../../sidecar/contract.js";

/** By the exception's name, whose first letter is small in a stream. */
const types: Readonly<Record<string, string>> = {
  ValidationException: "invalid_request_error",
  AccessDeniedException: "permission_error",
  ResourceNotFoundException: "not_found_error",
  ThrottlingException: "rate_limit_error",
  ServiceQuotaExceededException: "rate_limit_error",
  ModelNotReadyException: "overloaded_error",
  ServiceUnavailableException: "overloaded_error",
  ModelTimeoutException: "timeout_error",
  ModelErrorException: "api_error",
  ModelStreamErrorException: "api_error",
  InternalServerException: "api_error",
};

function typeOf(exception: string): string {
  const name = exception.charAt(0).toUpperCase() + exception.slice(1);
  return (Object.hasOwn(types, name) ? types[name] : undefined) ?? "api_error";
}

/** Where an exception has no name: by the answer's status. */
const byStatus: Readonly<Record<number, string>> = {
  404: "ResourceNotFoundException",
  408: "ModelTimeoutException",
  424: "ModelErrorException",
  429: "ThrottlingException",
};

/** Names the exception of an answer. @param header `x-amzn-errortype`, which may go on with an address */
export function exceptionOf(status: number, header: unknown): string {
  const [, named] = typeof header === "string" ? (/^([A-Za-z]{1,64})(?:[:,].*)?$/.exec(header) ?? []) : [];
  return named ?? byStatus[status] ?? "ValidationException";
}

/** The longest message that is passed on, characters. */
const longest = 4_096;

/** Says an error as Anthropic does. */
export function anthropicError(exception: string, body: Buffer | undefined): JsonObject {
  return { type: "error", error: { type: typeOf(exception), message: messageOf(body) } };
}

function messageOf(body: Buffer | undefined): string {
  const fallback = "the model's provider refused the request";
  try {
    const said = body === undefined ? undefined : parseJson(body);
    const message = isObject(said) ? (said["message"] ?? said["Message"]) : undefined;
    return typeof message === "string" && message !== "" ? message.slice(0, longest) : fallback;
  } catch {
    return fallback;
  }
}
