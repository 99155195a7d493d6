import type { Fields, Problems } from "../contract.js";

/** A key that an operator's tool presents. */
export interface OperatorKeyConfig {
  readonly name: string;
  /** A file with the key, 32 characters or more. */
  readonly tokenFile: string;
  readonly roles: readonly string[];
  /** Who holds it: two keys of one person aren't two people. */
  readonly person?: string;
  /** Absent: of all tenants. */
  readonly tenant?: string;
}

export interface OperatorConfig {
  /** Path of the operator policy; absent: the one that comes with the product. */
  readonly bundle?: string;
  /** Data path of the decision. */
  readonly entrypoint: string;
  readonly keys: readonly OperatorKeyConfig[];
}

/** Reads the section `operator`. @param secondPerson whether two people must agree to lift a fence */
export function readOperator(fields: Fields, problems: Problems, secondPerson = false): OperatorConfig {
  const bundle = fields.string("bundle");
  const entrypoint = fields.string("entrypoint") ?? "countersign/operator/decision";
  if (!/^[\w-]+(?:\/[\w-]+)+$/.test(entrypoint))
    problems.add(fields.at("entrypoint"), "must be a path, e.g. countersign/operator/decision");
  const names = new Set<string>();
  const keys = fields.items("keys").map((item): OperatorKeyConfig => {
    const [name, tokenFile] = [item.required("name"), item.required("token_file")];
    const [person, tenant] = [item.string("person"), item.string("tenant")];
    const roles = item.strings("roles") ?? [];
    if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(name))
      problems.add(item.at("name"), "must be letters, digits, _ . and -, at most 63");
    if (names.has(name)) problems.add(item.at("name"), "is taken");
    names.add(name);
    if (roles.length === 0) problems.add(item.at("roles"), "must name at least one, e.g. fence-operator");
    if (person === "" || tenant === "") problems.add(item.at("person"), "must not be empty");
    if (secondPerson && person === undefined)
      problems.add(item.at("person"), "is required with fences.second_person: who holds the key");
    item.end();
    return {
      ...{ name, tokenFile, roles },
      ...(person === undefined ? {} : { person }),
      ...(tenant === undefined ? {} : { tenant }),
    };
  });
  fields.end();
  return { ...(bundle === undefined ? {} : { bundle }), entrypoint, keys };
}
