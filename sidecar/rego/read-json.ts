import type { Json } from "../contract.js";
import { JsonRefused, parseJson } from "../contract.js";
import type { BuildError, Rejected } from "./bundle.js";

/** Reads JSON strictly; what is wrong is told with its row and column. */
export function readJson(
  file: string,
  text: string,
): { readonly kind: "read"; readonly document: Json } | Rejected {
  const refused = (error: Omit<BuildError, "file">): Rejected => ({
    kind: "rejected",
    errors: [{ ...error, file }],
  });
  try {
    const document = parseJson(text);
    if (typeof document === "object" && document !== null && !Array.isArray(document)) {
      return { kind: "read", document };
    }
    return refused({ code: "invalid_json", message: "the document must be an object", row: 1, col: 1 });
  } catch (error) {
    if (!(error instanceof JsonRefused)) throw error;
    const before = text.slice(0, error.offset).split("\n");
    return refused({
      code: error.code,
      message: error.message,
      row: before.length,
      col: (before.at(-1) ?? "").length + 1,
    });
  }
}
