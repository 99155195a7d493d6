/** Makes packages of Rego out of a grammar of all that an analysis of what is read could get wrong, from a seed. */
import type { Random } from "../../../filters/policies.js";
import { clockRules } from "./clocked.js";
import { body, condition, guard } from "./bodies.js";
import type { Author, Helper, Variable } from "./terms.js";
import { constant, inputRef, quoted, term } from "./terms.js";
import type { Kind } from "./vocabulary.js";
import { anyWord, inputPlaces, refText } from "./vocabulary.js";

export interface Policy {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  /** Paths of the input that stand in its text. */
  readonly mentioned: readonly (readonly string[])[];
}

export type Dialect = "v0" | "v1";

/** A package `name` with an entrypoint `r`, and sometimes a library `name/lib` that it uses. */
export function anyPolicy(random: Random, name: string, dialect: Dialect, clock = false): Policy {
  const mentioned = new Map<string, readonly string[]>();
  let names = 0;
  const common: Common = {
    random,
    clock,
    fresh: (stem: string) => `${stem}${names++}`,
    mention(path: readonly string[]) {
      mentioned.set(JSON.stringify(path), path);
    },
  };
  const files: Record<string, string> = {};
  let shared: readonly Helper[] = [];
  if (random.once(3)) {
    const lib = anyModule(common, `lib_${name}`, dialect, []);
    files[`${name}/lib.rego`] = lib.text;
    shared = lib.helpers.map((one) => ({ ...one, ref: `data.lib_${name}.${one.ref}` }));
    if (random.once(2)) shared = [...shared, { ref: `data.lib_${name}`, form: "map", kind: "any" }];
  }
  files[`${name}/p.rego`] = anyModule(common, name, dialect, shared).text;
  return { name, files, mentioned: [...mentioned.values()] };
}

type Common = Pick<Author, "random" | "fresh" | "mention" | "clock">;

function anyModule(
  common: Common,
  name: string,
  bundle: Dialect,
  shared: readonly Helper[],
): { readonly text: string; readonly helpers: readonly Helper[] } {
  const { random, mention } = common;
  const dialect = bundle === "v1" ? "v1" : random.of(["v0", "future"] as const);
  const imports: Variable[] = [];
  const head = [`package ${name}`, ""];
  if (dialect === "future") head.push(random.of(["import rego.v1", "import future.keywords"]), "");
  if (random.once(4)) {
    const { path, shape } = random.of(
      inputPlaces.filter(
        (one) => one.shape.kind === "object" && one.path.every((part) => /^[a-z]+$/.test(part)),
      ),
    );
    mention(path);
    imports.push({ name: "held", shape });
    head.push(`import ${refText("input", path)} as held`, "");
  }
  const library = shared[0]?.ref.split(".")[1];
  const renamed = library !== undefined && random.once(2);
  if (renamed) head.push(`import data.${library} as lib`, "");
  let helpers: readonly Helper[] = renamed
    ? shared.map((one) => ({ ...one, ref: one.ref.replace(`data.${library}`, "lib") }))
    : shared;
  const own: Helper[] = [];
  const rules: string[] = common.clock ? [clockRules(random, bundle)] : [];
  const author = (): Author => ({ ...common, dialect, helpers, imports });
  for (let n = 2 + random.below(4); n > 0; n--) {
    const { text, helper } = anyRule(author(), `${random.of(["h", "deny", "ok"])}${n}`, `${name}.${n}`);
    rules.push(text);
    helpers = [...helpers, helper, helper];
    own.push(helper);
  }
  rules.push(entrypoint(author(), name));
  return { text: `${[...head, ...rules].join("\n")}\n`, helpers: own };
}

function heads({ dialect }: Author): {
  readonly given: string;
  readonly when: string;
  readonly contains: (key: string) => string;
} {
  return dialect === "v0"
    ? { given: "=", when: "", contains: (key) => `[${key}]` }
    : { given: ":=", when: " if", contains: (key) => ` contains ${key}` };
}

function block(lines: readonly string[]): string {
  return ` {\n\t${lines.join("\n\t")}\n}`;
}

function metadata(author: Author, id: string): string {
  return author.random.once(3) ? `# METADATA\n# title: ${id}\n# custom:\n#   id: ${id}\n` : "";
}

/** A rule that the entrypoint and later rules may use. */
function anyRule(
  author: Author,
  name: string,
  id: string,
): { readonly text: string; readonly helper: Helper } {
  const { random } = author;
  const { given, when, contains } = heads(author);
  const kind = random.of<Kind>(["text", "number", "flag", "object", "any"]);
  const scope = { vars: [], room: 2 };
  const rule = (head: (value: string, key: string) => string, valued: Kind = kind): string => {
    const made = body(author, scope, random.of([1, 1, 1, 2, 2, 3]));
    const lines = random.once(3) ? [guard(author), ...made.lines] : made.lines;
    const inner = { ...made.scope, room: 1 };
    return `${head(term(author, inner, valued), term(author, inner, "text"))}${when}${block(lines)}`;
  };
  switch (random.below(8)) {
    case 0: {
      const text = [
        rule((_, key) => `${name}${contains(key)}`),
        rule((_, key) => `${name}${contains(key)}`),
      ].join("\n\n");
      return { text: metadata(author, id) + text, helper: { ref: name, form: "set", kind: "text" } };
    }
    case 1:
      return {
        text: metadata(author, id) + rule((value, key) => `${name}[${key}] ${given} ${value}`),
        helper: { ref: name, form: "map", kind },
      };
    case 2: {
      if (author.dialect === "v0") break;
      const text = [
        rule((value) => `${name}.a ${given} ${value}`),
        rule((value) => `${name}.k.b ${given} ${value}`),
        ...(random.once(2) ? [rule((value, key) => `${name}.m[${key}].z ${given} ${value}`)] : []),
      ].join("\n\n");
      return { text: metadata(author, id) + text, helper: { ref: name, form: "tree", kind: "object" } };
    }
    case 3: {
      if (author.dialect === "v0") break;
      const text = [
        rule((value, key) => `${name}[${key}] contains ${value}`),
        ...(random.once(2) ? [rule((value) => `${name}.a contains ${value}`)] : []),
      ].join("\n\n");
      return { text: metadata(author, id) + text, helper: { ref: name, form: "sets", kind: "any" } };
    }
    case 4:
    case 5:
      return anyFunction(author, name);
    default:
      break;
  }
  // a complete rule: a default, some bodies, else
  const parts: string[] = [];
  if (random.once(2)) parts.push(`default ${name} ${given} ${constant(author, kind)}`);
  const withElse = random.once(2);
  const first = rule((value) => `${name} ${given} ${value}`);
  const further = (): string => {
    const made = body(author, scope, random.of([1, 1, 2]));
    return ` else ${given} ${term(author, { ...made.scope, room: 1 }, kind)}${when}${block(made.lines)}`;
  };
  parts.push(metadata(author, id) + first + (withElse ? further() + (random.once(2) ? further() : "") : ""));
  if (!withElse && random.once(2)) parts.push(rule(() => `${name} ${given} ${constant(author, kind)}`));
  return { text: parts.join("\n\n"), helper: { ref: name, form: "complete", kind } };
}

function anyFunction(author: Author, name: string): { readonly text: string; readonly helper: Helper } {
  const { random } = author;
  const { given, when } = heads(author);
  const kind = random.of<Kind>(["text", "number", "flag", "any"]);
  const kinds = random.once(3)
    ? (["text", "any"] as const)
    : ([random.of<Kind>(["text", "object", "any"])] as const);
  const one = (first?: string): string => {
    const vars = kinds.map((argument) => ({
      name: author.fresh("x"),
      shape:
        argument === "text"
          ? { kind: argument, of: [] }
          : argument === "object"
            ? { kind: argument, members: { id: { kind: "any" }, k: { kind: "any" } } }
            : { kind: "any" },
    })) as Variable[];
    const made = body(
      author,
      { vars: first === undefined ? vars : vars.slice(1), room: 1 },
      1 + random.below(2),
    );
    const args = vars.map((variable, i) => (i === 0 && first !== undefined ? first : variable.name));
    const asked =
      vars[0] === undefined || first !== undefined || random.once(2)
        ? []
        : [`${vars[0].name} == ${inputRef(author, "any")}`];
    return `${name}(${args.join(", ")}) ${given} ${term(author, { ...made.scope, room: 1 }, kind)}${when}${block([...asked, ...made.lines])}`;
  };
  const bodies = random.of([
    () => [one()],
    () => [one(constant(author, kinds[0])), one(quoted(anyWord(random)))],
    () => [`${one()} else ${given} ${constant(author, kind)}`],
    () =>
      author.dialect === "v1"
        ? [`default ${name}(${kinds.map(() => "_").join(", ")}) := ${constant(author, kind)}`, one()]
        : [one()],
  ])();
  return { text: bodies.join("\n\n"), helper: { ref: name, form: "function", kind, arguments: kinds } };
}

/** An object that holds what most rules say, a decision, or whatever one body gives. */
function entrypoint(author: Author, name: string): string {
  const { random, helpers } = author;
  const { given, when, contains } = heads(author);
  const id = `${name}.r`;
  const held = helpers.filter(({ form }) => form === "complete");
  const scope = { vars: [], room: 2 };
  const made = body(author, scope, random.of([1, 1, 1, 2, 2, 3]));
  switch (random.below(5)) {
    case 0:
      return `default r ${given} false\n\n${metadata(author, id)}r ${given} true${when}${block([guard(author), ...made.lines])}\n\nr ${given} true${when}${block([guard(author), condition(author, scope)])}`;
    case 1:
      return `${metadata(author, id)}r${contains(quoted("a"))}${when}${block(made.lines)}\n\nr${contains(quoted("b"))}${when}${block([condition(author, scope)])}\n\nr${contains("x")}${when}${block([`x ${author.dialect === "v0" ? "=" : ":="} ${term(author, scope, "any")}`])}`;
    case 2:
      return `r ${given} {"allow": allow, "said": said}\n\ndefault allow ${given} false\n\n${metadata(author, id)}allow ${given} true${when}${block(made.lines)}\n\nsaid ${given} [x | x := ${term(author, scope, "any")}]`;
    case 3:
      return `r ${given} [${["1", ...held.map(({ ref }) => `[x | x := ${ref}]`)].join(", ")}]\n`;
    default:
      return `${metadata(author, id)}r ${given} ${term(author, { ...made.scope, room: 1 }, "any")}${when}${block(made.lines)}`;
  }
}
