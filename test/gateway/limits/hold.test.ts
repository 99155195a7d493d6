import { describe, expect, test } from "@jest/globals";
import type { Allowance, Extended, Extension } from "../../../sidecar/contract.js";
import { hold } from "../../../gateway/limits/hold.js";

/** A stream of one token each, held; what came through, and what was asked. */
async function run(
  allowance: Allowance | undefined,
  answer: (asked: Extension, n: number) => Extended | Promise<Extended>,
  { tokens = 1_000, told = false } = {},
) {
  const asked: Extension[] = [];
  const cuts: string[] = [];
  let sent = 0;
  let left = false;
  async function* upstream(): AsyncGenerator<Buffer> {
    try {
      for (let i = 0; i < tokens; i++) {
        await Promise.resolve();
        yield Buffer.from("x");
      }
    } finally {
      left = true;
    }
  }
  const signal = AbortSignal.abort();
  const body = hold(upstream(), {
    decision: { decision_id: "d", ...(allowance === undefined ? {} : { allowance }) },
    exchange: {
      signal: cuts.length > 0 ? signal : new AbortController().signal,
      cut: ({ code }) => cuts.push(code),
    },
    ...{ price: undefined, told },
    used: () => ({ input_tokens: 10, output_tokens: sent }),
    extend: (extension) => {
      asked.push(extension);
      return Promise.resolve(answer(extension, asked.length));
    },
  });
  for await (const chunk of body) sent += chunk.length;
  return { asked, cuts, sent, left };
}

const yes = ({ need }: Extension): Extended => ({ allowance: need });

describe("a stream that is held", () => {
  test("without an allowance, nothing is asked", async () => {
    expect(await run(undefined, yes)).toMatchObject({ asked: [], cuts: [], sent: 1_000 });
  });

  test("one that stays below asks for nothing", async () => {
    expect(await run({ output_tokens: 100 }, yes, { tokens: 70 })).toMatchObject({
      asked: [],
      cuts: [],
      sent: 70,
    });
  });

  test("asks in time, for what it has and a step more", async () => {
    const { asked, sent, cuts } = await run({ output_tokens: 100 }, yes, { tokens: 300 });
    expect([sent, cuts]).toEqual([300, []]);
    expect(asked[0]).toEqual({
      decision_id: "d",
      held: { output_tokens: 100 },
      need: { output_tokens: 80 + 256 },
    });
  });

  const noes: readonly Extended[] = [
    { code: "budget_exceeded" },
    { code: "rate_limited" },
    { code: "fenced" },
    {},
  ];
  test.each(noes)("ends where it may have no more: %j", async (no) => {
    const { sent, cuts, left } = await run({ output_tokens: 100 }, () => no);
    expect(cuts).toEqual([no.code ?? "limits_unavailable"]);
    expect(sent).toBe(100);
    expect(left).toBe(true);
  });

  test("waits for an answer that takes long, and passes nothing on meanwhile", async () => {
    let late: ((extended: Extended) => void) | undefined;
    let count = 0;
    const running = run({ output_tokens: 100 }, (asked) => {
      count++;
      return count > 1
        ? yes(asked)
        : new Promise((resolve) => {
            late = resolve;
          });
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    late?.({ code: "budget_exceeded" });
    expect(await running).toMatchObject({ sent: 100, cuts: ["budget_exceeded"] });
  });

  test("takes what is left, and ends there", async () => {
    const { sent, cuts } = await run({ tokens: 60 }, (_asked, n) =>
      n === 1 ? { allowance: { tokens: 75 } } : { code: "budget_exceeded" },
    );
    // ten of them went in
    expect([sent, cuts]).toEqual([65, ["budget_exceeded"]]);
  });

  test("where the upstream was told the most, our count may be off by a quarter", async () => {
    const no = (): Extended => ({ code: "budget_exceeded" });
    expect(await run({ output_tokens: 100 }, no, { tokens: 120, told: true })).toMatchObject({
      sent: 120,
      cuts: [],
    });
    expect(await run({ output_tokens: 100 }, no, { told: true })).toMatchObject({
      sent: 125,
      cuts: ["budget_exceeded"],
    });
  });
});
