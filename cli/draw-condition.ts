/** Draws a condition as an author would write it: one line for each test, members below what joins them. */
import type { Condition } from "../sidecar/contract.js";

const words: Readonly<Record<string, string>> = {
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  in: "in",
  nin: "not in",
};

/** Gives lines, each ended by a line break. */
export function drawCondition(condition: Condition, indent = ""): string {
  const line = (text: string): string => `${indent}${text}\n`;
  const below = (members: readonly Condition[]): string =>
    members.map((one) => drawCondition(one, `${indent}  `)).join("");
  if (condition.type === "field") return line(drawTest(condition));
  const { operator, value } = condition;
  const truth = truthOf(condition);
  if (truth !== undefined) return line(truth);
  if (operator === "not") {
    const [only] = value;
    const alone = only === undefined ? undefined : truthOf(only);
    if (alone !== undefined) return line(`not ${alone}`);
    if (only?.type === "field") return line(`not ${drawTest(only)}`);
    if (only?.type === "compound" && only.operator === "or") return line("none of") + below(only.value);
    return line("not") + below(value);
  }
  if (value.length === 0) return line(operator === "and" ? "every document" : "no document");
  // what keeps texts out of `in` goes without saying
  const said = operator === "and" ? value.filter((one) => !keepsTextsOut(one)) : value;
  const [only] = said;
  if (only !== undefined && said.length === 1) return drawCondition(only, indent);
  return line(operator === "and" ? "all of" : "one of") + below(said);
}

function drawTest({ operator, field, value }: Extract<Condition, { type: "field" }>): string {
  if (operator === "exists") return value === true ? `${field} is there` : `${field} is missing`;
  if (operator === "contains") return `${JSON.stringify(value)} in ${field}`;
  if (operator === "startswith" || operator === "endswith")
    return `${operator}(${field}, ${JSON.stringify(value)})`;
  return `${field} ${words[operator] ?? operator} ${JSON.stringify(value)}`;
}

/** A field that stands alone: it is there, and isn't false. */
function truthOf(one: Condition): string | undefined {
  if (one.type !== "compound" || one.operator !== "and" || one.value.length !== 2) return undefined;
  const [there, isFalse] = one.value;
  const [test] = isFalse?.type === "compound" && isFalse.operator === "not" ? isFalse.value : [];
  return there?.type === "field" &&
    there.operator === "exists" &&
    there.value === true &&
    test?.type === "field" &&
    test.operator === "eq" &&
    test.value === false &&
    test.field === there.field
    ? there.field
    : undefined;
}

/** `in` is asked of lists; see sidecar/filters/condition-of.ts. */
function keepsTextsOut(one: Condition): boolean {
  if (one.type !== "compound" || one.operator !== "not") return false;
  const [test] = one.value;
  return test?.type === "field" && test.operator === "startswith" && test.value === "";
}
