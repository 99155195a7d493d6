/** Obligations on arguments and results: carried out whole, or not at all. */
import { describe, expect, test } from "@jest/globals";
import {
  applyToResult,
  joinToolDuties,
  maskArguments,
  readToolDuties,
} from "../../../../gateway/tools/results/apply.js";
import type { ToolDuties } from "../../../../gateway/tools/results/apply.js";
import { json, plain, secrets, text } from "./lab.js";

const read = (
  type: string,
  properties: object,
  phase: "request" | "response" = "request",
): ToolDuties | undefined =>
  readToolDuties([{ id: "o", type, properties: json(properties) }], phase, {
    hasHook: (name) => name === "soc",
  });
const duties = (type: string, properties: object): ToolDuties => {
  const known = read(type, properties);
  if (known === undefined) throw new Error("not understood");
  return known;
};
const apply = (result: unknown, asked: ToolDuties, check?: () => string | undefined): unknown =>
  plain(applyToResult(json(result), asked, check));

const masks = (properties: object): ToolDuties => duties("mask", { phase: "response", ...properties });
const base64 = (said: string): string => Buffer.from(said).toString("base64");
const person = { name: "Ada", iban: "DE89370400440532013000", age: 36, vip: true };

describe("mask", () => {
  const cases: readonly (readonly [name: string, asked: object, result: unknown, given: unknown])[] = [
    [
      "a kind",
      { patterns: ["email"] },
      { content: [text("to a@b.example")] },
      { content: [text("to [email]")] },
    ],
    [
      "secrets of both detectors",
      { patterns: ["secrets"] },
      { content: [text(`${secrets.aws} ${secrets.shopify} ${secrets.linear}`)] },
      { content: [text("[aws_key] [shopify_token] [linear_key]")] },
    ],
    [
      "a kind within what another takes for more",
      { patterns: ["password"] },
      { content: [text(secrets.mysql)] },
      { content: [text("mysql://app:[password]@db.example.com/x")] },
    ],
    [
      "with a replacement",
      { patterns: ["pii"], replacement: "" },
      { content: [text("<a@b.example>")] },
      { content: [text("<>")] },
    ],
    [
      "in resources",
      { patterns: ["pii"] },
      { contents: [{ uri: "x:/a", text: "a@b.example" }] },
      { contents: [{ uri: "x:/a", text: "[email]" }] },
    ],
    [
      "in prompts",
      { pointers: ["/messages/*/content/text"] },
      { messages: [{ role: "user", content: text("secret") }] },
      { messages: [{ role: "user", content: text("[masked]") }] },
    ],
    [
      "nothing to do",
      { patterns: ["pii"] },
      { content: [text("a")], structuredContent: { n: 1 } },
      { content: [text("a")], structuredContent: { n: 1 } },
    ],
    [
      "structure, and the same as text",
      { pointers: ["/structuredContent/iban"] },
      { content: [text(JSON.stringify(person))], structuredContent: person },
      {
        content: [text(JSON.stringify({ ...person, iban: "[masked]" }))],
        structuredContent: { ...person, iban: "[masked]" },
      },
    ],
    [
      "structure, and the same as text in another order",
      { pointers: ["/structuredContent/iban"] },
      {
        content: [text(JSON.stringify({ iban: person.iban, vip: true, age: 36, name: "Ada" }, null, 2))],
        structuredContent: person,
      },
      {
        content: [text(JSON.stringify({ ...person, iban: "[masked]" }))],
        structuredContent: { ...person, iban: "[masked]" },
      },
    ],
    [
      "structure, and prose that says it",
      { pointers: ["/structuredContent/iban"] },
      { content: [text(`pays from ${person.iban}.`)], structuredContent: person },
      { content: [text("pays from [masked].")], structuredContent: { ...person, iban: "[masked]" } },
    ],
    [
      "patterns in both, each for itself",
      { patterns: ["iban"] },
      { content: [text(`pays from ${person.iban}`)], structuredContent: person },
      { content: [text("pays from [iban]")], structuredContent: { ...person, iban: "[iban]" } },
    ],
    [
      "any item",
      { pointers: ["/structuredContent/all/*/mail"] },
      { content: [], structuredContent: { all: [{ mail: "abcdef" }, { mail: "ghijkl", n: 1 }] } },
      { content: [], structuredContent: { all: [{ mail: "[masked]" }, { mail: "[masked]", n: 1 }] } },
    ],
    [
      "in text that comes as bytes",
      { patterns: ["secrets"] },
      {
        content: [
          {
            type: "resource",
            resource: { uri: "x:/a", mimeType: "text/plain", blob: base64(`k ${secrets.aws}`) },
          },
        ],
      },
      {
        content: [
          {
            type: "resource",
            resource: { uri: "x:/a", mimeType: "text/plain", blob: base64("k [aws_key]") },
          },
        ],
      },
    ],
    [
      "in text that comes as bytes of no type, or another",
      { patterns: ["secrets"] },
      {
        contents: [
          { uri: "x:/a", blob: base64(secrets.aws) },
          { uri: "x:/b", mimeType: "application/octet-stream", blob: base64(secrets.aws) },
        ],
      },
      {
        contents: [
          { uri: "x:/a", blob: base64("[aws_key]") },
          { uri: "x:/b", mimeType: "application/octet-stream", blob: base64("[aws_key]") },
        ],
      },
    ],
    [
      "in text that is called an image",
      { patterns: ["secrets"] },
      { content: [{ type: "image", mimeType: "image/png", data: base64(secrets.aws) }] },
      { content: [{ type: "image", mimeType: "image/png", data: base64("[aws_key]") }] },
    ],
    [
      "in what has the name of bytes where there are none",
      { patterns: ["secrets"] },
      { content: [{ ...text("a"), data: secrets.aws, blob: secrets.aws }] },
      { content: [{ ...text("a"), data: "[aws_key]", blob: "[aws_key]" }] },
    ],
    [
      "images pass a pattern",
      { patterns: ["pii"] },
      { content: [{ type: "image", data: "aGkh", mimeType: "image/png" }] },
      { content: [{ type: "image", data: "aGkh", mimeType: "image/png" }] },
    ],
    [
      "metadata",
      { patterns: ["pii"] },
      { content: [], _meta: { who: "a@b.example" } },
      { content: [], _meta: { who: "[email]" } },
    ],
    [
      "a long number",
      { patterns: ["card"] },
      { content: [], structuredContent: { n: 5500005555555559 } },
      { content: [], structuredContent: { n: "[card]" } },
    ],
  ];
  test.each(cases)("%s", (_name, asked, result, given) => {
    expect(apply(result, masks(asked))).toEqual(given);
  });

  const refused: readonly (readonly [name: string, asked: object, result: unknown])[] = [
    ["a name of a member", { patterns: ["email"] }, { content: [], structuredContent: { "a@b.example": 1 } }],
    [
      "a media type",
      { patterns: ["email"] },
      { content: [{ type: "image", data: "aGkh", mimeType: "a@b.example" }] },
    ],
    [
      "text in bytes that aren't all text",
      { patterns: ["secrets"] },
      {
        contents: [
          {
            uri: "x:/a",
            mimeType: "text/plain",
            blob: Buffer.concat([Buffer.from([0xff]), Buffer.from(secrets.aws)]).toString("base64"),
          },
        ],
      },
    ],
    [
      "what is short, and said in prose",
      { pointers: ["/structuredContent/age"] },
      { content: [text("she is 36")], structuredContent: person },
    ],
    [
      "too many values in too much prose",
      { pointers: ["/structuredContent/all/*"] },
      {
        content: [text("word ".repeat(60_000))],
        structuredContent: { all: Array.from({ length: 2_000 }, (_, i) => `value-${i}`) },
      },
    ],
    ["too much", { patterns: ["email"] }, { content: [text("a ".repeat(600_000))] }],
  ];
  test.each(refused)("%s can't be masked", (_name, asked, result) => {
    expect(apply(result, masks(asked))).toBeUndefined();
  });

  test("structure that the schema doesn't allow any more isn't given", () => {
    const asked = masks({ pointers: ["/structuredContent/age"] });
    const result = { content: [], structuredContent: person };
    expect(apply(result, asked, () => "/age is no number")).toBeUndefined();
    expect(apply(result, asked, () => undefined)).toEqual({
      content: [],
      structuredContent: { ...person, age: "[masked]" },
    });
  });

  test("arguments are masked before they are sent, and checked again", () => {
    const args = json({ q: "of a@b.example", n: 1, headers: { authorization: "Bearer x" } });
    const asked = duties("mask", { phase: "request", patterns: ["email"] });
    expect(plain(maskArguments(args, asked))).toEqual({
      q: "of [email]",
      n: 1,
      headers: { authorization: "Bearer x" },
    });
    const place = duties("mask", { phase: "request", pointers: ["/headers/authorization"] });
    expect(plain(maskArguments(args, place))).toMatchObject({
      q: "of a@b.example",
      headers: { authorization: "[masked]" },
    });
    expect(maskArguments(args, asked, () => "/q is no address")).toBeUndefined();
    expect(maskArguments(json({ "a@b.example": 1 }), asked)).toBeUndefined();
  });
});

describe("strip and limit", () => {
  const image = { type: "image", data: "aGkh", mimeType: "image/png" };
  const link = { type: "resource_link", uri: "x:/a", name: "a" };
  test("blocks are taken out by their types", () => {
    expect(
      apply(
        { content: [text("a"), image, link] },
        duties("strip_content", { types: ["image", "resource_link"] }),
      ),
    ).toEqual({
      content: [text("a")],
    });
    expect(
      apply({ messages: [{ role: "user", content: image }] }, duties("strip_content", { types: ["image"] })),
    ).toEqual({ messages: [] });
    expect(
      apply({ contents: [{ uri: "x:/a", text: "a" }] }, duties("strip_content", { types: ["resource"] })),
    ).toBeUndefined();
  });

  const limits: readonly (readonly [name: string, asked: object, result: unknown, given: unknown])[] = [
    ["small enough", { max_bytes: 1_000 }, { content: [text("a")] }, { content: [text("a")] }],
    [
      "blocks beyond a number",
      { max_blocks: 1 },
      { content: [text("a"), text("b")] },
      { content: [text("a")] },
    ],
    [
      "blocks beyond a number, refused",
      { max_blocks: 1, otherwise: "refuse" },
      { content: [text("a"), text("b")] },
      undefined,
    ],
    [
      "bytes, refused",
      { max_bytes: 30, otherwise: "refuse" },
      { content: [text("a".repeat(100))] },
      undefined,
    ],
    [
      "an image that doesn't fit",
      { max_bytes: 60 },
      { content: [text("a"), image] },
      { content: [text("a")] },
    ],
    [
      "structure beside text",
      { max_bytes: 60 },
      { content: [text("a")], structuredContent: { a: "b".repeat(100) } },
      { content: [text("a")] },
    ],
    ["structure alone", { max_bytes: 60 }, { structuredContent: { a: "b".repeat(100) } }, undefined],
    [
      "metadata too large",
      { max_bytes: 60 },
      { content: [text("a")], _meta: { a: "b".repeat(100) } },
      undefined,
    ],
  ];
  test.each(limits)("%s", (_name, asked, result, given) => {
    expect(apply(result, duties("limit_result", asked))).toEqual(given);
  });
  test("structure that was promised can't be left out", () => {
    const result = { content: [text("a")], structuredContent: { a: "b".repeat(100) } };
    expect(apply(result, duties("limit_result", { max_bytes: 60 }), () => "is missing")).toBeUndefined();
  });
  test.each([["a".repeat(500)], ["\u{1F600}".repeat(200)], ['"\\\n'.repeat(200)]])(
    "texts are cut whole: %#",
    (long) => {
      const given = apply({ content: [text(long)] }, duties("limit_result", { max_bytes: 200 })) as {
        content: [{ text: string }];
      };
      const cut = given.content[0].text;
      expect(Buffer.byteLength(JSON.stringify(given))).toBeLessThanOrEqual(200);
      expect(cut.endsWith("… [cut]")).toBe(true);
      expect(long.startsWith(cut.slice(0, -"… [cut]".length))).toBe(true);
      expect(cut.length).toBeGreaterThan(20);
    },
  );
});

test("labels, notices and modes are told", () => {
  const asked = readToolDuties(
    [
      { id: "1", type: "add_label", properties: json({ labels: ["a"] }) },
      { id: "2", type: "notify", properties: json({ hook: "soc", required: true }) },
      { id: "3", type: "inspect_result", properties: json({ mode: "observe" }) },
    ],
    "request",
    { hasHook: (name) => name === "soc" },
  );
  expect(asked).toMatchObject({
    labels: ["a"],
    notices: [{ hook: "soc", required: true }],
    inspect: "observe",
  });
  const more = read("add_label", { labels: ["a", "b"] }, "response");
  expect(asked && more && joinToolDuties(asked, more).labels).toEqual(["a", "b"]);
});

const wrong: readonly (readonly [type: string, properties: object, phase: "request" | "response"])[] = [
  ["frobnicate", {}, "request"],
  ["constructor", {}, "request"],
  ["limit_tokens", { max_tokens: 1 }, "request"],
  ["inspect_result", { mode: "decide" }, "response"],
  ["mask", { phase: "request", patterns: ["pii"] }, "response"],
  ["mask", { phase: "response", patterns: ["unheard"] }, "request"],
  ["mask", { phase: "response", patterns: ["language"] }, "request"],
  ["mask", { phase: "response", pointers: ["/isError"] }, "request"],
  ["mask", { phase: "response", pointers: ["/content/*/type"] }, "request"],
  ["mask", { phase: "response", pointers: ["/content/*/data"] }, "request"],
  ["mask", { phase: "response", pointers: ["/content"] }, "request"],
  ["mask", { phase: "response", pointers: ["/_meta/x"] }, "request"],
  ["mask", { phase: "response", pointers: ["/structuredContent/__proto__"] }, "request"],
  ["mask", { phase: "response", pointers: ["/structuredContent/a~2"] }, "request"],
  ["mask", { phase: "response", pointers: ["structuredContent"] }, "request"],
  ["notify", { hook: "other" }, "request"],
  ["add_label", { labels: ["UPPER"] }, "request"],
];
test.each(wrong)("%s %j in the phase %s is a deny", (type, properties, phase) => {
  expect(read(type, properties, phase)).toBeUndefined();
});
