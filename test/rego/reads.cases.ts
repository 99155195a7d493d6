import { guardedCases } from "./reads-guarded.cases.js";

/** Policies and what their entrypoint reads; `p` is the package and `r` the entrypoint, `p/r`, unless told otherwise. */
export interface ReadsCase {
  readonly name: string;
  readonly rego: string;
  /** Paths under `input`, dots between; "" is the whole input. */
  readonly input: readonly string[];
  readonly entrypoint?: string;
  readonly regoVersion?: 0;
  readonly more?: Readonly<Record<string, string>>;
  /** Why WASM and OPA's own evaluator differ here. */
  readonly differs?: string;
  /** Non-deterministic built-ins that are reached. */
  readonly nondeterministic?: readonly string[];
  /** How many conditions are told under which some of it is read. */
  readonly branches?: number;
}

const p = (body: string): string => `package p\n\n${body}\n`;

export const readsCases: readonly ReadsCase[] = [
  ...guardedCases,
  { name: "a path", rego: p("r if input.a.b == 1"), input: ["a.b"] },
  { name: "two paths", rego: p("r if input.a == input.b"), input: ["a", "b"] },
  { name: "a path covers longer ones", rego: p("r if { input.a.b; input.a }"), input: ["a"] },
  { name: "nothing", rego: p("r := 1"), input: [] },
  {
    name: "an alias, then not: the alias's own path counts",
    rego: p("r if { u := input.user; not u.suspended }"),
    input: ["user"],
  },
  { name: "negation", rego: p("r if not input.blocked"), input: ["blocked"] },
  { name: "every", rego: p("r if every x in input.xs { x.n > input.min }"), input: ["min", "xs"] },
  { name: "some in", rego: p("r if { some x in input.xs; x == input.y }"), input: ["xs", "y"] },
  { name: "default", rego: p("default r := false\nr if input.a"), input: ["a"] },
  { name: "else", rego: p("r := 1 if input.a else := 2 if input.b else := input.c"), input: ["a", "b", "c"] },
  { name: "a head's value", rego: p("r := input.v"), input: ["v"] },
  { name: "a function's argument", rego: p("f(x) := x.n\nr := f(input.o)"), input: ["o"] },
  { name: "a function's own read", rego: p("f(x) if x == input.deep.y\nr if f(1)"), input: ["deep.y"] },
  { name: "a rule through a rule", rego: p("a if input.x\nb if a\nr if b"), input: ["x"] },
  { name: "what isn't reached is left out", rego: p("r if input.a\nother if input.b"), input: ["a"] },
  { name: "a partial set", rego: p("s contains x if some x in input.xs\nr := count(s)"), input: ["xs"] },
  {
    name: "a partial object",
    rego: p("o[k] := v if some k, v in input.map\nr := o[input.key]"),
    input: ["key", "map"],
  },
  { name: "an array comprehension", rego: p("r := [y | y := input.xs[_].n]"), input: ["xs"] },
  {
    name: "an object comprehension",
    rego: p("r := {k: v | v := input.m[k]; v != input.not}"),
    input: ["m", "not"],
  },
  { name: "a set comprehension in a call", rego: p("r := count({x | x := input.xs[_]})"), input: ["xs"] },
  { name: "a dynamic reference", rego: p('r if { some i; input.roles[i] == "admin" }'), input: ["roles"] },
  { name: "nested brackets", rego: p("r := input.a[input.b]"), input: ["a", "b"] },
  { name: "a string in brackets", rego: p('r := input["a"]["b-c"]'), input: ["a.b-c"] },
  { name: "an index ends a path", rego: p("r := input.xs[0].n"), input: ["xs"] },
  { name: "bare input", rego: p("r := input"), input: [""] },
  { name: "bare input as argument", rego: p("f(x) := x.a\nr := f(input)"), input: [""] },
  { name: "walk(input)", rego: p('r if { walk(input, [_, v]); v == "x" }'), input: [""] },
  { name: "walk of a path", rego: p('r if { walk(input.tree, [_, v]); v == "x" }'), input: ["tree"] },
  {
    name: "a variable key of input",
    rego: p("r := {k | input[k]}"),
    input: [""],
    differs: "OPA's WASM gives a set's members in no particular order",
  },
  { name: "object.get", rego: p('r := object.get(input.o, "k", 1)'), input: ["o"] },
  { name: "object.get of input", rego: p('r := object.get(input, ["a", "b"], 1)'), input: [""] },
  {
    name: "with input replaced counts as all of it",
    rego: p("a if input.x\nr if a with input as input.inner"),
    input: [""],
  },
  {
    name: "with input.x replaced",
    rego: p("a if input.x\nr if a with input.x as input.y"),
    input: ["x", "y"],
  },
  {
    name: "an import of input",
    rego: "package p\n\nimport input.user as u\n\nr if u.name",
    input: ["user.name"],
  },
  {
    name: "an import of another package",
    rego: "package p\n\nimport data.lib\n\nr if lib.ok",
    more: { "lib.rego": "package lib\n\nok if input.z" },
    input: ["z"],
  },
  {
    name: "data.lib[input.k] reaches every rule there",
    rego: p("r := data.lib[input.k]"),
    more: { "lib.rego": "package lib\n\na := input.x\n\nb := input.y" },
    input: ["k", "x", "y"],
  },
  {
    name: "a package as the entrypoint",
    rego: p("a := input.x\nb := input.y"),
    entrypoint: "p",
    input: ["x", "y"],
  },
  {
    name: "a rule with a reference for a head",
    rego: p("m.a := input.x\nm[k] := 1 if k := input.k\nr := m.a"),
    input: ["k", "x"],
  },
  {
    name: "Rego v0",
    rego: 'package p\n\nr { input.a[_] == "x" }\nr { not input.b }',
    regoVersion: 0,
    input: ["a", "b"],
  },
  {
    name: "in a template's call",
    rego: p('r := sprintf("%v", [input.a])'),
    input: ["a"],
    differs: "opa-wasm's sprintf writes an object as [object Object]",
  },
  { name: "the clock", rego: p("r := time.now_ns()"), input: [], nondeterministic: ["time.now_ns"] },
  {
    name: "the clock in a function, through rules",
    rego: p("late(x) if time.now_ns() == x\na if late(input.until)\nr if a"),
    input: ["until"],
    nondeterministic: ["time.now_ns"],
  },
  {
    name: "a request over HTTP",
    rego: p('r := http.send({"method": "get", "url": input.url})'),
    input: ["url"],
    nondeterministic: ["http.send"],
  },
  { name: "chance", rego: p('r := rand.intn("a", 10)'), input: [], nondeterministic: ["rand.intn"] },
  { name: "the runtime", rego: p("r := opa.runtime()"), input: [], nondeterministic: ["opa.runtime"] },
  {
    name: "certificates, which are checked against the clock though OPA doesn't say so",
    rego: p("r := crypto.x509.parse_and_verify_certificates(input.chain)[0]"),
    input: ["chain"],
    nondeterministic: ["crypto.x509.parse_and_verify_certificates"],
  },
  {
    name: "a token, whose expiry is checked",
    rego: p('r := io.jwt.decode_verify(input.t, {"secret": "s"})'),
    input: ["t"],
    nondeterministic: ["io.jwt.decode_verify"],
  },
  {
    name: "a clock that isn't reached",
    rego: p("r if input.a\nother := time.now_ns()"),
    input: ["a"],
  },
];
