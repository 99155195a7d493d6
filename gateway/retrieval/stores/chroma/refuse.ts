import type { JsonObject, Refusal } from "../../../../sidecar/contract.js";

/** The names under which Chroma's clients know errors (`chromadb/errors.py`), by status. */
const names: Readonly<Record<number, string>> = {
  400: "InvalidArgumentError",
  401: "AuthError",
  403: "AuthorizationError",
  404: "NotFoundError",
  409: "UniqueConstraintError",
  413: "BatchSizeExceededError",
  429: "RateLimitError",
};

/** Writes a refusal as Chroma writes its errors: `{error, message}`, and what it is about beside. */
export function refuseAs({ code, message, status }: Refusal, about: JsonObject): JsonObject {
  const error = names[status] ?? "InternalError";
  return { ...about, error, message: `${code}: ${message}`, code };
}
