/** What an operator says of tools: risk, effect and labels. A server's own annotations are claims, and change none of it. */
import type { Fields, Problems } from "../../../sidecar/contract.js";
import type { ArgumentKinds } from "../arguments/kinds.js";
import { readArgumentKinds } from "../arguments/kinds.js";

export const risks = ["low", "medium", "high", "critical"] as const;
export const effects = ["read", "write", "external"] as const;
export type Risk = (typeof risks)[number];
export type Effect = (typeof effects)[number];

export interface ToolRule {
  /** A glob over the name: `*` any characters, `?` one. */
  readonly match: string;
  readonly risk?: Risk;
  readonly effect?: Effect;
  readonly labels: readonly string[];
  /** Which of the arguments hold commands, code, addresses or paths: docs/gateway-tool-facts.md. */
  readonly arguments?: ArgumentKinds;
}

export interface Mapped {
  readonly risk: Risk;
  readonly effect: Effect;
  /** Sorted. */
  readonly labels: readonly string[];
}

/** What is true of a tool that nobody said anything of: it may do harm. */
export const unmapped = { risk: "high", effect: "write" } as const satisfies Partial<Mapped>;

/**
 * Finds what is said of a tool: risk and effect by the first rule that matches and says any; labels of all that match.
 * @param otherwise the effect where no rule says any
 */
export function mapTool(
  name: string,
  rules: readonly ToolRule[],
  otherwise: Effect = unmapped.effect,
): Mapped {
  const matching = rules.filter(({ match }) => matches(name, match));
  return {
    risk: matching.find(({ risk }) => risk !== undefined)?.risk ?? unmapped.risk,
    effect: matching.find(({ effect }) => effect !== undefined)?.effect ?? otherwise,
    labels: [...new Set(matching.flatMap(({ labels }) => labels))].sort(),
  };
}

/** Matches a glob in time linear in both, as `*` needs no going back but to the last one. Case counts. */
export function matches(name: string, glob: string): boolean {
  let n = 0;
  let g = 0;
  let star = -1;
  let after = 0;
  while (n < name.length) {
    const c = glob[g];
    if (c === "*") {
      star = g++;
      after = n;
    } else if (c !== undefined && (c === "?" || c === name[n])) {
      g++;
      n++;
    } else if (star >= 0) {
      g = star + 1;
      n = ++after;
    } else return false;
  }
  while (glob[g] === "*") g++;
  return g === glob.length;
}

const labelForm = /^[a-z0-9][a-z0-9_.:-]{0,63}$/;

/** Reads `tools` of a server: the rules, in order. */
export function readToolRules(fields: Fields, problems: Problems): readonly ToolRule[] {
  return fields.items("tools").map((rule) => {
    const match = rule.required("match");
    if (match.length > 128) problems.add(rule.at("match"), "must be 128 characters at most");
    const risk = rule.oneOf("risk", risks);
    const effect = rule.oneOf("effect", effects);
    const labels = rule.strings("labels") ?? [];
    for (const label of labels) {
      if (!labelForm.test(label))
        problems.add(rule.at("labels"), "a label is made of lower-case letters, digits and _ . : -");
    }
    const kinds = readArgumentKinds(rule, problems);
    rule.end();
    return {
      match,
      labels,
      ...(risk === undefined ? {} : { risk }),
      ...(effect === undefined ? {} : { effect }),
      ...(kinds === undefined ? {} : { arguments: kinds }),
    };
  });
}
