/** Schemas of tools: which are taken, and what arguments are found to be. */
import { describe, expect, test } from "@jest/globals";
import { createGuard, guardAnew } from "../../../../gateway/tools/definitions/schema/guard.js";
import { stringifyJson } from "../../../../sidecar/contract.js";
import { createLab, parsed, withSchema } from "./lab.js";
import { judged, refusedHeaders, refusedSchemas } from "./schemas.cases.js";

describe("a tool isn't offered", () => {
  test.each(refusedSchemas)("whose schema is: $name", async ({ schema, why = "schema" }) => {
    const tools = `[{"name":"t","inputSchema":${schema}}]`;
    const { dropped } = await createLab().review("s", tools, { approve: () => true });
    expect(dropped).toEqual([{ name: "t", why }]);
  });

  test.each(refusedHeaders)("whose x-mcp-header is: $name", async ({ schema }) => {
    expect(await withSchema(schema)).toBeUndefined();
  });

  test("whose outputSchema can't be taken", async () => {
    expect(
      await withSchema('{"type":"object"}', ',"outputSchema":{"$ref":"https://evil.example"}'),
    ).toBeUndefined();
  });

  test("that is too large", async () => {
    const { dropped } = await createLab().review("s", [
      { name: "t", description: "x".repeat(300_000), inputSchema: { type: "object" } },
    ]);
    expect(dropped).toEqual([{ name: "t", why: "invalid" }]);
  });
});

describe("a compilation whose time is up", () => {
  const pause = (): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
  const spin = (ms: number): void => {
    const before = process.cpuUsage();
    while (process.cpuUsage(before).user < ms * 1_000);
  };
  test("as the machine paused is begun anew", () => {
    let tries = 0;
    expect(guardAnew(createGuard(), () => (++tries === 1 ? pause() : "made"), 400)).toBe("made");
    expect(tries).toBeGreaterThan(1);
  });
  test("as the machine paused again and again is given up", () => {
    let tries = 0;
    const run = (): unknown => (tries++, pause());
    expect(() => guardAnew(createGuard(), run, 20)).toThrow("timed out");
    expect(tries).toBe(3);
  });
  test("as it works all the time is given up at once", () => {
    let tries = 0;
    const late = Object.assign(new Error("timed out"), { code: "ERR_SCRIPT_EXECUTION_TIMEOUT" });
    const guard = <T>(run: () => T): T => {
      run();
      throw late;
    };
    expect(() => guardAnew(guard, () => (tries++, spin(40)), 40)).toThrow("timed out");
    expect(tries).toBe(1);
  });
});

describe("arguments", () => {
  test.each(judged)("$name", async ({ schema, args, wrong }) => {
    const one = await withSchema(schema);
    const value = parsed(args);
    const before = stringifyJson(value);
    expect(one?.checkArguments(value)).toBe(wrong);
    expect(stringifyJson(value)).toBe(before);
  });

  test("name headers by the place of what they repeat", async () => {
    const one = await withSchema(
      '{"type":"object","properties":{"place":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}}',
    );
    expect([...(one?.paramHeaders ?? [])]).toEqual([["mcp-param-region", ["place", "region"]]]);
  });
});

describe("structured content", () => {
  const output =
    ',"outputSchema":{"type":"object","required":["n"],"properties":{"n":{"maximum":9007199254740992}}}';
  test.each([
    ["right", '{"n":1}', undefined],
    ["without what is required", "{}", "/: required n"],
    ["past a bound", '{"n":9007199254740993}', "/n: maximum"],
    ["of another type", "[]", "/: type"],
  ])("%s", async (_name, text, wrong) => {
    const one = await withSchema('{"type":"object"}', output);
    expect(one?.checkResult(parsed(text))).toBe(wrong);
  });

  test("is missing", async () => {
    expect((await withSchema('{"type":"object"}', output))?.checkResult(undefined)).toBe("/: missing");
    expect((await withSchema('{"type":"object"}'))?.checkResult(undefined)).toBeUndefined();
  });

  test("is a number by itself, judged by its digits", async () => {
    const one = await withSchema('{"type":"object"}', ',"outputSchema":{"maximum":9007199254740992}');
    expect(one?.checkResult(parsed("9007199254740993") as never)).toBe("/: maximum");
    expect(one?.checkResult(parsed("9007199254740992") as never)).toBeUndefined();
  });
});
