/** What a task picks up by a decision, and what an explicit one takes off. */
import type { Obligation } from "../contract.js";
import type { PolicyDecision } from "../decide/parse-decision.js";

/** Obligations whose labels the enforcement point gives the call: the task has them before the answer is given. */
const labelling: ReadonlySet<string> = new Set(["add_label", "label_documents"]);
/** Characters of the longest label. */
const longest = 128;

/** Gives the labels of an allow, its obligations' included; undefined where an obligation's aren't labels. */
export function labelsOf({ allow, labels, obligations }: PolicyDecision): readonly string[] | undefined {
  if (!allow) return [];
  if (!obligations.some(({ type }) => labelling.has(type))) return labels;
  const all = new Set(labels);
  for (const { type, properties } of obligations) {
    if (!labelling.has(type)) continue;
    const given = readLabels(properties["labels"]);
    if (given === undefined) return undefined;
    for (const label of given) all.add(label);
  }
  return [...all];
}

/** Gives the labels that `remove_labels` `{labels}` takes off; undefined where one isn't understood. */
export function removedLabels(own: readonly Obligation[]): readonly string[] | undefined {
  const all: string[] = [];
  for (const { type, properties } of own) {
    if (type !== "remove_labels") continue;
    const { labels, ...others } = properties;
    const given = readLabels(labels);
    if (given === undefined || Object.keys(others).length > 0) return undefined;
    all.push(...given);
  }
  return all;
}

function readLabels(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const fits = (one: unknown): one is string =>
    typeof one === "string" && one.length > 0 && one.length <= longest;
  return value.every(fits) ? value : undefined;
}
