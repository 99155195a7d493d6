/** The official clients of both lines through the gateway to official servers of both eras. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { World } from "../../gateway/world.js";
import { allow, callerToken, deny, startWorld, until } from "../../gateway/world.js";
import type { Serving } from "../conformance/servers.js";
import { serveSessions, serveStateless } from "../conformance/servers.js";
import type { Door } from "../with-token.js";
import { openDoor } from "../with-token.js";
import type { Used } from "./sdk.js";
import { connectV1, connectV2 } from "./sdk.js";

let world: World;
let door: Door;
const servers: Record<string, Serving> = {};

beforeAll(async () => {
  servers["sessions"] = await serveSessions();
  servers["stateless"] = await serveStateless();
  world = await startWorld({
    config: {
      servers: Object.fromEntries(
        Object.entries(servers).map(([name, { url }]) => [name, { url, definitions: "off" }]),
      ),
    },
  });
  door = await openDoor(() => world.url, callerToken);
});
afterAll(async () => {
  await door.close();
  await world.close();
  for (const server of Object.values(servers)) await server.close();
});

const clients = [
  { client: "v1", version: "2025-11-25", connect: connectV1 },
  { client: "v2, auto", version: "2026-07-28", connect: (url: string) => connectV2(url, "auto") },
  {
    ...{ client: "v2, told 2026-07-28", version: "2026-07-28" },
    connect: (url: string) => connectV2(url, { pin: "2026-07-28" }),
  },
];
const pairs = clients.flatMap((one) => ["sessions", "stateless"].map((server) => ({ ...one, server })));

describe.each(pairs)("$client, with a server of $server", ({ version, connect, server }) => {
  let client: Used;
  let upstream: Serving;
  beforeEach(async () => {
    world.sidecar.decide = allow;
    const running = servers[server];
    if (running === undefined) throw new Error("no such server");
    upstream = running;
    client = await connect(`${door.url}/mcp/${server}`);
    world.sidecar.asked.length = 0;
  });
  afterEach(() => client.close());

  test("speaks its own revision; lists what it may use, and no word of the rest", async () => {
    expect(client.version).toBe(version);
    expect(await client.tools()).toContain("test_image_content");
    world.sidecar.decide = (call) => ({ allow: !/image|binary/.test(call.resource.id) });
    expect(await client.tools()).not.toContain("test_image_content");
    expect(await client.prompts()).not.toContain("test_prompt_with_image");
    expect(await client.resources()).toEqual(["test://static-text", "test://watched-resource"]);
    expect(await client.templates()).toEqual(["template"]);
  });

  test("calls, with progress and log messages", async () => {
    const seen: number[] = [];
    const onprogress = ({ progress }: { progress: number }): void => void seen.push(progress);
    await client.call("test_tool_with_progress", {}, { onprogress });
    expect(seen).toEqual([0, 50, 100]);
    await client.call("test_tool_with_logging", {}, { logs: true });
    expect(client.heard).toEqual(["log Tool started", "log Tool processing data", "log Tool completed"]);
    expect(await client.call("test_error_handling")).toMatchObject({ isError: true });
  });

  test("raises its own error where a call is denied, with code, reasons and decision", async () => {
    world.sidecar.decide = (call) =>
      call.action.name === "tool.call" ? deny("tool.simple")(call, {} as never) : { allow: true };
    const error: unknown = await client.call("test_simple_text").catch((raised: unknown) => raised);
    expect(error).toMatchObject({
      name: version === "2025-11-25" ? "McpError" : expect.stringMatching(/Error$/),
      code: -32001,
      data: { reasons: [{ code: "tool.simple" }], decision_id: expect.stringMatching(/^d-/) },
    });
  });

  test("reads resources, gets prompts, has arguments completed", async () => {
    expect(await client.read("test://template/7/data")).toMatchObject({
      contents: [{ text: expect.stringContaining("Data for ID: 7") }],
    });
    expect(await client.prompt("test_prompt_with_arguments", { arg1: "a", arg2: "b" })).toMatchObject({
      messages: [{ content: { text: "Prompt with arguments: arg1='a', arg2='b'" } }],
    });
    expect(await client.complete("par")).toMatchObject({
      completion: { values: ["paris", "park", "party"] },
    });
    await expect(client.read("test://nothing")).rejects.toMatchObject({ code: -32602 });
  });

  test("is asked for samples, input and roots, and answers", async () => {
    expect(await client.call("test_sampling", { prompt: "capital?" })).toMatchObject({
      content: [{ text: "LLM response: Paris" }],
    });
    expect(await client.call("test_elicitation", { message: "who?" })).toMatchObject({
      content: [{ text: expect.stringContaining("action=accept") }],
    });
    expect(await client.call("test_roots")).toMatchObject({
      content: [{ text: expect.stringContaining("file:///work") }],
    });
    const asked = world.sidecar.asked.flatMap(
      ({ call, calls }) => calls ?? (call === undefined ? [] : [call]),
    );
    const of = (name: string): number => asked.filter(({ action }) => action.name === name).length;
    // what is asked, and what is answered
    expect([of("sampling.create"), of("elicitation.create"), of("roots.list")]).toEqual([2, 2, 2]);
  });

  test("isn't asked what policy denies", async () => {
    world.sidecar.decide = (call) => ({ allow: call.action.name !== "sampling.create" });
    const said: unknown = await client
      .call("test_sampling", { prompt: "x" })
      .catch((error: unknown) => error);
    expect(JSON.stringify(said)).not.toContain("Paris");
  });

  test("hears of a resource and of tools that changed, once it wants to", async () => {
    await client.listen("test://watched-resource");
    // what is subscribed to reaches the server in its own time
    const again = setInterval(() => {
      upstream.update("test://watched-resource");
    }, 100);
    await until(() => client.heard.includes("updated test://watched-resource"));
    clearInterval(again);
    await client.call("test_trigger_tool_change");
    await until(() => client.heard.includes("tools"));
  });

  test("cancels a call: the server hears of it", async () => {
    const before = upstream.cancelled();
    const stop = new AbortController();
    const call = client.call("linger", {}, { signal: stop.signal }).catch((error: unknown) => error);
    await until(() => upstream.lingering() === 1);
    stop.abort();
    await until(() => upstream.cancelled() === before + 1);
    await call;
  });

  if (version === "2025-11-25")
    test("takes a call up again whose stream broke off", async () => {
      const seen: number[] = [];
      const onprogress = ({ progress }: { progress: number }): void => void seen.push(progress);
      const call = client.call("linger", {}, { onprogress });
      await until(() => seen.length === 1);
      door.cut();
      upstream.release();
      expect(await call).toMatchObject({ content: [{ text: "at last" }] });
    });
});

test.each(clients)("$client raises its own error where nobody knows it", async ({ connect }) => {
  world.sidecar.decide = deny("unauthenticated", "x");
  const error: unknown = await connect(`${world.url}/mcp/sessions`).catch((raised: unknown) => raised);
  const { code, status = code } = error as { code?: unknown; status?: unknown };
  expect(error).toBeInstanceOf(Error);
  expect(status).toBe(401);
});
