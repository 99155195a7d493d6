/** Forms of tool servers cost little to read, whatever is in them. */
import { expect, test } from "@jest/globals";
import { asksForSecret } from "../../../../gateway/tools/mcp/asks-for-secret.js";
import { readElicitation } from "../../../../gateway/tools/mcp/read-input.js";

const form = (properties: Record<string, Record<string, string>>) =>
  readElicitation({ message: "m", requestedSchema: { type: "object", properties } }, {});

test("a form of more text than anybody reads is none", () => {
  expect(form({ a: { description: "a".repeat(65_000) } })).toMatchObject({ asks_for_secret: false });
  expect(form({ a: { description: "a".repeat(65_536) } })).toBeUndefined();
  expect(form({ ["a".repeat(65_537)]: {} })).toBeUndefined();
  const half = { title: "a".repeat(32_768) };
  expect(form({ a: half, b: half })).toBeUndefined();
});

test("signs that stand for sentences can't be told from what asks for a secret", () => {
  expect(asksForSecret(["\ufdfa".repeat(1_000)])).toBe(true);
  // languages whose letters are taken apart aren't such
  expect(asksForSecret(["\u{b9d0}\u{c528}".repeat(1_000), "\u1ec7\u1ed9".repeat(1_000), "\ufdfa"])).toBe(
    false,
  );
});
