/** Requests in order and their answers: `TestDataV1` of OPA's server, and what it leaves out. */
export interface Step {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  /** Compared as JSON where given; `decision_id` is left out. */
  readonly answer?: unknown;
}

const step = (method: string, path: string, body: string, status: number, answer?: unknown): Step => ({
  method,
  path: `/v1${path}`,
  status,
  ...(body === "" ? {} : { body }),
  ...(answer === undefined ? {} : { answer }),
});
const get = (path: string, answer: unknown): Step => step("GET", path, "", 200, answer);
const put = (path: string, body: string, status = 204, answer?: unknown): Step =>
  step("PUT", path, body, status, answer);
const patch = (path: string, body: unknown, status = 204, answer?: unknown): Step =>
  step("PATCH", path, typeof body === "string" ? body : JSON.stringify(body), status, answer);
const remove = (path: string, status: number, answer?: unknown): Step =>
  step("DELETE", path, "", status, answer);
const policy = (id: string, text: string, status = 200, answer?: unknown): Step =>
  step("PUT", `/policies/${id}`, text, status, answer ?? (status === 200 ? {} : undefined));

/** Not compared. */
export const anything = "<anything>";
/** Compared in part. */
export const containing = (text: string): string => `<containing>${text}`;

const nothing = {
  warning: {
    code: "api_usage_warning",
    message: "nothing can be here: no rule, no package and no data at this path",
  },
};
const noInput = {
  warning: { code: "api_usage_warning", message: "'input' key missing from the request" },
};

const testMod1 = `package testmod

import input.req1
import input.req2 as reqx
import input.req3.attr1

p contains x if { q[x]; not r[x] }
q contains x if { data.x.y[i] = x }
r contains x if { data.x.z[i] = x }
g = true if { req1.a[0] = 1; reqx.b[i] = 1 }
h = true if { attr1[i] > 1 }
gt1 = true if { req1 > 1 }
arr = [1, 2, 3, 4] if { true }
undef = true if { false }`;

const testMod2 = `package testmod

p = [1, 2, 3, 4] if { true }
q = {"a": 1, "b": 2} if { true }`;

export const opaCases: Readonly<Record<string, readonly Step[]>> = {
  "add root": [
    patch("/data/x", [{ op: "add", path: "/", value: { a: 1 } }]),
    get("/data/x/a", { result: 1 }),
  ],
  "append array": [
    patch("/data/x", [{ op: "add", path: "/", value: [] }]),
    patch("/data/x", [{ op: "add", path: "-", value: { a: 1 } }]),
    patch("/data/x", [{ op: "add", path: "-", value: { a: 2 } }]),
    get("/data/x/0/a", { result: 1 }),
    get("/data/x/1/a", { result: 2 }),
  ],
  "append array one-shot": [
    patch("/data/x", [
      { op: "add", path: "/", value: [] },
      { op: "add", path: "-", value: { a: 1 } },
      { op: "add", path: "-", value: { a: 2 } },
    ]),
    get("/data/x/1/a", { result: 2 }),
  ],
  "insert array": [
    patch("/data/x", [{ op: "add", path: "/", value: { y: [{ z: [1, 2, 3] }, { z: [4, 5, 6] }] } }]),
    get("/data/x/y/1/z/2", { result: 6 }),
    patch("/data/x/y/1", [{ op: "add", path: "/z/1", value: 100 }]),
    get("/data/x/y/1/z", { result: [4, 100, 5, 6] }),
  ],
  "patch root": [
    patch("/data", [{ op: "add", path: "/", value: { a: 1, b: 2 } }]),
    get("/data", { result: { a: 1, b: 2 } }),
  ],
  "patch root invalid": [
    patch("/data", [{ op: "add", path: "/", value: [1, 2, 3] }], 400, {
      code: "invalid_parameter",
      message: "storage_invalid_patch_error: root must be object",
    }),
  ],
  "patch invalid": [
    patch("/data", [{ op: "remove", path: "/" }], 400, {
      code: "invalid_parameter",
      message: "storage_invalid_patch_error: root cannot be removed",
    }),
  ],
  "patch abort": [
    patch(
      "/data",
      [
        { op: "add", path: "/foo", value: "hello" },
        { op: "add", path: "/bar", value: "world" },
        { op: "add", path: "/foo/bad", value: "deadbeef" },
      ],
      404,
      { code: "resource_not_found", message: "storage_not_found_error: document does not exist" },
    ),
    get("/data", { result: {} }),
  ],
  "put root": [put("/data", '{"foo": [1,2,3]}'), get("/data", { result: { foo: [1, 2, 3] } })],
  "put deep makedir": [put("/data/a/b/c/d", "1"), get("/data/a/b/c", { result: { d: 1 } })],
  "put deep makedir partial": [
    put("/data/a/b", "{}"),
    put("/data/a/b/c/d", "0"),
    get("/data/a/b/c", { result: { d: 0 } }),
  ],
  "put exists overwrite": [
    put("/data/a/b/c", '"hello"'),
    put("/data/a/b", '"goodbye"'),
    get("/data/a", { result: { b: "goodbye" } }),
  ],
  "put base write conflict": [
    put("/data/a/b", "[1,2,3,4]"),
    put("/data/a/b/c/d", "0", 404, {
      code: "resource_conflict",
      message: "storage_write_conflict_error: /a/b",
    }),
  ],
  "put base/virtual conflict": [
    policy("testmod", "package x.y\np = 1\nq = 2"),
    put("/data/x", '{"y": {"p": "xxx"}}', 400, {
      code: "invalid_parameter",
      message: containing("1 error occurred: rego_compile_error: conflicting rule for data path x/y/p found"),
    }),
    put("/data/x/y", '{"p": "xxx"}', 400),
    put("/data/x/y/p", '"xxx"', 400),
    put("/data/x/y/p/a", "1", 400),
    remove("/policies/testmod", 200, {}),
    put("/data/x/y/p/a", "1"),
    policy("testmod", "package x.y\np = 1\nq = 2", 400, {
      code: "invalid_parameter",
      message: "error(s) occurred while compiling module(s)",
      errors: [
        {
          code: "rego_compile_error",
          message: "conflicting rule for data path x/y/p found",
          location: { file: "testmod", row: 2, col: 1 },
        },
      ],
    }),
  ],
  "get virtual": [
    policy("test", testMod1),
    patch("/data/x", [{ op: "add", path: "/", value: { y: [1, 2, 3, 4], z: [3, 4, 5, 6] } }]),
    get("/data/testmod/p", { result: [1, 2] }),
  ],
  "get with input": [
    policy("test", testMod1),
    get(
      "/data/testmod/g?input=%7B%22req1%22%3A%7B%22a%22%3A%5B1%5D%7D%2C+%22req2%22%3A%7B%22b%22%3A%5B0%2C1%5D%7D%7D",
      { result: true },
    ),
    get("/data/testmod/g?input=%7B%22req1%22%3A%7B%22a%22%3A%5B1%5D%7D%7D", {}),
    get("/data/testmod/h?input=%7B%22req3%22%3A%7B%22attr1%22%3A%5B4%2C3%2C2%2C1%5D%7D%7D", { result: true }),
    get('/data/testmod/gt1?input={"req1":2}', { result: true }),
    step("POST", "/data/testmod/gt1", '{"input": {"req1": 2}}', 200, { result: true }),
  ],
  "get with input (bad format)": [
    step("GET", "/data/deadbeef?input", "", 400),
    step("GET", "/data/deadbeef?input=", "", 400),
    step("GET", '/data/deadbeef?input="foo', "", 400),
    step("POST", "/data/deadbeef", '{"input": @}', 400),
  ],
  "get empty and undefined": [
    policy("test", testMod1),
    policy("test2", "package testmod.empty.mod"),
    policy("test3", "package testmod.all.undefined\np = true if { false }"),
    get("/data/testmod/undef", {}),
    get("/data/doesnot/exist", nothing),
    get("/data/testmod/empty/mod", { result: {} }),
    get("/data/testmod/all/undefined", { result: {} }),
  ],
  "get root": [
    policy("test", testMod2),
    patch("/data/x", [{ op: "add", path: "/", value: [1, 2, 3, 4] }]),
    get("/data", { result: { testmod: { p: [1, 2, 3, 4], q: { a: 1, b: 2 } }, x: [1, 2, 3, 4] } }),
  ],
  "post root": [
    step("POST", "/data", "", 200, { result: {}, ...noInput }),
    policy("test", testMod2),
    step("POST", "/data", "", 200, {
      result: { testmod: { p: [1, 2, 3, 4], q: { a: 1, b: 2 } } },
      ...noInput,
    }),
    step("POST", "/data", '{"input": {}}', 200, {
      result: { testmod: { p: [1, 2, 3, 4], q: { a: 1, b: 2 } } },
    }),
  ],
  "delete and check": [
    remove("/data/a/b", 404, {
      code: "resource_not_found",
      message: "storage_not_found_error: document does not exist",
    }),
    put("/data/a/b/c/d", "1"),
    get("/data/a/b/c", { result: { d: 1 } }),
    remove("/data/a/b", 204),
    get("/data/a/b/c/d", nothing),
    get("/data/a", { result: {} }),
    get("/data/a/b/c", nothing),
  ],
  "escaped paths": [
    put("/data/a%2Fb", '{"c/d": 1}'),
    get("/data", { result: { "a/b": { "c/d": 1 } } }),
    get("/data/a%2Fb/c%2Fd", { result: 1 }),
    get("/data/a/b", nothing),
    step("POST", "/data/a%2Fb/c%2Fd", "", 200, { result: 1, ...noInput }),
    patch("/data/a%2Fb", [{ op: "add", path: "/e%2Ff", value: 2 }]),
    put("/data/%31/data", "1"),
    get("/data/1", { result: { data: 1 } }),
    step("POST", "/data", "", 200, {
      result: { "1": { data: 1 }, "a/b": { "c/d": 1, "e/f": 2 } },
      ...noInput,
    }),
  ],
  "evaluation conflict": [
    policy("test", "package testmod\n\np = true if { true }\np = false if { true }"),
    step("POST", "/data/testmod/p", "", 500, {
      code: "internal_error",
      message: "error(s) occurred while evaluating query",
      errors: [
        {
          code: "eval_conflict_error",
          message: "complete rules must not produce multiple outputs",
          location: { file: "test", row: 4, col: 1 },
        },
      ],
    }),
  ],
  "strict-builtin-errors": [
    policy("test", "package test\n\ndefault p = false\n\np if { 1/0 }\n"),
    get("/data/test/p", { result: false }),
    step("GET", "/data/test/p?strict-builtin-errors", "", 500, {
      code: "internal_error",
      message: "error(s) occurred while evaluating query",
      errors: [{ code: "eval_builtin_error", message: containing("divide by zero") }],
    }),
    step("POST", "/data/test/p", '{"input": 1}', 200, { result: false }),
    step("POST", "/data/test/p?strict-builtin-errors=true", '{"input": 1}', 500, {
      code: "internal_error",
      message: "error(s) occurred while evaluating query",
      errors: [{ code: "eval_builtin_error", message: containing("divide by zero") }],
    }),
    step("POST", "/data/test/p?strict-builtin-errors=false", '{"input": 1}', 200, { result: false }),
    get("/data/test/p", { result: false }),
  ],
};

export const moreCases: Readonly<Record<string, readonly Step[]>> = {
  "if-none-match": [
    { ...put("/data/us/one", "1"), headers: { "if-none-match": "*" } },
    { ...put("/data/us/one", "2", 304), headers: { "if-none-match": "*" } },
    get("/data/us", { result: { one: 1 } }),
    { ...put("/data", "{}", 304), headers: { "if-none-match": "*" } },
  ],
  "digits and keys stay": [
    put("/data/n", '{"big":9007199254740993,"tiny":1e-400,"d":1.10,"__proto__":{"x":1},"é ü":"\\u0000"}'),
    patch("/data/n", '[{"op":"add","path":"/more","value":123456789012345678901234567890}]'),
    { method: "GET", path: "/v1/data/n/big", status: 200, answer: "9007199254740993" },
    { method: "GET", path: "/v1/data/n/tiny", status: 200, answer: "1e-400" },
    { method: "GET", path: "/v1/data/n/more", status: 200, answer: "123456789012345678901234567890" },
    { method: "GET", path: "/v1/data/n/d", status: 200, answer: "1.10" },
    get("/data/n/__proto__/x", { result: 1 }),
    get("/data/n/%C3%A9%20%C3%BC", { result: "\u0000" }),
    get("/data/n/toString", nothing),
  ],
  "malformed bodies change nothing": [
    put("/data/a", "1"),
    put("/data/a", '{"x":1,"x":2}', 400, {
      code: "invalid_parameter",
      message: "body contains malformed JSON: the same key twice in one object at offset 7",
    }),
    put("/data/a", "", 400),
    put("/data/a", '"\\udc00"', 400),
    put("/data/a", "[".repeat(200), 400),
    put("/data/a%zz", "1", 400, { code: "invalid_parameter", message: "bad path: a%zz" }),
    patch("/data/a", "{}", 400),
    patch("/data/a", "[1]", 400),
    patch("/data/a", [{ op: "move", from: "/a", path: "/b" }], 400, {
      code: "invalid_parameter",
      message: "bad patch operation: move",
    }),
    patch("/data/a", [{ op: "add", path: "/%zz", value: 1 }], 400, {
      code: "invalid_parameter",
      message: "bad patch path: /%zz",
    }),
    patch("/data", [{ op: "add", path: "/a" }], 400),
    patch("/data", new Array(10_001).fill({ op: "add", path: "/a", value: 1 }), 400),
    put(`/data${"/a".repeat(129)}`, "1", 400),
    get("/data", { result: { a: 1 } }),
  ],
  "json pointer": [
    put("/data/p", "{}"),
    patch("/data/p", [
      { op: "add", path: "/a~1b", value: 1 },
      { op: "add", path: "/m~0n", value: 2 },
      { op: "add", path: "/m~01", value: 3 },
      { op: "add", path: "//x", value: 4 },
    ]),
    get("/data/p", { result: { "a/b": 1, "m~n": 2, "m~1": 3, x: 4 } }),
  ],
  arrays: [
    put("/data/l", "[0,1,2]"),
    patch("/data/l", [{ op: "replace", path: "/1", value: "one" }]),
    patch("/data/l", [{ op: "remove", path: "/0" }]),
    patch("/data/l", [{ op: "add", path: "/2", value: 3 }]),
    get("/data/l", { result: ["one", 2, 3] }),
    put("/data/l/0", '"inserted"'),
    get("/data/l", { result: ["inserted", "one", 2, 3] }),
    patch("/data/l", [{ op: "remove", path: "/4" }], 400, {
      code: "invalid_parameter",
      message: "storage_invalid_patch_error: /l/4: invalid patch path",
    }),
    patch("/data/l", [{ op: "remove", path: "/9" }], 404, {
      code: "resource_not_found",
      message: "storage_not_found_error: /l/9: array index out of range",
    }),
    patch("/data/l", [{ op: "replace", path: "/x", value: 0 }], 404, {
      code: "resource_not_found",
      message: "storage_not_found_error: /l/x: array index must be integer",
    }),
    remove("/data/l/0", 204),
    put("/data/l/9/x", "1", 404),
    get("/data/l", { result: ["one", 2, 3] }),
  ],
  policies: [
    get("/policies", { result: [] }),
    policy("b/c.rego", "package b\nx := 1"),
    policy("a", "package a\ny := data.b.x"),
    get("/policies", {
      result: [
        { id: "a", raw: "package a\ny := data.b.x" },
        { id: "b/c.rego", raw: "package b\nx := 1" },
      ],
    }),
    get("/policies/b/c.rego", { result: { id: "b/c.rego", raw: "package b\nx := 1" } }),
    get("/data/a/y", { result: 1 }),
    policy("a", "package a\ny := data.b.x"),
    policy("a", "package a\ny := ", 400),
    policy("a", "package a\ny := z", 400, {
      code: "invalid_parameter",
      message: "error(s) occurred while compiling module(s)",
      errors: [
        {
          code: "rego_unsafe_var_error",
          message: "var z is unsafe",
          location: { file: "a", row: 2, col: 6 },
        },
      ],
    }),
    policy("other_test", "package c\nz := undefined_function(1)", 400),
    policy("empty", "", 400),
    policy("bytes", "package d\nx := 1", 200),
    remove("/policies/bytes", 200, {}),
    get("/data/d/x", nothing),
    get("/data/a/y", { result: 1 }),
    step("GET", "/policies/none", "", 404, {
      code: "resource_not_found",
      message: 'storage_not_found_error: policy id "none"',
    }),
    remove("/policies/none", 404),
    step("PUT", "/policies/", "package x", 405),
    step("POST", "/policies/x", "package x", 405),
  ],
  "a deleted policy that others need": [
    policy("lib", "package lib\nf(x) := x + 1"),
    policy("main", "package main\ny := data.lib.f(1)"),
    step("DELETE", "/policies/lib", "", 400, {
      code: "invalid_operation",
      message: "error(s) occurred while compiling module(s)",
      errors: [
        {
          code: "rego_type_error",
          message: "undefined function data.lib.f",
          location: { file: "main", row: 2, col: 6 },
        },
      ],
    }),
    get("/data/main/y", { result: 2 }),
  ],
  "what the toolchain keeps for itself": [
    put("/data/countersign_index/x", "1", 400),
    put("/data", '{"countersign_index":{}}', 400),
    patch("/data", [{ op: "add", path: "/countersign_index", value: 1 }], 400),
    policy("x", "package countersign_index\nx := 1", 400),
  ],
  metrics: [
    step("PUT", "/data/a?metrics", "1", 200, { metrics: { timer_server_handler_ns: anything } }),
    step("PUT", "/data/a?metrics=false", "1", 204),
  ],
};
