/** Schemas that a server may list to harm the gateway, or to have arguments pass that it doesn't mean. */
const nested = (depth: number): string =>
  `${'{"type":"object","properties":{"a":'.repeat(depth)}true${"}}".repeat(depth)}`;

const many = (count: number): string =>
  `{"type":"object","properties":{${Array.from({ length: count }, (_, i) => `"p${i}":{"type":"string"}`).join(",")}}}`;

const property = (schema: string): string => `{"type":"object","properties":{"a":${schema}}}`;

export const refusedSchemas: readonly {
  readonly name: string;
  readonly schema: string;
  readonly why?: "invalid";
}[] = [
  { name: "no schema", schema: "null", why: "invalid" },
  { name: "a list for a schema", schema: "[]", why: "invalid" },
  { name: "not of an object", schema: '{"type":"string"}' },
  { name: "no type", schema: '{"properties":{}}' },
  { name: "a type that there isn't", schema: property('{"type":"file"}') },
  { name: "a reference to another host", schema: property('{"$ref":"https://evil.example/schema.json"}') },
  { name: "a reference to a file", schema: property('{"$ref":"file:///etc/passwd"}') },
  { name: "a reference relative to itself", schema: property('{"$ref":"other.json"}') },
  {
    name: "a reference to the meta-schema",
    schema: property('{"$ref":"https://json-schema.org/draft/2020-12/schema"}'),
  },
  {
    name: "a dynamic reference to another host",
    schema: property('{"$dynamicRef":"https://evil.example/#n"}'),
  },
  {
    name: "a reference relative to itself, to a place that is here",
    schema: property('{"$ref":"x/properties/a"}'),
  },
  {
    name: "too many patterns",
    schema: property(`{"allOf":[${Array(201).fill('{"pattern":"a"}').join(",")}]}`),
  },
  { name: "a reference to nothing", schema: property('{"$ref":"#/$defs/nothing"}') },
  {
    name: "a reference to what is no schema",
    schema: '{"type":"object","examples":[{"pattern":"("}],"properties":{"a":{"$ref":"#/examples/0"}}}',
  },
  { name: "an id below the root", schema: property('{"$id":"https://evil.example/","type":"string"}') },
  {
    name: "another dialect below the root",
    schema: property('{"$schema":"http://json-schema.org/draft-04/schema#"}'),
  },
  {
    name: "a dialect that isn't known",
    schema: '{"$schema":"https://evil.example/dialect","type":"object"}',
  },
  { name: "draft-04", schema: '{"$schema":"http://json-schema.org/draft-04/schema#","type":"object"}' },
  { name: "a vocabulary", schema: '{"type":"object","$vocabulary":{"https://evil.example":true}}' },
  { name: "nested too deep", schema: nested(40) },
  { name: "too many schemas", schema: many(2_001) },
  { name: "too many values", schema: property(`{"enum":[${Array(10_001).fill("1").join(",")}]}`) },
  {
    name: "__proto__ as a property",
    schema: '{"type":"object","properties":{"__proto__":{"type":"string"}}}',
  },
  { name: "__proto__ as required", schema: '{"type":"object","required":["__proto__"]}' },
  { name: "a pattern that is none", schema: property('{"pattern":"("}') },
  {
    name: "a pattern of a property that is none",
    schema: '{"type":"object","patternProperties":{"[":true}}',
  },
  { name: "a pattern that is too long", schema: property(`{"pattern":"${"a".repeat(2_049)}"}`) },
  { name: "a bound that is a text", schema: property('{"maximum":"10"}') },
  { name: "a bound beyond a double", schema: property('{"maximum":1e400}') },
  { name: "a bound that no double is near", schema: property('{"minimum":1e-999999999}') },
  { name: "a multiple of nothing", schema: property('{"multipleOf":0}') },
  { name: "a length below nothing", schema: property('{"minLength":-1}') },
  { name: "a length that isn't whole", schema: property('{"minLength":1.5}') },
  { name: "required of draft-03", schema: property('{"required":true}') },
  { name: "exclusiveMinimum of draft-04", schema: property('{"minimum":1,"exclusiveMinimum":true}') },
  { name: "items of an earlier draft", schema: property('{"items":[{"type":"string"}]}') },
  { name: "anyOf of nothing", schema: property('{"anyOf":[]}') },
  { name: "an anchor twice", schema: '{"type":"object","$defs":{"a":{"$anchor":"n"},"b":{"$anchor":"n"}}}' },
];

export const refusedHeaders: readonly { readonly name: string; readonly schema: string }[] = [
  { name: "empty", schema: property('{"type":"string","x-mcp-header":""}') },
  { name: "no text", schema: property('{"type":"string","x-mcp-header":1}') },
  { name: "with a blank", schema: property('{"type":"string","x-mcp-header":"A B"}') },
  { name: "with a line end", schema: property('{"type":"string","x-mcp-header":"A\\r\\nHost"}') },
  { name: "with a colon", schema: property('{"type":"string","x-mcp-header":"A:"}') },
  { name: "beyond ASCII", schema: property('{"type":"string","x-mcp-header":"Ä"}') },
  { name: "of a number", schema: property('{"type":"number","x-mcp-header":"A"}') },
  { name: "of an object", schema: property('{"type":"object","x-mcp-header":"A"}') },
  { name: "of no type", schema: property('{"x-mcp-header":"A"}') },
  {
    name: "twice but for case",
    schema:
      '{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"Region"},"b":{"type":"string","x-mcp-header":"region"}}}',
  },
  { name: "of the root", schema: '{"type":"object","x-mcp-header":"A"}' },
  { name: "of items", schema: property('{"type":"array","items":{"type":"string","x-mcp-header":"A"}}') },
  {
    name: "within allOf",
    schema: '{"type":"object","allOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]}',
  },
  {
    name: "within if",
    schema: '{"type":"object","if":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}}',
  },
  {
    name: "behind a reference",
    schema: '{"type":"object","$defs":{"d":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}}}',
  },
  {
    name: "of properties by pattern",
    schema: '{"type":"object","patternProperties":{"a":{"type":"string","x-mcp-header":"A"}}}',
  },
];

/** What arguments are found to be: undefined is right. */
export const judged: readonly {
  readonly name: string;
  readonly schema: string;
  readonly args: string;
  readonly wrong?: string;
}[] = [
  { name: "a whole number written with a point", schema: property('{"type":"integer"}'), args: '{"a":1.0}' },
  {
    name: "a whole number written with an exponent",
    schema: property('{"type":"integer"}'),
    args: '{"a":1e3}',
  },
  { name: "a part", schema: property('{"type":"integer"}'), args: '{"a":1.5}', wrong: "/a: type" },
  {
    name: "a part too small for a double",
    schema: property('{"type":"integer"}'),
    args: '{"a":1.00000000000000000001}',
    wrong: "/a: number",
  },
  {
    name: "a number past a double's range",
    schema: property("{}"),
    args: '{"a":1e400}',
    wrong: "/a: number",
  },
  { name: "a number below a double's", schema: property("{}"), args: '{"a":1e-400}', wrong: "/a: number" },
  {
    name: "one above a bound, and no double",
    schema: property('{"maximum":9007199254740992}'),
    args: '{"a":9007199254740993}',
    wrong: "/a: maximum",
  },
  {
    name: "one below a bound, and no double",
    schema: property('{"minimum":9007199254740994}'),
    args: '{"a":9007199254740993}',
    wrong: "/a: minimum",
  },
  {
    name: "at the bound of 64 bits",
    schema: property('{"maximum":18446744073709551615}'),
    args: '{"a":18446744073709551615}',
  },
  {
    name: "past the bound of 64 bits",
    schema: property('{"maximum":18446744073709551615}'),
    args: '{"a":18446744073709551616}',
    wrong: "/a: maximum",
  },
  {
    name: "at an exclusive bound",
    schema: property('{"exclusiveMaximum":9007199254740993}'),
    args: '{"a":9007199254740993}',
    wrong: "/a: exclusiveMaximum",
  },
  {
    name: "next to an exclusive bound",
    schema: property('{"exclusiveMaximum":9007199254740993}'),
    args: '{"a":9007199254740992}',
  },
  {
    name: "odd, and no double",
    schema: property('{"multipleOf":2}'),
    args: '{"a":9007199254740993}',
    wrong: "/a: multipleOf",
  },
  { name: "a multiple that doubles don't see", schema: property('{"multipleOf":0.1}'), args: '{"a":0.3}' },
  {
    name: "next to a constant",
    schema: property('{"const":9007199254740992}'),
    args: '{"a":9007199254740993}',
    wrong: "/a: const",
  },
  {
    name: "next to one of a list",
    schema: property('{"enum":[9007199254740992,9007199254740994]}'),
    args: '{"a":9007199254740993}',
    wrong: "/a: enum",
  },
  {
    name: "a constant in another form",
    schema: property('{"const":{"b":1,"c":[2]}}'),
    args: '{"a":{"c":[2.0],"b":1e0}}',
  },
  {
    name: "a constant of many digits within an object",
    schema: property('{"const":{"b":9007199254740992}}'),
    args: '{"a":{"b":9007199254740993}}',
    wrong: "/a: const",
  },
  {
    name: "twice the same in two forms",
    schema: property('{"type":"array","uniqueItems":true}'),
    args: '{"a":[1,1.0]}',
    wrong: "/a: uniqueItems",
  },
  {
    name: "objects with a member valueOf",
    schema: property('{"type":"array","uniqueItems":true}'),
    args: '{"a":[{"valueOf":1},{"valueOf":2}]}',
  },
  {
    name: "__proto__ at the top",
    schema: '{"type":"object"}',
    args: '{"__proto__":{"admin":true}}',
    wrong: "/: __proto__",
  },
  {
    name: "__proto__ below",
    schema: property("{}"),
    args: '{"a":[{"__proto__":1}]}',
    wrong: "/a/0: __proto__",
  },
  {
    name: "__proto__ where no more is allowed",
    schema: '{"type":"object","additionalProperties":false}',
    args: '{"__proto__":1}',
    wrong: "/: __proto__",
  },
  {
    name: "constructor for what is required",
    schema: '{"type":"object","required":["constructor","toString"]}',
    args: "{}",
    wrong: "/: required constructor",
  },
  {
    name: "constructor as a property",
    schema: '{"type":"object","properties":{"constructor":{"type":"string"}},"required":["constructor"]}',
    args: '{"constructor":1}',
    wrong: "/constructor: type",
  },
  {
    name: "what isn't allowed",
    schema: '{"type":"object","additionalProperties":false}',
    args: '{"secret-word":1}',
    wrong: "/: additionalProperties",
  },
  {
    name: "a member that the caller named",
    schema: '{"type":"object","additionalProperties":{"type":"string"}}',
    args: '{"secret-word":1}',
    wrong: "/*: type",
  },
  {
    name: "no text where one could be made",
    schema: property('{"type":"string"}'),
    args: '{"a":1}',
    wrong: "/a: type",
  },
  {
    name: "no number where one could be made",
    schema: property('{"type":"number"}'),
    args: '{"a":"1"}',
    wrong: "/a: type",
  },
  {
    name: "null with nullable, which is OpenAPI's",
    schema: property('{"type":"string","nullable":true}'),
    args: '{"a":null}',
    wrong: "/a: type",
  },
  {
    name: "a default for what is missing",
    schema: '{"type":"object","properties":{"a":{"default":1}},"required":["a"]}',
    args: "{}",
    wrong: "/: required a",
  },
  {
    name: "a pattern that looks ahead",
    schema: property('{"pattern":"^(?!x)[a-z]+$"}'),
    args: '{"a":"xa"}',
    wrong: "/a: pattern",
  },
  {
    name: "white space as ECMA has it",
    schema: property('{"pattern":"^\\\\s[^\\\\s]$"}'),
    args: '{"a":"\u00a0x"}',
  },
  {
    name: "a line end that a point doesn't match",
    schema: property('{"pattern":"^.$"}'),
    args: '{"a":"\\r"}',
    wrong: "/a: pattern",
  },
  {
    name: "an end that is the end",
    schema: property('{"pattern":"^a$"}'),
    args: '{"a":"a\\n"}',
    wrong: "/a: pattern",
  },
  {
    name: "a bomb of a pattern, linear",
    schema: property('{"pattern":"^(a+)+$"}'),
    args: `{"a":"${"a".repeat(500)}b"}`,
    wrong: "/a: pattern",
  },
  {
    name: "a bomb of a pattern that looks ahead",
    schema: property('{"pattern":"^(?=a)(a+)+$"}'),
    args: `{"a":"${"a".repeat(60)}b"}`,
    wrong: "/: takes too long to check",
  },
  {
    name: "references that double forty times",
    schema: `{"type":"object","$ref":"#/$defs/d0","$defs":{${Array.from({ length: 40 }, (_, i) => `"d${i}":{"allOf":[{"$ref":"#/$defs/d${i + 1}"},{"$ref":"#/$defs/d${i + 1}"}]}`).join(",")},"d40":{}}}`,
    args: "{}",
    wrong: "/: takes too long to check",
  },
  {
    name: "a reference to itself without an end",
    schema: '{"type":"object","$ref":"#"}',
    args: "{}",
    wrong: "/: takes too long to check",
  },
  {
    name: "a tree",
    schema:
      '{"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#"}}},"additionalProperties":false}',
    args: '{"children":[{"children":[{"leaf":1}]}]}',
    wrong: "/children/0/children/0: additionalProperties",
  },
  {
    name: "an anchor",
    schema:
      '{"type":"object","properties":{"a":{"$ref":"#n"}},"$defs":{"x/y z":{"$anchor":"n","type":"string"}}}',
    args: '{"a":1}',
    wrong: "/a: type",
  },
  {
    name: "a place of draft-07",
    schema:
      '{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"a":{"items":[{"type":"string"}],"additionalItems":false}}}',
    args: '{"a":["x",1]}',
    wrong: "/a: additionalItems",
  },
  {
    name: "what is left over",
    schema: '{"type":"object","allOf":[{"properties":{"a":true}}],"unevaluatedProperties":false}',
    args: '{"a":1,"b":1}',
    wrong: "/: unevaluatedProperties",
  },
  {
    name: "$async, which is ajv's",
    schema: '{"type":"object","$async":true,"required":["a"]}',
    args: "{}",
    wrong: "/: required a",
  },
  {
    name: "a header's number past the safe integers",
    schema: property('{"type":"integer","x-mcp-header":"A"}'),
    args: '{"a":9007199254740993}',
    wrong: "/a: x-mcp-header",
  },
];
