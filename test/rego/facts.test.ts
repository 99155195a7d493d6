/** What the compiler finds out is worth the same whoever compiled, and it holds while data change. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { buildCommand } from "../../cli/build.js";
import { depsCommand } from "../../cli/deps.js";
import { drawFacts } from "../../cli/draw-facts.js";
import { activate } from "../../sidecar/bundles/activate.js";
import type { Json } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import { createKeyer } from "../../sidecar/decide/cache/key.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { compileBundle } from "../../sidecar/rego/build.js";
import type { BuiltBundle, EntrypointFacts } from "../../sidecar/rego/bundle.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { tarGz } from "./tar.js";

const toolchain = createToolchain({});
const place = mkdtempSync(join(tmpdir(), "countersign-facts-"));
afterAll(async () => {
  rmSync(place, { recursive: true });
  await toolchain.close();
});

const files = {
  "p.rego": `package p

# METADATA
# entrypoint: true
# custom:
#   cache: {ttl: 30, scope: subject}
decision := {"allow": allow, "limit": data.cfg.limit}

default allow := false

user(id) := data.users[id]

allow if {
	input.resource.type == "tool"
	"admin" in user(input.subject.id).roles
	not data.tools[input.resource.id].off
}

allow if {
	input.resource.type == "model"
	input.resource.region == "eu"
	not input.subject.suspended
}
`,
  "data.json": JSON.stringify({
    cfg: { limit: 1 },
    users: { ann: { roles: ["admin"] }, bob: { roles: [] } },
    tools: { shell: { off: true } },
  }),
};

async function made(options: { path: string } | { files: Record<string, string> }): Promise<BuiltBundle> {
  const outcome = await compileBundle({ ...options, toolchain });
  if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
  return outcome.bundle;
}

function active(bundle: BuiltBundle) {
  return activate("b", bundle, {
    loadPolicy: ({ wasm, data }) => loadPolicy({ wasm, data, budget: 1_000_000, maxPages: 512 }),
    createKeyer,
    now: () => 0,
  });
}

const anyOf = (...values: unknown[]) => fc.constantFrom(...values.map((value) => JSON.stringify(value)));
const anyInput = fc
  .tuple(
    anyOf("ann", "bob", "cy", 1),
    anyOf(undefined, true, false),
    anyOf("tool", "model", "agent", undefined),
    anyOf("shell", "mail", null),
    anyOf("eu", "us"),
    fc.integer(),
  )
  .map(([id, suspended, type, resource, region, request]) =>
    parseJson(
      `{"subject":{"id":${id}${member("suspended", suspended)}},"resource":{"id":${resource},"region":${region}${member("type", type)}},"context":${request}}`,
    ),
  );
function member(name: string, text: string | undefined): string {
  return text === undefined ? "" : `,"${name}":${text}`;
}
const asker = { tenant: "t", epoch: 3, subject: "s" };

const manifestOf = (bundle: BuiltBundle): EntrypointFacts => {
  const found = bundle.entrypoints.find(({ path }) => path === "p/decision");
  if (found === undefined) throw new Error("no facts");
  return found;
};

describe("what the compiler finds out", () => {
  const source = made({ files });

  test("lookups, conditions and METADATA are told", async () => {
    expect(manifestOf(await source)).toEqual({
      path: "p/decision",
      input: [
        ["resource", "id"],
        ["resource", "region"],
        ["resource", "type"],
        ["subject", "id"],
        ["subject", "suspended"],
      ],
      data: [["cfg", "limit"]],
      deterministic: true,
      nondeterministic: [],
      annotated: true,
      lookups: [
        { table: ["tools"], by: ["resource", "id"], alone: true },
        { table: ["users"], by: ["subject", "id"], alone: true },
      ],
      branches: [
        {
          when: [{ path: ["resource", "type"], equals: "model" }],
          input: [
            ["resource", "region"],
            ["subject", "suspended"],
          ],
        },
      ],
      cache: { ttl: 30, scope: "subject" },
    });
  });

  test("a bundle that was compiled in a pipeline has the keys of one that was compiled here", async () => {
    const policies = join(place, "policies.tar.gz");
    writeFileSync(policies, tarGz(Object.entries(files).map(([name, body]) => ({ name, body }))));
    const path = join(place, "bundle.tar.gz");
    const io = { out: () => undefined, err: () => undefined };
    expect(await buildCommand.run(["-o", path, policies], io)).toBe(0);
    const compiled = await made({ path });
    const here = active(await source).entrypoints.get("p/decision");
    const there = active(compiled).entrypoints.get("p/decision");
    expect(there?.facts).toEqual(here?.facts);
    for (const input of fc.sample(anyInput, { numRuns: 50, seed: 3 })) {
      const key = here?.key?.(input, asker);
      expect(key).toBeDefined();
      expect(there?.key?.(input, asker)).toBe(key);
    }
  });

  test("without the facts nothing is kept, and all of the input would be the key", async () => {
    const { wasm } = await source;
    const path = join(place, "foreign.tar.gz");
    const manifest = { wasm: [{ entrypoint: "p/decision", module: "/policy.wasm" }] };
    writeFileSync(
      path,
      tarGz([
        { name: "/policy.wasm", body: wasm },
        { name: "/.manifest", body: JSON.stringify(manifest) },
      ]),
    );
    const entrypoint = active(await made({ path })).entrypoints.get("p/decision");
    expect(entrypoint?.facts).toMatchObject({ input: [[]], data: [[]], deterministic: false });
    expect(entrypoint?.facts).not.toHaveProperty("branches");
    expect(entrypoint?.key).toBeUndefined();
  });

  test("whatever becomes of the data, one key means one result", async () => {
    const { policy, entrypoints } = active(await source);
    const key = entrypoints.get("p/decision")?.key;
    const answers = new Map<string, string>();
    let met = 0;
    const changes = [
      { path: ["users", "ann", "roles"], value: "[]" },
      { path: ["users", "cy"], value: '{"roles":["admin"]}' },
      { path: ["users", "bob"], value: undefined },
      { path: ["tools", "shell", "off"], value: "false" },
      { path: ["users", "ann"], value: '{"roles":["admin"]}' },
      { path: ["users"], value: '{"bob":{"roles":["admin"]}}' },
      { path: ["tools"], value: '["shell"]' },
      { path: ["cfg", "limit"], value: "2" },
      { path: ["elsewhere"], value: "2" },
    ];
    for (const [n, change] of [undefined, ...changes].entries()) {
      if (change !== undefined) policy.patch([change]);
      for (const input of fc.sample(anyInput, { numRuns: 150, seed: n % 2 })) {
        const named = key?.(input, asker) ?? "";
        const answer = stringifyJson(policy.evaluate("p/decision", input) as unknown as Json);
        const earlier = answers.get(named);
        if (earlier !== undefined) met++;
        expect([named, earlier ?? answer]).toEqual([named, answer]);
        answers.set(named, answer);
      }
    }
    expect(met).toBeGreaterThan(1000);
  });

  test("a change of one's data leaves the keys of others as they were", async () => {
    const { policy, entrypoints } = active(await source);
    const key = (id: string): string | undefined =>
      entrypoints.get("p/decision")?.key?.({ subject: { id }, resource: { type: "tool", id: "x" } }, asker);
    const before = [key("ann"), key("bob")];
    policy.patch([{ path: ["users", "ann"], value: '{"roles":[]}' }]);
    expect(key("ann")).not.toBe(before[0]);
    expect(key("bob")).toBe(before[1]);
  });
});

describe("a key of which nothing counts but what it leads to", () => {
  const people = {
    "p.rego": `package p

# METADATA
# entrypoint: true
r := [kind, name, odd]

person := data.people[input.subject.id]

default name := "nobody"

name := person.name

default kind := "known"

kind := "unknown" if not is_known(input.subject.id)

is_known(id) if data.people[id]

default odd := false

odd if data.list[input.n]
`,
    "data.json": JSON.stringify({
      people: { ann: { name: "A" }, bob: { name: "A" }, cy: { name: "C" }, dan: false },
      list: [true, false, true],
    }),
  };
  const alike = made({ files: people });

  test("it isn't in the cache's key, so that those who lead to the same share a decision", async () => {
    const entrypoint = active(await alike).entrypoints.get("p/r");
    const named = (id: Json): string | undefined => entrypoint?.key?.({ subject: { id } }, asker);
    expect(entrypoint?.facts.lookups).toEqual([
      { table: ["list"], by: ["n"], alone: true },
      { table: ["people"], by: ["subject", "id"], alone: true },
    ]);
    expect(named("ann")).toBe(named("bob"));
    expect(named("eve")).toBe(named("fay"));
    const listed = [0, 2, 1, 3].map((n) => entrypoint?.key?.({ n }, asker));
    expect([listed[0] === listed[1], new Set(listed).size]).toEqual([true, 3]);
    const apart = ["ann", "cy", "dan", "eve", 1, 2, null, {}].map(named);
    expect(new Set([...apart, entrypoint?.key?.({ subject: {} }, asker)]).size).toBe(apart.length + 1);
  });

  test("one key means one result, whatever becomes of the data", async () => {
    const { policy, entrypoints } = active(await alike);
    const key = entrypoints.get("p/r")?.key;
    const ids = ["ann", "bob", "cy", "dan", "eve", "0", 0, 1, -1, 1.5, null, [], {}, true, undefined];
    const anyone = fc
      .tuple(anyOf(...ids), anyOf(...ids), fc.boolean())
      .map(([id, n, person]) =>
        parseJson(`{"subject":${person ? `{"o":1${member("id", id)}}` : '"x"'}${member("n", n)}}`),
      );
    const changes = [
      { path: ["people", "eve"], value: '{"name":"A"}' },
      { path: ["list"], value: '{"0":true,"ann":false}' },
      { path: ["people"], value: '[{"name":"A"},{"name":"B"}]' },
      { path: ["list"], value: '"x"' },
      { path: ["people"], value: '{"0":{"name":"A"},"cy":{"name":"C"}}' },
      { path: ["people"], value: undefined },
      { path: ["list"], value: "[false,true]" },
      { path: ["list"], value: "[true,false,true]" },
    ];
    const answers = new Map<string, string>();
    let met = 0;
    for (const [n, change] of [undefined, ...changes].entries()) {
      if (change !== undefined) policy.patch([change]);
      for (const input of fc.sample(anyone, { numRuns: 200, seed: n })) {
        const named = key?.(input, asker) ?? "";
        const answer = stringifyJson(policy.evaluate("p/r", input) as unknown as Json);
        const earlier = answers.get(named);
        if (earlier !== undefined) met++;
        expect([named, earlier ?? answer]).toEqual([named, answer]);
        answers.set(named, answer);
      }
    }
    expect(met).toBeGreaterThan(500);
  });
});

describe("countersign deps", () => {
  const run = async (...args: string[]): Promise<string> => {
    let out = "";
    await depsCommand.run(args, { out: (text) => (out += text), err: () => undefined });
    return out;
  };

  test("draws what is read always, where, and by what keys", async () => {
    const path = join(place, "drawn.tar.gz");
    writeFileSync(path, tarGz([{ name: "p.rego", body: files["p.rego"] }]));
    expect(await run(path)).toBe(`p/decision
  deterministic: results can be cached, 30 s at most, each subject's alone
  input, always
    input.resource.type
  input, where input.resource.type == "model"
    input.resource.region
    input.subject.suspended
  data
    data.cfg.limit
    data.tools[input.resource.id]
    data.users[input.subject.id]
`);
    const json = JSON.parse(await run("-f", "json", path)) as { entrypoints: EntrypointFacts[] };
    expect(json.entrypoints).toEqual([manifestOf(await made({ files }))]);
  });

  const nothing = { path: "p", input: [], data: [], nondeterministic: [] };
  const clocked = { ...nothing, deterministic: false, nondeterministic: ["time.now_ns"] };
  const sure = { ...nothing, deterministic: true };
  const told: readonly [string, EntrypointFacts][] = [
    ["deterministic: results can be cached", sure],
    ["never cached: METADATA says ttl 0", { ...sure, cache: { ttl: 0, scope: "task" } }],
    ["not deterministic, never cached: time.now_ns", clocked],
    ["not deterministic, never cached: time.now_ns", { ...clocked, cache: { scope: "task" } }],
    [
      "not deterministic: time.now_ns; cached for 5 s all the same, as METADATA says, each task's alone",
      { ...clocked, cache: { ttl: 5, scope: "task" } },
    ],
    [
      "deterministic but for the clock: results can be cached until it changes them, 5 s at most",
      { ...sure, clock: "bounded", cache: { ttl: 5, scope: "tenant" } },
    ],
  ];
  test.each(told)("tells how results are kept: %s", (line, facts) => {
    expect(drawFacts(facts)).toContain(`p\n  ${line}\n  input\n    (nothing)\n`);
  });
});
