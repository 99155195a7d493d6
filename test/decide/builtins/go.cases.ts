/** Calls of OPA's Go built-ins: arguments as a policy's module writes them, and what OPA answers. */

/** 2023-11-14T22:13:20Z. */
export const nowNs = 1_700_000_000_000_000_000n;

export const values: readonly (readonly [name: string, args: string, result: string])[] = [
  ["sprintf", '["%s has %d of %v", ["bob", 3, {"b", "a"}]]', '"bob has 3 of {\\"a\\", \\"b\\"}"'],
  ["plus", "[9007199254740993, 1]", "9007199254740994"],
  ["mul", "[123456789012345678901234567890, 10]", "1234567890123456789012345678900"],
  ["minus", "[{1, 2, 3}, {2}]", "{1,3}"],
  ["union", "[{{1}, set(), {2}}]", "{1,2}"],
  ["object.keys", '[{[1]: 1, {2}: 2, "a": 3, null: 4}]', '{null,"a",[1],{2}}'],
  ["json.marshal", '[{"b": {1}, "a": 1.50}]', '"{\\"a\\":1.50,\\"b\\":[1]}"'],
  ["json.unmarshal", '["[1e3, 100000000000000000000]"]', "[1e3,100000000000000000000]"],
  ["yaml.marshal", '[{"a": [1]}]', '"a:\\u000a  - 1\\u000a"'],
  ["time.now_ns", "[]", "1700000000000000000"],
  ["time.format", '[[1700000000000000000, "Asia/Kathmandu", "RFC822Z"]]', '"15 Nov 23 03:58 +0545"'],
  ["time.clock", '[[1700000000000000000, "Pacific/Chatham"]]', "[11,58,20]"],
  ["crypto.sha256", '["a"]', '"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"'],
  ["hex.encode", '["é\\u0000"]', '"c3a900"'],
  ["regex.replace", '["aaabbb", "(a+)", "<$1>"]', '"<aaa>bbb"'],
  ["graph.reachable_paths", '[{"a": {"b"}, "b": {}}, {"a"}]', '{["a","b"]}'],
  ["net.cidr_merge", '[["10.0.0.0/25", "10.0.0.128/25"]]', '{"10.0.0.0/24"}'],
  ["semver.compare", '["1.2.3-rc", "1.2.3"]', "-1"],
  ["units.parse_bytes", '["1.5Gi"]', "1610612736"],
  ["graphql.is_valid", '["{ a }", "type Query { a: Int }"]', "true"],
  ["json.match_schema", '[{"a": 1}, {"required": ["a"]}]', "[true,[]]"],
  ["json.patch", '[{"a": {"x"}}, [{"op": "add", "path": ["a", "y"], "value": "y"}]]', '{"a":{"x","y"}}'],
  ["strings.count", '["\\u0001\\u0001", "\\u0001"]', "2"],
  ["upper", '["\\ud83d\\ude00é"]', '"😀É"'],
  ["array.concat", "[[2.50, -0, 1E2, 1e-7], [[], {}, set(), null]]", "[2.50,-0,1E2,1e-7,[],{},set(),null]"],
];

export const faults: readonly (readonly [name: string, args: string, code: string, message: string])[] = [
  ["sprintf", "[1, []]", "eval_type_error", "sprintf: operand 1 must be string but got number"],
  [
    "time.format",
    '[[1, "Nowhere/At_All"]]',
    "eval_builtin_error",
    "time.format: unknown time zone Nowhere/At_All",
  ],
  ["div", "[1, 0]", "eval_builtin_error", "div: divide by zero"],
  ["json.match_schema", '[{}, {"$ref": "http://127.0.0.1:1/x"}]', "eval_builtin_error", "disabled"],
  ["json.match_schema", '[{}, {"$ref": "file:///etc/passwd"}]', "eval_builtin_error", "No such file"],
];

/** What the host or the compiler serves, and relations. */
export const refused = [
  ...["walk", "http.send", "net.lookup_ip_addr", "trace", "internal.print", "print", "internal.test_case"],
  ...["rego.metadata.chain", "rego.metadata.rule"],
  // the compiler turns them into other instructions: topdown has no functions for them
  ...["assign", "eq"],
];

/** No value in the syntax that modules write. */
export const garbage = [
  ...["", " ", "[", "]", "[1", "[1,]", "[,1]", "[1 2]", "[1]]", "[1] x", "{1}", "null", '"a"', "[undefined]"],
  ...["[set(]", "[set( )]", "[{1,}]", "[{:1}]", "[{1:}]", "[{1:2,}]", "[{1:2,3}]", "[{1,2:3}]", "[{1 2}]"],
  ...["[01]", "[1.]", "[.5]", "[-]", "[+1]", "[1e]", "[0x1]", "[NaN]", "[Infinity]", "[1_0]", "[١]"],
  ...['["]', '["\\"]', '["\\x00"]', '["\\u12"]', '["\\u00g0"]', '["\n"]', '["\u0000"]', "['a']", "[`a`]"],
  ...["[\u00a01]", "[//\n1]", "[data.x]", "[[x | x := 1]]", "[input]", "[true false]", "[nul]", "[TRUE]"],
];

const many = (count: number, of: string): string => Array.from({ length: count }, () => of).join(",");

/** What would run long, or take much memory. */
export const attacks: readonly (readonly [label: string, name: string, args: () => string])[] = [
  ["a long range", "numbers.range", () => "[0, 1000000]"],
  ["an endless range", "numbers.range", () => "[0, 1000000000000000000000]"],
  ["a range to a number of a million digits", "numbers.range_step", () => "[0, 1e1000000, 1]"],
  ["a network of 16 million addresses", "net.cidr_expand", () => '["10.0.0.0/8"]'],
  ["a network of a million", "net.cidr_expand", () => '["10.0.0.0/12"]'],
  [
    "a pattern with counted repetitions on a long text",
    "regex.replace",
    () => JSON.stringify(["a".repeat(1 << 20), "(x+x+)+y|(a{0,500}){0,2}b", "c"]),
  ],
  [
    "many patches at the head of a list",
    "json.patch",
    () => `[[], [${many(20_000, '{"op": "add", "path": "/0", "value": 1}')}]]`,
  ],
  [
    "a text that multiplies",
    "replace",
    () => JSON.stringify(["a".repeat(1 << 16), "a", "b".repeat(1 << 16)]),
  ],
  ["a number of a million digits", "format_int", () => "[1e1000000, 10]"],
  ["a product of such numbers", "mul", () => "[1e100000000, 3]"],
  ["a shift by ten thousand millions", "bits.lsh", () => "[1, 10000000000]"],
  [
    "a template of nested loops",
    "strings.render_template",
    () =>
      `["${"{{ range .a }}{{ with $ }}".repeat(4)}x${"{{ end }}{{ end }}".repeat(4)}", {"a": [${many(1000, "1")}]}]`,
  ],
  [
    "all paths of a complete graph",
    "graph.reachable_paths",
    () => {
      const nodes = Array.from({ length: 14 }, (_, i) => `n${i}`);
      return JSON.stringify([Object.fromEntries(nodes.map((node) => [node, nodes])), ["n0"]]);
    },
  ],
  [
    "a key of 1.2 million bits",
    "io.jwt.verify_rs256",
    () =>
      JSON.stringify([
        `e30.e30.${"A".repeat(10_000)}`,
        JSON.stringify({ kty: "RSA", e: "AQAB", n: "_".repeat(200_000) }),
      ]),
  ],
  ["arguments of 17 MB", "count", () => JSON.stringify(["x".repeat(17 << 20)])],
];
