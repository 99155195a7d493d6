/** What an operator says of tools, and what the gateway is told of definitions in its configuration. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import yaml from "js-yaml";
import { GatewayConfigRefused, parseGatewayConfig } from "../../../../gateway/config.js";
import { flagNames } from "../../../../gateway/tools/definitions/flags/flags.js";
import type { ToolRule } from "../../../../gateway/tools/definitions/mapping.js";
import { mapTool, matches } from "../../../../gateway/tools/definitions/mapping.js";
import type { Json } from "../../../../sidecar/contract.js";
import { root } from "../../../world.js";

test.each([
  ["delete_file", "delete_*", true],
  ["delete_", "delete_*", true],
  ["undelete_file", "delete_*", false],
  ["undelete_file", "*delete*", true],
  ["delete_file", "*", true],
  ["delete_file", "delete_?ile", true],
  ["delete_ile", "delete_?ile", false],
  ["DELETE_file", "delete_*", false],
  ["aXbXc", "a*b*c", true],
  ["aXbX", "a*b*c", false],
  ["a.b", "a?b", true],
  ["axb", "a.b", false],
  ["a[b]", "a[b]", true],
  ["", "*", true],
  ["a".repeat(128), `${"a*".repeat(60)}b`, false],
])("%s, by the glob %s: %p", (name, glob, matching) => {
  expect(matches(name, glob)).toBe(matching);
});

const rules: readonly ToolRule[] = [
  { match: "get_*", risk: "low", effect: "read", labels: ["crm"] },
  { match: "*_customer", risk: "critical", labels: ["pii"] },
  { match: "post_*", effect: "external", labels: [] },
];
test.each([
  ["get_time", { risk: "low", effect: "read", labels: ["crm"] }],
  // the first that says it counts; labels come together
  ["get_customer", { risk: "low", effect: "read", labels: ["crm", "pii"] }],
  ["delete_customer", { risk: "critical", effect: "write", labels: ["pii"] }],
  ["post_tweet", { risk: "high", effect: "external", labels: [] }],
  ["unheard_of", { risk: "high", effect: "write", labels: [] }],
])("%s is mapped", (name, mapped) => {
  expect(mapTool(name, rules)).toEqual(mapped);
});

describe("the configuration", () => {
  const parse = (
    server: unknown,
    more: Record<string, unknown> = {},
  ): ReturnType<typeof parseGatewayConfig> =>
    parseGatewayConfig({
      sidecar: { socket: "/run/pdp.sock" },
      servers: { s: { url: "https://tools.example/mcp", ...(server as object) } },
      ...more,
    } as unknown as Json);
  const problems = (server: unknown, more?: Record<string, unknown>): readonly string[] => {
    try {
      parse(server, more);
      return [];
    } catch (error) {
      if (error instanceof GatewayConfigRefused) return error.problems;
      throw error;
    }
  };

  test("enforces definitions unless told otherwise, and says nothing of tools", () => {
    expect(parse({}).servers.get("s")?.definitions).toEqual({ mode: "enforce", rules: [] });
    expect(parse({}).tools).toEqual({});
  });

  test("is read", () => {
    const tools = [{ match: "delete_*", risk: "critical", effect: "write", labels: ["pii"] }];
    const config = parse({ definitions: "observe", tools }, { tools: { approvals: "/var/lib/tools.json" } });
    expect(config.servers.get("s")?.definitions).toEqual({ mode: "observe", rules: tools });
    expect(config.tools.approvals).toBe("/var/lib/tools.json");
  });

  test.each<[string, unknown, Record<string, unknown> | undefined, string]>([
    [
      "a mode that there isn't",
      { definitions: "on" },
      undefined,
      "servers.s.definitions: must be one of enforce",
    ],
    ["a rule without a match", { tools: [{}] }, undefined, "servers.s.tools[0].match: is required"],
    [
      "a risk that there isn't",
      { tools: [{ match: "*", risk: "none" }] },
      undefined,
      "servers.s.tools[0].risk",
    ],
    [
      "an effect that there isn't",
      { tools: [{ match: "*", effect: "r" }] },
      undefined,
      "servers.s.tools[0].effect",
    ],
    [
      "a label of another form",
      { tools: [{ match: "*", labels: ["A b"] }] },
      undefined,
      "servers.s.tools[0].labels",
    ],
    [
      "a field that nobody knows",
      { tools: [{ match: "*", allow: true }] },
      undefined,
      "servers.s.tools[0].allow",
    ],
    ["a path that is none", {}, { tools: { approvals: 5 } }, "tools.approvals: must be a string"],
    ["a field of tools that nobody knows", {}, { tools: { file: "x" } }, "tools.file: unknown field"],
  ])("is refused with %s", (_name, server, more, problem) => {
    expect(problems(server, more).join("\n")).toContain(problem);
  });

  test("is refused with servers that look alike", () => {
    const servers = { github: { url: "https://a.example" }, glthub: { url: "https://b.example" } };
    expect(problems({}, { servers }).join()).toContain("servers.glthub: looks like github");
  });
});

describe("docs/gateway-tool-definitions.md", () => {
  const text = readFileSync(join(root, "docs/gateway-tool-definitions.md"), "utf8");

  test("its example is a valid configuration", () => {
    const example = yaml.load(/```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? "") as object;
    const config = parseGatewayConfig({ sidecar: { socket: "/run/pdp.sock" }, ...example } as Json);
    expect(config.servers.get("github")?.definitions?.rules).toHaveLength(3);
  });

  test("lists every flag, and no other", () => {
    const table = text.slice(text.indexOf("| flag |"));
    expect([...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, flag]) => flag).sort()).toEqual([...flagNames]);
  });
});
