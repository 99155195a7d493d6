import { JsonNumber } from "../../sidecar/contract.js";
import type { Duty, Words } from "./duty.js";
import { copy, take } from "./duty.js";

/** `{max_tokens}`: caps what the request asks for, under each name that its protocol has for it; sets it where it asks for none. */
export const limitTokens: Duty<Words> = (body, properties, { tokenLimits }) => {
  const most = take(properties, "max_tokens")?.["max_tokens"];
  if (typeof most !== "number" || !Number.isSafeInteger(most) || most < 1) return undefined;
  const out = copy(body);
  const given = tokenLimits.filter((name) => out[name] !== undefined && out[name] !== null);
  const names = given.length === 0 ? tokenLimits.slice(0, 1) : given;
  for (const name of names) {
    const asked = out[name];
    if (asked instanceof JsonNumber) out[name] = most;
    else out[name] = typeof asked === "number" ? Math.min(asked, most) : most;
  }
  return out;
};
