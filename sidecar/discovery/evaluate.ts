/** Evaluates a discovery bundle, as OPA does: once, where its decision is, with the sidecar's labels in its runtime. */
import type { Json } from "../contract.js";
import type { Entries } from "../rego/archive.js";
import type { Rejected } from "../rego/bundle.js";
import type { Toolchain } from "../rego/toolchain.js";

export interface EvaluateParts {
  readonly evaluate: Toolchain["evaluate"];
  /** What `opa.runtime().config.labels` says; nothing else is in there, least of all the environment. */
  readonly labels: Readonly<Record<string, string>>;
}

export type EvaluateDiscovery = (
  entries: Entries,
  decision: string,
) => Promise<{ readonly kind: "evaluated"; readonly value: Json } | Rejected>;

const matters = /(^|\/)(data\.(json|ya?ml)|[^/]+\.rego)$|^\.manifest$/;

export function createEvaluateDiscovery({ evaluate, labels }: EvaluateParts): EvaluateDiscovery {
  const runtime = JSON.stringify({ config: { labels }, env: {} });
  return async (entries, decision) => {
    const decoder = new TextDecoder();
    const files = Object.fromEntries(
      [...entries]
        .filter(([place]) => matters.test(place) && !place.endsWith("_test.rego"))
        .map(([place, bytes]) => [place, decoder.decode(bytes)]),
    );
    const path = decision.split("/").filter((segment) => segment !== "");
    const ref = `data${path.map((segment) => `[${JSON.stringify(segment)}]`).join("")}`;
    const outcome = await evaluate({ files, query: `${ref} with opa.runtime as ${runtime}` });
    if (outcome.kind === "rejected") return outcome;
    const [value] = outcome.result.results as readonly Json[];
    return value === undefined
      ? rejected("discovery_undefined", `its decision is undefined: ${decision === "" ? "data" : decision}`)
      : { kind: "evaluated", value };
  };
}

/** Says no by one code. */
export function rejected(code: string, message: string): Rejected {
  return { kind: "rejected", errors: [{ code, message }] };
}
