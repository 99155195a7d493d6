/** What can't be derived, and what its author is told. */
export interface RefusalCase {
  readonly name: string;
  /** Stands below the package and the annotated head. */
  readonly rego: string;
  readonly row: number;
  readonly says: string;
}

/** Seven lines: what follows stands in the eighth. */
export const head = `package p

import input.resource.document as doc

# METADATA
# custom: {filter: {unknown: input.resource.document}}
include if {
`;

const inBody = (name: string, body: string, says: string): RefusalCase => ({
  name,
  rego: `\t${body}\n}\n`,
  row: 8,
  says,
});
const inRule = (name: string, use: string, rule: string, says: string): RefusalCase => ({
  name,
  rego: `\t${use}\n}\n${rule}\n`,
  row: 10,
  says,
});

export const refusalCases: readonly RefusalCase[] = [
  inBody("arithmetic", "doc.n + 1 > input.n", "arithmetic"),
  inBody("a built-in of a field", 'lower(doc.t) == "x"', "lower can't be applied to the document's t"),
  inBody("how many elements", "count(doc.tags) > 1", "count can't be applied"),
  inBody("two fields", "doc.a == doc.b", "one side must be known"),
  inBody("two fields by in", "doc.a in doc.b", "can't be derived of the document's a and the document's b"),
  inBody("a field of a field", 'doc.a.b == "x"', "has no fields of its own"),
  inBody("a certain element", 'doc.tags[0] == "x"', "has no fields of its own"),
  inBody("a computed field", "doc[input.x] == 1", "must be named"),
  inBody("any field", "some k; doc[k] == 1", "must be named"),
  inBody("a field's strange name", 'doc["a-b"] == 1', "can't be a field's name"),
  inBody("a computed name above the document", 'input.resource[input.x] == "y"', "must be written out"),
  inBody(
    "the document as a value",
    'object.get(doc, "a", 1) == 1',
    "object.get can't be applied to the document as a whole",
  ),
  inBody("all of the input", 'walk(input, [_, "x"])', "walk can't be applied to the document as a whole"),
  inBody("a comprehension", 'count([1 | doc.a == "x"]) > 0', "a comprehension"),
  inBody("a value made of fields", '[doc.a, 1] == ["x", 1]', "a value can't be made"),
  inBody("every element", "every t in doc.tags { t in input.g }", "`every` can't go through"),
  inBody("an element's order", 'some t in doc.tags; t > "x"', "only be compared with == or in"),
  inBody("an element that isn't", 'some t in doc.tags; t != "x"', "only be compared with == or in"),
  inBody("an element for itself", "some t in doc.tags", "only given a name"),
  inBody("an element's beginning", 'some t in doc.tags; startswith(t, "x")', "startswith is derived"),
  inBody(
    "an element that is asked for in a negation",
    'some t in doc.tags; not t == "x"',
    "once it was compared",
  ),
  inBody(
    "an element that a negation asks for before anything else does",
    'some t in doc.tags; not t == "x"; t in input.g',
    "once it was compared",
  ),
  inBody(
    "an element that all of something are",
    "some t in doc.tags; every g in input.g { t == g }; t in input.h",
    "once it was compared",
  ),
  inBody(
    "an element's place",
    'some i, t in doc.tags; t == "x"; i == 0',
    "an element of the document, or its place",
  ),
  inBody("the beginning of a known text", "startswith(input.t, doc.a)", "startswith is derived"),
  inBody("the value of a comparison", 'x := doc.a == "x"; x == true', "the value of a comparison"),
  inBody("a pattern", '[x, _] = [doc.a, 1]; x == "y"', "a value can't be made"),
  inBody("with", "helper with input.y as 1\n}\nhelper if {\n\tdoc.a", "`with`"),
  inRule(
    "a rule that gives a field and more",
    'k == "x"',
    "k := doc.a if doc.b",
    "can't be one of the document's",
  ),
  inRule("a set of fields", '"x" in s', "s contains doc.a if doc.b", "can't be one of the document's"),
  {
    ...inBody(
      "a set as a whole",
      'count(s) == 0\n}\ns contains "x" if {\n\tdoc.a',
      "a set that depends on the document",
    ),
    row: 8,
  },
  {
    ...inBody(
      "an object by its members",
      'o.x == 1\n}\no[k] := 1 if {\n\tsome k in ["x"]\n\tdoc.a',
      "member by member",
    ),
    row: 8,
  },
  { ...inBody("all of data", "true\n}\nx if {\n\tsome k\n\tdata[k].y", "go through all of data"), row: 12 },
];

/** The annotation itself. */
export const annotationCases: readonly (readonly [name: string, text: string, says: string])[] = [
  ["no unknown", "# METADATA\n# custom: {filter: {}}\ninclude if true", "custom.filter is {unknown: PATH}"],
  [
    "more than unknown",
    "# METADATA\n# custom: {filter: {unknown: input.d, x: 1}}\ninclude if true",
    "custom.filter is",
  ],
  [
    "an unknown under data",
    "# METADATA\n# custom: {filter: {unknown: data.d}}\ninclude if true",
    "custom.filter is",
  ],
  [
    "all of the input",
    "# METADATA\n# custom: {filter: {unknown: input}}\ninclude if true",
    "custom.filter is",
  ],
  [
    "a computed unknown",
    '# METADATA\n# custom: {filter: {unknown: "input[x]"}}\ninclude if true',
    "custom.filter is",
  ],
  [
    "at a function",
    "# METADATA\n# custom: {filter: {unknown: input.d}}\ninclude(x) if x",
    "a rule that holds or doesn't",
  ],
  [
    "at a set",
    "# METADATA\n# custom: {filter: {unknown: input.d}}\ninclude contains 1",
    "a rule that holds or doesn't",
  ],
  [
    "two unknowns",
    "# METADATA\n# custom: {filter: {unknown: input.d}}\ninclude if input.d.x\n# METADATA\n# custom: {filter: {unknown: input.e}}\ninclude if input.e.x",
    "another unknown",
  ],
];
