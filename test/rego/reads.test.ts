import { afterAll, describe, expect, test } from "@jest/globals";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { readsCases } from "./reads.cases.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

async function readsOf(files: Record<string, string>, entrypoint: string, regoVersion?: 0) {
  const outcome = await toolchain.dependencies({
    files,
    entrypoints: [entrypoint],
    ...(regoVersion === undefined ? {} : { rego_version: regoVersion }),
  });
  if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
  const [facts] = outcome.result.entrypoints;
  if (facts === undefined) throw new Error("no facts");
  return facts;
}

describe("what an entrypoint reads", () => {
  test.each(readsCases)(
    "$name",
    async ({ rego, more = {}, entrypoint = "p/r", regoVersion, input, ...rest }) => {
      const facts = await readsOf({ "p.rego": rego, ...more }, entrypoint, regoVersion);
      expect(facts.input.map((path) => path.join("."))).toEqual([...input].sort());
      expect(facts.nondeterministic).toEqual(rest.nondeterministic ?? []);
      expect(facts.deterministic).toBe(rest.nondeterministic === undefined);
      if (rest.branches !== undefined) expect(facts.branches).toHaveLength(rest.branches);
    },
  );

  test("a clock that is replaced keeps the entrypoint from the cache nevertheless", async () => {
    const facts = await readsOf(
      { "p.rego": "package p\n\nlate if time.now_ns() > 5\n\nr if late with time.now_ns as 10" },
      "p/r",
    );
    expect(facts).toMatchObject({ deterministic: false, nondeterministic: ["time.now_ns"] });
  });

  test("the built facts are the same as those told beforehand", async () => {
    const files = { "p.rego": "package p\n\nr if { u := input.user; not u.suspended }" };
    const built = await toolchain.build({ files, entrypoints: ["p/r"] });
    if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
    expect(built.result.entrypoints).toContainEqual(await readsOf(files, "p/r"));
  });

  test.each(["p/nothing", "nothing", ""])(
    "an entrypoint that isn't there is refused: %j",
    async (entrypoint) => {
      expect(
        await toolchain.dependencies({
          files: { "p.rego": "package p\n\nr := 1" },
          entrypoints: [entrypoint],
        }),
      ).toMatchObject({ kind: "rejected", errors: [{ code: "unknown_entrypoint" }] });
    },
  );
});
