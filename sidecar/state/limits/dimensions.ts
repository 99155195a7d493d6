/** By what limits count apart: who calls, what for, what is called, or any value of the policy input. */
import type { Json } from "../../contract.js";
import { isObject } from "../../contract.js";
import type { Counted } from "./limits.js";

/** What can be told before there is a policy input. */
export type Known = Pick<Counted, "identity" | "call" | "task"> & Partial<Pick<Counted, "input">>;

/** What a dimension is for one call; undefined: absent, which is a value of its own. */
export interface DimensionValue {
  /** As configuration writes it. */
  readonly plain: string;
  /** All that makes it what it is: an issuer's name for somebody isn't another's. */
  readonly whole: readonly string[];
}

type Read = (known: Known) => DimensionValue | undefined;

const one = (value: Json | undefined): DimensionValue | undefined =>
  typeof value === "string" ? { plain: value, whole: [value] } : undefined;

/** A property of the resource, or its id where it is of that type. */
const resource =
  (name: string): Read =>
  ({ call: { resource: what } }) =>
    one(what.type === name ? what.id : what.properties[name]);

/** INVARIANT: tools of two servers are two, also where one server's name ends as the other's tool begins. */
const tool: Read = ({ call: { resource: what } }) => {
  if (what.type !== "tool") return one(what.properties["tool"]);
  const { server } = what.properties;
  return { plain: what.id, whole: typeof server === "string" ? [server, what.id] : [what.id] };
};

const readers = {
  tenant: ({ identity }) => one(identity.tenant),
  department: ({ identity }) => one(identity.department),
  user: ({ identity: { chain } }) => {
    const [first] = chain;
    return first?.type === "user" ? { plain: first.id, whole: [first.issuer, first.id] } : undefined;
  },
  subject: ({ identity: { type, issuer, id } }) => ({ plain: id, whole: [issuer, type, id] }),
  workload: ({ identity: { workload } }) =>
    workload && { plain: workload.id, whole: [workload.trust_domain, workload.id] },
  agent: ({ identity: { chain } }) => {
    const last = chain.findLast(({ type }) => type === "agent");
    return last && { plain: last.id, whole: [last.issuer, last.id] };
  },
  // INVARIANT: a task's sub-tasks count with it, or an agent had as many budgets as it makes tasks
  task: ({ task }) => one(task.lineage[0] ?? task.id),
  model: resource("model"),
  provider: resource("provider"),
  tool,
  server: resource("server"),
  store: resource("store"),
  collection: resource("collection"),
} as const satisfies Record<string, Read>;

export type DimensionName = keyof typeof readers;
export const dimensionNames = Object.keys(readers) as DimensionName[];

/** A name, or a path of the policy input as its segments, without `input`. */
export type Dimension = DimensionName | readonly string[];

/** A path as policies write it: `input.resource.properties.classification`. */
const path = /^input(?:\.[A-Za-z_][\w-]{0,63}){1,12}$/;

/** Reads the name of a dimension, or a path. */
export function readDimension(text: string): Dimension | undefined {
  const name = dimensionNames.find((known) => known === text);
  if (name !== undefined) return name;
  return path.test(text) ? text.split(".").slice(1) : undefined;
}

/** Gives a dimension's value for a call. */
export function valueOf(dimension: Dimension, known: Known): DimensionValue | undefined {
  if (typeof dimension === "string") return readers[dimension](known);
  const value = at(dimension, known);
  if (value === undefined) return undefined;
  const text = canonical(value);
  return { plain: typeof value === "string" ? value : text, whole: [text] };
}

/** Whether a dimension can be told without the whole policy input. */
export function toldEarly(dimension: Dimension): boolean {
  return typeof dimension === "string" || dimension[0] === "action" || dimension[0] === "resource";
}

function at([first = "", ...rest]: readonly string[], { input, call }: Known): Json | undefined {
  const top: unknown = input ?? call;
  let value = (top as Readonly<Record<string, Json | undefined>>)[first];
  for (const name of rest) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** Writes a value so that equal values are written alike, whatever the order of their members. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name] ?? null)}`).join(",")}}`;
}
