/** Documents: which are taken, which of their operations are, and what is made of their schemas. */
import { describe, expect, test } from "@jest/globals";
import { buildRequest } from "../../../../gateway/tools/openapi/build-request.js";
import { createBundle } from "../../../../gateway/tools/openapi/bundle.js";
import { createChecks } from "../../../../gateway/tools/openapi/check.js";
import { parseDocument } from "../../../../gateway/tools/openapi/parse-document.js";
import { createReadApi } from "../../../../gateway/tools/openapi/read-api.js";
import { matchTemplate, mostConcrete, readTemplate } from "../../../../gateway/tools/openapi/template.js";
import type { JsonObject } from "../../../../sidecar/contract.js";
import { document30 } from "./documents.js";

type Doc = Record<string, unknown>;
const ok = { "200": { description: "ok" } };
const doc = (paths: unknown, more: Doc = {}): Doc => ({
  openapi: "3.1.0",
  info: { title: "t", version: "1" },
  paths,
  ...more,
});
const get = (more: Doc = {}, id = "one"): Doc => ({ get: { operationId: id, responses: ok, ...more } });
const parameter = (more: Doc): Doc => ({
  parameters: [{ name: "a", in: "query", schema: { type: "string" }, ...more }],
});
const post = (content: Doc): Doc => ({
  post: { operationId: "one", responses: ok, requestBody: { content } },
});
const readApi = createReadApi();
const never = (): never => {
  throw new Error("it isn't there");
};
const load = (document: unknown, operations: readonly string[] = ["*"]) =>
  readApi({ text: typeof document === "string" ? document : JSON.stringify(document), operations });

describe("a document is refused that", () => {
  const laughs = `a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 8 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(",")}]`).join("\n")}\n`;
  test.each<[string, unknown, RegExp]>([
    ["isn't JSON or YAML", "{", /neither JSON nor YAML/],
    ["says a key twice", '{"openapi":"3.1.0","openapi":"3.1.0"}', /key twice/],
    ["says a key twice in YAML", "openapi: 3.1.0\nopenapi: 3.1.0\n", /key twice/],
    ["grows when it is written out", laughs, /more than 2000000 values/],
    ["holds itself", "a: &a\n  b: *a\n", /deeper|neither/],
    ["runs code", "a: !!js/function 'function () {}'\n", /neither/],
    ["is a list", "- 1\n", /isn't an object/],
    ["is of version 2", { swagger: "2.0", info: { title: "t", version: "1" }, paths: {} }, /3\.0 or 3\.1/],
    ["is of a version to come", doc({}, { openapi: "3.9.0" }), /3\.0 or 3\.1/],
    ["isn't valid", doc({ "/a": { get: { responses: { "200": {} } } } }), /isn't valid OpenAPI at/],
    ["refers to a file", doc({ "/a": get({ parameters: [{ $ref: "/etc/passwd" }] }) }), /leads out/],
    ["refers to a file beside", doc({ "/a": get({ parameters: [{ $ref: "other.json#/a" }] }) }), /leads out/],
    [
      "refers to an address",
      doc({ "/a": get(parameter({ schema: { $ref: "http://169.254.169.254/latest" } })) }),
      /leads out/,
    ],
    [
      "refers to an address where nobody looks",
      doc({ "/a": get() }, { components: { schemas: { S: { $ref: "https://x.example/s" } } } }),
      /leads out/,
    ],
    [
      "refers to nothing",
      doc({ "/a": get({ parameters: [{ $ref: "#/components/parameters/none" }] }) }),
      /valid|nowhere/,
    ],
    ["has two operations of one name", doc({ "/a": get(), "/b": get() }), /two operations are called one/],
    [
      "has two operations of one tool",
      doc({ "/a": get({}, "a.b"), "/b": get({}, "a_b") }),
      /would be the tool a_b/,
    ],
    [
      "has two paths that are one",
      doc({ "/a/{x}": get(), "/a/{y}": get({}, "two") }),
      /two paths are the same/,
    ],
    ["has dot segments in a path", doc({ "/a/../b": get() }), /two ways/],
    ["has a query in a path", doc({ "/a?b=c": get() }), /two ways/],
  ])("%s", async (_name, document, why) => {
    await expect(load(document)).rejects.toThrow(why);
  });

  test("lacks an operation that is listed, or can't have it offered", async () => {
    await expect(load(document30, ["none"])).rejects.toThrow("there is no operation none");
    await expect(load(document30, ["upload"])).rejects.toThrow(/upload: its body is neither JSON nor a form/);
  });
});

describe("an operation is left out, with a word on it, that", () => {
  const cookie = parameter({ in: "cookie", required: true });
  test.each<[string, Doc, RegExp]>([
    ["has two parameters in one segment of its path", { "/a/{b}.{c}": get() }, /one segment/],
    ["takes files", { "/a": post({ "multipart/form-data": {} }) }, /neither JSON nor a form/],
    ["takes bytes", { "/a": post({ "application/octet-stream": {} }) }, /neither JSON nor a form/],
    [
      "takes a form within a form",
      {
        "/a": post({
          "application/x-www-form-urlencoded": {
            schema: {
              type: "object",
              properties: { a: { type: "object", properties: { b: { type: "object", properties: {} } } } },
            },
          },
        }),
      },
      /object/,
    ],
    ["needs a cookie", { "/a": get(cookie) }, /cookie/],
    [
      "needs a header of the connection's",
      { "/a": get(parameter({ in: "header", name: "Transfer-Encoding", required: true })) },
      /header/,
    ],
    [
      "needs a method override",
      { "/a": get(parameter({ in: "header", name: "X-HTTP-Method-Override", required: true })) },
      /header/,
    ],
    ["has a parameter of the prototype's name", { "/a": get(parameter({ name: "__proto__" })) }, /name/],
    ["has a parameter that ends another", { "/a": get(parameter({ name: "a&b" })) }, /name/],
    [
      "has a matrix in its path",
      { "/a/{a}": get(parameter({ in: "path", required: true, style: "matrix" })) },
      /style/,
    ],
    [
      "has an object spread over the query",
      { "/a": get(parameter({ schema: { type: "object", properties: { x: { type: "string" } } } })) },
      /style/,
    ],
    [
      "has a list of lists",
      { "/a": get(parameter({ schema: { type: "array", items: { type: "array", items: {} } } })) },
      /list of lists/,
    ],
    [
      "has a parameter of two kinds",
      { "/a": get(parameter({ schema: { type: ["string", "array"] } })) },
      /list or something else/,
    ],
    ["has a path parameter that isn't declared", { "/a/{b}": get() }, /path's parameters/],
    [
      "has a schema with a name of its own",
      { "/a": get(parameter({ schema: { $id: "https://x.example/s", type: "string" } })) },
      /\$id/,
    ],
    [
      "has a schema of a moving reference",
      { "/a": get(parameter({ schema: { type: "string", $dynamicAnchor: "x" } })) },
      /\$dynamicAnchor/,
    ],
    [
      "has a schema of another dialect",
      { "/a": get(parameter({ schema: { $schema: "http://json-schema.org/draft-04/schema#" } })) },
      /dialect/,
    ],
    [
      "has a pattern that isn't one",
      { "/a": get(parameter({ schema: { type: "string", pattern: "(" } })) },
      /pattern/,
    ],
    [
      "has a schema that names the prototype",
      {
        "/a": post({
          "application/json": { schema: JSON.parse('{"properties":{"__proto__":{}}}') as unknown },
        }),
      },
      /__proto__/,
    ],
    [
      "has references that go round",
      { "/a": get(parameter({ schema: { $ref: "#/components/schemas/A" } })) },
      /circle/,
    ],
  ])("%s", async (_name, paths, why) => {
    const api = await load(
      doc(
        { ...paths, "/other": get({}, "other") },
        {
          components: {
            schemas: { A: { $ref: "#/components/schemas/B" }, B: { $ref: "#/components/schemas/A" } },
          },
        },
      ),
    );
    expect([...api.tools.keys()]).toEqual(["other"]);
    expect(api.leftOut).toHaveLength(1);
    expect(api.leftOut[0]?.why).toMatch(why);
  });
});

test("an operation without a name is called by its method and path", async () => {
  const api = await load(
    doc({
      "/a/{b}/c.d": {
        get: { responses: ok, parameters: [{ name: "b", in: "path", required: true, schema: {} }] },
      },
      "/": { post: { responses: ok } },
    }),
  );
  expect([...api.tools.keys()]).toEqual(["get_a_b_c_d", "post"]);
});

test("long names are told apart", async () => {
  const long = "a".repeat(70);
  const names = [...(await load(doc({ "/a": get({}, `${long}1`), "/b": get({}, `${long}2`) }))).tools.keys()];
  expect(names.map((name) => name.length)).toEqual([64, 64]);
  expect(new Set(names).size).toBe(2);
});

test("paths that differ in their parameters' names only are one, with the methods of both", async () => {
  const one = (name: string, method: string, id: string) => ({
    [method]: {
      operationId: id,
      responses: ok,
      parameters: [{ name, in: "path", required: true, schema: {} }],
    },
  });
  const api = await load(doc({ "/a/{x}": one("x", "get", "read"), "/a/{y}": one("y", "delete", "remove") }));
  expect(api.paths).toHaveLength(1);
  expect([...api.tools.keys()]).toEqual(["read", "remove"]);
  expect(buildRequest(api, api.tools.get("remove") ?? never(), { y: "1" })).toMatchObject({
    method: "DELETE",
    path: "/a/1",
  });
});

test("nothing is offered that isn't listed", async () => {
  expect([...(await load(document30, ["get*", "files.read"])).tools.keys()]).toEqual([
    "getPet",
    "files_read",
  ]);
});

test("parameters of one name in two places are told apart", async () => {
  const both = [
    { name: "a", in: "path", required: true, schema: { type: "string" } },
    { name: "a", in: "query", schema: {} },
  ];
  const { tools } = await load(
    doc({ "/x/{a}": get({ parameters: [...both, { name: "$top", in: "query", schema: {} }] }) }),
  );
  const { inputSchema } = (tools.get("one")?.definition ?? {}) as { inputSchema?: { properties: object } };
  expect(Object.keys(inputSchema?.properties ?? {})).toEqual(["path_a", "query_a", "_top"]);
});

describe("schemas", () => {
  const bundled = (
    version: "3.0" | "3.1",
    schema: unknown,
    schemas: Doc = {},
    direction: "request" | "response" = "request",
  ) => {
    const document = parseDocument(JSON.stringify({ components: { schemas } }));
    const bundle = createBundle({ document, version, direction });
    const out = bundle.add(
      parseDocument(JSON.stringify({ schema }))["schema"],
      direction === "request" ? "closed" : "open",
    );
    return JSON.parse(
      JSON.stringify({ ...out, ...(Object.keys(bundle.defs).length === 0 ? {} : { $defs: bundle.defs }) }),
    ) as JsonObject;
  };
  const node = { type: "object", properties: { next: { $ref: "#/components/schemas/Node" } } };
  test.each<[string, "3.0" | "3.1", unknown, Doc, unknown]>([
    ["3.0: null", "3.0", { type: "string", nullable: true }, {}, { type: ["string", "null"] }],
    [
      "3.0: exclusive limits",
      "3.0",
      { type: "number", minimum: 1, exclusiveMinimum: true, maximum: 2, exclusiveMaximum: false },
      {},
      { type: "number", exclusiveMinimum: 1, maximum: 2 },
    ],
    [
      "3.0: nothing counts beside a reference",
      "3.0",
      { $ref: "#/components/schemas/S", maxLength: 1 },
      { S: { type: "string" } },
      { $ref: "#/$defs/S", $defs: { S: { type: "string" } } },
    ],
    [
      "3.1: what stands beside a reference counts",
      "3.1",
      { $ref: "#/components/schemas/S", maxLength: 1 },
      { S: { type: "string" } },
      { $ref: "#/$defs/S.part", maxLength: 1, $defs: { "S.part": { type: "string" } } },
    ],
    [
      "words that say nothing",
      "3.1",
      { type: "string", example: 1, xml: {}, discriminator: {}, "x-a": 1, contentSchema: {} },
      {},
      { type: "string" },
    ],
    [
      "a cycle",
      "3.1",
      { $ref: "#/components/schemas/Node" },
      { Node: node },
      {
        $ref: "#/$defs/Node",
        $defs: {
          Node: { ...node, properties: { next: { $ref: "#/$defs/Node" } }, additionalProperties: false },
        },
      },
    ],
    [
      "members that are stated to be open",
      "3.1",
      { type: "object", properties: {}, additionalProperties: true },
      {},
      { type: "object", properties: {}, additionalProperties: {} },
    ],
    ["an object without properties", "3.1", { type: "object" }, {}, { type: "object" }],
    [
      "several together",
      "3.1",
      { allOf: [{ $ref: "#/components/schemas/A" }, { properties: { b: {} } }] },
      { A: { properties: { a: {} } } },
      {
        allOf: [{ $ref: "#/$defs/A.part" }, { properties: { b: {} } }],
        unevaluatedProperties: false,
        $defs: { "A.part": { properties: { a: {} } } },
      },
    ],
    [
      "what is refused is refused as widely",
      "3.1",
      { not: { properties: { a: { properties: { b: {} } } } } },
      {},
      { not: { properties: { a: { properties: { b: {} } } } } },
    ],
    [
      "formats",
      "3.1",
      { type: "integer", format: "int32" },
      {},
      { type: "integer", format: "int32", minimum: -2147483648, maximum: 2147483647 },
    ],
    [
      "members for answers only",
      "3.1",
      { properties: { id: { type: "string", readOnly: true }, a: {} }, required: ["id", "a"] },
      {},
      { properties: { a: {} }, required: ["a"], additionalProperties: false },
    ],
  ])("%s", (_name, version, schema, schemas, expected) => {
    expect(bundled(version, schema, schemas)).toEqual(expected);
  });

  test("of answers are open, and without what only requests hold", () => {
    const schema = {
      properties: { secret: { type: "string", writeOnly: true }, a: {} },
      required: ["secret"],
    };
    expect(bundled("3.1", schema, {}, "response")).toEqual({ properties: { a: {} }, required: [] });
  });

  test.each([
    ["that backtracks", "^(?!x)(a+)+$"],
    ["that backtracks, in a name", { "^(?!x)(a+)+$": { type: "string" } }],
  ])("with a pattern %s are checked within bounds", (_name, slow) => {
    const schema =
      typeof slow === "string"
        ? { type: "string", pattern: slow }
        : { type: "object", patternProperties: slow };
    const check = createChecks()(schema as JsonObject);
    const hostile = `${"a".repeat(64)}!`;
    expect(check(typeof slow === "string" ? hostile : { [hostile]: "" })).toContain("too long");
    expect(check(typeof slow === "string" ? "aaa" : { aaa: "" })).toBeUndefined();
  });

  test("that are too large are none", () => {
    const choices = Array.from({ length: 50_001 }, (_, i) => i);
    expect(() => bundled("3.1", { enum: choices })).toThrow(/too large/);
  });
});

describe("a path is", () => {
  const templates = [
    "/a/{x}",
    "/a/b",
    "/m/{x}",
    "/m/{x}-{y}",
    "/{y}/b",
    "/a/{x}.json",
    "/a/{x}/c",
    "/a/b/{z}",
  ].map((text) => ({
    template: readTemplate(text),
  }));
  const find = (path: string): string | undefined => {
    const matching = templates.filter(
      ({ template }) => matchTemplate(template, path.slice(1).split("/")) !== undefined,
    );
    return mostConcrete(matching)?.template.text;
  };
  test.each([
    ["the concrete one's", "/a/b", "/a/b"],
    ["the templated one's", "/a/q", "/a/{x}"],
    ["the more concrete template's", "/a/q.json", "/a/{x}.json"],
    ["nobody's, where two could have it", "/a/b/c", undefined],
    ["nobody's, where an end is all there is", "/a/.json", "/a/{x}"],
    ["another one's", "/q/b", "/{y}/b"],
    ["that of two parameters in one segment", "/m/1-2", "/m/{x}-{y}"],
    ["not that", "/m/12", "/m/{x}"],
    ["none", "/q/q", undefined],
  ])("%s: %s", (_name, path, template) => {
    expect(find(path)).toBe(template);
  });
});
