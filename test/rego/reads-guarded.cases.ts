/** Policies that read only where something holds, or only what lies under a key. */
import type { ReadsCase } from "./reads.cases.js";

const p = (body: string): string => `package p\n\n${body}\n`;
/** What the policies look up: `a` and `admin` are values that inputs have. */
const tables = {
  "data.json": JSON.stringify({
    users: { a: { roles: ["admin"], off: false }, admin: { roles: [], off: true }, "": null },
    list: ["a", "x"],
  }),
};

export const guardedCases: readonly ReadsCase[] = [
  {
    name: "a condition, then what it guards",
    rego: p('r if { input.a == "x"; not input.user.suspended }'),
    input: ["a", "user.suspended"],
    branches: 1,
  },
  {
    name: "numbers are equal that are written otherwise",
    rego: p("r := input.x if input.a == 1\nr := input.y if input.a == 0\nr := input.z if input.a == null"),
    input: ["a", "x", "y", "z"],
    branches: 3,
  },
  {
    name: "what is denied under a condition is denied",
    rego: p(
      'deny contains input.x if { input.a == "x"; input.b }\ndeny contains "y" if { "a" == input.a; not input.c.k }\nr := [x | some x in deny]',
    ),
    input: ["a", "b", "c.k", "x"],
    branches: 2,
  },
  {
    name: "not of a rule with conditions",
    rego: p('deny if { input.a == "x"; input.b }\ndeny if { input.a == true; input.c }\nr if not deny'),
    input: ["a", "b", "c"],
    branches: 2,
  },
  {
    name: "else, where the bodies before have conditions",
    rego: p(
      'r := input.x if { input.a == "x"; input.b } else := input.y if { input.a == 1 } else := input.z',
    ),
    input: ["a", "b", "x", "y", "z"],
    branches: 2,
  },
  {
    name: "a function and a rule below conditions",
    rego: p(
      'f(v) := v if { input.b == "x"; input.k }\nh := input.c\nr contains f(input.x) if input.a == "x"\nr contains h if input.a in {"a", 1}\nr contains 1 if input.b',
    ),
    input: ["a", "b", "c", "k", "x"],
    branches: 4,
    differs: "OPA's WASM gives a set's members in no particular order",
  },
  {
    name: "conflicts behind conditions",
    rego: p('r := input.x if input.a == "x"\nr := input.y if input.b\nr := 1 if { input.b; input.a == "x" }'),
    input: ["a", "b", "x", "y"],
    branches: 1,
  },
  {
    name: "what can fail stands before the condition",
    rego: p('h := input.x\nh := input.y\nr if { h; input.a == "x"; input.b }'),
    input: ["a", "b", "x", "y"],
  },
  {
    name: "within a comprehension, and after it",
    rego: p(
      'r := [x | input.a == "x"; x := input.x] if { count([1 | input.a == "x"; input.k]) == 0; input.b }',
    ),
    input: ["a", "b", "k", "x"],
    branches: 1,
  },
  {
    name: "many bodies, which are looked up by a field",
    rego: p(
      [..."abcdefghij"]
        .map((t) => `r contains "${t}" if { input.a == "x"; input.b == "${t}"; input.c }`)
        .join("\n"),
    ),
    input: ["a", "b", "c"],
    branches: 1,
    differs: "OPA's WASM gives a set's members in no particular order",
  },
  {
    name: "a table that is looked up",
    rego: p("r := data.users[input.a].roles if not data.users[input.a].off"),
    more: tables,
    input: ["a"],
  },
  {
    name: "a table that a helper looks up",
    rego: p("user(id) := data.users[id]\nr if { u := user(input.a); u.off }\nr if not user(input.b)"),
    more: tables,
    input: ["a", "b"],
  },
  {
    name: "a list that is looked up",
    rego: p("r := data.list[input.a]"),
    more: tables,
    input: ["a"],
  },
];
