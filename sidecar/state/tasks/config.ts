import type { Fields, Problems } from "../../contract.js";

/** The `tasks` section of the configuration. */
export interface TasksConfig {
  /** Whether tokens are given and taken; without, labels and limits still stay with who calls. */
  readonly enabled: boolean;
  /** Who is given a token: whoever is allowed anything, or only who begins a task by name, or is handed one. */
  readonly issue: "always" | "created";
  /** What tokens say they are for (`aud`): this fleet, or its trust domain. */
  readonly trustDomain: string;
  /** Longest life of a token, seconds; it is renewed while the task goes on. */
  readonly lifetimeSeconds: number;
  /** Longest life of a task, seconds. */
  readonly longestSeconds: number;
  /** Seconds after its last use until a task may be forgotten. */
  readonly keepSeconds: number;
  /** Seconds for which labels stick to who holds a task. */
  readonly stickSeconds: number;
  /** Whether what an agent picks up for one user holds for it whoever it acts for next. */
  readonly stickAcrossUsers: boolean;
  /** Most tasks below the first one. */
  readonly maxDepth: number;
  /** Who is refused without a token: nobody, whoever isn't a user calling for themselves, or everybody. */
  readonly required: "never" | "agents" | "always";
}

/** Reads the section; absent fields take their defaults. */
export function readTasks(fields: Fields, problems: Problems): TasksConfig {
  const trustDomain = fields.string("trust_domain") ?? "countersign:tasks";
  if (!/^[\x21-\x7e]{1,256}$/.test(trustDomain)) {
    problems.add(fields.at("trust_domain"), "must be a name without blanks");
  }
  // a token must not outlive the keys that verify it, which are published for an hour at least
  const lifetimeSeconds = fields.integer("lifetime_seconds", 10, 3_600) ?? 3_600;
  const config: TasksConfig = {
    enabled: fields.boolean("enabled") ?? true,
    issue: fields.oneOf("issue", ["always", "created"]) ?? "always",
    ...{ trustDomain, lifetimeSeconds },
    longestSeconds: fields.integer("longest_seconds", 10, 30 * 86_400) ?? 86_400,
    keepSeconds: fields.integer("keep_seconds", 10, 30 * 86_400) ?? Math.max(7_200, lifetimeSeconds),
    stickSeconds: fields.integer("stick_seconds", 0, 30 * 86_400) ?? 900,
    stickAcrossUsers: fields.boolean("stick_across_users") ?? false,
    maxDepth: fields.integer("max_depth", 0, 16) ?? 4,
    required: fields.oneOf("required", ["never", "agents", "always"]) ?? "never",
  };
  fields.end();
  if (!config.enabled && config.required !== "never")
    problems.add(fields.at("required"), "nobody can have a token where tasks aren't enabled");
  // INVARIANT: what a task picked up is known for as long as a token of it holds
  if (config.keepSeconds < lifetimeSeconds) {
    problems.add(fields.at("keep_seconds"), "must be at least lifetime_seconds");
  }
  return config;
}
