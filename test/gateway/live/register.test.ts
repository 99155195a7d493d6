/** The register of what is live: what a fence cuts, and nothing else. */
import { describe, expect, test } from "@jest/globals";
import { handlesOf } from "../../../gateway/live/handles.js";
import type { Alive, Live } from "../../../gateway/live/live.js";
import { createLive } from "../../../gateway/live/live.js";
import type { Call, Decision, FenceMatch } from "../../../sidecar/contract.js";
import { subject } from "../fake-sidecar.js";

const decision = (more: Partial<Decision> = {}): Decision =>
  ({
    ...{ decision_id: "d-1", bundles: { main: { revision: "1" } } },
    subject: { ...subject, handles: ["workload:w-1", "chain:alice", "token:t-1", "session:s-1"] },
    task: { id: "child", lineage: ["root", "child"], proven: true },
    ...more,
  }) as Decision;
const call = (resource: Partial<Call["resource"]> = {}): Pick<Call, "resource"> => ({
  resource: { type: "tool", id: "files/read", properties: { server: "files" }, ...resource },
});

let clock = 1_000;
const create = (faults: unknown[] = []): Live =>
  createLive({ now: () => clock, onFault: (error) => faults.push(error) });

/** Begins something; its name is told when it is cut. */
function begin(live: Live, name: string, cut: string[], of = decision(), at = call()): Alive {
  const alive = live.begin({ kind: "call", cut: ({ code }) => void cut.push(`${name} ${code}`) });
  alive.under(of, handlesOf(of, at));
  return alive;
}

const model = call({ type: "model", id: "m", properties: { provider: "p" } });
const store = call({ type: "collection", id: "docs", properties: { store: "s" } });
const cases: readonly { readonly match: FenceMatch; readonly cuts: readonly string[] }[] = [
  { match: { everything: "*" }, cuts: ["tool", "model", "store", "other"] },
  { match: { tenant: "acme" }, cuts: ["tool", "model", "store"] },
  { match: { subject: "agent-1" }, cuts: ["tool", "model", "store"] },
  { match: { workload: "w-1" }, cuts: ["tool", "model", "store"] },
  { match: { chain: "alice" }, cuts: ["tool", "model", "store"] },
  { match: { token: "t-1" }, cuts: ["tool", "model", "store"] },
  { match: { session: "s-1" }, cuts: ["tool", "model", "store"] },
  { match: { task: "root" }, cuts: ["tool", "model", "store"] },
  { match: { task: "child" }, cuts: ["tool", "model", "store"] },
  { match: { bundle: "main" }, cuts: ["tool", "model", "store"] },
  { match: { tool: "files/read" }, cuts: ["tool"] },
  { match: { server: "files" }, cuts: ["tool"] },
  { match: { model: "m" }, cuts: ["model"] },
  { match: { provider: "p" }, cuts: ["model"] },
  { match: { collection: "docs" }, cuts: ["store"] },
  { match: { store: "s" }, cuts: ["store"] },
  { match: { tenant: "acme", model: "m" }, cuts: ["model"] },
  { match: { tenant: "other", model: "m" }, cuts: [] },
  { match: { subject: "agent-1", tenant: "other" }, cuts: [] },
  { match: { task: "grandchild" }, cuts: [] },
  { match: {}, cuts: [] },
];

function world(cut: string[]): Live {
  const live = create();
  begin(live, "tool", cut);
  begin(live, "model", cut, decision(), model);
  begin(live, "store", cut, decision(), store);
  const other = { subject: { type: "agent", id: "agent-2", tenant: "other" }, bundles: {} };
  const { task, ...rest } = decision(other);
  begin(live, "other", cut, rest, call({ id: "x/y", properties: { server: "x" } }));
  return live;
}

test.each(cases)("a fence of $match cuts $cuts", ({ match, cuts }) => {
  const cut: string[] = [];
  const live = world(cut);
  const said = live.census(match);
  expect(said).toEqual(cuts.length === 0 ? {} : { call: cuts.length });
  expect(cut).toEqual([]);
  expect(live.apply({ kind: "added", fences: [{ id: "f", match }] })).toBe(cuts.length);
  expect(cut.sort()).toEqual(cuts.map((one) => `${one} fenced`).sort());
  expect(live.size).toBe(4 - cuts.length);
});

describe("a fence that came before", () => {
  test.each(cases)("forbids what it would cut: $match", ({ match, cuts }) => {
    const live = create();
    live.apply({ kind: "all", fences: [{ id: "f", match }] });
    const alive = live.begin({ kind: "call", cut: () => undefined });
    const of = decision();
    expect(alive.under(of, handlesOf(of, model)) !== undefined).toBe(cuts.includes("model"));
  });

  test("is forgotten when it is lifted, when it is over, and when it isn't among all any more", () => {
    const live = create();
    const handles = handlesOf(decision(), model);
    const forbids = (): boolean => live.fencing(handles) !== undefined;
    const fence = { id: "f", match: { model: "m" } };
    live.apply({ kind: "added", fences: [fence] });
    expect(forbids()).toBe(true);
    live.apply({ kind: "lifted", fences: [fence] });
    expect(forbids()).toBe(false);
    live.apply({ kind: "added", fences: [{ ...fence, expires: clock + 10 }] });
    expect(forbids()).toBe(true);
    clock += 10;
    expect(forbids()).toBe(false);
    expect(live.apply({ kind: "added", fences: [{ ...fence, expires: clock }] })).toBe(0);
    expect(forbids()).toBe(false);
    live.apply({ kind: "added", fences: [fence, { id: "g", match: { tenant: "acme", provider: "p" } }] });
    live.apply({ kind: "all", fences: [{ id: "g", match: { tenant: "acme", provider: "p" } }] });
    expect(live.fencing(handles)?.id).toBe("g");
    live.apply({ kind: "all", fences: [] });
    expect(forbids()).toBe(false);
  });
});

describe("something live", () => {
  test("is cut where one of its decisions is fenced, and not by two halves of two", () => {
    const cut: string[] = [];
    const live = create();
    const alive = begin(live, "both", cut);
    const of = decision({
      subject: { type: "agent", id: "agent-2", tenant: "other" },
      task: undefined as never,
    });
    alive.under(of, handlesOf(of, model));
    expect(live.apply({ kind: "added", fences: [{ id: "f", match: { tenant: "acme", model: "m" } }] })).toBe(
      0,
    );
    expect(live.apply({ kind: "added", fences: [{ id: "g", match: { tenant: "other", model: "m" } }] })).toBe(
      1,
    );
    expect(cut).toEqual(["both fenced"]);
  });

  test("that can't be cut keeps nothing else from being cut", () => {
    const faults: unknown[] = [];
    const cut: string[] = [];
    const live = create(faults);
    live
      .begin({
        kind: "call",
        cut() {
          throw new Error("no");
        },
      })
      .under(decision(), handlesOf(decision(), model));
    begin(live, "next", cut);
    expect(live.apply({ kind: "added", fences: [{ id: "f", match: { everything: "*" } }] })).toBe(2);
    expect([cut, faults.length]).toEqual([["next fenced"], 1]);
  });

  test("leaves nothing behind, however often it goes on by the same", () => {
    const live = create();
    for (let i = 0; i < 1_000; i++) {
      const of = decision({
        decision_id: `d-${i}`,
        task: { id: `t-${i}`, lineage: [`t-${i}`], proven: true },
      });
      const alive = begin(live, "x", [], of);
      alive.under(of, handlesOf(of, call()));
      alive.under(of, handlesOf(of, model));
      alive.release();
      alive.release();
    }
    expect([live.size, live.handles]).toEqual([0, 0]);
  });

  test("is found among many, however many are over already", () => {
    const live = create();
    const cut: string[] = [];
    const all = Array.from({ length: 6_000 }, (_, i) => {
      const name = `agent-${i}`;
      return begin(live, name, cut, decision({ subject: { type: "agent", id: name, tenant: `t-${i % 2}` } }));
    });
    all.forEach((alive, i) => {
      if (i % 3 === 0) alive.release();
    });
    const found = (match: FenceMatch): number => live.census(match)["call"] ?? 0;
    expect([0, 1, 2, 5_998, 5_999].map((i) => found({ subject: `agent-${i}` }))).toEqual([0, 1, 1, 1, 1]);
    expect([found({ tenant: "t-0" }), found({ server: "files", tenant: "t-1" })]).toEqual([2_000, 2_000]);
    expect(
      live.apply({ kind: "added", fences: [{ id: "f", match: { subject: "agent-1", tenant: "t-1" } }] }),
    ).toBe(1);
    expect(cut).toEqual(["agent-1 fenced"]);
    expect(live.apply({ kind: "added", fences: [{ id: "g", match: { tenant: "t-0" } }] })).toBe(2_000);
    for (const alive of all) alive.release();
    expect([live.size, live.handles]).toEqual([0, 0]);
  });

  test("is counted and ended by its route; what is over is in no count", () => {
    const live = create();
    const cut: string[] = [];
    const alive = live.begin({ kind: "call", cut: ({ code }) => void cut.push(code) });
    alive.under(decision(), handlesOf(decision(), call()));
    alive.become("tunnel", "forward_proxy");
    expect([live.count("forward_proxy"), live.count("x"), live.census({ subject: "agent-1" })]).toEqual([
      1,
      0,
      { tunnel: 1 },
    ]);
    expect(live.end({ route: "x" })).toBe(0);
    expect(live.end({ route: "forward_proxy", decisionId: "d-2" })).toBe(0);
    expect(live.end({ route: "forward_proxy" })).toBe(1);
    expect([live.count("forward_proxy"), live.size, cut]).toEqual([0, 0, ["fenced"]]);
  });

  test("of a route ends with the gateway; what has none comes to its own end", () => {
    const live = create();
    const cut: string[] = [];
    begin(live, "plain", cut);
    begin(live, "socket", cut).become("websocket", "live");
    live.close();
    expect(cut).toEqual(["socket gateway_stopping"]);
  });
});
