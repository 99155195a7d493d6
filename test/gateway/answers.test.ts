/** Facts about answers: found however a stream is cut, recorded, and decided on before a client sees what they are about. */
import { describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import type { AnswerMode, Denial } from "../../gateway/content/answer/inspect.js";
import { AnswerDenied, createInspector } from "../../gateway/content/answer/inspect.js";
import type { AnswerForm } from "../../gateway/content/answer/words.js";
import { createDetectors, injection, pii, secrets } from "../../gateway/content/create-detectors.js";
import type { ContentParts } from "../../gateway/content/describe.js";
import { describeAnswer } from "../../gateway/content/describe.js";
import { CantMaskAnswer } from "../../gateway/content/mask-answer.js";
import { patternsOf } from "../../gateway/content/mask-text.js";
import type { JsonObject } from "../../sidecar/contract.js";
import { parseJson, refuse } from "../../sidecar/contract.js";
import { forms, streamed, textOf, whole } from "./answers-lab.js";
import { snippets } from "./content-set.js";

const email = "jane.doe@mail.example.com";
const content: ContentParts = {
  ...{ detectors: [pii, secrets, injection], budgetMs: 10_000, maxBytes: 2 ** 24 },
  clock: () => performance.now(),
};

async function* cutAt(text: string, places: readonly number[]): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  let from = 0;
  for (const place of [...places, bytes.length]) {
    yield await Promise.resolve(bytes.subarray(from, place));
    from = place;
  }
}
const every = (text: string, size: number): number[] => {
  const { length } = Buffer.from(text);
  return Array.from({ length: Math.ceil(length / size) - 1 }, (_, i) => (i + 1) * size);
};
const inspecting = (
  form: AnswerForm,
  mode: AnswerMode,
  decide: (facts: JsonObject) => Denial | undefined = () => undefined,
  more: Partial<ContentParts> = {},
) =>
  createInspector({
    ...{ form, masks: [], scan: { mode, content: { ...content, ...more } } },
    decide: (facts) => Promise.resolve(decide(facts)),
  });
const collect = async (source: AsyncIterable<Buffer>): Promise<{ text: string; denied: boolean }> => {
  let text = "";
  try {
    for await (const piece of source) text += piece.toString();
  } catch (error) {
    if (!(error instanceof AnswerDenied)) throw error;
    return { text, denied: true };
  }
  return { text, denied: false };
};
const denial: Denial = { refusal: refuse("denied"), decision: undefined };
const onEmail = (facts: JsonObject): Denial | undefined =>
  JSON.stringify(facts["pii"]).includes("email") ? denial : undefined;

describe.each(forms)("a stream of %s", (form) => {
  const before = "lorem ipsum dolor sit amet, consectetur ".repeat(8);
  const pieces = [before, "I am jane.d", "oe@mail.exa", "mple.com, you know", " and so on"];
  const stream = streamed[form](pieces);

  test("a finding isn't released, wherever the bytes are cut", async () => {
    // it was denied before what comes after its text
    const length = Buffer.byteLength(stream.slice(0, stream.indexOf(" and so on") + 200));
    const places = Array.from({ length: length - 1 }, (_, i) => i + 1);
    for (const place of places) {
      const { text, denied } = await collect(
        inspecting(form, "decide", onEmail).stream(cutAt(stream, [place])),
      );
      expect(denied).toBe(true);
      expect(text).not.toContain("jane");
    }
  });

  test("a finding isn't released, wherever the text is cut; what is allowed passes byte for byte", async () => {
    const said = `${before} ${email} ${before}`;
    for (let size = 1; size <= 40; size++) {
      const parts = said.match(new RegExp(`.{1,${size}}`, "g")) ?? [];
      const own = streamed[form](parts);
      const { text, denied } = await collect(
        inspecting(form, "decide", onEmail).stream(cutAt(own, every(own, 97))),
      );
      expect([denied, textOf(text).includes("jane")]).toEqual([true, false]);
      // all but what is held, and what is within a piece with it
      expect(textOf(text).length).toBeGreaterThan(before.length - 320);
      const passed = await collect(inspecting(form, "decide").stream(cutAt(own, every(own, 97))));
      expect(passed).toEqual({ text: own, denied: false });
    }
  });

  test.each(["observe", "decide"] as const)("gives what the whole gives: %s", async (mode) => {
    const texts = fc.array(fc.constantFrom(...snippets.map(({ text }) => text)), {
      ...{ minLength: 1, maxLength: 6 },
    });
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 1, max: 60 }), async (some, size) => {
        const text = [...new Set(some)].join("\n\n");
        const characters = [...text];
        const parts: string[] = [];
        for (let at = 0; at < characters.length; at += size)
          parts.push(characters.slice(at, at + size).join(""));
        const own = streamed[form](parts);
        const inspector = inspecting(form, mode);
        expect((await collect(inspector.stream(cutAt(own, every(own, 333))))).text).toBe(own);
        const expected = await describeAnswer(content, parseJson(JSON.stringify(whole[form](text))));
        expect(inspector.facts()).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  test("is decided on once for each new kind, and for what couldn't be seen", async () => {
    const asked: JsonObject[] = [];
    const inspector = inspecting(form, "decide", (facts) => void asked.push(facts), { maxBytes: 2_000 });
    const parts = [email, before, email, before, " 4242 4242 4242 4242 ", before, before.repeat(9), email];
    await collect(inspector.stream(cutAt(streamed[form](parts), [])));
    expect(asked.map(({ pii: found, scanned }) => [Object.keys(found ?? {}), scanned])).toEqual([
      [["email"], true],
      [["email", "card"], true],
      [["email", "card"], false],
    ]);
    expect(asked.at(-1)).toMatchObject({ why: ["too_large"] });
  });
});

const onUnseen = (facts: JsonObject): Denial | undefined =>
  facts["unscanned"] === undefined ? undefined : denial;

test.each(forms)(
  "a text of %s that goes on after its end is said to be unseen, and isn't masked",
  async (form) => {
    // all ends of the first stream, then the pieces of the second: a client puts them together
    const first = streamed[form](["I am jane.d"]).replace("data: [DONE]\n\n", "");
    const stream = first + streamed[form](["oe@mail.example.com, you know"]);
    const { text, denied } = await collect(inspecting(form, "decide", onUnseen).stream(cutAt(stream, [])));
    expect(denied).toBe(true);
    expect(text).not.toContain("oe@mail");
    const masks = [{ patterns: patternsOf(["email"]) ?? [] }];
    const masked = createInspector({ form, masks, decide: () => Promise.resolve(undefined) });
    await expect(collect(masked.stream(cutAt(stream, [])))).rejects.toThrow(CantMaskAnswer);
  },
);

test("a chunk that says no reason to end with ends nothing", async () => {
  const stream = streamed.openai(["I am jane.d", "oe@mail.example.com, you know"]);
  const { denied, text } = await collect(
    inspecting("openai", "decide", onEmail).stream(
      cutAt(stream.replaceAll('"finish_reason":null', '"finish_reason":""'), []),
    ),
  );
  expect(denied).toBe(true);
  expect(text).not.toContain("jane");
});

test("findings in what a tool is called with are found when it is whole", async () => {
  const delta = (given: string) => ({
    choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { name: "f", arguments: given } }] } }],
  });
  const all = [
    delta('{"to":"jane.doe\\u0040mail.exa'),
    delta('mple.com"}'),
    { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
  ];
  const text = all.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  const { denied, text: sent } = await collect(
    inspecting("openai", "decide", onEmail).stream(cutAt(text, [])),
  );
  expect([denied, sent]).toEqual([true, ""]);
});

test("a stream holds little, however long it is", async () => {
  async function* long(): AsyncGenerator<Buffer> {
    const piece = streamed.openai(["lorem ipsum dolor sit amet "]).split("\n\n")[1] ?? "";
    for (let i = 0; i < 40_000; i++) yield await Promise.resolve(Buffer.from(`${piece}\n\n`));
  }
  let most = 0;
  let came = 0;
  const source = (async function* () {
    for await (const piece of long()) {
      came += piece.length;
      yield piece;
    }
  })();
  let sent = 0;
  for await (const piece of inspecting("openai", "decide").stream(source)) {
    sent += piece.length;
    most = Math.max(most, came - sent);
  }
  expect(most).toBeLessThan(8_192);
});

test.each([
  ["media", { choices: [{ index: 0, delta: { audio: { data: "AAAA" } } }] }, ["media"]],
  ["what isn't JSON", "nonsense", ["failed"]],
  [
    "a delta that isn't known",
    { choices: [{ index: 0, delta: { reasoning_details: [{ text: "jane.d" }] } }] },
    ["unknown"],
  ],
])("%s isn't claimed to be scanned", async (_name, event, why) => {
  const data = typeof event === "string" ? event : JSON.stringify(event);
  const inspector = inspecting("openai", "observe");
  const sent = await collect(inspector.stream(cutAt(`data: ${data}\n\n`, [])));
  expect(sent.text).toBe(`data: ${data}\n\n`);
  expect(inspector.facts()).toMatchObject({ scanned: false, why });
});

test("a detector that needs the beginning of a text only tells it of a stream, too", async () => {
  const detectors = await createDetectors(["language"]);
  const text = "Bitte fasse die Besprechung zusammen und schicke sie morgen früh an das ganze Team.";
  for (const said of [text, `${text} `.repeat(12), "hi"]) {
    const inspector = inspecting("openai", "observe", undefined, { detectors });
    await collect(inspector.stream(cutAt(streamed.openai(said.match(/[^]{1,7}/g) ?? []), [])));
    const expected = await describeAnswer(
      { ...content, detectors },
      parseJson(JSON.stringify(whole.openai(said))),
    );
    expect(inspector.facts()).toEqual(expected);
  }
});

test("a detector that used up its time has the rest of a stream said to be unseen, and decided on", async () => {
  let now = 0;
  const slow = {
    ...pii,
    scan: (...given: Parameters<typeof pii.scan>) => {
      now += 30;
      return pii.scan(...given);
    },
  };
  const asked: JsonObject[] = [];
  const inspector = inspecting("openai", "decide", (facts) => void asked.push(facts), {
    ...{ detectors: [slow], budgetMs: 50, clock: () => now },
  });
  const filler = "lorem ipsum dolor sit amet, consectetur ".repeat(8);
  await collect(inspector.stream(cutAt(streamed.openai([filler, filler, filler, filler, email]), [])));
  expect(asked.map(({ why }) => why)).toEqual([["budget"]]);
  expect(inspector.facts()).toMatchObject({ scanned: false, why: ["budget"], pii: {} });
});

test("a detector that fails is no fact about the text", async () => {
  const broken = {
    ...pii,
    scan: () => {
      throw new Error(email);
    },
  };
  const inspector = inspecting("anthropic", "observe", undefined, { detectors: [broken] });
  await collect(inspector.stream(cutAt(streamed.anthropic([email]), [])));
  expect(inspector.facts()).toMatchObject({ scanned: false, why: ["failed"], pii: {} });
  expect(JSON.stringify(inspector.facts())).not.toContain("jane");
});

test("what was cut off within a text is in the facts all the same", async () => {
  const text = streamed.openai(["I am jane.doe@mail.example.com"]).split("\n\n").slice(0, 2).join("\n\n");
  const inspector = inspecting("openai", "observe");
  await collect(inspector.stream(cutAt(`${text}\n\n`, [])));
  expect(inspector.facts()).toMatchObject({ scanned: true, pii: { email: 1 } });
});

test.each([
  [`id: ${email}\ndata: {"choices":[]}\n\n`],
  [`event: ${email}\ndata: {"choices":[]}\n\n`],
  [`data: {"choices":[]}\n: ${email}\n\n`],
  [`data: {"choices":[],"x":"${email}"}\n\n`],
  [`data: {"choices":[{"index":0,"x":{"y":["${email}"]}}]}\n\n`],
  [`data: {"error":{"message":"${email}"}}\n\n`],
])("what stands beside the text is looked at: %j", async (stream) => {
  const { text, denied } = await collect(inspecting("openai", "decide", onEmail).stream(cutAt(stream, [])));
  expect([denied, text.includes("jane")]).toEqual([true, false]);
  const inspector = inspecting("openai", "observe");
  await collect(inspector.stream(cutAt(stream, [])));
  expect(inspector.facts()).toMatchObject({ pii: { email: 1 } });
});

test("a comment isn't passed on where answers are decided on: it says nothing", async () => {
  const { text } = await collect(inspecting("openai", "decide").stream(cutAt(`: ${email}\n\n`, [])));
  expect(text.replaceAll(":\n\n", "").trim()).toBe("");
});
