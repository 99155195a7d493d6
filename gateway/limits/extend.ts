/** Asks the decision point for more than a call's allowance. */
import type { Extended, Extension, Json } from "../../sidecar/contract.js";
import { inTime, parseJson, readExtended, stringifyJson } from "../../sidecar/contract.js";
import type { OwnSidecar } from "../ask.js";
import type { Link } from "../link.js";

/** Never rejects: whatever isn't a yes is a no. */
export type Extend = (extension: Extension) => Promise<Extended>;

const unavailable: Extended = { code: "limits_unavailable" };

/** Creates the question to the sidecar. */
export function createExtend(link: Pick<Link, "extend">, deadlineMs: number): Extend {
  return async (extension) => {
    try {
      const answered = await link.extend(stringifyJson(extension as unknown as Json), deadlineMs);
      return typeof answered === "string" ? unavailable : readExtended(parseJson(answered));
    } catch {
      return unavailable;
    }
  };
}

/** Creates the question to a sidecar in the same process. */
export function createOwnExtend(sidecar: Pick<OwnSidecar, "extend">, deadlineMs: number): Extend {
  return async (extension) => {
    if (sidecar.extend === undefined) return unavailable;
    try {
      return await inTime(sidecar.extend(extension), deadlineMs, unavailable);
    } catch {
      return unavailable;
    }
  };
}
