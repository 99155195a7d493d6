import { catalogue } from "../gateway/enforce/catalogue.js";
import { isObject } from "../sidecar/contract.js";

/** Says what a policy may oblige enforcement points to. */
export function showObligations(format: string): string {
  if (format === "json") return `${JSON.stringify(catalogue, null, 2)}\n`;
  return Object.entries(catalogue)
    .map(([type, { summary, phases, schema }]) => {
      const { properties, required } = schema;
      const needed = Array.isArray(required) ? required : [];
      const names = Object.keys(isObject(properties) ? properties : {}).map((name) =>
        needed.includes(name) ? name : `[${name}]`,
      );
      return `${type} {${names.join(", ")}} (${phases.join(", ")})\n    ${summary}\n`;
    })
    .join("");
}
