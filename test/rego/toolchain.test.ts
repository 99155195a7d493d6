import { afterAll, describe, expect, test } from "@jest/globals";
import { parseJson } from "../../sidecar/contract.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import type { Toolchain } from "../../sidecar/rego/toolchain.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

const good = { "p.rego": "package p\n\nr if input.x" };

async function build(files: Record<string, string>, entrypoints: string[], by: Toolchain = toolchain) {
  const outcome = await by.build({ files, entrypoints });
  if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
  return outcome.result;
}

interface ErrorCase {
  readonly name: string;
  readonly files: Record<string, string>;
  readonly entrypoints?: string[];
  readonly error: object;
}

const annotated = (id: string): string => `# METADATA\n# custom:\n#   id: ${id}\n`;

const errorCases: readonly ErrorCase[] = [
  {
    name: "a parse error",
    files: { "d/p.rego": "package p\n\nr if {\n  x :=\n}" },
    error: { code: "rego_parse_error", file: "d/p.rego", row: 5, col: 1 },
  },
  {
    name: "a type error",
    files: { "p.rego": 'package p\n\nr if 1 + "a" == 2' },
    error: { code: "rego_type_error", file: "p.rego", row: 3, col: 6 },
  },
  {
    name: "an unsafe variable",
    files: { "p.rego": "package p\n\nr if not x" },
    error: { code: "rego_unsafe_var_error", file: "p.rego", row: 3 },
  },
  {
    name: "an unknown function",
    files: { "p.rego": "package p\n\nr if nothing.like(1)" },
    error: { code: "rego_type_error", file: "p.rego", row: 3, col: 6 },
  },
  {
    name: "recursion",
    files: { "p.rego": "package p\n\nr if s\n\ns if r" },
    error: { code: "rego_recursion_error", file: "p.rego", row: 3 },
  },
  {
    name: "nothing that could answer",
    files: { "p.rego": "package p" },
    entrypoints: [],
    error: { code: "no_entrypoint" },
  },
  {
    name: "an entrypoint that isn't there",
    files: good,
    entrypoints: ["p/nothing"],
    error: { message: expect.stringContaining("p/nothing") },
  },
  {
    name: "one id for two rules",
    files: { "p.rego": `package p\n\n${annotated("A-1")}r if input.x\n\n${annotated("A-1")}s if input.x` },
    error: {
      code: "duplicate_rule_id",
      file: "p.rego",
      row: 11,
      message: expect.stringContaining("p.rego:6"),
    },
  },
  {
    name: "a policy's own call of the marking built-in",
    files: { "p.rego": "package p\n\nr if {\n\tinput.x\n\tcountersign.rule_held(0)\n}" },
    error: { code: "reserved_builtin", file: "p.rego", row: 5, col: 2 },
  },
  {
    name: "the marking built-in replaced by with",
    files: {
      "p.rego": "package p\n\nf(_) := true\n\nr if s with countersign.rule_held as f\n\ns if input.x",
    },
    error: { code: "reserved_builtin", file: "p.rego", row: 5 },
  },
];

describe("errors that an author can find", () => {
  test.each(errorCases)("$name", async ({ files, entrypoints = ["p/r"], error }) => {
    const outcome = await toolchain.build({ files, entrypoints });
    expect(outcome.kind).toBe("rejected");
    if (outcome.kind === "rejected") expect(outcome.errors[0]).toMatchObject(error);
  });

  test("errors of all files are told, in the order of their names", async () => {
    const outcome = await toolchain.check({ files: { "b.rego": "package b\n\nr if", "a.rego": "package" } });
    expect(outcome).toMatchObject({ kind: "rejected" });
    if (outcome.kind === "rejected") {
      expect([...new Set(outcome.errors.map(({ file }) => file))]).toEqual(["a.rego", "b.rego"]);
    }
  });

  test("strict checks find unused variables", async () => {
    const files = { "p.rego": "package p\n\nr if {\n\tx := 1\n}" };
    expect(await toolchain.check({ files })).toMatchObject({ kind: "done", result: { files: 1 } });
    expect(await toolchain.check({ files, strict: true })).toMatchObject({
      kind: "rejected",
      errors: [{ file: "p.rego", row: 4, col: 2 }],
    });
  });
});

describe("which annotated rules held", () => {
  const policy = `package p

# METADATA
# title: First
# custom:
#   id: FIRST
#   owner: team
#   severity: high
#   frameworks: [A, B]
r := "x" if {
	input.x
} else := "y" if {
	input.y
} else := "z" if {
	input.z
	called(input.z)
	count(s) > 0
}

# METADATA
# custom:
#   id: CALLED
called(v) if v == 1

# METADATA
# custom:
#   id: MEMBER-A
s contains "a" if input.a

# METADATA
# custom:
#   id: MEMBER-B
s contains "b" if input.b

# METADATA
# custom:
#   id: UNREACHED
other if input.x
`;
  const cases: readonly {
    readonly input: object;
    readonly held: readonly string[];
    readonly value?: string;
  }[] = [
    { input: { x: true }, held: ["FIRST"], value: "x" },
    { input: { x: false, y: true }, held: ["FIRST"], value: "y" },
    { input: { z: 1, a: true }, held: ["CALLED", "MEMBER-A", "FIRST"], value: "z" },
    { input: { z: 1, a: true, b: true }, held: ["CALLED", "MEMBER-A", "MEMBER-B", "FIRST"], value: "z" },
    { input: { z: 1 }, held: ["CALLED"] },
    { input: { z: 2, a: true }, held: [] },
    { input: {}, held: [] },
  ];
  let loaded: ReturnType<typeof load> | undefined;
  async function load() {
    const { wasm, data, rules } = await build({ "p.rego": policy }, ["p/r"]);
    const bytes = new Uint8Array(Buffer.from(wasm, "base64"));
    return { policy: loadPolicy({ wasm: bytes, data, budget: 1e6, maxPages: 256 }), rules };
  }

  test.each(cases)("$input: $held", async ({ input, held, value }) => {
    const { policy, rules } = await (loaded ??= load());
    const answer = policy.evaluate("p/r", parseJson(JSON.stringify(input)));
    expect(answer.kind).toBe(value === undefined ? "undefined" : "value");
    if (answer.kind === "value") expect(answer.value).toBe(value);
    if (answer.kind === "failed" || answer.kind === "pending") throw new Error(JSON.stringify(answer));
    expect(answer.rules.map((index) => rules[index]?.id).sort()).toEqual([...held].sort());
  });

  test("METADATA is told of each annotated rule", async () => {
    const { rules } = await (loaded ??= load());
    expect(rules.map(({ id }) => id)).toEqual(["FIRST", "CALLED", "MEMBER-A", "MEMBER-B", "UNREACHED"]);
    expect(rules[0]).toEqual({
      index: 0,
      id: "FIRST",
      title: "First",
      owner: "team",
      severity: "high",
      frameworks: ["A", "B"],
      file: "p.rego",
      row: 10,
    });
  });
});

describe("what is compiled", () => {
  test.each([
    ["every body, where the author names an id", "# custom:\n#   id: DOC\n", ["DOC"]],
    ["none, where there is no id", "", []],
  ])("METADATA with `entrypoint` is the whole document's, to OPA; marked is %s", async (_, id, ids) => {
    const files = {
      "p.rego": `package p\n\ndefault r := 0\n\n# METADATA\n# entrypoint: true\n${id}r := 1 if input.x\n\nr := 2 if input.y`,
    };
    const { wasm, data, rules, entrypoints } = await build(files, []);
    expect(entrypoints.map(({ path, annotated }) => [path, annotated])).toEqual([
      ["p", false],
      ["p/r", true],
    ]);
    expect(rules.map(({ id }) => id)).toEqual(ids);
    const policy = loadPolicy({ wasm: Buffer.from(wasm, "base64"), data, budget: 1e6, maxPages: 256 });
    const marked = ids.map((_, i) => i);
    expect(policy.evaluate("p/r", { x: true })).toEqual({ kind: "value", value: 1, rules: marked });
    expect(policy.evaluate("p/r", { y: true })).toEqual({ kind: "value", value: 2, rules: marked });
    expect(policy.evaluate("p/r", {})).toEqual({ kind: "value", value: 0, rules: [] });
  });

  test("numbers in data keep their digits", async () => {
    const data = '{"cfg":{"big":12345678901234567890123,"exact":1.10,"exp":1e400}}';
    const built = await build({ ...good, "q.rego": "package q\n\nr := data.cfg", "data.json": data }, [
      "q/r",
    ]);
    expect(built.data).toContain("12345678901234567890123");
    expect(built.data).toContain("1.10");
    expect(built.data).toContain("1e400");
  });

  test("the same files give the same bytes in another process, in whatever order they come", async () => {
    const second = createToolchain({});
    try {
      const files = {
        ...good,
        "q.rego": `package q\n\n${annotated("Q")}r if data.p.r`,
        "data.json": '{"b":1,"a":2}',
      };
      const turned = Object.fromEntries(Object.entries(files).reverse());
      const [one, other] = [await build(files, ["q/r"]), await build(turned, ["q/r"], second)];
      expect(other).toEqual(one);
      expect(await second.version()).toBe(await toolchain.version());
    } finally {
      await second.close();
    }
  });

  test("tests report what failed, where, and what it printed; coverage names lines", async () => {
    const outcome = await toolchain.test({
      files: {
        "p.rego": "package p\n\nr if input.x\n\nr if {\n\tinput.never\n\tinput.ever\n}",
        "p_test.rego":
          'package p_test\n\nimport data.p\n\ntest_holds if p.r with input as {"x": true}\n\ntest_fails if {\n\tprint("seen", 7)\n\tnot p.r with input as {"x": true}\n}\n\ntodo_test_later if false',
      },
      coverage: true,
    });
    if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
    const { results, coverage, files } = outcome.result;
    expect(results.map(({ name, outcome }) => [name, outcome]).sort()).toEqual([
      ["test_fails", "fail"],
      ["test_holds", "pass"],
      ["todo_test_later", "skip"],
    ]);
    expect(results.find(({ name }) => name === "test_fails")).toMatchObject({
      package: "data.p_test",
      file: "p_test.rego",
      row: 7,
      output: "seen 7\n",
    });
    expect(coverage).toBeLessThan(100);
    expect(files?.[0]?.file).toBe("p.rego");
    expect(files?.[0]?.not_covered).toContain(7);
  });

  test("format rewrites as opa fmt does", async () => {
    expect(await toolchain.format({ files: { "p.rego": "package p\nr   if   input.x" } })).toEqual({
      kind: "done",
      result: { files: { "p.rego": "package p\n\nr if input.x\n" } },
    });
  });
});

describe("the compiler's process", () => {
  async function fresh(
    parts: Parameters<typeof createToolchain>[0],
    use: (made: Toolchain) => Promise<void>,
  ) {
    const made = createToolchain(parts);
    try {
      await use(made);
    } finally {
      await made.close();
    }
  }
  const gone = async (made: Toolchain): Promise<void> => {
    while (made.pid() !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  test("it starts with work, ends without, and starts again", () =>
    fresh({ idleMs: 50 }, async (made) => {
      expect(made.pid()).toBeUndefined();
      expect((await made.check({ files: good })).kind).toBe("done");
      const first = made.pid();
      expect(first).toBeDefined();
      await gone(made);
      expect((await made.check({ files: good })).kind).toBe("done");
      expect(made.pid()).not.toBe(first);
    }));

  test("work that takes too long is stopped; the next request is answered", () =>
    fresh({ timeoutMs: 3_000 }, async (made) => {
      const loops = ["a", "b", "c"].map((name) => `some ${name} in numbers.range(1, 5000)`).join("; ");
      const files = { "p.rego": `package p\n\nr := count([1 | ${loops}; a + b + c < 0])` };
      expect(await made.evaluate({ files, query: "data.p.r" })).toMatchObject({
        kind: "rejected",
        errors: [{ code: "toolchain_timeout" }],
      });
      // a busy machine may need more than one start; jest ends the test where none is enough
      let next = await made.check({ files: good });
      while (next.kind === "rejected") next = await made.check({ files: good });
      expect(next.kind).toBe("done");
    }));

  test("work that needs too much memory is refused; the next request is answered", () =>
    fresh({ maxMemoryPages: 1_600 }, async (made) => {
      const files = {
        "p.rego": "package p\n\nr := [x | some i in numbers.range(1, 9000000); x := [i, i, i]]",
      };
      const outcome = await made.evaluate({ files, query: "data.p.r" });
      expect(outcome).toMatchObject({ kind: "rejected", errors: [{ code: "toolchain_failed" }] });
      expect((await made.check({ files: good })).kind).toBe("done");
    }));

  test("closing settles what is under way, and may come twice", async () => {
    const made = createToolchain({});
    const waiting = made.check({ files: good });
    await made.close();
    expect(await waiting).toMatchObject({ kind: "rejected", errors: [{ code: "toolchain_failed" }] });
    await made.close();
  });

  test("without a compiler it says so", () =>
    fresh({ wasmPath: "/nowhere/toolchain.wasm" }, async (made) => {
      expect(await made.check({ files: good })).toMatchObject({
        kind: "rejected",
        errors: [{ code: "toolchain_missing" }],
      });
    }));
});
