import { describe, expect, test } from "@jest/globals";
import { maskItem, withoutHidden } from "../../../../gateway/retrieval/serve/mask.js";
import type { JsonObject } from "../../../../sidecar/contract.js";
import { readConfig } from "./fake-store.js";

const collection = readConfig({
  docs: {
    fields: { body: "say.body", salary: { path: "pay.salary", type: "number" }, org: "org" },
    text: "say.body",
  },
}).collections.get("docs");
const item = (metadata: JsonObject, text?: string) => ({
  ...{ ask: 0, id: "a", metadata },
  ...(text === undefined ? {} : { text }),
});

describe("a mask", () => {
  test.each<[string, string[], JsonObject, JsonObject, string | undefined]>([
    ["covers a text", ["org"], { org: "hr", x: 1 }, { org: "***", x: 1 }, "A"],
    ["takes out a number", ["salary"], { pay: { salary: 5, x: 1 } }, { pay: { x: 1 } }, "A"],
    ["takes out a list", ["org"], { org: ["hr"] }, {}, "A"],
    [
      "takes out another spelling of the path",
      ["salary"],
      { "pay.salary": 5, pay: { salary: 6 } },
      { pay: {} },
      "A",
    ],
    ["reaches into lists", ["salary"], { pay: [{ salary: 5, x: 1 }] }, { pay: [{ x: 1 }] }, "A"],
    [
      "covers what a document says, where it is a field",
      ["body"],
      { say: { body: "A" } },
      { say: { body: "***" } },
      "***",
    ],
    [
      "covers what a document says by its own name",
      ["text"],
      { say: { body: "A" } },
      { say: { body: "***" } },
      "***",
    ],
  ])("%s", (_name, names, metadata, expected, text) => {
    expect(maskItem(item(metadata, "A"), names, collection)).toEqual(item(expected, text));
  });
  test("on a field that isn't known leaves nothing", () => {
    expect(maskItem(item({ a: 1 }), ["a"], collection)).toBeUndefined();
  });
});

describe("what is hidden", () => {
  test.each<[string, string[], JsonObject, JsonObject, string | undefined]>([
    ["is taken out, however it is spelled", ["a.b"], { a: { b: 1, c: 1 }, "a.b": 2 }, { a: { c: 1 } }, "A"],
    ["is taken out with what it holds", ["a"], { a: { b: 1 }, c: 1 }, { c: 1 }, "A"],
    ["takes what a document says along", ["say.body"], { say: { body: "A" } }, { say: {} }, undefined],
    ["takes it along with what holds it", ["say"], { say: { body: "A" } }, {}, undefined],
  ])("%s", (_name, hidden, metadata, expected, text) => {
    expect(withoutHidden(item(metadata, "A"), hidden, collection)).toEqual(item(expected, text));
  });
});
