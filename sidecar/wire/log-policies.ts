/** Finds the decision log's policies among the bundles in force, and asks them. */
import type { ActiveBundle, BundleSet } from "../bundles/active.js";
import { resolvePath } from "../bundles/active.js";
import type { Json } from "../contract.js";
import { InputTerm } from "../decide/policy.js";
import type { Ask, LogPolicies } from "../record/mask/screen.js";

/**
 * Makes the function that gives the mask and drop policies; it looks for them once for each set of bundles.
 * @param paths data paths without a slash at their ends
 */
export function findLogPolicies(
  bundles: () => BundleSet,
  paths: { readonly mask: string; readonly drop: string },
): () => LogPolicies | undefined {
  let known: BundleSet | undefined;
  let versions = "";
  let found: LogPolicies | undefined;
  return () => {
    const set = bundles();
    // what the API writes may be a mask, too
    const now = set.bundles.length === 1 ? String(set.bundles[0]?.dataVersion()) : versionsOf(set);
    if (set === known && now === versions) return found;
    const mask = askAt(set, paths.mask);
    const drop = askAt(set, paths.drop);
    [known, versions] = [set, now];
    found =
      mask === undefined && drop === undefined
        ? undefined
        : { ...(mask === undefined ? {} : { mask }), ...(drop === undefined ? {} : { drop }) };
    return found;
  };
}

const versionsOf = ({ bundles }: BundleSet): string => bundles.map((one) => one.dataVersion()).join(" ");

/** A policy with so many entrypoints may have more that it doesn't answer at, but at a package above; those of system/log it has. */
const many = 100;

function askAt(set: BundleSet, path: string): Ask | undefined {
  const segments = path.split("/");
  for (const bundle of set.bundles) {
    if (bundle.entrypoints.has(path)) return askOf(bundle, path, []);
    if (bundle.entrypoints.size >= many) {
      const above = resolvePath({ bundles: [bundle] }, segments);
      if (above !== undefined) return askOf(bundle, above.entrypoint, above.rest);
    }
    const value = bundle.policy.read(segments);
    if (value !== undefined) return () => ({ kind: "value", value });
  }
  return undefined;
}

function askOf({ policy }: ActiveBundle, entrypoint: string, rest: readonly string[]): Ask {
  return (event) => {
    const answer = policy.evaluate(entrypoint, new InputTerm(event));
    if (answer.kind === "pending") {
      void answer.settled.catch(() => undefined);
      return {
        kind: "failed",
        code: "evaluation_error",
        detail: "the network isn't asked on behalf of the log",
      };
    }
    if (answer.kind !== "value") return answer;
    const value = rest.reduce<Json | undefined>(memberOf, answer.value);
    return value === undefined ? { kind: "undefined" } : { kind: "value", value };
  };
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, Json>)[name];
}
