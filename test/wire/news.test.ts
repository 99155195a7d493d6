/** News ends what enforcement points reuse: the fault of one who listens keeps it from nobody, and stops no change. */
import { expect, test } from "@jest/globals";
import { createMemoryEpochs } from "../../sidecar/state/epochs/memory.js";
import { createNews } from "../../sidecar/wire/news.js";

test("one that fails keeps nothing from the others, nor from who makes the change", async () => {
  const epochs = createMemoryEpochs({ longestMs: 1, most: 9, now: () => 0, clock: () => 0 });
  const news = createNews(epochs);
  let broken = false;
  news.subscribe(() => {
    if (broken) throw new Error("a bug");
  });
  const heard: string[] = [];
  news.subscribe(({ kind }) => heard.push(kind));
  broken = true;
  expect(() => {
    news.changed();
  }).not.toThrow();
  await epochs.bump({ subject: "ann" }, "r", "x");
  expect(heard).toEqual(["listening", "changed", "bumped"]);
});
