/** How well detectors find what is there, and nothing else, on the labelled set; docs/content.md states the figures. */
import { describe, expect, test } from "@jest/globals";
import { injection, pii, secrets } from "../../gateway/content/create-detectors.js";
import { textOf } from "../deploy/files.js";
import { snippets } from "./content-set.js";

interface Score {
  found: number;
  missed: number;
  wrong: number;
}
const scores = new Map<string, Score>();
const mistakes: string[] = [];
const scoreOf = (kind: string): Score => {
  const score = scores.get(kind) ?? { found: 0, missed: 0, wrong: 0 };
  scores.set(kind, score);
  return score;
};
for (const { text, role, kind } of snippets) {
  const counts: Record<string, number> = {};
  for (const detector of [pii, secrets, injection]) {
    Object.assign(counts, detector.scan(text, 0, text.length, role).counts);
  }
  if (kind !== undefined) {
    if ((counts[kind] ?? 0) > 0) scoreOf(kind).found++;
    else scoreOf(kind).missed++;
  }
  for (const [other, count] of Object.entries(counts)) {
    scoreOf(other).wrong += other === kind ? count - 1 : count;
  }
  if (JSON.stringify(counts) !== JSON.stringify(kind === undefined ? {} : { [kind]: 1 })) {
    mistakes.push(`${kind ?? "nothing"} ${JSON.stringify(counts)} ${JSON.stringify(text.slice(0, 60))}`);
  }
}
const precision = ({ found, wrong }: Score): number => found / (found + wrong);
const recall = ({ found, missed }: Score): number => found / (found + missed);

/** No kind may be worse. */
const floor = { precision: 0.9, recall: 0.9 };

describe("on the labelled set", () => {
  test("there are enough snippets, of each kind and of none", () => {
    expect(snippets.length).toBeGreaterThanOrEqual(300);
    expect(snippets.filter(({ kind }) => kind === undefined).length).toBeGreaterThanOrEqual(100);
    const kinds = [pii, secrets, injection].flatMap((detector) => detector.kinds);
    expect([...scores.keys()].sort()).toEqual([...new Set(kinds)].sort());
  });

  test.each([...scores].sort())("%s is found, and nothing else is taken for it", (_kind, score) => {
    expect(precision(score)).toBeGreaterThanOrEqual(floor.precision);
    expect(recall(score)).toBeGreaterThanOrEqual(floor.recall);
  });

  test("mistakes are few", () => {
    expect(mistakes.length).toBeLessThanOrEqual(snippets.length * 0.02);
  });

  test("docs/content.md states the figures", () => {
    const rows = [...scores].sort().map(([kind, score]) => {
      const { found, missed } = score;
      return `| \`${kind}\` | ${found + missed} | ${precision(score).toFixed(2)} | ${recall(score).toFixed(2)} |`;
    });
    expect(textOf("docs/content.md").match(/^\| `\w+` \| \d+ \| [\d.]+ \| [\d.]+ \|$/gm)).toEqual(rows);
  });
});
