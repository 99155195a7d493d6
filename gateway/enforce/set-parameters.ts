import { isObject } from "../../sidecar/contract.js";
import type { Duty, Words } from "./duty.js";
import { copy, take } from "./duty.js";

/** `{parameters: {name: value}}`: gives parameters a value, whatever the request says. */
export const setParameters: Duty<Words> = (body, properties, { parameters }) => {
  const wanted = take(properties, "parameters")?.["parameters"];
  if (!isObject(wanted)) return undefined;
  const out = copy(body);
  for (const [name, value] of Object.entries(wanted)) {
    // a parameter that this protocol doesn't have can't be set
    const check = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (check?.(value) !== true) return undefined;
    out[name] = value;
  }
  return out;
};
