/** Writes bodies of Rego rules, line by line. */
import { clocked } from "./clocked.js";
import type { Author, Scope, Variable } from "./terms.js";
import { constant, deeper, dynamic, inputRef, quoted, term } from "./terms.js";
import type { Kind, Shape } from "./vocabulary.js";
import { anyWord, inputPlaces, refText, words } from "./vocabulary.js";

interface Line {
  readonly text: string;
  readonly adds?: readonly Variable[];
}

const any: Shape = { kind: "any" };

/** Lines of a body, and the names that they give to what comes after them. */
export function body(
  author: Author,
  scope: Scope,
  length: number,
): { readonly lines: string[]; readonly scope: Scope } {
  let vars = scope.vars;
  const lines: string[] = [];
  for (let n = 0; n < length; n++) {
    const { text, adds = [] } = line(author, { ...scope, vars });
    lines.push(text);
    vars = [...vars, ...adds];
  }
  return { lines, scope: { ...scope, vars } };
}

/** A condition on one line, without names of its own. */
export function condition(author: Author, scope: Scope, negated = false): string {
  const { random } = author;
  if (random.once(2)) return usual(author, negated);
  const kind = random.of<Kind>(["text", "text", "number", "flag", "any", "list"]);
  const left = random.once(3) ? inputRef(author, kind) : term(author, scope, kind);
  switch (random.below(6)) {
    case 0:
      return left;
    case 1:
      return `${left} == ${term(author, deeper(scope), kind)}`;
    case 2:
      return `${left} ${random.of(["!=", "<", ">="])} ${random.once(2) ? constant(author, kind) : term(author, deeper(scope), kind)}`;
    case 3:
      // under `not`, no variable may be new
      if (author.dialect === "v0" && negated) return left;
      return author.dialect === "v0"
        ? `${term(author, deeper(scope), "list")}[_] == ${left}`
        : `${left} in ${term(author, deeper(scope), random.of<Kind>(["list", "object"]))}`;
    default:
      return usual(author, negated);
  }
}

/** A place of the input compared with what it often holds. */
function usual(author: Author, negated: boolean): string {
  const { random, mention } = author;
  const { path, shape } = random.of(inputPlaces.filter((one) => one.shape.kind !== "object"));
  mention(path);
  const ref = refText("input", path);
  const same = random.once(4) ? "!=" : "==";
  switch (shape.kind) {
    case "text":
      return `${ref} ${same} ${quoted(random.of(shape.of))}`;
    case "number":
      return `${ref} ${random.of(["==", "<", ">", ">=", "!="])} ${random.of(["1", "2", "1.0", "0"])}`;
    case "flag":
      return random.of([ref, `${ref} == ${random.of(["true", "false"])}`]);
    case "list":
      return random.of([
        `count(${ref}) ${random.of(["<", ">"])} 1`,
        `${ref}[${negated ? 0 : "_"}] == ${quoted(random.of(words))}`,
        `${ref}[0] != "a"`,
      ]);
    default:
      return random.of([ref, `${ref} != ${constant(author, "any")}`, `${ref} == ${constant(author, "any")}`]);
  }
}

/** What guards a rule, as most policies write it. */
export function guard(author: Author): string {
  author.mention(["resource", "type"]);
  const type = quoted(author.random.of(["model", "tool", "collection"]));
  return author.random.of([
    `input.resource.type == ${type}`,
    `input.resource.type == ${type}`,
    `${type} == input.resource.type`,
    `input.action.name == ${quoted(author.random.of(["model.invoke", "tool.call"]))}`,
    `input.n == ${author.random.of(["1", "1.0", "0"])}`,
    `input.subject.admin == ${author.random.of(["true", "false"])}`,
    `input["b-c"] == null`,
    `input.resource.type = ${type}`,
  ]);
}

function line(author: Author, scope: Scope): Line {
  const { random, dialect } = author;
  if (author.clock && random.once(3)) return { text: clocked(random, author.fresh) };
  const choices: (() => Line)[] = [
    () => ({ text: condition(author, scope) }),
    () => ({ text: condition(author, scope) }),
    () => ({ text: guard(author) }),
    () => ({ text: `not ${condition(author, scope, true)}` }),
    () => ({ text: `not ${inputRef(author, "any")}` }),
    () => alias(author),
    () => alias(author),
    () => unified(author),
    () => ({ text: usual(author, false) }),
    () => ({ text: usual(author, false) }),
    () => ({ text: withChanged(author, scope) }),
    () => walked(author, scope),
    () => iterated(author, scope),
  ];
  if (dialect !== "v0")
    choices.push(
      () => every(author, scope),
      () => iterated(author, scope),
    );
  if (scope.room > 0)
    choices.push(
      () => assigned(author, scope),
      () => assigned(author, scope),
    );
  return random.of(choices)();
}

/** `v := input.subject`, of which later lines read members, or whether there are any. */
function alias(author: Author): Line {
  const { random, mention, fresh } = author;
  const place = random.of(inputPlaces.filter(({ shape }) => shape.kind === "object" || random.once(4)));
  mention(place.path);
  const name = fresh("v");
  const given = `${name} := ${refText("input", place.path)}`;
  const adds = [{ name, shape: place.shape }];
  const members = place.shape.kind === "object" ? Object.keys(place.shape.members) : [anyWord(random)];
  return random.once(2)
    ? { text: `${given}\n\tnot ${refText(name, [random.of(members)])}`, adds }
    : { text: given, adds };
}

function assigned(author: Author, scope: Scope): Line {
  const kind = author.random.of<Kind>(["text", "number", "list", "object", "any"]);
  const name = author.fresh("v");
  const shape: Shape =
    kind === "text"
      ? { kind, of: [] }
      : kind === "list"
        ? { kind, of: any }
        : kind === "object"
          ? { kind, members: { a: any, k: any } }
          : { kind };
  return { text: `${name} := ${term(author, deeper(scope), kind)}`, adds: [{ name, shape }] };
}

function unified(author: Author): Line {
  const { random, fresh, mention } = author;
  const [first, second] = [fresh("u"), fresh("u")];
  const both = [
    { name: first, shape: any },
    { name: second, shape: any },
  ];
  mention(["pair"]);
  mention(["o"]);
  return random.of<() => Line>([
    () => ({ text: `some ${first}, ${second}\n\t[${first}, ${second}] = input.pair`, adds: both }),
    () => ({
      text: `some ${first}\n\tinput.pair = [${constant(author, "any")}, ${first}]`,
      adds: both.slice(0, 1),
    }),
    () => ({ text: `some ${first}\n\t{"a": ${first}, "k": "x"} = input.o`, adds: both.slice(0, 1) }),
    () => ({
      text: `some ${first}\n\t[input.k, ${first}] = [${inputRef(author, "text")}, input.n]`,
      adds: both.slice(0, 1),
    }),
    () => ({ text: `[${first}, {"b": ${second}}] := [${inputRef(author, "any")}, input.o]`, adds: both }),
  ])();
}

function iterated(author: Author, scope: Scope): Line {
  const { random, fresh, dialect } = author;
  const [key, value] = [fresh("k"), fresh("i")];
  const from = term(author, deeper(scope), random.of<Kind>(["list", "object"]));
  const both: Variable[] = [
    { name: key, shape: { kind: "text", of: [] } },
    { name: value, shape: any },
  ];
  if (dialect === "v0") return { text: `${value} := ${from}[${key}]`, adds: both };
  return random.of<() => Line>([
    () => ({ text: `some ${value} in ${from}`, adds: both.slice(1) }),
    () => ({ text: `some ${key}, ${value} in ${from}`, adds: both }),
    () => ({
      text: `some ${key}\n\t${inputRef(author, "object")}[${key}] == ${constant(author, "any")}`,
      adds: both.slice(0, 1),
    }),
    () => ({
      text: `some ${key}\n\tdata.users[${key}].level == ${inputRef(author, "number")}`,
      adds: both.slice(0, 1),
    }),
    () => ({ text: `some ${key}\n\tinput[${key}] == ${constant(author, "any")}`, adds: both.slice(0, 1) }),
  ])();
}

function walked(author: Author, scope: Scope): Line {
  const { random, fresh } = author;
  const [path, value] = [fresh("p"), fresh("w")];
  const what = random.of([
    () => "input",
    () => inputRef(author, "object"),
    () => inputRef(author, "any"),
    () => "data.tree",
    () => term(author, deeper(scope), "object"),
  ])();
  return {
    text: `walk(${what}, [${path}, ${value}])\n\t${value} == ${random.once(2) ? quoted(random.of(words)) : term(author, deeper(scope), "any")}`,
    adds: [{ name: path, shape: { kind: "list", of: any } }],
  };
}

function every(author: Author, scope: Scope): Line {
  const { random, fresh } = author;
  const [key, value] = [fresh("k"), fresh("e")];
  const kind = random.of<Kind>(["list", "object"]);
  const inner = deeper({ ...scope, vars: [...scope.vars, { name: value, shape: any }] });
  const [head, more] = random.once(2)
    ? [value, ""]
    : [`${key}, ${value}`, `\n\t\t${key} != ${constant(author, "text")}`];
  const check = random.of([
    () => `${value} != ${constant(author, "any")}`,
    () => `${value} != ${constant(author, "any")}\n\t\t${condition(author, inner)}`,
    () => `${value} == ${term(author, inner, "any")}`,
    () => `not ${value}.id`,
  ])();
  return { text: `every ${head} in ${term(author, deeper(scope), kind)} {\n\t\t${check}${more}\n\t}` };
}

/** Another rule, or a call, that sees other documents. */
function withChanged(author: Author, scope: Scope): string {
  const { random, helpers } = author;
  const asked = helpers.filter(({ form }) => form !== "function" && form !== "sets");
  const rule = asked.length === 0 ? inputRef(author, "any") : random.of(asked).ref;
  const inner = deeper(scope);
  const functions = helpers.filter(
    ({ form, arguments: kinds }) => form === "function" && kinds?.length === 1,
  );
  const one = (): string =>
    random.of([
      () => `${inputRef(author, "any")} as ${term(author, inner, "any")}`,
      () => `input.subject.id as ${term(author, inner, "text")}`,
      () =>
        `input as ${random.of([() => inputRef(author, "object"), () => `{"k": ${inputRef(author, "any")}}`, () => dynamic(author, inner)])()}`,
      () => `data.users as ${term(author, inner, "object")}`,
      () => `data.users.u1 as ${term(author, inner, "object")}`,
      () => `data.limits.model as ${term(author, inner, "number")}`,
      () => (functions.length === 0 ? `input.n as 1` : `count as ${random.of(functions).ref}`),
      () => `input.resource.type as "model"`,
    ])();
  const changes = random.once(3) ? ` with ${one()} with ${one()}` : ` with ${one()}`;
  const what = random.of([
    rule,
    rule,
    `${rule} == ${inputRef(author, "any")}`,
    `not ${rule}`,
    `data.users[input.subject.id].level == ${constant(author, "number")}`,
  ]);
  return `${what}${changes}`;
}
