import type { ServerResponse } from "node:http";
import { sendJson } from "./http.js";

/** One of `errors` in OPA's error document. */
export interface OpaErrorItem {
  readonly code: string;
  readonly message: string;
  readonly location?: { readonly file: string; readonly row: number; readonly col: number };
}

/** Sends OPA's error document: `{code, message, errors}`. */
export function sendOpaError(
  res: ServerResponse,
  status: number,
  code: string,
  message: string,
  errors?: readonly OpaErrorItem[],
): void {
  sendJson(res, status, JSON.stringify({ code, message, ...(errors === undefined ? {} : { errors }) }));
}

/** Writes an error of the compiler or of an evaluation as OPA does. */
export function opaErrorItem(error: {
  readonly code: string;
  readonly message: string;
  readonly file?: string;
  readonly row?: number;
  readonly col?: number;
}): OpaErrorItem {
  const { code, message, file, row, col } = error;
  if (file === undefined) return { code, message };
  return { code, message, location: { file, row: row ?? 0, col: col ?? 0 } };
}

/** Reads an option of OPA's API: `?name` and `?name=true` set it. */
export function isSet(options: URLSearchParams, name: string): boolean {
  const values = options.getAll(name);
  return (values.length === 1 && values[0] === "") || values.some((value) => /^true$/i.test(value));
}
