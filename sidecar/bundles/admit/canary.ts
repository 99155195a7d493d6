import { readFile, stat } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { CORE_SCHEMA, load } from "js-yaml";
import type { Json } from "../../contract.js";
import { isObject, JsonNumber } from "../../contract.js";
import type { Policy } from "../../decide/policy.js";
import type { BuildError, Rejected } from "../../rego/bundle.js";

/** A decision that must come out as it is expected, whichever version of the bundle is in force. */
export interface CanaryCase {
  readonly name: string;
  /** `a/b/c` */
  readonly entrypoint: string;
  readonly input: Json;
  /** What the result must hold: members that aren't named may be anything. */
  readonly expect: Json;
}

const mostBytes = 1_048_576;
const mostCases = 1_000;
const mostNamed = 10;
/** All cases together, milliseconds, waits for built-ins that ask the network included. */
const mostMs = 10_000;

/** Reads a canary file: YAML or JSON, a list of cases. Never rejects. */
export async function readCanary(
  path: string,
  entrypoint: string,
): Promise<{ readonly kind: "read"; readonly cases: readonly CanaryCase[] } | Rejected> {
  try {
    if ((await stat(path)).size > mostBytes) return unreadable(`it is larger than ${mostBytes} bytes`);
    const read = load(await readFile(path, "utf8"), { schema: CORE_SCHEMA });
    if (!Array.isArray(read) || read.length === 0 || read.length > mostCases)
      return unreadable(`it must be a list of 1 to ${mostCases} cases`);
    const cases: CanaryCase[] = [];
    for (const [i, one] of (read as unknown[]).entries()) {
      const found = readCase(one, entrypoint);
      if (found === undefined)
        return unreadable(
          `case ${i + 1} must have name, input, expect, perhaps entrypoint, and nothing else`,
        );
      cases.push(found);
    }
    return { kind: "read", cases };
  } catch {
    return unreadable("it isn't there, or isn't valid YAML");
  }
}

const fields = ["name", "entrypoint", "input", "expect"];

function readCase(value: unknown, entrypoint: string): CanaryCase | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const one = value as Record<string, unknown>;
  if (Object.keys(one).some((key) => !fields.includes(key))) return undefined;
  const { name, input, expect, entrypoint: own = entrypoint } = one;
  if (typeof name !== "string" || name === "" || typeof own !== "string") return undefined;
  if (input === undefined || expect === undefined) return undefined;
  return {
    name: name.slice(0, 128),
    entrypoint: own.replace(/^\/|\/$/g, ""),
    input: input as Json,
    expect: expect as Json,
  };
}

/** Asks a policy that isn't in force yet; differences are told by case and place, without values. Never rejects. */
export async function runCanary(
  cases: readonly CanaryCase[],
  policy: Pick<Policy, "evaluate">,
): Promise<Rejected | undefined> {
  const errors: BuildError[] = [];
  const until = Date.now() + mostMs;
  for (const { name, entrypoint, input, expect } of cases) {
    // decisions get their turn between two cases
    await setImmediate();
    const given = Date.now() > until ? undefined : policy.evaluate(entrypoint, input);
    const answer = given?.kind === "pending" ? await inTime(given.settled, until) : given;
    const place =
      answer === undefined
        ? "the answer takes too long"
        : answer.kind === "failed"
          ? `the evaluation fails (${answer.code})`
          : answer.kind === "undefined"
            ? `${entrypoint} is undefined`
            : differsAt(answer.value, expect, []);
    if (place !== undefined)
      errors.push({ code: "canary_failed", message: `canary case ${JSON.stringify(name)}: ${place}` });
    if (errors.length >= mostNamed) break;
  }
  return errors.length === 0 ? undefined : { kind: "rejected", errors };
}

async function inTime<T>(settled: Promise<T>, until: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, until - Date.now()), undefined);
  });
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Names the first place at which a result doesn't hold what is expected. */
function differsAt(result: unknown, expected: Json, path: readonly string[]): string | undefined {
  const here = `the result at /${path.join("/")} is another`;
  if (isObject(expected)) {
    if (typeof result !== "object" || result === null || Array.isArray(result)) return here;
    for (const [key, value] of Object.entries(expected)) {
      const next = [...path, key];
      if (!Object.hasOwn(result, key)) return `the result has nothing at /${next.join("/")}`;
      const found = differsAt((result as Record<string, unknown>)[key], value, next);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(result) || result.length !== expected.length) return here;
    for (const [i, value] of expected.entries()) {
      const found = differsAt(result[i], value, [...path, String(i)]);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return isSame(result, expected) ? undefined : here;
}

/** Numbers that a double can't hold keep their digits in a result; what is expected is read by YAML. */
function isSame(result: unknown, expected: Json): boolean {
  return result instanceof JsonNumber ? Number(result.text) === expected : result === expected;
}

function unreadable(what: string): Rejected {
  return { kind: "rejected", errors: [{ code: "canary_unreadable", message: `the canary file: ${what}` }] };
}
