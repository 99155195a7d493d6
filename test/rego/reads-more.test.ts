/** Paths that are hard to tell apart: an analysis that mixes them up caches one caller's answer for another. */
import { afterAll, expect, test } from "@jest/globals";
import { createToolchain } from "../../sidecar/rego/toolchain.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

test.each<[rego: string, input: readonly (readonly string[])[]]>([
  ['r if { input[""]; x := input; not x.a }', [[]]],
  ['r if { x := input; not x.a; input[""] }', [[]]],
  ['r if input[""] == 1', [[""]]],
  ['r if { input[""].a; input.b }', [["", "a"], ["b"]]],
  ['r if { input["a\\u0000b"]; input.a.b }', [["a", "b"], ["a\u0000b"]]],
  ['r if { input["a\\"b"]; input["a\\"\\"b"].c }', [['a""b', "c"], ['a"b']]],
  ['r := $"hello {input.name}"', [["name"]]],
  ["p[input.x].z := 1\nr := p", [["x"]]],
  ["default r := [x | x := input.y[_]]\nr := 1 if input.z", [["y"], ["z"]]],
  ["a.b.c := input.q\na.d.c := input.s\nr := data.p.a[input.k].c", [["k"], ["q"], ["s"]]],
  ["r if { g with data.p.f as input.val }\ng if f == 1\nf := 2", [["val"]]],
  ["r := input[1].x", [[]]],
  ["r := input.a[true].x", [["a"]]],
])("%s", async (rego, input) => {
  const outcome = await toolchain.dependencies({
    files: { "p.rego": `package p\n${rego}\n` },
    entrypoints: ["p/r"],
  });
  if (outcome.kind === "rejected") throw new Error(JSON.stringify(outcome.errors));
  expect(outcome.result.entrypoints[0]?.input).toEqual(input);
});
