/** Who a bump reaches, and what number it gives. */
import { describe, expect, test } from "@jest/globals";
import type { EpochMatch } from "../../../sidecar/contract.js";
import { createMemoryEpochs } from "../../../sidecar/state/epochs/memory.js";

const alice = ["subject:alice", "tenant:acme", "workload:spiffe://acme/agent", "task:t1", "token:k1"];
const agentOfAlice = ["subject:agent", "tenant:acme", "chain:alice", "workload:agent"];
const bob = ["subject:bob", "tenant:acme", "task:t2"];
const eve = ["subject:alice", "tenant:globex"];

function open(more: { most?: number; at?: { now: number; clock: number } } = {}) {
  const at = more.at ?? { now: 1_000_000, clock: 0 };
  return createMemoryEpochs({
    ...{ longestMs: 60_000, most: more.most ?? 100, now: () => at.now, clock: () => at.clock },
  });
}

test("nobody's epoch is bumped at first", () => {
  expect(open().of(alice)).toBe(0);
});

const cases: { match: EpochMatch; reached: boolean[] }[] = [
  { match: { everything: "*" }, reached: [true, true, true, true] },
  { match: { tenant: "acme" }, reached: [true, true, true, false] },
  { match: { subject: "alice" }, reached: [true, true, false, true] },
  { match: { tenant: "acme", subject: "alice" }, reached: [true, true, false, false] },
  { match: { workload: "spiffe://acme/agent" }, reached: [true, false, false, false] },
  { match: { task: "t2" }, reached: [false, false, true, false] },
  { match: { token: "k1" }, reached: [true, false, false, false] },
  { match: { tenant: "globex", subject: "alice" }, reached: [false, false, false, true] },
];
test.each(cases)("a bump of $match reaches just whom it names", async ({ match, reached }) => {
  const epochs = open();
  const askers = [alice, agentOfAlice, bob, eve].map((one) => Object.freeze([...one]));
  const before = askers.map(epochs.of);
  const bumped = await epochs.bump(match, "r", "ann");
  expect(bumped.kind).toBe("done");
  expect(askers.map((one, n) => epochs.of(one) !== before[n])).toEqual(reached);
});

test("each bump gives who is reached a number that nobody ever had, whatever was bumped before", async () => {
  const epochs = open();
  const askers = [alice, agentOfAlice, bob, eve].map((one) => Object.freeze([...one]));
  const matches = cases.map(({ match }) => match);
  const had = new Set<number>(askers.map(epochs.of));
  let seed = 7;
  for (let n = 0; n < 2_000; n++) {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    const { match = {}, reached = [] } = cases[seed % matches.length] ?? {};
    await epochs.bump(match, "r", "ann");
    const now = askers.map(epochs.of);
    for (const [at, number] of now.entries()) if (reached[at] === true) expect(had.has(number)).toBe(false);
    for (const number of now) had.add(number);
  }
});

describe("what is kept of bumps is bounded", () => {
  test("one too many is one of everything, and forgets the others", async () => {
    const epochs = open({ most: 10 });
    for (let n = 0; n < 11; n++) await epochs.bump({ subject: `s${n}` }, "r", "ann");
    expect(epochs.list().map(({ match }) => match)).toEqual([{ everything: "*" }]);
    expect(epochs.of(["subject:s3"])).toBe(11);
  });

  test("those before which nothing is kept any more go, by both clocks", async () => {
    const at = { now: 1_000_000, clock: 0 };
    const epochs = open({ most: 2, at });
    await epochs.bump({ subject: "a" }, "r", "ann");
    await epochs.bump({ subject: "b" }, "r", "ann");
    // only the clock that is set was moved: what had expired may come back
    at.now += 86_400_000;
    await epochs.bump({ subject: "c" }, "r", "ann");
    expect(epochs.of(["subject:a"])).toBe(3);
    const other = open({ most: 2, at });
    await other.bump({ subject: "a" }, "r", "ann");
    await other.bump({ subject: "b" }, "r", "ann");
    await other.bump({ subject: "b" }, "r", "ann");
    at.now += 86_400_000;
    at.clock += 86_400_000;
    expect((await other.bump({ subject: "c" }, "r", "ann")).kind).toBe("done");
  });
});
