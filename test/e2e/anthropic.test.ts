/** Anthropic's official client, unmodified, through the real gateway and sidecar: allowed and denied, streamed and not. */
import Anthropic, { AuthenticationError, NotFoundError, PermissionDeniedError } from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { IdentityName } from "../../demo/identities.js";
import type { World } from "../world.js";
import { startWorld } from "../world.js";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

const ask = {
  model: "claude-sonnet",
  max_tokens: 64,
  messages: [{ role: "user" as const, content: "hello" }],
};
const client = (authToken: string) =>
  new Anthropic({ authToken, apiKey: null, baseURL: world.gatewayUrl, maxRetries: 0 });
const by = async (name: IdentityName) => client(await world.issuer.token(name));
const ways: readonly (readonly [string, (from: Anthropic) => Promise<Anthropic.Message>])[] = [
  ["plain", (from) => from.messages.create(ask)],
  ["streamed", (from) => from.messages.stream(ask).finalMessage()],
];

describe.each(ways)("%s", (_name, call) => {
  test("an allowed call is answered", async () => {
    const { content, usage } = await call(await by("senior"));
    expect(content).toMatchObject([{ type: "text", text: expect.stringContaining("This is claude-sonnet") }]);
    expect(usage.output_tokens).toBeGreaterThan(1);
  });

  test("a denied call raises the client's own error, with code, reason and decision, and reaches nobody", async () => {
    const before = world.upstreams.model.received.length;
    const error: unknown = await call(await by("analyst")).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PermissionDeniedError);
    expect((error as PermissionDeniedError).error).toMatchObject({
      type: "error",
      error: {
        type: "permission_error",
        code: "denied",
        decision_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        reasons: [{ code: "tier_not_granted", rule: "model.tier" }],
      },
    });
    expect((error as Error).message).toContain("tier_not_granted");
    await expect(call(client("not-a-token"))).rejects.toBeInstanceOf(AuthenticationError);
    expect(world.upstreams.model.received).toHaveLength(before);
  });
});

test("a model that the caller may not use isn't there", async () => {
  await expect((await by("analyst")).models.retrieve("claude-sonnet")).rejects.toBeInstanceOf(NotFoundError);
  expect((await (await by("senior")).models.retrieve("claude-sonnet")).id).toBe("claude-sonnet");
});
