import { test } from "@jest/globals";

/** Runs a test that takes many seconds of waiting for a fail-over: where `REDIS_FAULTS=1` (`make test-all`). */
export function faults(name: string, run: () => Promise<void>): void {
  (process.env["REDIS_FAULTS"] === "1" ? test : test.skip)(name, run, 60_000);
}
