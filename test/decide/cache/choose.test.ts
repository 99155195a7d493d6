/** Where Redis is asked: by what evaluating was measured to take, and asking. */
import { expect, test } from "@jest/globals";
import { createChooser } from "../../../sidecar/decide/cache/choose.js";

function build(cpu = 15, mode: "auto" | "always" | "never" = "auto") {
  const clock = { at: 1_000_000, cpu };
  const chooser = createChooser({ mode, cpu: () => clock.cpu, now: () => clock.at });
  const evaluated = (entrypoint: string, ...micros: number[]) => {
    for (const one of micros) chooser.evaluated(entrypoint, one);
  };
  const asked = (micros: number, found: boolean, times = 1, entrypoint = "e") => {
    for (let n = 0; n < times; n++) chooser.asked(entrypoint, micros, found, clock.at);
  };
  return { chooser, clock, evaluated, asked };
}

test("an evaluation of 30 µs never goes to Redis, however near that is; one of 2 ms does", () => {
  const { chooser, evaluated, asked } = build();
  evaluated("cheap", 2_500, 31, 30, 30);
  evaluated("costly", 9_000, 2_100, 2_000, 2_000);
  expect([chooser.pays("cheap"), chooser.pays("costly")]).toEqual([false, true]);
  asked(35, true, 100);
  expect([chooser.pays("cheap"), chooser.pays("costly")]).toEqual([false, true]);
  expect(chooser.choices()).toEqual(
    new Map([
      ["cheap", false],
      ["costly", true],
      ["e", false],
    ]),
  );
});

test("pauses of the process make no evaluation costly", () => {
  const { chooser, evaluated, asked } = build();
  asked(80, true);
  evaluated("cheap", 30, 30, 30);
  for (let n = 0; n < 1_000; n++) evaluated("cheap", n % 20 === 0 ? 50_000 : 30);
  expect(chooser.pays("cheap")).toBe(false);
  expect(chooser.costOf("cheap")).toBeLessThan(60);
});

test("what was evaluated less than three times isn't known yet", () => {
  const { chooser, evaluated } = build();
  evaluated("e", 5_000, 5_000);
  expect(chooser.pays("e")).toBe(false);
  evaluated("e", 5_000);
  expect(chooser.pays("e")).toBe(true);
});

test.each<[string, number, number]>([
  ["the CPU that asking takes", 1_500, 50],
  ["waiting for it", 15, 1_500],
  ["a Redis that couldn't be measured", Infinity, 50],
])("%s counts", (_name, cpu, wait) => {
  const { chooser, clock, evaluated, asked } = build(cpu);
  evaluated("e", 2_000, 2_000, 2_000);
  asked(wait, true);
  clock.at += 10_000;
  asked(wait, true);
  expect(chooser.pays("e")).toBe(false);
});

test("a process that is busy doesn't take that for a slow Redis", () => {
  const { chooser, clock, evaluated, asked } = build();
  evaluated("e", 2_000, 2_000, 2_000);
  for (let n = 0; n < 100; n++) {
    asked(n % 10 === 0 ? 120 : 20_000, true);
    clock.at += 500;
  }
  expect(chooser.pays("e")).toBe(true);
});

test("where Redis hardly ever has anything it isn't asked, and a while later is tried again", () => {
  const { chooser, clock, evaluated, asked } = build();
  evaluated("e", 2_000, 2_000, 2_000);
  asked(100, false, 300);
  expect(chooser.pays("e")).toBe(false);
  clock.at += 30_000;
  expect(chooser.pays("e")).toBe(false);
  clock.at += 30_000;
  expect(chooser.pays("e")).toBe(true);
  asked(100, false, 100);
  expect(chooser.pays("e")).toBe(false);
});

test("a Redis that was slow is measured again by one lookup each ten seconds", () => {
  const { chooser, clock, evaluated, asked } = build();
  evaluated("e", 2_000, 2_000, 2_000);
  asked(5_000, true);
  expect(chooser.pays("e")).toBe(false);
  expect(chooser.samples("e", clock.at)).toBe(false);
  clock.at += 10_000;
  expect(chooser.samples("e", clock.at)).toBe(true);
  chooser.begins(clock.at);
  expect(chooser.samples("e", clock.at)).toBe(false);
  asked(100, true);
  expect(chooser.pays("e")).toBe(true);
});

test.each([
  ["always", true],
  ["never", false],
] as const)("%s overrides what was measured", (mode, pays) => {
  const { chooser, evaluated } = build(15, mode);
  evaluated("cheap", 30, 30, 30);
  evaluated("costly", 9_000, 9_000, 9_000);
  expect([chooser.pays("cheap"), chooser.pays("costly")]).toEqual([pays, pays]);
});
