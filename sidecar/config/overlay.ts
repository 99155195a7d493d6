/** What is laid over a configuration before it is read: `--set`, and the environment. */
import type { Json, JsonObject } from "../contract.js";
import { isObject } from "../contract.js";
import { ConfigRefused } from "./config-refused.js";

/**
 * Lays `key=value` pairs over a configuration, as OPA's `--set`: dots descend, values are JSON where
 * they parse as JSON and text otherwise.
 * @throws ConfigRefused where a pair has no key.
 */
export function applySets(base: Json, sets: readonly string[], parse: (text: string) => Json): Json {
  const top = clone(base);
  for (const pair of sets) {
    const at = pair.indexOf("=");
    if (at < 1) throw new ConfigRefused([`--set ${pair}: give key=value`]);
    const keys = pair.slice(0, at).split(".");
    const last = keys.pop() ?? "";
    let object = top;
    for (const key of keys) {
      const next = object[key];
      object = object[key] = isObject(next) ? next : {};
    }
    const text = pair.slice(at + 1);
    try {
      object[last] = parse(text);
    } catch {
      object[last] = text;
    }
  }
  return top;
}

/**
 * Puts variables of the environment in the place of `${NAME}`, as OPA does; here in texts only, so that a variable adds
 * no keys, and one that isn't set is told instead of being left as it is.
 * @throws ConfigRefused with each place that names a variable that isn't set
 */
export function substituteVariables(
  value: Json,
  environment: Readonly<Record<string, string | undefined>>,
): Json {
  const problems: string[] = [];
  const substitute = (item: Json, place: string): Json => {
    if (typeof item === "string") {
      return item.replace(/\$\{([A-Za-z_]\w*)\}/g, (whole, name: string) => {
        const text = Object.hasOwn(environment, name) ? environment[name] : undefined;
        if (text === undefined) problems.push(`${place}: the environment has no ${name}`);
        return text ?? whole;
      });
    }
    if (Array.isArray(item)) return item.map((one, i) => substitute(one, `${place}[${i}]`));
    if (!isObject(item)) return item;
    return Object.fromEntries(
      Object.entries(item).map(([key, one]) => [
        key,
        substitute(one, place === "" ? key : `${place}.${key}`),
      ]),
    );
  };
  const substituted = substitute(value, "");
  if (problems.length > 0) throw new ConfigRefused(problems);
  return substituted;
}

function clone(value: Json): JsonObject {
  if (!isObject(value)) throw new ConfigRefused(["(top): must be an object"]);
  const copy = (item: Json): Json =>
    isObject(item)
      ? Object.fromEntries(Object.keys(item).map((key) => [key, copy(item[key] ?? null)]))
      : item;
  return copy(value) as JsonObject;
}
