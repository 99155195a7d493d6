/** `with input.a as …` where the input is no object: nothing is written into it, and the answer is the one of OPA's own evaluator. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Json } from "../../../sidecar/contract.js";
import { stringifyJson } from "../../../sidecar/contract.js";
import type { Policy } from "../../../sidecar/decide/policy.js";
import { loadPolicy } from "../../../sidecar/decide/policy.js";
import { createToolchain } from "../../../sidecar/rego/toolchain.js";

/** What it copies with differs where a policy sorts. */
const rego = `package p

seen := input
r := x if x := seen with input.a as 1
deep := x if x := seen with input.a.b.c as "x"
two := x if x := seen with input.a as 1 with input.b.c as 2
`;
const sorting = `
sorted := [sort([3, 1, 2]), sort({2, 1}), sort(input.xs)]
both := x if x := sorted with input as [2, 1] with input.xs as [2, 1]
`;
const toolchain = createToolchain({});
let policy: Policy;
let withSort: Policy;

async function load(text: string): Promise<Policy> {
  const built = await toolchain.build({ files: { "p.rego": text } });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  const wasm = new Uint8Array(Buffer.from(built.result.wasm, "base64"));
  return loadPolicy({ wasm, data: "{}", budget: 10_000_000, maxPages: 512 });
}

beforeAll(async () => {
  policy = await load(rego);
  withSort = await load(rego + sorting);
}, 60_000);
afterAll(() => toolchain.close());

const plain = (value: unknown): unknown => JSON.parse(stringifyJson(value as Json));
const valueOf = (asked: Policy, entrypoint: string, input: Json): unknown => {
  const answer = asked.evaluate(entrypoint, input);
  return answer.kind === "value" ? plain(answer.value) : answer;
};

const inputs: readonly Json[] = [
  ...["", "x", "longer than a struct", "\u0000\u0001", "y".repeat(65_536)],
  ...[0, 1, -1, 65_536, 1.5, null, true, false],
  ...[[], [1, 2], [[1]], {}, { a: 2, b: 3 }, { a: { b: 1 } }, { b: [1] }],
];

test.each(inputs.map((input) => [stringifyJson(input).slice(0, 40), input]))("%s", async (_name, input) => {
  for (const entrypoint of ["r", "deep", "two"]) {
    const own = [policy, withSort].map((one) => valueOf(one, `p/${entrypoint}`, input));
    const reference = await toolchain.evaluate({
      files: { "p.rego": rego },
      query: `data.p.${entrypoint}`,
      input,
    });
    if (reference.kind === "rejected") throw new Error(JSON.stringify(reference.errors));
    const [expected] = reference.result.results;
    expect([entrypoint, ...own]).toEqual([entrypoint, expected, expected]);
  }
});

test("what is in the memory stays as it is, and lists are sorted as before", () => {
  const before = ["r", "deep", "sorted", "both"].map((name) =>
    valueOf(withSort, `p/${name}`, { xs: [2, 1] }),
  );
  for (let length = 0; length < 300; length++) {
    for (const input of ["z".repeat(length), Array.from({ length }, () => 0), length] as Json[]) {
      for (const one of [policy, withSort]) expect(valueOf(one, "p/r", input)).toEqual({ a: 1 });
    }
  }
  expect(
    ["r", "deep", "sorted", "both"].map((name) => valueOf(withSort, `p/${name}`, { xs: [2, 1] })),
  ).toEqual(before);
  const sorted = [
    [1, 2, 3],
    [1, 2],
    [1, 2],
  ];
  expect(before.slice(2)).toEqual([sorted, sorted]);
});
