import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import yaml from "js-yaml";
import { GatewayConfigRefused, parseGatewayConfig } from "../../../gateway/config.js";
import { isOffered } from "../../../gateway/agents/config.js";
import type { Json } from "../../../sidecar/contract.js";
import { root } from "../../world.js";

const base = { sidecar: { socket: "/run/pdp.sock" } };
const parse = (more: object) => parseGatewayConfig({ ...base, ...more } as unknown as Json);
const example = (path: string): object =>
  yaml.load(/```yaml\n([\s\S]*?)```/.exec(readFileSync(join(root, path), "utf8"))?.[1] ?? "") as object;

const problemsOf = (more: object): readonly string[] => {
  try {
    parse(more);
  } catch (error) {
    if (error instanceof GatewayConfigRefused) return error.problems;
    throw error;
  }
  return [];
};

describe("agents", () => {
  test("docs/gateway-agents.md's example is a valid configuration", () => {
    const config = parse(example("docs/gateway-agents.md"));
    const agent = config.agents.get("research");
    expect(agent).toMatchObject({ binding: "jsonrpc", version: "1.0", skills: ["search", "summarize.*"] });
    // the card is everybody's: it is asked for in nobody's name
    expect(agent?.card.assertion).toBeUndefined();
    expect(agent?.upstream.assertion).toBeDefined();
  });

  test("a card lies at the agent's origin unless told otherwise", () => {
    const config = parse({ agents: { a: { url: "https://agents.example/deep/rpc" } } });
    expect(config.agents.get("a")?.card.url.href).toBe("https://agents.example/.well-known/agent-card.json");
  });

  test.each([
    ["a protocol of models", { protocol: "openai" }, "agents.a.protocol"],
    ["an unknown binding", { binding: "grpc" }, "agents.a.binding"],
    ["HTTP+JSON of 0.3", { binding: "http+json", version: "0.3" }, "agents.a.binding"],
    ["a version of the past", { version: "0.2" }, "agents.a.version"],
    [
      "a private key among the public",
      { card_keys: ['{"kty":"OKP","kid":"a","d":"x"}'] },
      "agents.a.card_keys",
    ],
    ["a key without a name", { card_keys: ['{"kty":"OKP"}'] }, "agents.a.card_keys"],
    ["an extension with a comma", { extensions: ["a,b"] }, "agents.a.extensions"],
    ["a card elsewhere than on the web", { card_url: "file:///etc/passwd" }, "agents.a.card_url"],
    ["a key that nobody knows", { push_hosts: [] }, "agents.a.push_hosts"],
  ])("%s is a mistake", (_name, more, place) => {
    const problems = problemsOf({ agents: { a: { url: "https://agents.example", ...more } } });
    expect(problems.map((one) => one.split(":")[0])).toContain(place);
  });

  test.each([
    ["search", "search", true],
    ["search", "sea*", true],
    ["search", "*ch", true],
    ["search", "s*r*h", true],
    ["search", "*", true],
    ["search", "searc", false],
    ["search", "s*x*h", false],
    ["aba", "ab*ba", false],
    ["search", "search*h", false],
  ])("the skill %s is offered by %s: %s", (skill, glob, offered) => {
    expect(isOffered(skill, [glob])).toBe(offered);
  });
});

describe("the forward proxy", () => {
  test("docs/gateway-proxy.md's example is a valid configuration", () => {
    const { forwardProxy } = parse(example("docs/gateway-proxy.md"));
    expect(forwardProxy).toMatchObject({ listen: "127.0.0.1:8888", ports: [443], addresses: false });
  });

  test("isn't there unless it is configured", () => {
    expect(parse({}).forwardProxy).toBeUndefined();
  });

  test.each([
    ["no port", { ports: [] }, "forward_proxy.ports"],
    ["a port as text", { ports: ["443"] }, "forward_proxy.ports"],
    ["a glob for a private host", { private_hosts: ["*.corp"] }, "forward_proxy.private_hosts"],
    ["a network for a private host", { private_hosts: ["10.0.0.0/8"] }, "forward_proxy.private_hosts"],
    ["a key that nobody knows", { tls_inspection: true }, "forward_proxy.tls_inspection"],
  ])("%s is a mistake", (_name, more, place) => {
    expect(problemsOf({ forward_proxy: more }).map((one) => one.split(":")[0])).toContain(place);
  });
});
