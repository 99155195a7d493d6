/** Who asks at a path chooses its length: looking for what answers there takes no more than the entrypoints do. */
import { expect, test } from "@jest/globals";
import { planFor } from "../../sidecar/api/document.js";
import type { ActiveBundle, ActiveEntrypoint } from "../../sidecar/bundles/active.js";
import { resolvePath } from "../../sidecar/bundles/active.js";

function world() {
  const looked: string[] = [];
  class Entrypoints extends Map<string, ActiveEntrypoint> {
    override has(path: string): boolean {
      looked.push(path);
      return super.has(path);
    }
  }
  const entrypoints = new Entrypoints();
  for (const path of ["a", "a/b/c"]) entrypoints.set(path, {} as ActiveEntrypoint);
  const bundle = { name: "x", roots: ["a"], entrypoints } as unknown as ActiveBundle;
  return { set: { bundles: [bundle] }, looked };
}
const long = ["a", ...Array.from({ length: 5_000 }, () => "b")];

test.each([
  [["a"], "a", 0],
  [["a", "b"], "a", 1],
  [["a", "b", "c"], "a/b/c", 0],
  [["a", "b", "c", "d"], "a/b/c", 1],
  [["a", "b/c"], "a/b/c", 0],
  [long, "a", long.length - 1],
])("a path of %j", (path, entrypoint, rest) => {
  const { set } = world();
  expect(resolvePath(set, path)).toMatchObject({ entrypoint });
  expect(resolvePath(set, path)?.rest.length).toBe(rest);
  const [only] = planFor(set, path).evaluations;
  expect([only?.entrypoint, only?.select.length]).toEqual([entrypoint, rest]);
});

test("a path as long as a request can hold costs no more than a short one", () => {
  for (const look of [resolvePath, planFor]) {
    const { set, looked } = world();
    look(set, long);
    expect(looked.length).toBeLessThan(10);
    expect(looked.join("").length).toBeLessThan(100);
  }
});
