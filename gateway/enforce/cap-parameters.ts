import { isObject, JsonNumber } from "../../sidecar/contract.js";
import type { Json } from "../../sidecar/contract.js";
import type { Duty, Words } from "./duty.js";
import { copy, take } from "./duty.js";

const isNumber = (value: Json | undefined): value is number | JsonNumber =>
  typeof value === "number" || value instanceof JsonNumber;

/** `{parameters: {name: most}}`: lowers numbers to a most. One that isn't given is set: a provider's default may be more. */
export const capParameters: Duty<Words> = (body, properties, { parameters }) => {
  const caps = take(properties, "parameters")?.["parameters"];
  if (!isObject(caps)) return undefined;
  const out = copy(body);
  for (const [name, most] of Object.entries(caps)) {
    const check = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (!isNumber(most) || check?.(most) !== true) return undefined;
    const asked = out[name];
    if (!isNumber(asked) || !(Number(asked) <= Number(most))) out[name] = most;
  }
  return out;
};
