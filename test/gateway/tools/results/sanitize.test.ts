/** Errors of upstreams: what clients are told holds nothing of the server's inside. */
import { expect, test } from "@jest/globals";
import { sanitizeError, scrubError } from "../../../../gateway/tools/results/sanitize.js";
import { json, plain, secrets, text } from "./lab.js";

const inside: readonly (readonly [kind: string, said: string])[] = [
  [
    "stack_trace",
    "TypeError: x is null\n    at f (/srv/app/index.js:12:7)\n    at main (node:internal/x:1:1)",
  ],
  ["stack_trace", 'Traceback (most recent call last):\n  File "/srv/app.py", line 3, in f\nKeyError: 1'],
  ["stack_trace", 'failed\n  File "app.py", line 12, in <module>'],
  [
    "stack_trace",
    "java.lang.X: y\n\tat com.example.A.b(A.java:12)\n\tat com.example.C.d(C.java:1)\n\t... 12 more",
  ],
  ["stack_trace", "goroutine 1 [running]:\nmain.f(0x0)\n\t/x.go:12 +0x1d"],
  ["stack_trace", "thread 'main' panicked at src/main.rs:3:5"],
  ["stack_trace", "PHP Fatal error\n#0 index.php(12): f()\n#1 {main}"],
  ["absolute_path", "ENOENT: no such file or directory, open '/home/app/config/secrets.yaml'"],
  ["absolute_path", "cannot read /var/lib/x/y.db"],
  ["absolute_path", "cannot read C:\\Users\\app\\x.txt"],
  ["absolute_path", "cannot read \\\\fileserver\\share\\x"],
  ["connection_string", "could not connect to postgres://db.example.com:5432/app"],
  ["connection_string", "Server=tcp:db,1433;Database=x;User ID=sa;Password=y"],
  ["internal_address", "connect ECONNREFUSED 10.1.2.3:5432"],
  ["internal_address", "getaddrinfo ENOTFOUND db.prod.svc.cluster.local"],
  ["internal_address", "connect to localhost:9200 refused"],
  ["aws_key", `denied for ${secrets.aws}`],
  ["password", `bad url ${"https"}://app:${"hunter2hunter2"}@x.example/`],
];

test.each(inside)("%s: %s", (kind, said) => {
  expect(sanitizeError({ code: -32602, message: said })).toEqual({
    code: -32602,
    message: "the tool server does not take these parameters",
  });
  const scrubbed = plain(
    scrubError(json({ content: [text(said)], structuredContent: { why: said }, isError: true })),
  );
  expect(scrubbed).toEqual({
    content: [text(expect.stringContaining(`[${kind}]`) as unknown as string)],
    structuredContent: { why: expect.stringContaining(`[${kind}]`) as unknown },
    isError: true,
  });
});

test.each([
  "Unknown tool: get_wether",
  "city must be one of Berlin, Paris",
  "the ratio 10.5 is and/or too large",
  "see https://docs.example.com/errors/12",
  "line 3 of the query has no such column",
  "try again at 12:30",
  "version 1.2.3.4 is not supported",
])("what tells nothing of it stays: %s", (said) => {
  expect(sanitizeError({ code: -32602, message: said }).message).toContain(`: ${said}`);
  expect(plain(scrubError(json({ content: [text(said)], isError: true })))).toEqual({
    content: [text(said)],
    isError: true,
  });
});

test("all of an error is scrubbed, or nothing of it is given", () => {
  const path = "/home/app/x.txt";
  const block = { type: "resource", resource: { uri: `file://${path}`, text: path }, _meta: { at: path } };
  const scrubbed = JSON.stringify(
    plain(scrubError(json({ content: [block], _meta: { at: path }, isError: true }))),
  );
  expect(scrubbed).not.toContain("/home");
  expect(plain(scrubError(json({ content: [], structuredContent: { [path]: 1 }, isError: true })))).toEqual({
    content: [text("the tool server failed")],
    isError: true,
  });
});

test("codes", () => {
  const data = { stack: "x" };
  expect(sanitizeError({ code: -32603, message: "db is down", data })).toEqual({
    code: -32603,
    message: "the tool server failed",
  });
  expect(sanitizeError({ code: -32002, message: "no a.txt", data })).toEqual({
    code: -32002,
    message: "the tool server does not have this resource: no a.txt",
  });
  for (const code of [-32001, -32000, 1, 0, 500, -32099, Number.NaN, 1.5]) {
    expect(sanitizeError({ code, message: "whatever", data })).toEqual({
      code: -32603,
      message: "the tool server refused the request",
    });
  }
});

test("messages are one line of bounded length", () => {
  expect(sanitizeError({ code: -32602, message: "a\n\u202eb\u0000 c" }).message).toMatch(/: a b c$/);
  expect(sanitizeError({ code: -32602, message: "x ".repeat(600) }).message.length).toBeLessThan(600);
  expect(sanitizeError({ code: -32602, message: "x".repeat(10_000) }).message).toBe(
    "the tool server does not take these parameters",
  );
});
