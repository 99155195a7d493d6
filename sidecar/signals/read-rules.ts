import type { Json, Problems } from "../contract.js";
import { Fields, isObject, nearest } from "../contract.js";
import type { Rule, Rules } from "./events.js";
import { defaultRules, targetKinds } from "./events.js";

/** Reads `events`: what each does, by its short name or its URI; what isn't named does what it does by default. */
export function readRules(fields: Fields, problems: Problems): ReadonlyMap<string, Rules> {
  const rules = new Map<string, Rules>(Object.entries(defaultRules));
  const value = fields.raw("events");
  if (value === undefined) return rules;
  if (!isObject(value)) {
    problems.add(fields.at("events"), "must be an object of events");
    return rules;
  }
  for (const [name, said] of Object.entries(value)) {
    const place = `${fields.at("events")}.${name}`;
    if (!Object.hasOwn(defaultRules, name) && !/^https?:\/\/|^urn:/.test(name)) {
      const near = nearest(name, Object.keys(defaultRules));
      problems.add(
        place,
        `is no event${near === undefined ? ", nor a URI of one" : `; did you mean ${near}?`}`,
      );
    }
    rules.set(name, readEvent(said, place, problems));
  }
  return rules;
}

function readEvent(value: Json, place: string, problems: Problems): Rules {
  if (value === "ignore") return [];
  const items = Array.isArray(value) ? value : [value];
  return items.map((item, i) => {
    const fields = new Fields(item, Array.isArray(value) ? `${place}[${i}]` : place, problems);
    const rule = readRule(fields, problems);
    fields.end();
    return rule;
  });
}

function readRule(fields: Fields, problems: Problems): Rule {
  const fence = fields.strings("fence");
  fence?.forEach((one, i) => {
    if (!targetKinds.some((known) => known === one)) {
      problems.add(fields.at(`fence[${i}]`), `must be one of ${targetKinds.join(", ")}`);
    }
  });
  const seconds =
    fields.raw("seconds") === "until_lifted" ? "until_lifted" : fields.integer("seconds", 1, 31_536_000);
  const [epoch, lift] = [fields.boolean("epoch"), fields.strings("lift")];
  const issuedBefore = fields.boolean("issued_before");
  if (issuedBefore !== undefined && fence === undefined)
    problems.add(fields.at("issued_before"), "needs fence");
  if (lift !== undefined && fence !== undefined)
    problems.add(fields.at("lift"), "can't be together with fence");
  const when = fields.has("when") ? readWhen(fields, problems) : undefined;
  return {
    ...(when === undefined ? {} : { when }),
    ...(fence === undefined
      ? {}
      : { fence: targetKinds.filter((kind) => fence.includes(kind)).sort(inOrderOf(fence)) }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(issuedBefore === undefined ? {} : { issued_before: issuedBefore }),
    ...(epoch === undefined ? {} : { epoch }),
    ...(lift === undefined ? {} : { lift }),
  };
}

/** Keeps the order that is written: the first that fits counts. */
function inOrderOf(written: readonly string[]): (a: string, b: string) => number {
  return (a, b) => written.indexOf(a) - written.indexOf(b);
}

function readWhen(fields: Fields, problems: Problems): Readonly<Record<string, readonly string[]>> {
  const value = fields.raw("when");
  const when = Object.create(null) as Record<string, readonly string[]>;
  if (!isObject(value)) {
    problems.add(fields.at("when"), "must be an object of the event's fields");
    return when;
  }
  for (const [name, said] of Object.entries(value)) {
    const values = Array.isArray(said) ? said : [said];
    if (values.length > 0 && values.every((one) => typeof one === "string")) {
      when[name] = values.map((one) => one.toLowerCase());
    } else problems.add(fields.at(`when.${name}`), "must be a text, or a list of texts");
  }
  return when;
}
