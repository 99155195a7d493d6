/** Policies and inputs for the differential test of the rule index: everything that is looked up, beside what isn't. */
import { fc } from "../properties.js";

const texts = ["x", "y", "z", "", 'q"\\', "a.b", "__proto__"];
const text = fc.constantFrom(...texts).map((value) => JSON.stringify(value));
const field = fc.constantFrom(
  "input.t",
  "input.t",
  "input.t",
  "input.a",
  'input["b-c"]',
  "input.u.id",
  "subject.id",
  "kind",
);
const list = fc.uniqueArray(text, { minLength: 1, maxLength: 4 });

/** What an index may use. */
const asked = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(field, text).map(([f, v]) => `${f} == ${v}`) },
  fc.tuple(field, text).map(([f, v]) => `${v} == ${f}`),
  fc.tuple(field, text).map(([f, v]) => `${f} = ${v}`),
  fc.tuple(field, text).map(([f, v]) => `alias := ${f}\n\talias == ${v}`),
  fc.tuple(text).map(([v]) => `held := input.u\n\theld.id == ${v}`),
  fc.tuple(field, list).map(([f, vs]) => `${f} in {${vs.join()}}`),
  fc.tuple(field, list).map(([f, vs]) => `${f} in [${vs.join()}]`),
  text.map((v) => `${v} in input.groups`),
  text.map((v) => `input.groups[_] == ${v}`),
);
/** What it must leave alone. */
const other = fc.oneof(
  fc.tuple(field, text).map(([f, v]) => `not ${f} == ${v}`),
  fc.tuple(field, text).map(([f, v]) => `${f} != ${v}`),
  fc.tuple(field, field).map(([f, g]) => `${f} == ${g}`),
  fc.constantFrom("input.n == 1", "input.n > 1", "input.t == true", "input.t == null", 'input["n"] == 2'),
  fc.tuple(text).map(([v]) => `helper with input.t as ${v}`),
  fc.constantFrom("helper", "not helper", "other.flag", "data.cfg.on", "is(input.t)", "limit > 1", "deny.x"),
  fc.constantFrom(
    'some g in input.groups\n\tstartswith(g, "x")',
    "every g in input.groups { is_string(g) }",
    "count([g | some g in input.groups; g == input.t]) > 0",
    "data.cfg.by[input.t] == 1",
    "data.p.deny[input.t]",
    "data.q[input.t]",
    // locals that hide rules
    'deny := input.t\n\tdeny == "x"',
    'some allow\n\tinput.groups[allow] == "y"',
    "tags.x",
  ),
);
const body = fc
  .tuple(fc.array(asked, { minLength: 1, maxLength: 3 }), fc.array(other, { maxLength: 2 }), fc.boolean())
  .map(([index, rest, first]) => (first ? [...index, ...rest] : [...rest, ...index]))
  // one body declares a name once
  .map((lines) => [
    ...new Map(lines.map((line) => [/^(?:some )?(\w+) :=/.exec(line)?.[1] ?? line, line])).values(),
  ])
  .map((lines) => (lines.length === 0 ? "true" : lines.join("\n\t")));

const heads = {
  allow: fc.constant("allow"),
  limit: fc.constantFrom("limit := 1", "limit := 2", "limit := 2", "limit := count(input.groups)"),
  deny: fc.constantFrom(
    'deny contains "x"',
    'deny contains "y"',
    "deny contains input.a",
    "deny contains [1, input.t]",
  ),
  tags: fc.constantFrom(
    'tags["k"] := 1',
    "tags[input.a] := input.t",
    "tags[input.t] := 1",
    'tags["l"] := false',
  ),
  nested: fc.constantFrom("deep.er.rule := false", "deep.er.rule := input.a"),
  many: fc.constantFrom('deep["s-s"] contains 1', 'deep["s-s"] contains input.t'),
};
const bodies = (head: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
  fc.array(
    fc.oneof(
      { weight: 12, arbitrary: fc.tuple(head, body).map(([h, b]) => `${h} if {\n\t${b}\n}`) },
      // a second body without a head
      fc.tuple(head, body, body).map(([h, b, c]) => `${h} if {\n\t${b}\n} {\n\t${c}\n}`),
    ),
    { minLength: 16, maxLength: 24 },
  );
/** A helper's bodies can't ask for what asks for it. */
const simple = fc.tuple(asked, fc.constantFrom("true", "input.n > 0")).map(([a, b]) => `${a}\n\t${b}`);

const head = `import data.q as other
import input.u as subject
import input.t as kind

is(x) if x == "x"
is("y")
`;
/** Two files of package `p`, one of `q`; each rule's bodies stand in both files. */
export const policies = fc
  .tuple(
    bodies(heads.allow),
    bodies(heads.limit),
    bodies(heads.deny),
    bodies(heads.tags),
    bodies(heads.nested),
    bodies(heads.many),
    fc.array(simple, { minLength: 8, maxLength: 16 }),
    fc.tuple(fc.boolean(), fc.boolean(), fc.tuple(asked, asked)),
  )
  .map(([allow, limit, deny, tags, nested, many, helper, [byDefault, chain, [first, second]]]) => {
    const drop = (rules: string[], ...names: string[]): string[] =>
      rules.map((rule) => names.reduce((out, name) => out.replaceAll(name, "input.n > 0"), rule));
    // no rule may ask for itself, directly or in a round: allow and the rest ask, what is asked for doesn't
    const quiet = ["limit > 1", "deny.x", "data.p.deny[input.t]", "tags.x"];
    const one = [
      ...allow,
      ...drop(limit, ...quiet),
      ...drop(deny, ...quiet),
      ...drop(tags, ...quiet),
      ...nested,
      ...many,
      ...helper.map((b) => `helper if {\n\t${b}\n}`),
    ];
    if (byDefault) one.push("default allow := false", "default limit := 9");
    if (chain) one.push(`allow if {\n\t${first}\n\tinput.n == 5\n} else := "e" if {\n\t${second}\n}`);
    const file = (rules: string[]): string => `package p\n\n${head}\n${rules.join("\n\n")}\n`;
    const half = file(one.filter((_, n) => n % 2 === 0));
    const rest = file(one.filter((_, n) => n % 2 === 1)).replace('is(x) if x == "x"\nis("y")\n', "");
    const q = Array.from({ length: 9 }, (_, n) => `x if input.t == ${JSON.stringify(texts[n % 7])}`);
    return {
      "p/one.rego": half,
      "p/two.rego": rest,
      "q.rego": `package q\n\nflag if input.n > 1\n\ny := 2 if input.a == "y"\n\n${q.join("\n\n")}\n`,
      "cfg/data.json": '{"on":true,"by":{"x":1,"y":2}}',
    };
  });

const leaf = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>(...texts) },
  fc.constantFrom<unknown>(1, true, false, null, ["x"], { x: "x" }),
);
const groups = fc.oneof(
  { weight: 4, arbitrary: fc.array(leaf, { maxLength: 4 }) },
  fc.dictionary(fc.constantFrom("x", "k"), leaf),
  leaf,
);
export const inputs = fc.record(
  {
    t: leaf,
    a: leaf,
    "b-c": leaf,
    u: fc.oneof({ weight: 4, arbitrary: fc.record({ id: leaf }) }, leaf),
    groups,
    n: fc.constantFrom(0, 1, 2, 5),
  },
  { requiredKeys: [] },
);
