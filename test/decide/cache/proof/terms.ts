/** Writes Rego terms of a kind that read the input, base documents and other rules. */
import type { Random } from "../../../filters/policies.js";
import type { Kind, Shape } from "./vocabulary.js";
import { anyWord, dataPlaces, inputPlaces, isKind, refText } from "./vocabulary.js";

/** A rule that others may refer to. */
export interface Helper {
  readonly ref: string;
  readonly form: "complete" | "set" | "map" | "tree" | "sets" | "function";
  readonly kind: Kind;
  readonly arguments?: readonly Kind[];
}

export interface Variable {
  readonly name: string;
  readonly shape: Shape;
}

/** Where a term stands: what it may name, and how much may still be nested. */
export interface Scope {
  readonly vars: readonly Variable[];
  readonly room: number;
}

export interface Author {
  readonly random: Random;
  /** v0 without its keywords, v0 with `import future.keywords`, v1. */
  readonly dialect: "v0" | "future" | "v1";
  readonly helpers: readonly Helper[];
  /** Names for parts of the input that the module imports. */
  readonly imports: readonly Variable[];
  /** Asks the clock, too. */
  readonly clock: boolean;
  /** A name that is new in the package. */
  readonly fresh: (stem: string) => string;
  /** Told of each path of the input that is written. */
  readonly mention: (path: readonly string[]) => void;
}

export const quoted = (text: string): string => JSON.stringify(text);
export const deeper = (scope: Scope): Scope => ({ ...scope, room: scope.room - 1 });

/** A term of a kind, as far as what it reads is what it should be. */
export function term(author: Author, scope: Scope, kind: Kind): string {
  const { random } = author;
  const choices: (() => string)[] = [
    () => inputRef(author, kind),
    () => inputRef(author, kind),
    () => variable(author, scope, kind) ?? inputRef(author, kind),
    () => variable(author, scope, kind) ?? inputRef(author, kind),
    () => helper(author, scope, kind) ?? inputRef(author, kind),
  ];
  if (scope.room > 0) {
    const inner = deeper(scope);
    choices.push(
      () => dataRef(author, inner, kind),
      () => computed(author, inner, kind),
      () => computed(author, inner, kind),
      () => helper(author, inner, kind) ?? dynamic(author, inner),
      () => dynamic(author, inner),
    );
  }
  return random.of(choices)();
}

export function constant({ random }: Author, kind: Kind): string {
  switch (kind) {
    case "text":
      return quoted(anyWord(random));
    case "number":
      return random.of(["0", "1", "2", "1.0", "1.5", "9007199254740993"]);
    case "flag":
      return random.of(["true", "false"]);
    case "list":
      return random.of(["[]", '["a", "b"]', '{"u1", "k"}', "[1, 2]", "{1}"]);
    case "object":
      return random.of(["{}", '{"a": 1}', '{"k": "x", "u1": 2}']);
    case "any":
      return random.of(["null", "1", '"a"', "true", "[]", "{}"]);
  }
}

export function inputRef(author: Author, kind: Kind): string {
  const { random, mention, imports } = author;
  if (imports.length > 0 && random.once(6)) {
    const { name, shape } = random.of(imports);
    return memberOf(author, name, shape, kind) ?? name;
  }
  const exact = inputPlaces.filter(({ shape }) => shape.kind === kind);
  const fitting = inputPlaces.filter(({ shape }) => isKind(shape, kind));
  const { path } = random.of(exact.length > 0 && !random.once(6) ? exact : fitting);
  mention(path);
  return refText("input", path);
}

function memberOf({ random }: Author, name: string, shape: Shape, kind: Kind): string | undefined {
  if (shape.kind === "any" && random.once(2)) return refText(name, [anyWord(random)]);
  if (shape.kind !== "object") return isKind(shape, kind) ? name : undefined;
  const members = Object.entries(shape.members).filter(([, inner]) => isKind(inner, kind));
  if (members.length === 0) return kind === "object" || kind === "any" ? name : undefined;
  return refText(name, [random.of(members)[0]]);
}

export function variable(author: Author, scope: Scope, kind: Kind): string | undefined {
  const fitting = scope.vars.flatMap(({ name, shape }) => memberOf(author, name, shape, kind) ?? []);
  return fitting.length === 0 ? undefined : author.random.of(fitting);
}

/** A base document, often looked up by what the input holds. */
export function dataRef(author: Author, scope: Scope, kind: Kind): string {
  const { random } = author;
  const key = (): string => `[${random.once(3) ? term(author, scope, "text") : usualKey(author, scope)}]`;
  const id = random.of(["input.subject.id", "input.subject.id", "input.resource.owner", "input.k"]);
  switch (random.below(7)) {
    case 0:
    case 1:
      return `data.users[${id}]${random.of([".level", ".department", ".roles", ".x", "", key()])}`;
    case 2:
      return `data.limits${key()}`;
    case 3:
      return `data.grid${key()}${random.of([key(), ".a", ""])}`;
    case 4:
      return `data.users${key()}${random.of([".level", ".x", ""])}`;
    case 5:
      return random.of([
        `data.tree${key()}`,
        "data.tree.a",
        "data.tree.deep.x.y",
        "data.names",
        `data.names[input.n]`,
      ]);
    default: {
      const fitting = dataPlaces.filter(({ shape }) => isKind(shape, kind));
      return refText("data", random.of(fitting.length > 0 ? fitting : dataPlaces).path);
    }
  }
}

export function helper(author: Author, scope: Scope, kind: Kind): string | undefined {
  const fitting = author.helpers.filter((one) => kind === "any" || givesKind(one, kind));
  if (fitting.length === 0) return undefined;
  const { random } = author;
  const { ref, form, arguments: kinds = [] } = random.of(fitting);
  const inner = deeper(scope);
  const key = (): string =>
    scope.room > 0 && random.once(2)
      ? term(author, inner, "text")
      : random.once(2)
        ? constant(author, "text")
        : usualKey(author, scope);
  switch (form) {
    case "complete":
      return ref;
    case "set":
      return kind === "list" ? ref : `${ref}[${key()}]`;
    case "map":
      return kind === "object" ? ref : `${ref}[${key()}]`;
    case "tree":
      return author.random.of([ref, `${ref}.a`, `${ref}[${key()}]`, `${ref}.k.b`]);
    case "sets":
      return author.random.of([`${ref}[${key()}]`, `${ref}.a`]);
    case "function":
      return `${ref}(${kinds.map((one) => (scope.room > 0 ? term(author, inner, one) : inputRef(author, one))).join(", ")})`;
  }
}

function givesKind({ form, kind }: Helper, wanted: Kind): boolean {
  switch (form) {
    case "set":
      return wanted === "list" || wanted === "text";
    case "map":
      return wanted === "object" || wanted === kind;
    case "tree":
      return wanted === "object";
    case "sets":
      return wanted === "list";
    default:
      return wanted === kind;
  }
}

/** What often names a member somewhere. */
function usualKey(author: Author, scope: Scope): string {
  const { random } = author;
  const keys = [
    "input.k",
    "input.o.k",
    "input.resource.arguments.path",
    "input.subject.id",
    "input.xs[0]",
    '"a"',
    '"k"',
  ];
  return (random.once(2) ? variable(author, scope, "text") : undefined) ?? random.of(keys);
}

/** A reference whose keys are known only as it is evaluated. */
export function dynamic(author: Author, scope: Scope): string {
  const { random, mention } = author;
  const key = (): string => (random.once(3) ? term(author, scope, "text") : usualKey(author, scope));
  switch (random.below(8)) {
    case 0:
      return `input[${key()}]`;
    case 1:
      return `input[${key()}][${key()}]`;
    case 2:
      return "input";
    case 3: {
      mention(["xs"]);
      return random.of([
        "input.xs[0]",
        "input.xs[input.n]",
        "input.pair[1]",
        "input.xs[count(input.xs) - 1]",
      ]);
    }
    case 4:
      return `data.users[input.subject.id][${key()}]`;
    default: {
      const place = random.of(
        inputPlaces.filter(({ shape }) => shape.kind === "object" || shape.kind === "any"),
      );
      mention(place.path);
      return `${refText("input", place.path)}[${key()}]${random.of(["", "", ".a", `[${key()}]`])}`;
    }
  }
}

/** A call or a comprehension. */
function computed(author: Author, scope: Scope, kind: Kind): string {
  const { random, dialect } = author;
  const one = (wanted: Kind): string => term(author, scope, wanted);
  const [text, number, list, object, any] = [
    () => one("text"),
    () => one("number"),
    () => one("list"),
    () => one("object"),
    () => one("any"),
  ];
  const items = (): { readonly name: string; readonly from: string } => {
    const name = author.fresh("c");
    const from = list();
    return { name, from: dialect === "v0" ? `${name} := ${from}[_]` : `some ${name} in ${from}` };
  };
  const pairs = (): { readonly key: string; readonly value: string; readonly from: string } => {
    const [key, value] = [author.fresh("k"), author.fresh("w")];
    return {
      key,
      value,
      from: dialect === "v0" ? `${value} := ${object()}[${key}]` : `some ${key}, ${value} in ${object()}`,
    };
  };
  switch (kind) {
    case "text":
      return random.of([
        () => `lower(${text()})`,
        () => `sprintf("%v", [${any()}])`,
        () => `sprintf("%v/%v", [${text()}, ${number()}])`,
        () => `json.marshal(${any()})`,
        () => `type_name(${any()})`,
        () => `concat("/", ${list()})`,
        () => `object.get(${object()}, "k", ${text()})`,
        () => `trim_space(${text()})`,
        () => `format_int(${number()}, 10)`,
        () =>
          dialect === "v1"
            ? `$"<{${inputRef(author, "any")}}>"`
            : `sprintf("<%v>", [${inputRef(author, "any")}])`,
      ])();
    case "number":
      return random.of([
        () => `count(${random.of([list, object, text])()})`,
        () => `${number()} + ${number()}`,
        () => `object.get(data.limits, ${text()}, 0)`,
        () => `object.get(${object()}, ${quoted(anyWord(random))}, ${number()})`,
        () => `sum([${number()}, ${number()}])`,
        () => `max(${list()})`,
        () => `to_number(${any()})`,
        () => `abs(${number()})`,
      ])();
    case "flag":
      return random.of([
        () => `is_object(${any()})`,
        () => `is_null(${any()})`,
        () => `startswith(${text()}, ${text()})`,
        () => `${number()} < ${number()}`,
        () => `is_string(${any()})`,
        () => `object.subset(${object()}, ${object()})`,
      ])();
    case "list": {
      const { name, from } = items();
      const { key, value, from: entries } = pairs();
      return random.of([
        () => `[${name} | ${from}]`,
        () => `{${name} | ${from}}`,
        () => `[${name} | ${from}; ${name} != ${any()}]`,
        () => `{${key} | ${entries}; ${value} == ${any()}}`,
        () => `object.keys(${object()})`,
        () => `array.concat(${inputRef(author, "list")}, ${inputRef(author, "list")})`,
        () => `sort(${list()})`,
        () => `split(${text()}, "e")`,
        () => `[${any()}, ${any()}]`,
        () => `{${any()}, ${any()}}`,
        () => `[${key} | walk(${any()}, [${key}, _])]`,
      ])();
    }
    case "object": {
      const { key, value, from } = pairs();
      return random.of([
        () => `{${key}: ${value} | ${from}}`,
        () => `{${key}: ${value} | ${from}; ${value} != ${any()}}`,
        () => `object.union(${object()}, ${object()})`,
        () => `json.filter(${object()}, [${quoted(anyWord(random))}, "a/b"])`,
        () => `json.remove(${object()}, [${quoted(anyWord(random))}])`,
        () => `object.remove(${object()}, [${text()}])`,
        () => `object.get(${object()}, ["b", "a"], {})`,
        () => `{"a": ${any()}, "k": ${text()}}`,
        () => `{"a": {"b": ${number()}}}`,
        () => `json.patch(${object()}, [{"op": "add", "path": "/k", "value": ${any()}}])`,
      ])();
    }
    case "any":
      return one(random.of(["text", "number", "flag", "list", "object"]));
  }
}
