import { describe, expect, test } from "@jest/globals";
import { withFetches } from "../../gateway/models/media-urls.js";
import type { Call, JsonObject } from "../../sidecar/contract.js";

describe("what a model's server is asked to fetch", () => {
  const call: Call = {
    kind: "model",
    action: { name: "model.invoke", properties: {} },
    resource: { type: "model", id: "m", properties: {} },
  };
  const image = (url: string) => ({
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
  });
  const cases: readonly (readonly [
    name: string,
    body: JsonObject,
    fetches: readonly string[] | undefined,
  ])[] = [
    ["nothing", { messages: [{ role: "user", content: "see https://a.example/" }] }, undefined],
    ["an image that comes along", image("data:image/png;base64,AA=="), undefined],
    ["an image elsewhere", image("https://A.example:8443/x?d=secret"), ["a.example"]],
    [
      "a file for responses",
      { input: [{ content: [{ type: "input_file", file_url: "https://b.example/f" }] }] },
      ["b.example"],
    ],
    ["what isn't an address", image("https://"), ["*"]],
    [
      "too many to name",
      { messages: Array.from({ length: 40 }, (_, n) => ({ content: [{ url: `https://h${n}.example/` }] })) },
      ["*"],
    ],
  ];
  test.each(cases)("is told to policy by host: %s", (_name, body, fetches) => {
    expect(withFetches(call, body).action.properties["fetches"]).toEqual(fetches);
  });
});
