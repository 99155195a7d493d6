import type { Json } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";
import type { Duty, Words } from "./duty.js";
import { copy, take, textsOf } from "./duty.js";

/**
 * `{allow}` or `{deny}`, names with `*` for anything: takes tools out of the request, so that the model doesn't know
 * them. Can't be done where the request insists on a tool that is taken out.
 */
export const filterTools: Duty<Words> = (body, properties, { tools, chosenTool, toolFields }) => {
  const { allow, deny, ...others } = take(properties, "allow", "deny") ?? { other: null };
  const [allowed, denied] = [textsOf(allow), textsOf(deny)];
  if (Object.keys(others).length > 0 || (allow !== undefined) === (deny !== undefined)) return undefined;
  if ((allowed ?? denied) === undefined) return undefined;
  const patterns = (allowed ?? denied ?? []).map(toPattern);
  const stays = (name: Json | undefined): boolean =>
    typeof name === "string" &&
    name !== "" &&
    patterns.some((pattern) => pattern.test(name)) === (allowed !== undefined);
  const out = copy(body);
  let left = 0;
  for (const [field, nameOf] of Object.entries(tools)) {
    const list = out[field];
    if (!Array.isArray(list)) continue;
    const kept = list.filter((tool) => isObject(tool) && stays(nameOf(tool)));
    left += kept.length;
    if (kept.length > 0) out[field] = kept;
    else delete out[field];
  }
  const chosen = chosenTool(body);
  if (chosen !== undefined && !stays(chosen)) return undefined;
  if (left === 0) for (const field of toolFields) delete out[field];
  return out;
};

function toPattern(glob: string): RegExp {
  const parts = glob.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^]*?")}$`);
}
