/** What an enforcement point says of content reaches policy at `context.content`, and nowhere else. */
import { describe, expect, test } from "@jest/globals";
import { ownRequest } from "../../sidecar/api/own-request.js";
import type { Identity, Json } from "../../sidecar/contract.js";
import { parseDecisionRequest } from "../../sidecar/contract.js";
import { createDescriber } from "../../sidecar/describe/describe.js";

const requestWith = (content: Json): Json => ({
  call: {
    kind: "model",
    action: { name: "model.invoke", properties: {} },
    resource: { type: "model", id: "m", properties: {} },
  },
  credentials: {},
  context: { request: { id: "r-1", method: "POST", path: "/" }, content },
  obligations: [],
});
const read = (content: Json) => parseDecisionRequest(requestWith(content));
const content = { scanned: true, secrets: { jwt: 1 } };
const identity = {
  ...{ type: "user", id: "u", tenant: "t", issuer: "i", method: "jwt", assurance: "bearer" },
  ...{ groups: [], roles: [], claims: {}, chain: [], credentials: [] },
} as unknown as Identity;

describe("facts about content", () => {
  test("are policy's to read", () => {
    const parsed = read(content);
    if (parsed.kind === "refusal" || parsed.request.call === undefined) throw new Error("refused");
    const describer = createDescriber({ now: () => 0, timeZone: "UTC", networks: [] });
    const input = describer.describe(identity, parsed.request.call, parsed.request.context);
    expect(input.context).toMatchObject({ content });
  });

  test.each([null, "x", 1, [content]])("are an object, or the request is refused: %j", (value) => {
    expect(read(value)).toMatchObject({ kind: "refusal", code: "invalid_request" });
  });

  test("are what a caller merely says where no enforcement point vouches for them", () => {
    const parsed = read(content);
    if (parsed.kind === "refusal") throw new Error("refused");
    const { context } = ownRequest(parsed.request, {}, { ip: undefined, requestId: "r" });
    expect(context).not.toHaveProperty("content");
    expect(context.claimed).toMatchObject({ content });
  });
});
