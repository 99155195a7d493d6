/** The quick way through the data door answers and records as the whole door does, byte by byte. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import type { Sidecar } from "../../sidecar/main.js";
import { startSidecar } from "../../sidecar/main.js";
import { bundleCache } from "../world.js";

const policy = `package app

import rego.v1

default allow := false

allow if input.user in data.users

echo := {"got": input.deep.value, "two\\u2028lines": "é", "big": 12345678901234567890}

absent if input.never == "met"

conflict := 1 if input.user == "ann"

conflict := 2 if input.deep.value != 0

division := 1 / input.deep.value

nested := {"a": {"b": [1, input.deep.value]}}

clock := time.now_ns() > 0

all := input
`;

let folder: string;
let sidecar: Sidecar;
let port: number;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-plain-"));
  const bundle = join(folder, "bundle");
  await mkdir(bundle);
  await writeFile(join(bundle, ".manifest"), JSON.stringify({ revision: "r1", roots: ["app", "users"] }));
  await writeFile(join(bundle, "app.rego"), policy);
  await writeFile(join(bundle, "data.json"), JSON.stringify({ users: ["ann", "bob", "zoë"] }));
  sidecar = await startSidecar({
    ...{ bundles: [bundle], addresses: ["127.0.0.1:0"], diagnosticAddresses: [], config: {} },
    sets: [`decision_logs.file=${join(folder, "log.jsonl")}`, "server.max_body_bytes=20000"],
    ...{ watch: false, cacheDir: bundleCache, log: { level: "error", format: "json" }, version: "test" },
  });
  port = Number(/:(\d+)$/.exec(sidecar.addresses[0] ?? "")?.[1]);
});
afterAll(async () => {
  await sidecar.close();
  await rm(folder, { recursive: true, force: true });
});

interface Asked {
  readonly url: string;
  readonly body: Buffer;
  readonly headers?: readonly string[];
}

/** Sends a request on a connection of its own; gives all that comes back, without what differs each time. */
function ask({ url, body, headers = [] }: Asked): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("error", reject);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("close", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      resolve(
        text
          .replace(/"decision_id":( ?)"[0-9a-f-]{36}"/, '"decision_id":$1""')
          .replace(/\r\nDate: [^\r]*/, ""),
      );
    });
    const head = [
      `POST ${url} HTTP/1.1`,
      "host: localhost",
      "connection: close",
      `content-length: ${body.length}`,
    ];
    socket.write(Buffer.concat([Buffer.from([...head, ...headers, "", ""].join("\r\n")), body]));
  });
}

/** A header by which a request goes through the whole door. */
const whole = "content-encoding: identity";

interface Line extends Record<string, unknown> {
  decision_id: string;
}

async function lines(): Promise<Line[]> {
  const written = async (): Promise<string> => readFile(join(folder, "log.jsonl"), "utf8").catch(() => "");
  let text = "";
  // until nothing more comes
  for (let before = -1; text.length !== before;) {
    before = text.length;
    await new Promise((resolve) => setTimeout(resolve, 150));
    text = await written();
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const { timestamp, metrics, cache, ...rest } = JSON.parse(line) as Line;
      expect([timestamp, metrics].every(Boolean)).toBe(true);
      // what one way keeps, the other finds
      expect(["none", "l1"]).toContain(cache);
      return { ...rest, decision_id: "" };
    });
}

/** Asks both ways, one after the other; the answers must be the same. */
async function askBoth(all: readonly Asked[]): Promise<string[]> {
  const answers: string[] = [];
  for (const one of all) {
    const quick = await ask(one);
    expect(quick).toBe(await ask({ ...one, headers: [...(one.headers ?? []), whole] }));
    answers.push(quick);
  }
  return answers;
}

const bodyOf = (text: string): Buffer => Buffer.from(text);
const paths = [
  "allow",
  "echo",
  "echo/got",
  "echo/big",
  "absent",
  "conflict",
  "division",
  "nested/a/b/1",
  "clock",
  "all",
  "nothing",
  "allow/more",
];

describe("both ways are the same", () => {
  const plain = [
    '{"input":{"user":"ann","deep":{"value":1},"id":"1"}}',
    '{"input":{"user":"eve","deep":{"value":0}}}',
  ];
  test.each(paths)("at %s", async (path) => {
    const inputs = [
      ...plain,
      '{"input": {"user": "zoë", "deep": {"value": "\\u00e9\\/"}}, "other": [1, 2]}',
      '{"input":{"user":"ann","deep":{"value":1.0}}}',
      '{"input":{"user":"ann","deep":{"value":9007199254740993}}}',
      '{"input":{"user":"ann","deep":{"value":{"2":1,"b":[],"1":{"é":"\u2028"}}}}}',
      '{"input":{"user":"ann","deep":[{"value":1}]}}',
      '{"input":{}}',
      '{"input":null}',
      '{"input":"text"}',
      '{"input":17}',
      "{}",
      '{"input":{"user":"ann","user":"ann"}}',
      '{"input":{"user":"ann"}',
      "[]",
      "",
    ];
    const answers = await askBoth(
      inputs.map((text) => ({ url: `/v1/data/app/${path}`, body: bodyOf(text) })),
    );
    expect(answers[0]).toMatch(
      path === "conflict" || path === "nothing" ? /^HTTP\/1\.1 500/ : /^HTTP\/1\.1 200/,
    );
    expect(answers.at(-3)).toMatch(/^HTTP\/1\.1 400/);
  });

  const urls = [
    "/v1/data/app",
    "/v1/data",
    "/v1/data/",
    "/v1/data/app/",
    "/v1/data/app//allow",
    "/v1/data/app/%61llow",
    "/v1/data/app/%zz",
    "/v1/data/users",
    "/v1/data/app/allow?pretty",
    "/v1/data/app/allow?provenance=true",
    "/v1/data/app/division?strict-builtin-errors",
    "/v1/data/app/allow#x",
    "/v1/data/__proto__",
    `/v1/data/app/${"a".repeat(400)}`,
  ];
  test.each(urls)("at %s", async (url) => {
    await askBoth(plain.map((text) => ({ url, body: bodyOf(text) })));
  });

  const heads: readonly (readonly [string, readonly string[]])[] = [
    ["another type", ["content-type: text/plain"]],
    ["another Host", ["Host: evil.example"]],
    ["a body that is expected", ["expect: 100-continue"]],
    ["an unknown header", ["x-content-length: 3"]],
  ];
  test.each(heads)("with %s", async (_name, headers) => {
    await askBoth([{ url: "/v1/data/app/allow", body: bodyOf(plain[0] ?? ""), headers }]);
  });

  test("for bodies up to what is allowed, and beyond", async () => {
    const sizes = [19_000, 19_999, 20_000, 20_001, 40_000];
    const frame = '{"input":{"user":""}}';
    const bodies = sizes.map((size) => bodyOf(frame.replace('""', `"${"x".repeat(size - frame.length)}"`)));
    const answers = await askBoth(bodies.map((body) => ({ url: "/v1/data/app/allow", body })));
    expect(answers.map((answer) => answer.slice(9, 12))).toEqual(["200", "200", "200", "413", "413"]);
  });

  test("whatever is sent", async () => {
    const leaf = fc.oneof(fc.constantFrom("ann", "bob", "zoë"), fc.jsonValue({ maxDepth: 3 }));
    const input = fc.record(
      { user: leaf, deep: fc.oneof(leaf, fc.record({ value: leaf })), more: leaf },
      { requiredKeys: [] },
    );
    const text = fc
      .tuple(
        input,
        fc.constantFrom(undefined, 1),
        fc.nat(),
        fc.constantFrom("", "", '"', "}", "\\", "\0", ",", "1"),
      )
      .map(([value, indent, at, sign]) => {
        const whole_ = JSON.stringify({ input: value }, undefined, indent);
        const place = at % whole_.length;
        return sign === "" ? whole_ : whole_.slice(0, place) + sign + whole_.slice(place);
      });
    const asked = fc.sample(fc.record({ path: fc.constantFrom(...paths), text }), 150);
    await askBoth(asked.map(({ path, text: body }) => ({ url: `/v1/data/app/${path}`, body: bodyOf(body) })));
  });
});

test("and what they record", async () => {
  const written = await lines();
  expect(written.length).toBeGreaterThan(300);
  for (let i = 0; i < written.length; i += 2) expect(written[i]).toEqual(written[i + 1]);
});

test("a body that comes in pieces is one", async () => {
  const body = bodyOf('{"input":{"user":"ann"}}');
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("close", () => resolve(text));
    socket.write(
      `POST /v1/data/app/allow HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`,
    );
    let at = 0;
    const next = (): void => {
      if (at < body.length) socket.write(body.subarray(at, (at += 5)), () => setImmediate(next));
    };
    next();
  });
  expect(answer).toContain('"result":true');
});

test("data that are written are seen by the next question", async () => {
  const one = { url: "/v1/data/app/allow", body: bodyOf('{"input":{"user":"new"}}') };
  expect(await ask(one)).toContain('"result":false');
  expect(await ask(one)).toContain('"result":false');
  const [bundle] = sidecar.bundles.current().bundles;
  bundle?.policy.patch([{ path: ["users"], value: '["new"]' }]);
  expect(await ask(one)).toContain('"result":true');
  bundle?.policy.patch([{ path: ["users"], value: '["ann","bob","zoë"]' }]);
});
