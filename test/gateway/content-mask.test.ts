/** `mask` takes what detectors find out of a request, wherever it stands, or says that it can't. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { enforce } from "../../gateway/enforce/enforce.js";
import { modelDuties } from "../../gateway/enforce/registry.js";
import { injection, pii, secrets } from "../../gateway/content/create-detectors.js";
import { createTextMasker } from "../../gateway/content/mask-stream.js";
import { maskText, patternsOf } from "../../gateway/content/mask-text.js";
import { findAll } from "../../gateway/content/pattern.js";
import { openai } from "../../gateway/models/openai.js";
import type { JsonObject } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import { snippets } from "./content-set.js";
import type { World } from "./world.js";
import { allow, chatBody, post, startWorld } from "./world.js";

const email = "jane.doe@mail.example.com";
const parse = (value: unknown): JsonObject => parseJson(JSON.stringify(value)) as JsonObject;
const mask = (body: unknown, properties: unknown = { patterns: ["pii"], phase: "request" }): unknown => {
  const obligation = { id: "o", type: "mask", properties: parse(properties) };
  const before = parse(body);
  const text = stringifyJson(before);
  const out = enforce(before, [obligation], modelDuties, openai.words);
  expect(stringifyJson(before)).toBe(text);
  return out === undefined ? undefined : JSON.parse(stringifyJson(out));
};
const said = (message: unknown) => ({ model: "m", messages: [message] });
const call = (text: string) => ({
  role: "assistant",
  tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: text } }],
});
const use = (input: unknown) => ({
  role: "assistant",
  content: [{ type: "tool_use", id: "t", name: "f", input }],
});

describe("in a request", () => {
  test.each([
    ["a text", { role: "user", content: `I am ${email}.` }, { role: "user", content: "I am [email]." }],
    [
      "a part",
      { role: "user", content: [{ type: "text", text: email }] },
      { role: "user", content: [{ type: "text", text: "[email]" }] },
    ],
    ["instructions", { role: "system", content: email }, { role: "system", content: "[email]" }],
    ["arguments", call(`{"to": "${email}", "n": 1.0}`), call('{"to":"[email]","n":1.0}')],
    ["escaped arguments", call('{"to":"jane.doe\\u0040mail.example.com"}'), call('{"to":"[email]"}')],
    ["arguments without anything", call('{ "a" : 1 }'), call('{ "a" : 1 }')],
    ["broken arguments", call(`{"to": "${email}`), call('{"to": "[email]')],
    [
      "input",
      use({ to: [email], type: email, card: 4242424242424242 }),
      use({ to: ["[email]"], type: "[email]", card: "[card]" }),
    ],
    [
      "a result",
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: email }] }],
      },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "[email]" }] }],
      },
    ],
    [
      "a document's text",
      {
        role: "user",
        content: [{ type: "document", source: { type: "text", media_type: "text/plain", data: email } }],
      },
      {
        role: "user",
        content: [{ type: "document", source: { type: "text", media_type: "text/plain", data: "[email]" } }],
      },
    ],
    [
      "nothing of an image's bytes",
      {
        role: "user",
        content: [
          { type: "image", source: { type: "base64", media_type: "image/png", data: "+49301234567" } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "image", source: { type: "base64", media_type: "image/png", data: "+49301234567" } },
        ],
      },
    ],
  ])("%s", (_name, before, after) => {
    expect(mask(said(before))).toEqual(said(after));
  });

  test("what isn't a message", () => {
    const body = {
      model: "m",
      messages: [],
      system: email,
      user: email,
      tools: [{ type: "function", function: { name: "f", description: email } }],
    };
    expect(mask(body)).toEqual(JSON.parse(JSON.stringify(body).replaceAll(email, "[email]")));
  });

  test("with a replacement, by kind", () => {
    const content = `${email} +1 415 555 0132`;
    const properties = { patterns: ["phone"], phase: "request", replacement: "" };
    expect(mask(said({ role: "user", content }), properties)).toEqual(
      said({ role: "user", content: `${email} ` }),
    );
  });

  test.each([
    ["a name", { role: "user", content: "", name: email }],
    ["an id", { role: "tool", content: "", tool_call_id: email }],
    ["the name of a member", use({ [email]: 1 })],
    [
      "signed thoughts",
      { role: "assistant", content: [{ type: "thinking", thinking: email, signature: "s" }] },
    ],
    ["more text than can be masked at once", { role: "user", content: "a ".repeat(2 ** 18 + 1) }],
  ])("can't be done where it is in %s", (_name, message) => {
    expect(mask(said(message))).toBeUndefined();
  });

  test("can't be done on a number that isn't a tool's", () => {
    expect(mask({ ...said({ role: "user", content: "" }), seed: 4242424242424242 })).toBeUndefined();
  });

  test.each([
    {},
    { patterns: ["pii"] },
    { patterns: ["pii"], phase: "response" },
    { patterns: ["pii"], phase: "both" },
    { patterns: [], phase: "request" },
    { patterns: "pii", phase: "request" },
    { patterns: ["noses"], phase: "request" },
    { patterns: ["language"], phase: "request" },
    { patterns: ["pii"], phase: "request", replacement: 1 },
    { patterns: ["pii"], phase: "request", replacement: "x".repeat(65) },
    { patterns: ["pii"], phase: "request", pointer: "/a" },
  ])("a form that isn't known is a deny: %j", (properties) => {
    expect(mask(said({ role: "user", content: "x" }), properties)).toBeUndefined();
  });
});

test("what detectors find, masking takes out, and nothing else", () => {
  const names = ["pii", "secrets", "injection"];
  const patterns = patternsOf(names) ?? [];
  for (const { text, kind } of snippets) {
    const out = maskText(text, { patterns, replacement: "" });
    const found = [pii, secrets, injection].flatMap((one) =>
      Object.keys(one.scan(text, 0, text.length, "tool").counts),
    );
    expect({ text, changed: out !== text }).toEqual({ text, changed: found.length > 0 });
    if (kind === undefined) continue;
    for (const detector of [pii, secrets]) {
      expect(Object.keys(detector.scan(out, 0, out.length, "tool").counts)).toEqual([]);
    }
  }
});

test("a stream is masked as the whole text is, however it is cut", () => {
  const texts = snippets.map(({ text }) => text);
  const masking = { patterns: patternsOf(["pii", "secrets", "injection"]) ?? [] };
  const glue = fc.constantFrom(
    " ",
    "\n",
    "",
    ", ",
    "。",
    "日本語",
    " lorem ipsum dolor ",
    "x".repeat(300),
    "-----BEGIN ",
    "@",
  );
  const piece = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...texts) }, { weight: 2, arbitrary: glue });
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
      (some, cuts) => {
        const text = some.join("");
        const masker = createTextMasker(masking);
        let out = "";
        const characters = [...text];
        for (let at = 0, i = 0; at < characters.length; i++) {
          const size = cuts[i % cuts.length] ?? 1;
          const given = masker.push(characters.slice(at, at + size).join(""));
          expect(given.isWellFormed()).toBe(true);
          out += given;
          at += size;
        }
        expect(out + masker.end()).toBe(maskText(text, masking));
      },
    ),
    { numRuns: 400 },
  );
});

test.each([
  [
    "a long token",
    `so ey${"JhbGciOiJub25lIn0".repeat(60)}.eyJ${"abcdefgh1".repeat(80)}.${"sig_1".repeat(40)} it is`,
  ],
  [
    "a long address",
    `an ${"ü".repeat(60)}@${"ä".repeat(60)}.${"ö".repeat(60)}.${"ß".repeat(60)}.example here`,
  ],
  ["signs of two units", `${"😀🏴".repeat(300)} ${email} ${"a😀".repeat(200)}`],
  [
    "a key that ends nowhere",
    `-----BEGIN PRIVATE KEY-----\n${`${"Ab1+".repeat(16)}\n`.repeat(20)}and on it goes`,
  ],
  ["hidden signs in a row", `x${"\u{E0041}".repeat(700)}y${"\u200b".repeat(700)}z${"\ufe01".repeat(700)}`],
])("%s is masked in a stream as in the whole", (_name, text) => {
  const masking = { patterns: patternsOf(["pii", "secrets", "injection"]) ?? [] };
  const expected = maskText(text, masking);
  if (!text.startsWith("😀")) expect(expected.length).toBeLessThan(text.length / 2);
  for (const size of [1, 2, 13, 170, 1_000]) {
    const masker = createTextMasker(masking);
    const characters = [...text];
    let out = "";
    for (let at = 0; at < characters.length; at += size) {
      const given = masker.push(characters.slice(at, at + size).join(""));
      expect(given.isWellFormed()).toBe(true);
      out += given;
    }
    expect(out + masker.end()).toBe(expected);
  }
});

test("what begins before a place isn't found from there", () => {
  const patterns = patternsOf(["tag_characters"]) ?? [];
  expect(findAll("\u{E0041}a", patterns, 0, 3)).toHaveLength(1);
  expect(findAll("\u{E0041}a", patterns, 1, 3)).toEqual([]);
});

test("a stream is held back no longer than it must be", () => {
  const masker = createTextMasker({ patterns: patternsOf(["pii", "secrets"]) ?? [] });
  for (const text of ["lorem ipsum dolor ", "これは長い文章です。", "a".repeat(40)]) {
    let out = "";
    for (let i = 0; i < 2_000; i++) out += masker.push(text);
    expect(2_000 * text.length - out.length).toBeLessThan(21_000);
  }
});

describe("through the gateway", () => {
  let world: World | undefined;
  afterEach(() => world?.close());
  const oblige = (properties: unknown) => () => ({
    ...allow({} as never, {} as never),
    obligations: [{ id: "o", type: "mask", properties: parse(properties) }],
  });

  test("the upstream gets the masked request", async () => {
    world = await startWorld();
    world.sidecar.decide = oblige({ patterns: ["email"], phase: "request" });
    const answer = await post(
      world,
      "/v1/chat/completions",
      chatBody({ messages: [{ role: "user", content: email }] }),
    );
    expect(answer.status).toBe(200);
    expect(world.model.received[0]?.body).toBe(
      '{"model":"small","messages":[{"role":"user","content":"[email]"}]}',
    );
  });
});
