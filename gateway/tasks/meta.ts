/** The task in MCP's `_meta`: for clients that see no headers. */
import type { JsonObject, Refusal } from "../../sidecar/contract.js";
import { isObject, refuse } from "../../sidecar/contract.js";
import type { CarriedTask } from "./carried.js";
import { isTokenForm } from "./headers.js";

export const taskMeta = "countersign/task";

/**
 * Takes the token out of a message's `_meta`. INVARIANT: it isn't there any more, whatever becomes of the message; one that
 * says another than the header refuses.
 */
export function takeMeta(carried: CarriedTask, params: JsonObject): Refusal | undefined {
  const meta = params["_meta"];
  if (!isObject(meta) || !Object.hasOwn(meta, taskMeta)) return undefined;
  const { [taskMeta]: token, ...others } = meta;
  if (Object.keys(others).length === 0) delete params["_meta"];
  else params["_meta"] = others;
  if (typeof token !== "string" || !isTokenForm(token)) return refuse("task_token_invalid");
  if (carried.token !== undefined && carried.token !== token)
    return refuse("header_mismatch", "x-countersign-task");
  carried.token = token;
  return undefined;
}

/** Adds the token that the client is to be given to a result. */
export function giveMeta({ issued }: CarriedTask, result: JsonObject): JsonObject {
  const meta = result["_meta"];
  // a server can't give tokens
  const others = isObject(meta) ? Object.entries(meta).filter(([name]) => name !== taskMeta) : [];
  if (issued === undefined && (!isObject(meta) || others.length === Object.keys(meta).length)) return result;
  const said = {
    ...Object.fromEntries(others),
    ...(issued === undefined ? {} : { [taskMeta]: issued.token }),
  };
  return { ...result, _meta: said };
}
