import { describe, expect, test } from "@jest/globals";
import { createProcessLog, logLevels } from "../../sidecar/record/log.js";
import type { LogFormat, LogLevel } from "../../sidecar/record/log.js";

function logTo(level: LogLevel, format: LogFormat) {
  const out: string[] = [];
  const log = createProcessLog({ level, format, write: (text) => out.push(text), clock: () => 0 });
  return { log, out };
}

describe("the process log", () => {
  test.each<{ readonly format: LogFormat; readonly text: string }>([
    {
      format: "json",
      text: '{"timestamp":"1970-01-01T00:00:00.000Z","level":"warn","message":"slow","bundle":"main","ms":12}\n',
    },
    {
      format: "json-pretty",
      text: '{\n  "timestamp": "1970-01-01T00:00:00.000Z",\n  "level": "warn",\n  "message": "slow",\n  "bundle": "main",\n  "ms": 12\n}\n',
    },
    { format: "text", text: '1970-01-01T00:00:00.000Z WARN  slow bundle="main" ms=12\n' },
  ])("writes $format", ({ format, text }) => {
    const { log, out } = logTo("info", format);
    log.warn("slow", { bundle: "main", ms: 12 });
    expect(out).toEqual([text]);
  });

  test.each(logLevels.map((level, i) => ({ level, entries: i + 1 })))(
    "at level $level has $entries of four",
    ({ level, entries }) => {
      const { log, out } = logTo(level, "json");
      for (const entry of logLevels) log[entry](entry);
      expect(out).toHaveLength(entries);
    },
  );

  test.each<LogFormat>(["json", "text"])("stays on one line as %s, whatever is logged", (format) => {
    const { log, out } = logTo("info", format);
    log.info('a\n{"level":"info","message":"forged"}\u001b[2J\u2028', {
      "k\n": "v\r\nforged",
      level: "error",
    });
    expect(out).toHaveLength(1);
    expect(out[0]?.trimEnd()).not.toMatch(/[\n\r\u001b]/);
    expect(out[0]).toContain("field_level");
  });

  test("bounds what it writes, and takes anything", () => {
    const { log, out } = logTo("info", "json");
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    log.info("x".repeat(1e6), {
      cycle,
      big: 1n,
      f: () => 1,
      list: Array.from({ length: 1e5 }, () => "y"),
      n: null,
    });
    expect(out).toHaveLength(1);
    expect(out[0]?.length).toBeLessThan(5_000);
  });
});
