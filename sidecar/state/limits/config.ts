/** Reads the section `limits` of the sidecar's configuration (docs/limits.md). */
import type { Fields, Problems } from "../../contract.js";
import type { DimensionName, Known } from "./dimensions.js";
import { valueOf } from "./dimensions.js";
import type { LimitRule } from "./rule.js";
import { readRule } from "./rule.js";

/** A limit of the configuration: which calls it counts, too. */
export interface ConfiguredLimit extends LimitRule {
  readonly when: readonly Condition[];
}

/** All must hold; of one, any value does. */
interface Condition {
  readonly of: DimensionName | "action" | "resource_type" | "group" | "role";
  readonly values: ReadonlySet<string>;
}

const conditions = {
  ...{ actions: "action", resource_types: "resource_type", groups: "group", roles: "role" },
  ...{ tenants: "tenant", departments: "department", users: "user", subjects: "subject" },
  ...{ workloads: "workload", agents: "agent", models: "model", providers: "provider", tools: "tool" },
  ...{ servers: "server", stores: "store", collections: "collection" },
} as const satisfies Record<string, Condition["of"]>;

const mostLimits = 256;

/** Reads the limits; each by its name. */
export function readLimits(items: readonly Fields[], problems: Problems): readonly ConfiguredLimit[] {
  if (items.length > mostLimits) problems.add("limits", `at most ${mostLimits}`);
  const names = new Set<string>();
  return items.map((fields) => {
    const rule = readRule(fields, problems);
    if (names.has(rule.name)) problems.add(fields.at("name"), "stands twice");
    names.add(rule.name);
    const when = fields.has("when") ? readConditions(fields.nested("when"), problems) : [];
    fields.end();
    return { ...rule, when };
  });
}

function readConditions(fields: Fields, problems: Problems): Condition[] {
  const read = (Object.keys(conditions) as (keyof typeof conditions)[]).flatMap((name): Condition[] => {
    const values = fields.strings(name);
    if (values === undefined) return [];
    if (values.length === 0) problems.add(fields.at(name), "names nothing, so the limit would count nothing");
    return [{ of: conditions[name], values: new Set(values) }];
  });
  fields.end();
  return read;
}

/** Tells whether a limit counts a call. */
export function counts({ when }: ConfiguredLimit, known: Known): boolean {
  return when.every((condition) => holds(condition, known));
}

function holds({ of, values }: Condition, known: Known): boolean {
  const { call, identity } = known;
  switch (of) {
    case "action":
      return values.has(call.action.name);
    case "resource_type":
      return values.has(call.resource.type);
    case "group":
      return identity.groups.some((group) => values.has(group));
    case "role":
      return identity.roles.some((role) => values.has(role));
    default: {
      const value = valueOf(of, known);
      return value !== undefined && values.has(value.plain);
    }
  }
}
