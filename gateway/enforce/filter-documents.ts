import type { Json } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";
import type { Duty } from "./duty.js";
import { copy } from "./duty.js";

const classifications: readonly Json[] = ["public", "internal", "confidential", "restricted"];

/** `{tenant, max_classification}`: leaves only documents of the tenant (or of all) up to the classification. */
export const filterDocuments: Duty<undefined> = (answer, properties) => {
  const { tenant, max_classification, ...others } = properties;
  if (Object.keys(others).length > 0) return undefined;
  const most = classifications.indexOf(max_classification ?? null);
  const { documents } = answer;
  if (typeof tenant !== "string" || most < 0 || !Array.isArray(documents)) return undefined;
  const out = copy(answer);
  out["documents"] = documents.filter((document: Json) => {
    if (!isObject(document)) return false;
    const level = classifications.indexOf(document["classification"] ?? null);
    const owner = document["tenant"];
    // what doesn't say whose it is or how secret it is stays here
    return level >= 0 && level <= most && (owner === tenant || owner === "*");
  });
  return out;
};
