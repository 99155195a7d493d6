/** What can't be derived is refused when it is checked and when it is built, with its place. */
import { afterAll, expect, test } from "@jest/globals";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { annotationCases, head, refusalCases } from "./refusals.cases.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

test.each(refusalCases)("$name", async ({ rego, row, says }) => {
  const outcome = await toolchain.check({ files: { "p.rego": head + rego } });
  const [error] = outcome.kind === "rejected" ? outcome.errors : [];
  expect(error).toMatchObject({ code: "bundle_filter", file: "p.rego", row });
  expect(error?.message).toContain(says);
});

test.each(annotationCases)("the annotation: %s", async (_name, text, says) => {
  const outcome = await toolchain.check({ files: { "p.rego": `package p\n\n${text}\n` } });
  const [error] = outcome.kind === "rejected" ? outcome.errors : [];
  expect(error).toMatchObject({ code: "bundle_filter", file: "p.rego" });
  expect(error?.message).toContain(says);
});

test("a package in which a rule depends on the document", async () => {
  const q = "package q\n\nmine if input.resource.document.t == input.t\n";
  const outcome = await toolchain.check({
    files: { "p.rego": `${head}\tsome x in data.q\n\tx == true\n}\n`, "q.rego": q },
  });
  const [error] = outcome.kind === "rejected" ? outcome.errors : [];
  expect(error).toMatchObject({ code: "bundle_filter", file: "p.rego", row: 8 });
  expect(error?.message).toContain("name the rule");
});

test("a build refuses it as a check does", async () => {
  const files = { "p.rego": `${head}\tcount(doc.tags) > 1\n}\n` };
  const outcome = await toolchain.build({ files });
  expect(outcome).toMatchObject({ kind: "rejected", errors: [{ code: "bundle_filter", row: 8 }] });
});

test.each(["countersign_filter", "countersign_twin"])("%s is nobody's package", async (root) => {
  const named = await toolchain.build({ files: { "p.rego": `package ${root}.p\n\nx := 1\n` } });
  expect(named).toMatchObject({ kind: "rejected", errors: [{ code: "reserved_package" }] });
  const data = await toolchain.build({
    files: { "p.rego": "package p\n\nx := 1\n", "data.json": `{"${root}": {}}` },
  });
  expect(data).toMatchObject({ kind: "rejected", errors: [{ code: "reserved_package" }] });
});

test("all faults are told at once", async () => {
  const files = { "p.rego": `${head}\tcount(doc.tags) > 1\n}\n\ninclude if lower(doc.t) == "x"\n` };
  const outcome = await toolchain.check({ files });
  expect(outcome.kind === "rejected" && outcome.errors.map(({ row }) => row)).toEqual([8, 11]);
});
