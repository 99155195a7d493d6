/** Operations of an API through the gateway: decided on, sent as decided, answered. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { allow, callerToken, deny, json } from "../../world.js";
import type { Lab } from "./lab.js";
import { defaultAnswer, startLab } from "./lab.js";

let lab: Lab;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());
beforeEach(() => {
  lab.world.sidecar.decide = allow;
  lab.world.sidecar.asked.length = 0;
  lab.world.sidecar.outcomes.length = 0;
  lab.api.received.length = 0;
  lab.api.answer = defaultAnswer;
});

const jsonBody = (value: unknown) => ({
  headers: { "content-type": "application/json" },
  body: typeof value === "string" ? value : JSON.stringify(value),
});
const formBody = (body: string) => ({
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body,
});

test("an operation is decided as the call of a tool, and sent with the server's own credential only", async () => {
  const response = await lab.ask("GET", "/tools/pets/pets/7");
  expect([response.status, await response.json()]).toEqual([200, { id: 7, name: "Rex", amount: 1 }]);
  const [asked] = lab.world.sidecar.asked;
  expect(asked?.calls?.[0]).toMatchObject({
    kind: "tool",
    action: { name: "tool.call", properties: { phase: "request" } },
    resource: {
      type: "tool",
      id: "pets/getPet",
      properties: {
        server: "pets",
        tool: "getPet",
        method: "GET",
        path: "/pets/{petId}",
        arguments: { petId: 7 },
        effect: "read",
      },
    },
  });
  expect(asked?.context.request.path).toBe("/tools/pets/pets/7");
  const [received] = lab.api.received;
  expect(received).toMatchObject({ method: "GET", path: "/v1/pets/7", body: "" });
  expect(received?.headers).toMatchObject({ authorization: "Bearer api-key-of-the-pets-9d1f" });
  expect(JSON.stringify(lab.api.received)).not.toContain(callerToken);
});

describe("what is sent is what was decided", () => {
  test.each<
    [string, string, string, { headers?: Record<string, string>; body?: string }, unknown, string, string]
  >([
    [
      "a query in each style",
      "GET",
      "/tools/pets/pets?limit=5&tags=a&tags=b%20c&status=sold,free&ids=1|2&filter[name]=x&filter%5Bage%5D=1.50&exact=true",
      {},
      {
        limit: 5,
        tags: ["a", "b c"],
        status: ["sold", "free"],
        ids: [1, 2],
        filter: { name: "x" },
        exact: true,
      },
      "/v1/pets?limit=5&tags=a&tags=b%20c&status=sold,free&ids=1%7C2&filter%5Bname%5D=x&filter%5Bage%5D=1.50&exact=true",
      "",
    ],
    [
      "a query that is JSON",
      "GET",
      `/tools/pets/pets?where=${encodeURIComponent('{"a": 1}')}`,
      {},
      { where: { a: 1 } },
      "/v1/pets?where=%7B%22a%22%3A1%7D",
      "",
    ],
    [
      "a plus for a blank",
      "GET",
      "/tools/pets/pets?q=a+b%2Bc",
      {},
      { q: "a b+c" },
      "/v1/pets?q=a%20b%2Bc",
      "",
    ],
    [
      "text that looks like a number",
      "GET",
      "/tools/pets/pets?q=007",
      {},
      { q: "007" },
      "/v1/pets?q=007",
      "",
    ],
    [
      "a name with other scripts",
      "GET",
      "/tools/pets/files/na%C3%AFve%20%E6%96%87.txt",
      {},
      { name: "naïve 文" },
      "/v1/files/na%C3%AFve%20%E6%96%87.txt",
      "",
    ],
    [
      "a JSON body",
      "POST",
      "/tools/pets/pets",
      jsonBody('{ "name": "Rex", "age": 3, "chip": 9007199254740993, "note": null }'),
      { body: { name: "Rex", age: 3, note: null } },
      "/v1/pets",
      '{"name":"Rex","age":3,"chip":9007199254740993,"note":null}',
    ],
    [
      "a body within a body",
      "POST",
      "/tools/pets/pets",
      jsonBody({ name: "a", parent: { name: "b", owner: { name: "c" } } }),
      { body: { name: "a", parent: { name: "b", owner: { name: "c" } } } },
      "/v1/pets",
      '{"name":"a","parent":{"name":"b","owner":{"name":"c"}}}',
    ],
    [
      "a form",
      "POST",
      "/tools/pets/sales",
      formBody("pet=7&to=a%26b&extras=x&extras=y"),
      { body: { pet: 7, to: "a&b", extras: ["x", "y"] } },
      "/v1/sales",
      "pet=7&to=a%26b&extras=x&extras=y",
    ],
    ["no body where none is required", "PUT", "/tools/pets/pets/7", {}, { petId: 7 }, "/v1/pets/7", ""],
    ["3.1", "GET", "/tools/orders/orders/eu/AB12", {}, { region: "eu", id: "AB12" }, "/orders/eu/AB12", ""],
    [
      "3.1 with a body",
      "POST",
      "/tools/orders/orders",
      jsonBody('{"amount":0.10,"note":null,"kind":"order","pair":["a",1],"free":{"any":"thing"}}'),
      { body: { note: null, kind: "order", pair: ["a", 1], free: { any: "thing" } } },
      "/orders",
      '{"amount":0.10,"note":null,"kind":"order","pair":["a",1],"free":{"any":"thing"}}',
    ],
  ])("%s", async (_name, method, path, init, args, sentPath, sentBody) => {
    const response = await lab.ask(method, path, init);
    expect([response.status, await response.text()]).toEqual([200, '{"id":7,"name":"Rex","amount":1}']);
    expect(lab.world.sidecar.asked[0]?.calls?.[0]?.resource.properties["arguments"]).toMatchObject(
      args as object,
    );
    expect(lab.api.received).toHaveLength(1);
    expect(lab.api.received[0]).toMatchObject({ method, path: sentPath, body: sentBody });
  });

  test("a declared header, and no other", async () => {
    const headers = {
      "x-request-kind": "fast",
      cookie: "session=1",
      "user-agent": "me",
      traceparent: "00-1-1-01",
      "x-forwarded-for": "1.2.3.4",
    };
    await lab.ask("GET", "/tools/pets/pets", { headers });
    const sent = lab.api.received[0]?.headers ?? {};
    expect(Object.keys(sent).sort()).toEqual([
      "accept",
      "accept-encoding",
      "authorization",
      "connection",
      "host",
      "x-request-kind",
    ]);
    expect(sent["x-request-kind"]).toBe("fast");
  });
});

describe("answers", () => {
  test("give content and type, and none of the server's headers", async () => {
    lab.api.answer = (_req, res) => {
      res
        .writeHead(200, {
          "content-type": "application/json",
          "set-cookie": "a=b",
          "x-powered-by": "x",
          location: "/z",
        })
        .end('{"name":"a","chip":9007199254740993,"x":1.0}');
    };
    const response = await lab.ask("GET", "/tools/pets/pets/7");
    expect(await response.text()).toBe('{"name":"a","chip":9007199254740993,"x":1.0}');
    for (const name of ["set-cookie", "x-powered-by", "location"])
      expect(response.headers.has(name)).toBe(false);
    expect(response.headers.get("x-countersign-decision-id")).toMatch(/^d-/);
  });

  test("as text never run in a browser", async () => {
    lab.api.answer = (_req, res) => {
      res.writeHead(200, { "content-type": "text/html" }).end("<script>1</script>");
    };
    const response = await lab.ask("GET", "/tools/pets/files/a.txt");
    expect([response.headers.get("content-type"), response.headers.get("x-content-type-options")]).toEqual([
      "text/plain; charset=utf-8",
      "nosniff",
    ]);
  });

  test("without content", async () => {
    lab.api.answer = (_req, res) => {
      res.writeHead(204).end();
    };
    const response = await lab.ask("DELETE", "/tools/pets/pets/7");
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(lab.world.sidecar.asked[0]?.calls?.[0]?.resource.properties["effect"]).toBe("write");
  });

  test("an error that the document declares is given", async () => {
    lab.api.answer = (_req, res) => {
      json(res, { error: "no such pet" }, 404);
    };
    const response = await lab.ask("GET", "/tools/pets/pets/7");
    expect([response.status, await response.json()]).toEqual([404, { error: "no such pet" }]);
  });

  test.each<[string, number, string, string, number]>([
    ["an error that nobody declared", 409, "application/json", '{"stack":"at secret.js:1"}', 409],
    ["an error page", 404, "text/html", "<p>at secret.js:1", 404],
    ["a fault", 500, "application/json", '{"stack":"at secret.js:1"}', 502],
    ["a refusal of the gateway's credential", 401, "application/json", '{"at":"secret.js:1"}', 502],
    ["what is neither JSON nor text", 200, "image/png", "secret.js:1", 502],
    ["no JSON", 200, "application/json", "{secret.js:1", 502],
    ["JSON that says a key twice", 200, "application/json", '{"a":"secret.js:1","a":1}', 502],
    ["what isn't as the document says", 200, "application/json", '{"name":"secret.js:1","age":"old"}', 502],
    ["another charset", 200, "application/json; charset=utf-7", '{"a":"secret.js:1"}', 502],
    ["a key that was sent", 200, "application/json", '{"a":"secret.js:1 api-key-of-the-pets-9d1f"}', 502],
    ["too much", 200, "application/json", `"secret.js:1${"x".repeat(8 * 2 ** 20)}"`, 502],
  ])("%s tells nothing", async (_name, status, type, body, given) => {
    lab.api.answer = (_req, res) => {
      res.writeHead(status, { "content-type": type }).end(body);
    };
    const response = await lab.ask("GET", "/tools/pets/pets/7");
    const text = await response.text();
    expect(response.status).toBe(given);
    expect(text).not.toContain("secret.js");
    expect(Object.keys(JSON.parse(text) as object).sort()).toEqual([
      "code",
      "decision_id",
      "fix",
      "message",
      "reasons",
    ]);
  });

  test.each([301, 302, 303, 307, 308])("a redirect (%i) isn't followed", async (status) => {
    lab.api.answer = (_req, res) => {
      res.writeHead(status, { location: `${lab.api.url}/inside` }).end();
    };
    const response = await lab.ask("GET", "/tools/pets/pets/7");
    expect([response.status, response.headers.has("location")]).toEqual([502, false]);
    expect(lab.api.received).toHaveLength(1);
  });
});

describe("what policy asks for is done to", () => {
  const obliged =
    (obligations: readonly object[], phase = "request") =>
    (call: { action: { properties: object } }) => ({
      allow: true,
      obligations:
        (call.action.properties as { phase: string }).phase === phase ? (obligations as never) : [],
    });

  test("arguments, in every place that they come from", async () => {
    const properties = { phase: "request", patterns: ["email"] };
    lab.world.sidecar.decide = obliged([{ id: "o", type: "mask", properties }]);
    await lab.ask("GET", "/tools/pets/pets?q=to%20a.b@example.com");
    await lab.ask("POST", "/tools/pets/pets", jsonBody({ name: "of a.b@example.com" }));
    await lab.ask("POST", "/tools/pets/sales", formBody("pet=1&to=a.b@example.com"));
    expect(lab.api.received.map(({ path, body }) => [path, body])).toEqual([
      ["/v1/pets?q=to%20%5Bemail%5D", ""],
      ["/v1/pets", '{"name":"of [email]"}'],
      ["/v1/sales", "pet=1&to=%5Bemail%5D"],
    ]);
  });

  test.each<[string, unknown, string]>([
    ["answers", { name: "a.b@example.com" }, '{"name":"[email]"}'],
    ["lists", [{ name: "a.b@example.com" }], '[{"name":"[email]"}]'],
  ])("%s", async (_name, given, left) => {
    lab.api.answer = (_req, res) => {
      json(res, given);
    };
    const properties = { phase: "response", patterns: ["email"] };
    lab.world.sidecar.decide = obliged([{ id: "o", type: "mask", properties }], "response");
    const response = await lab.ask("GET", Array.isArray(given) ? "/tools/pets/pets" : "/tools/pets/pets/7");
    expect([response.status, await response.text()]).toEqual([200, left]);
  });

  test.each([
    [
      "what would be another request",
      { type: "mask", properties: { phase: "request", pointers: ["/petId"] } },
    ],
    ["what isn't known", { type: "dance", properties: {} }],
    ["an answer that can't be cut", { type: "limit_result", properties: { max_bytes: 10 } }],
  ])("%s is a deny", async (_name, obligation) => {
    lab.world.sidecar.decide = obliged([{ id: "o", ...obligation }]);
    const response = await lab.ask("GET", "/tools/pets/pets/7");
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      403,
      "obligation_unsatisfiable",
    ]);
  });
});

test("an answer is decided on by facts, and given only where that allows", async () => {
  lab.world.sidecar.decide = ({ action }) => ({ allow: action.properties["phase"] === "request" });
  const response = await lab.ask("GET", "/tools/pets/pets/7");
  expect([response.status, lab.api.received.length]).toEqual([403, 1]);
  const [, second] = lab.world.sidecar.asked;
  const { properties } = second?.calls?.[0]?.resource ?? {};
  expect(properties?.["result"]).toMatchObject({ status: 200, structured: { present: true, valid: true } });
  expect(JSON.stringify(second)).not.toContain("Rex");
});

test("policy sees what it sees of any tool: facts, digest, status, risk and effect", async () => {
  await lab.ask("GET", "/tools/pets/pets?q=https%3A%2F%2F169.254.169.254%2Fx");
  const { properties } = lab.world.sidecar.asked[0]?.calls?.[0]?.resource ?? {};
  expect(properties).toMatchObject({
    ...{ definition_status: "approved", definition_flags: [], effect: "read", risk: "high", labels: [] },
    facts: { hosts: ["169.254.169.254"], private: true },
  });
  expect(properties?.["definition_digest"]).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test("a denial is in this product's own form, and nothing is sent", async () => {
  lab.world.sidecar.decide = deny("tool.denied", "not this tool");
  const response = await lab.ask("DELETE", "/tools/pets/pets/7");
  expect(response.status).toBe(403);
  expect(Object.keys((await response.json()) as object).sort()).toEqual([
    "code",
    "decision_id",
    "fix",
    "message",
    "reasons",
  ]);
  expect(lab.api.received).toEqual([]);
});

test("who may not use a tool learns nothing of it", async () => {
  lab.world.sidecar.decide = deny("tool.denied", "not this tool");
  const answers = await Promise.all(
    [
      "/tools/pets/pets/x",
      "/tools/pets/pets/7?z=1",
      "/tools/pets/none",
      "/tools/nobody/pets",
      "/tools/pets/pets/%2e",
    ].map(async (path) => {
      const response = await lab.ask("GET", path);
      return [response.status, ((await response.json()) as { message: string }).message];
    }),
  );
  expect(new Set(answers.map(String)).size).toBe(1);
  expect(answers[0]?.[0]).toBe(403);
});

test("who isn't known is told where to get a token", async () => {
  lab.world.sidecar.decide = () => ({
    allow: false,
    reasons: [{ code: "unauthenticated", message: "no credentials were presented" }],
  });
  const response = await lab.ask("GET", "/tools/pets/pets/7");
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toContain(
    "/.well-known/oauth-protected-resource/tools/pets",
  );
  const metadata = await fetch(`${lab.world.url}/.well-known/oauth-protected-resource/tools/pets`);
  expect(((await metadata.json()) as { resource: string }).resource).toBe(`${lab.world.url}/tools/pets`);
});
