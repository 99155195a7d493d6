import { test } from "@jest/globals";

export const areFaultsTried = process.env["REDIS_FAULTS"] === "1";

/** Runs a test that takes many seconds of waiting for a fail-over: where `REDIS_FAULTS=1` (`make test-all`). */
export function faults(name: string, run: () => Promise<void>): void {
  (areFaultsTried ? test : test.skip)(name, run, 60_000);
}
