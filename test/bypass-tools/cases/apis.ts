/** Operations of an API, by HTTP and as tools. */
import type { Attack, Expected, Send, Topic } from "../attack.js";
import { calls, opens } from "../attack.js";

const asked = (verb: string, path: string, body = ""): Expected => ({
  ...{ server: "pets", body, line: `${verb} /pets/v1${path} HTTP/1.1`, head: ["accept: application/json"] },
});
const send = (path: string, more: Partial<Send> = {}): Send => ({
  ...{ verb: "GET", path: `/tools/pets${path}`, status: 200, ...more },
});
const refused = (
  name: string,
  path: string,
  status: number,
  code: string,
  more: Partial<Send> = {},
): Attack => ({
  name,
  steps: [send(path, { status, code, never: ["Rex"], ...more })],
});
const wrong = (name: string, path: string, more: Partial<Send> = {}): Attack =>
  refused(name, path, 400, "invalid_arguments", more);
const odd = (name: string, path: string): Attack => refused(name, path, 400, "path_refused");
const adds = (name: string, body: string, status: number, code: string, more: Partial<Send> = {}): Attack =>
  refused(name, "/pets", status, code, { verb: "POST", body, ...more });
const answered = (
  name: string,
  answer: NonNullable<Attack["answers"]>[string][number],
  status: number,
  code: string,
  never: readonly string[] = [],
): Attack => ({
  name,
  answers: { "pets GET": [answer] },
  steps: [send("/pets/7", { status, code, never: ["Rex", ...never] })],
  upstream: [asked("GET", "/pets/7")],
});
const asTool = (
  name: string,
  tool: string,
  args: string,
  code: string,
  upstream: readonly Expected[] = [],
): Attack => ({
  name,
  steps: [
    opens("s", { path: "/mcp/pets" }),
    calls("s", tool, args, {
      path: "/mcp/pets",
      ...(code === ""
        ? { says: ["Rex"] }
        : code === "unfit"
          ? { says: ["what can't stand in a path"], never: ["Rex"] }
          : { code, never: ["Rex"] }),
    }),
  ],
  upstream,
});
const key = "server-key-of-the-gateway-7c1e";

export const apis: readonly Topic[] = [
  {
    title: "operations of an API",
    then: "read into arguments, decided, and built anew from them; what doesn't read back as itself isn't sent",
    attacks: [
      {
        name: "as it should be",
        steps: [send("/pets/7", { says: ["Rex"] })],
        upstream: [asked("GET", "/pets/7")],
      },
      {
        name: "with headers of the client's",
        steps: [
          send("/pets?limit=5", {
            says: ["Rex"],
            head: ["x-forwarded-for: canary-93f1", "traceparent: canary-93f1", "user-agent: canary-93f1"],
          }),
        ],
        upstream: [asked("GET", "/pets?limit=5")],
      },
      {
        name: "with a body",
        steps: [
          send("/pets", { verb: "POST", body: '{ "amount": 1e1, "name": "\\u0052ex" }', says: ["Rex"] }),
        ],
        upstream: [asked("POST", "/pets", '{"amount":1e1,"name":"Rex"}')],
      },
      refused("a forbidden one", "/pets/7", 403, "forbidden", { verb: "DELETE" }),
      refused("one that isn't offered", "/hidden", 404, "unknown_tool"),
      refused("one that isn't in the document", "/admin", 404, "unknown_tool"),
      refused("a verb that isn't the path's", "/pets/7", 405, "method_not_allowed", {
        verb: "PUT",
        body: "{}",
      }),
      odd("a step up", "/pets/../admin"),
      odd("a step up, encoded", "/pets/%2e%2e/admin"),
      odd("a slash within an argument", "/files/..%2f..%2fetc"),
      odd("a slash within an argument, encoded twice", "/files/a%252fb"),
      odd("a backslash within an argument", "/files/a%5cb"),
      odd("a parameter of the path's", "/pets/7;admin=1"),
      odd("a needless escape", "/pets/%37"),
      wrong("a number with a fraction", "/pets/7.0"),
      wrong("a number with a nought before it", "/pets/07"),
      wrong("a number with an exponent", "/pets/7e0"),
      wrong("a query that isn't declared", "/pets?admin=1"),
      wrong("a query twice", "/pets?limit=1&limit=2"),
      wrong("a query twice, once escaped", "/pets?limit=1&%6cimit=2"),
      wrong("another verb in a header", "/pets/7", { head: ["x-http-method-override: DELETE"] }),
      wrong("another verb in the query", "/pets/7?_method=DELETE"),
      wrong("another address in a header", "/pets/7", { head: ["x-original-url: /admin"] }),
      refused("an argument that policy forbids", "/pets?q=/etc/shadow", 403, "forbidden"),
      refused("an argument that policy forbids, encoded", "/pets?q=%2Fetc%2Fshadow", 403, "forbidden"),
      adds("a key twice", '{"name":"a","name":"b"}', 400, "duplicate_key"),
      adds("__proto__", '{"name":"a","__proto__":{"admin":true}}', 400, "invalid_arguments"),
      adds("a member that isn't declared", '{"name":"a","admin":true}', 400, "invalid_arguments"),
      adds("a body of another type", '{"name":"a"}', 415, "unsupported_media_type", { type: "text/plain" }),
      refused("a server that is none of HTTP", "/x", 404, "unknown_server", { path: "/tools/files/x" }),
      refused("a server that isn't there", "/x", 403, "forbidden", { path: "/tools/nothere/x" }),
    ],
  },
  {
    title: "answers of an API",
    then: "502 `upstream_invalid`: of the API's own nothing is given on that its document doesn't declare",
    attacks: [
      answered(
        "a redirect",
        [{ body: "", status: "302 Found", head: "location: http://127.0.0.1:1/" }],
        502,
        "upstream_invalid",
      ),
      answered("a page", [{ body: "<b>Rex</b>", type: "text/html" }], 502, "upstream_invalid"),
      answered("a key twice", [{ body: '{"name":"a","name":"Rex"}' }], 502, "upstream_invalid"),
      answered(
        "a failure with a trace",
        [{ body: '{"at":"/srv/app/index.js"}', status: "500 Oops" }],
        502,
        "upstream_invalid",
        ["/srv/app"],
      ),
      answered(
        "a refusal that the document doesn't declare",
        [{ body: '{"at":"/srv/app/index.js","note":"of the inside"}', status: "409 Conflict" }],
        409,
        "upstream_refused",
        ["/srv/app", "inside"],
      ),
      answered(
        "a 401 that quotes the credential",
        [{ body: `{"key":"${key}"}`, status: "401 Unauthorized" }],
        502,
        "upstream_invalid",
        [key],
      ),
      answered("the credential in an answer", [{ body: `{"name":"${key}"}` }], 502, "upstream_invalid", [
        key,
      ]),
      answered(
        "a secret that policy denies",
        [{ body: '{"name":"ghp_0123456789abcdefghijABCDEFGHIJ012345"}' }],
        403,
        "forbidden",
        ["ghp_"],
      ),
    ],
  },
  {
    title: "operations of an API as tools",
    then: "the same reading, the same decisions",
    attacks: [
      asTool("as it should be", "getPet", '{"petId":7}', "", [asked("GET", "/pets/7")]),
      asTool("a forbidden one", "remove", '{"petId":7}', "forbidden"),
      asTool("a step up as a number", "getPet", '{"petId":"../admin"}', "invalid_arguments"),
      asTool("a step up as a text", "findFile", '{"file":"../admin"}', "unfit"),
      asTool("a step up, encoded", "findFile", '{"file":"%2e%2e%2fadmin"}', "unfit"),
      asTool("a query within a text", "findFile", '{"file":"a?admin=1"}', "unfit"),
      asTool("an argument that isn't declared", "getPet", '{"petId":7,"admin":true}', "invalid_arguments"),
      asTool(
        "__proto__ in a body",
        "addPet",
        '{"body":{"name":"a","__proto__":{"admin":true}}}',
        "invalid_arguments",
      ),
      asTool("more than policy gives", "listPets", '{"limit":1,"amount":11}', "forbidden"),
    ],
  },
];
