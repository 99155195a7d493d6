import { describe, expect, test } from "@jest/globals";
import { drawPicture } from "../../../bench/engine/picture.js";
import type { Contestant } from "../../../bench/engine/rounds.js";
import { interleave, sampleOf } from "../../../bench/engine/rounds.js";

describe("rounds", () => {
  const contestant = (name: string, cost: number, turns: string[]): Contestant => ({
    name,
    run(times) {
      turns.push(name);
      return times * cost;
    },
  });

  test("each contestant is measured once a round, and follows another one each time", async () => {
    const turns: string[] = [];
    const names = ["a", "b", "c"];
    const contestants = names.map((name, i) => contestant(name, i + 1, turns));
    const samples = await interleave(contestants, { rounds: 3, ms: 1, warmMs: 1 });
    expect(turns.slice(-12).join("")).toBe("abcbcacababc");
    expect(names.map((name) => samples.get(name)?.median)).toEqual([1, 2, 3]);
  });

  test("one slow round moves the end of the sample and not its median", () => {
    expect(sampleOf([3, 100, 2])).toEqual({ median: 3, fastest: 2, slowest: 100 });
  });
});

describe("picture", () => {
  const svg = drawPicture("a < b", [
    {
      title: "cost",
      xTitle: "rules",
      lines: [{ name: "ours & theirs", points: [[1, 1] as const, [100, 10_000] as const] }],
    },
  ]);

  test("axes are logarithmic: a hundredfold on one, four powers of ten on the other", () => {
    const ticks = [...svg.matchAll(/text-anchor="end">([0-9,]+)</g)].map(([, tick]) => tick);
    expect(ticks).toEqual(["1", "10", "100", "1,000", "10,000"]);
    expect(svg).toContain('class="line" d="M62 284L392 46"');
  });

  test("names are text, and both grounds have their colours", () => {
    expect(svg).toContain("ours &amp; theirs");
    expect(svg).toContain("<title>a &lt; b</title>");
    expect(svg).toContain("prefers-color-scheme:dark");
  });
});
