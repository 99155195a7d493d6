import { expect, test } from "@jest/globals";
import type { Circuit } from "../../../sidecar/decide/cache/circuit.js";
import { createCircuit } from "../../../sidecar/decide/cache/circuit.js";

const build = (): Circuit => createCircuit({ failures: 3, pauseMs: 1_000 });

function fail(circuit: Circuit, begun: number, now: number): void {
  circuit.begin();
  circuit.failed(begun, now);
}

test("opens after failures one after another, and for a while", () => {
  const circuit = build();
  for (const at of [0, 10, 20]) {
    expect(circuit.allows(at)).toBe(true);
    fail(circuit, at, at + 5);
  }
  expect([25, 500, 1_024, 1_025].map((at) => circuit.allows(at))).toEqual([false, false, false, true]);
});

test("what was under way together counts once", () => {
  const circuit = build();
  for (let n = 0; n < 100; n++) fail(circuit, n / 100, 5);
  expect(circuit.allows(6)).toBe(true);
});

test("a success begins the count anew", () => {
  const circuit = build();
  for (const at of [0, 10]) fail(circuit, at, at);
  circuit.succeeded();
  for (const at of [20, 30]) fail(circuit, at, at);
  expect(circuit.allows(31)).toBe(true);
});

test("after the pause one try at a time, until one succeeds", () => {
  const circuit = build();
  for (const at of [0, 0, 0]) fail(circuit, at, at);
  circuit.begin();
  expect(circuit.allows(1_000)).toBe(false);
  circuit.failed(1_000, 1_005);
  expect([1_006, 2_005].map((at) => circuit.allows(at))).toEqual([false, true]);
  circuit.begin();
  circuit.succeeded();
  expect(circuit.allows(2_006)).toBe(true);
});

test("a clock that is set back neither prolongs the pause nor hides failures", () => {
  const circuit = build();
  for (const at of [9_000, 9_010, 9_020]) fail(circuit, at, at);
  expect(circuit.allows(1_000)).toBe(true);
  fail(circuit, 1_000, 1_005);
  expect(circuit.allows(1_006)).toBe(false);
});
