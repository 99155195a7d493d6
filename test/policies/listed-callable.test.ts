/** INVARIANT of the shipped policies: a caller sees what it could call with some arguments, and nothing else. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { isObject, parseJson } from "../../sidecar/contract.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import type { Policy } from "../../sidecar/decide/policy.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { policies } from "../world.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

let policy: Policy;
beforeAll(async () => {
  const paths = readdirSync(policies, { recursive: true, encoding: "utf8" });
  const shipped = paths.filter((path) => path.endsWith(".rego") && !path.endsWith("_test.rego"));
  const built = await toolchain.build({
    files: Object.fromEntries(shipped.map((path) => [path, readFileSync(join(policies, path), "utf8")])),
    entrypoints: ["countersign/decision"],
  });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  policy = loadPolicy({
    wasm: new Uint8Array(Buffer.from(built.result.wasm, "base64")),
    data: readFileSync(join(policies, "data.json"), "utf8"),
    budget: 1e9,
    maxPages: 1_024,
    builtins: serveBuiltins(),
  });
});

function allows(input: JsonObject): boolean {
  const answer = policy.evaluate("countersign/decision", input);
  if (answer.kind !== "value" || !isObject(answer.value)) throw new Error(JSON.stringify(answer));
  return answer.value["allow"] === true;
}

const some = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const groups = ["ml-senior", "data-science", "ci"];
const folders = ["/workspace/", "/a/../"];
const programs = ["ls"];

/** What authors may write of a tool, sense or not. */
const entries = fc.record(
  {
    effect: some("read", "write", "external"),
    risk: some("low", "medium", "high", "critical"),
    arguments: some<Json>({ path: "string" }, { query: "string" }, { path: "array" }, {}),
    tenants: some([], ["acme"], ["acme"], ["globex"]),
    grants: fc.array(
      fc.record({ groups: fc.subarray(groups), under: fc.subarray(folders) }, { requiredKeys: [] }),
      { maxLength: 2 },
    ),
    programs: fc.subarray(programs),
    interpreters: fc.subarray(["find"]),
    forbidden: some(false, false, false, true),
  },
  { requiredKeys: ["effect", "risk", "arguments", "tenants"] },
);

/** As sidecars tell it; a purpose and scopes leave what can be seen, too. */
const tasks = fc.constantFrom<JsonObject>(
  ...[{}, {}, {}, {}, {}, {}, { proven: true, purpose: "research" }, { proven: true, scopes: ["tool:search/*", "resource:*"] }].map((more) => ({
    ...{ proven: false, born: "created", depth: 1, labels: [] },
    ...more,
  })),
);

const callers = fc.record({
  tenant: some("acme", "acme", "acme", "globex", "initech"),
  groups: fc.subarray(groups),
  assurance: some("none", "api_key", "bearer", "mtls", "mtls"),
  claims: some<JsonObject>({}, {}, {}, { purpose: "review" }, { tctx: { purpose: "research" } }, { purpose: "none" }),
  human: some(true, true, false),
  task: tasks,
});

const told = fc.record(
  {
    effect: some("read", "read", "read", "write"),
    risk: some("low", "low", "medium"),
    definition_status: some("approved", "approved", "approved", "new"),
  },
  { requiredKeys: ["definition_status"] },
);

const facts = (program?: string): JsonObject => ({
  ...{ truncated: false, urls: [], hosts: [], private: false, paths: [], traversal: false, secrets: { count: 0 } },
  ...(program === undefined ? {} : { shell: { complete: true, interpreters: ["find"], commands: [command(program)] } }),
});
const command = (program: string): JsonObject => ({
  ...{ argv: [program], program, by: "name", redirects: [], background: false, substitution: false },
});

/** So that a good part of what is asked is allowed. */
const mostlyStrong = fc.oneof(
  {
    weight: 2,
    arbitrary: tasks.map((task) => ({ tenant: "acme", groups, assurance: "mtls", claims: {}, human: true, task })),
  },
  callers,
);
const mostlyHarmless = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ effect: "read", risk: "low", definition_status: "approved" }) },
  told,
);

/** Arguments that could do: each folder's file, each program, and none of both. */
const attempts = ["/workspace/a.md", "/a/x", undefined].flatMap((path) =>
  [...programs, "find", undefined].map((program) => ({
    arguments: path === undefined ? {} : { path },
    facts: facts(program),
  })),
);

interface Caller {
  readonly tenant: string;
  readonly groups: string[];
  readonly assurance: string;
  readonly claims: JsonObject;
  readonly human: boolean;
  readonly task: JsonObject;
}

function ask(
  caller: Caller,
  action: string,
  resource: JsonObject,
): JsonObject {
  const { human, task, ...properties } = caller;
  const delegation = { depth: 1, principal: { type: human ? "user" : "workload" } };
  return parseJson(
    JSON.stringify({
      subject: { type: "agent", id: "a", properties: { ...properties, delegation } },
      action: { name: action, properties: { phase: "request" } },
      resource,
      context: {
        source: { network: "internal" },
        time: { hour: 10, weekday: "monday" },
        task,
      },
    }),
  ) as JsonObject;
}

test("a tool is listed where some call of it is allowed, and only there", () => {
  const ids = some("files/read_file", "files/read_file", "search/web_search", "files/other", "none/x");
  const seen = { listed: 0, hidden: 0 };
  fc.assert(
    fc.property(mostlyStrong, entries, entries, ids, mostlyHarmless, (caller, own, all, id, said) => {
      policy.patch([
        { path: ["facts", "tools"], value: JSON.stringify({ "files/read_file": own, "search/*": all, "files/other": all }) },
      ]);
      const tool = (more: JsonObject): JsonObject => ({ type: "tool", id, properties: { ...said, ...more } });
      const listed = allows(ask(caller, "tool.list", tool({})));
      const callable = attempts.some((attempt) => allows(ask(caller, "tool.call", tool(attempt))));
      seen[listed ? "listed" : "hidden"]++;
      expect(listed).toBe(callable);
    }),
    { numRuns: 400 },
  );
  expect(Math.min(seen.listed, seen.hidden)).toBeGreaterThan(10);
});

test("a resource is listed where it can be read and subscribed to", () => {
  const uris = some("file:///workspace/a.md", "file:///public/a.md", "file:///workspace/../a", "https://docs.acme.example/a");
  fc.assert(
    fc.property(callers, uris, some("files", "search", "none"), (caller, uri, server) => {
      const resource = { type: "resource", id: `${server}/${uri}`, properties: {} };
      const [listed, ...others] = ["list", "read", "subscribe"].map((verb) => allows(ask(caller, `resource.${verb}`, resource)));
      expect(others).toEqual([listed, listed]);
    }),
    { numRuns: 200 },
  );
});

test("a template is listed where what it gives can be read", () => {
  const templates = some("file:///workspace/{name}", "file:///public/{name}", "file:///{name}", "file:///workspace{name}");
  fc.assert(
    fc.property(callers, templates, (caller, template) => {
      const listed = allows(ask(caller, "resource.list", { type: "resource_template", id: `files/${template}`, properties: {} }));
      const id = `files/${template.replace("{name}", "a.md")}`;
      expect(listed).toBe(allows(ask(caller, "resource.read", { type: "resource", id, properties: {} })));
    }),
    { numRuns: 300 },
  );
});

test("a prompt is listed where it can be had", () => {
  const prompts = fc.record(
    { groups: fc.subarray(groups), arguments: fc.subarray(["path", "tone"]) },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(callers, prompts, (caller, entry) => {
      policy.patch([{ path: ["facts", "prompts"], value: JSON.stringify({ "files/summarise": entry }) }]);
      const prompt = (more: JsonObject): JsonObject => ({ type: "prompt", id: "files/summarise", properties: more });
      const listed = allows(ask(caller, "prompt.list", prompt({})));
      expect(listed).toBe(allows(ask(caller, "prompt.get", prompt({ arguments: {}, facts: facts() }))));
    }),
    { numRuns: 300 },
  );
});
