import type { Json } from "../../sidecar/contract.js";
import type { Duty, Words } from "./duty.js";
import { copy, take, textsOf } from "./duty.js";

/** `{sequences}`: texts at which the model must stop, beside those of the request. Can't be done beyond what its protocol takes. */
export const stopOn: Duty<Words> = (body, properties, { stop }) => {
  const sequences = textsOf(take(properties, "sequences")?.["sequences"]);
  if (sequences === undefined) return undefined;
  const asked: Json = body[stop.field] ?? [];
  const all = [...new Set([...sequences, ...(Array.isArray(asked) ? asked : [asked])])];
  if (all.length > stop.most) return undefined;
  const out = copy(body);
  out[stop.field] = all;
  return out;
};
