/** Facts and obligations through the whole gateway: what policy is asked, what the server gets, what the client gets. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Obligation } from "../../../../sidecar/contract.js";
import type { World } from "../../world.js";
import type { LabClient, ToolServer } from "../mcp/lab.js";
import { openSession, startLab, startServer, stateless, tool } from "../mcp/lab.js";
import { json, secrets, text } from "./lab.js";

let world: World;
let server: ToolServer;
let clients: Record<"session" | "stateless", LabClient>;
let onRequest: readonly Obligation[];
let onResult: readonly Obligation[];
/** What policy was told, by phase. */
const told = (phase: "request" | "response"): unknown =>
  world.sidecar.asked
    .map(({ call, calls }) => call ?? calls?.[0])
    .find((call) => call?.action.name !== "tool.list" && call?.action.properties["phase"] === phase)?.resource
    .properties;
const asks = (type: string, properties: object): Obligation => ({
  id: "o",
  type,
  properties: json(properties),
});

beforeAll(async () => {
  server = await startServer("session");
  server.tools = [
    tool("run", {
      inputSchema: { type: "object", properties: { command: { type: "string", maxLength: 60 } } },
    }),
    tool("person", {
      outputSchema: {
        type: "object",
        properties: { iban: { type: "string" }, age: { type: "number" } },
        required: ["iban"],
      },
    }),
  ];
  world = await startLab(
    {},
    {
      servers: {
        lab: {
          url: server.url,
          tools: [{ match: "run", effect: "external", arguments: { "/command": "shell" } }],
        },
      },
    },
  );
});
afterAll(async () => {
  await world.close();
  await server.close();
});
beforeEach(async () => {
  [onRequest, onResult] = [[], []];
  world.sidecar.decide = (call) => {
    const acts = ["tool.call", "resource.read", "prompt.get"].includes(call.action.name);
    const obligations = call.action.properties["phase"] === "response" ? onResult : onRequest;
    return { allow: true, obligations: acts ? obligations : [] };
  };
  clients = { session: await openSession(world), stateless: stateless(world) };
  for (const client of Object.values(clients)) await client.ask("tools/list");
  server.got.length = 0;
  world.sidecar.asked.length = 0;
});

const says = (result: object): void => {
  server.serve = (_message, { reply }) => {
    reply(result as Record<string, unknown>);
  };
};
const run = (client: LabClient, command: string) =>
  client.ask("tools/call", { name: "run", arguments: { command } });

describe.each(["session", "stateless"] as const)("for a client of the era %s", (era) => {
  test("policy is told what the arguments are, and what the result is", async () => {
    says({
      content: [text(`found ${secrets.aws}`), { type: "resource_link", uri: "http://10.0.0.1/x", name: "x" }],
    });
    await run(clients[era], "c''at /workspace/../etc/passwd");
    expect(told("request")).toMatchObject({
      tool: "run",
      arguments: { command: "c''at /workspace/../etc/passwd" },
      facts: {
        shell: { complete: true, programs: ["cat"] },
        paths: [{ path: "/etc/passwd", traversal: true }],
      },
    });
    expect(told("response")).toMatchObject({
      result: {
        is_error: false,
        blocks: { text: 1, resource_link: 1 },
        secrets: { aws_key: 1 },
        links: { private: true },
      },
    });
    expect(JSON.stringify(told("response"))).not.toContain(secrets.aws);
  });

  test("arguments are masked before they are sent", async () => {
    onRequest = [asks("mask", { phase: "request", patterns: ["secrets"] })];
    await run(clients[era], `login ${secrets.aws}`);
    expect(server.got[0]?.params).toMatchObject({ arguments: { command: "login [aws_key]" } });
  });

  test("arguments that the tool wouldn't take once they are masked aren't sent", async () => {
    onRequest = [asks("mask", { phase: "request", pointers: ["/command"], replacement: "x".repeat(61) })];
    const { last } = await run(clients[era], "ls");
    expect([last.error?.data?.["code"] ?? last.error?.message, server.got]).toEqual([
      expect.stringMatching(/obligation/),
      [],
    ]);
  });

  test.each(["request", "response"])(
    "results are masked where the decision on the %s says so, in both copies",
    async (phase) => {
      const asked = [asks("mask", { phase: "response", pointers: ["/structuredContent/iban"] })];
      if (phase === "request") onRequest = asked;
      else onResult = asked;
      const person = { iban: "DE89370400440532013000", age: 36 };
      says({
        content: [text(JSON.stringify(person)), text(`from ${person.iban}`)],
        structuredContent: person,
      });
      const { last } = await clients[era].ask("tools/call", { name: "person", arguments: {} });
      const masked = { iban: "[masked]", age: 36 };
      expect(last.result).toMatchObject({
        content: [text(JSON.stringify(masked)), text("from [masked]")],
        structuredContent: masked,
      });
    },
  );

  const refused: readonly (readonly [name: string, asked: Obligation, result: object])[] = [
    [
      "structure that its schema forbids once it is masked",
      asks("mask", { phase: "response", pointers: ["/structuredContent/age"] }),
      { content: [], structuredContent: { iban: "DE89", age: 36 } },
    ],
    [
      "structure that can't be cut",
      asks("limit_result", { max_bytes: 20 }),
      { content: [], structuredContent: { iban: "x".repeat(100) } },
    ],
    [
      "an obligation that nobody knows",
      asks("shred", {}),
      { content: [], structuredContent: { iban: "DE89" } },
    ],
  ];
  test.each(refused)("%s is a deny", async (_name, asked, result) => {
    onResult = [asked];
    says(result);
    const { last } = await clients[era].ask("tools/call", { name: "person", arguments: {} });
    expect([last.result, JSON.stringify(last.error)]).toEqual([
      undefined,
      expect.stringContaining("obligation_unsatisfiable"),
    ]);
  });

  test("results are cut and stripped", async () => {
    onRequest = [asks("strip_content", { types: ["image"] })];
    onResult = [asks("limit_result", { max_blocks: 1 })];
    says({ content: [{ type: "image", data: "aGk=", mimeType: "image/png" }, text("a"), text("b")] });
    const { last } = await run(clients[era], "ls");
    expect(last.result?.["content"]).toEqual([text("a")]);
  });

  test.each<[string, object]>([
    ["a type of block that nobody knows", { content: [{ type: "video", data: "aGk=" }] }],
    ["content that is no list", { content: "a" }],
    ["nothing", {}],
  ])("%s is no result", async (_name, result) => {
    says(result);
    const { last } = await run(clients[era], "ls");
    expect([last.result, JSON.stringify(last.error)]).toEqual([
      undefined,
      expect.stringContaining("upstream_invalid"),
    ]);
    expect(told("response")).toBeUndefined();
  });

  test("errors tell nothing of the server's inside", async () => {
    says({ content: [text("ENOENT: open '/home/app/secrets.yaml'")], isError: true });
    expect((await run(clients[era], "ls")).last.result).toMatchObject({
      content: [text("ENOENT: open '[absolute_path]'")],
      isError: true,
    });
    expect(told("response")).toMatchObject({ result: { is_error: true, internals: { absolute_path: 1 } } });
    server.serve = (_message, { fail }) => {
      fail(-32602, "at Object.<anonymous> (/srv/app/x.js:1:2)", { stack: "/srv/app/x.js" });
    };
    const { last } = await run(clients[era], "ls");
    expect([last.error?.code, JSON.stringify(last)]).toEqual([-32602, expect.not.stringContaining("/srv")]);
  });
});
