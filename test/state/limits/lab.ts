import type {
  Call,
  Identity,
  JsonObject,
  Obligation,
  PolicyInput,
  TaskBudget,
} from "../../../sidecar/contract.js";
import { Fields, Problems } from "../../../sidecar/contract.js";
import type { Json } from "../../../sidecar/contract.js";
import type { ConfiguredLimit } from "../../../sidecar/state/limits/config.js";
import { readLimits } from "../../../sidecar/state/limits/config.js";
import type { Counted } from "../../../sidecar/state/limits/limits.js";

export const now = Date.parse("2026-11-21T12:00:00Z");

/** Reads limits as the sidecar does; problems beside them. */
export function read(value: Json): { limits: readonly ConfiguredLimit[]; problems: readonly string[] } {
  const problems = new Problems();
  const limits = readLimits(new Fields({ limits: value }, "", problems).items("limits"), problems);
  return { limits, problems: problems.list };
}

export interface Caller {
  readonly tenant?: string;
  readonly id?: string;
  readonly issuer?: string;
  readonly user?: string;
  readonly department?: string;
  readonly workload?: string;
  readonly groups?: readonly string[];
}

export interface Case {
  readonly caller?: Caller;
  readonly call?: Partial<Call>;
  readonly properties?: JsonObject;
  readonly resource?: Partial<Call["resource"]>;
  readonly name?: Call["action"]["name"];
  readonly lineage?: readonly string[];
  readonly budgets?: readonly { readonly task: string; readonly budget: TaskBudget }[];
}

/** Makes what limits are asked about: a call of a model by a user's agent, unless told otherwise. */
export function counted(told: Case = {}): Counted {
  const {
    tenant = "t1",
    id = "agent-1",
    issuer = "https://idp",
    user = "u1",
    department,
  } = told.caller ?? {};
  const { workload, groups = [] } = told.caller ?? {};
  const identity = {
    ...{ type: "agent", id, tenant, issuer, groups, roles: [] },
    ...(department === undefined ? {} : { department }),
    ...(workload === undefined ? {} : { workload: { id: workload, trust_domain: "td", attested: true } }),
    chain: [
      { type: "user", id: user, issuer },
      { type: "agent", id, issuer },
    ],
  } as unknown as Identity;
  const name = told.name ?? "model.invoke";
  const call: Call = {
    kind: name.startsWith("tool.") ? "tool" : name.startsWith("retrieval.") ? "retrieval" : "model",
    action: { name, properties: { phase: "request", ...told.properties } },
    resource: { type: "model", id: "gpt", properties: { provider: "openai" }, ...told.resource },
    ...told.call,
  };
  const lineage = told.lineage ?? ["task-1"];
  const input = {
    subject: { type: "agent", id, properties: { tenant } },
    ...{ action: call.action, resource: call.resource, context: { request: { id: "r1" } } },
  } as unknown as PolicyInput;
  const task = {
    ...{ id: lineage.at(-1) ?? "task-1", lineage, proven: true, born: "created", bornAt: now },
    ...{ budgets: told.budgets ?? [], chain: [], due: false },
    keys: { tenant, lineage, holders: [], keepMs: 60_000, stickMs: 60_000 },
  } as const;
  return { identity, call, input, task: task as Counted["task"] };
}

export const estimate = (input_tokens: number, output_tokens: number, nanos?: number, currency = "EUR") => ({
  estimate: {
    ...{ input_tokens, output_tokens },
    ...(nanos === undefined ? {} : { cost: { nanos, currency } }),
  },
});

export const duty = (properties: JsonObject): Obligation => ({ id: "l", type: "limit", properties });
