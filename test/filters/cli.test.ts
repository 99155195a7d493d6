/** `countersign filter`: what an author sees of a filter. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { main } from "../../cli/main.js";

const folder = mkdtempSync(join(tmpdir(), "countersign-filter-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text) };
  const code = await main(["filter", ...args], io);
  return { code, out, err };
}

const policy = write(
  "p.rego",
  `package p

import input.resource.document as doc

# METADATA
# custom: {filter: {unknown: input.resource.document}}
include if {
	doc.tenant == input.tenant
	some tag in doc.tags
	tag in input.groups
	not doc.draft
	not doc.region in {"us", "cn"}
	startswith(doc.path, "/public/")
}

include if input.admin
`,
);

test("a condition is drawn", async () => {
  const input = write("in.json", '{"tenant": "acme", "groups": ["a", "b"]}');
  expect(await run("-i", input, policy)).toEqual({
    code: 0,
    err: "",
    out: `p/include
  all of
    tenant == "acme"
    one of
      "a" in tags
      "b" in tags
    not draft
    not region in ["cn","us"]
    startswith(path, "/public/")
    region is there
`,
  });
});

test("where no document meets it, what the input lacks is said", async () => {
  expect(await run("-i", write("lacking.json", '{"groups": []}'), policy)).toEqual({
    code: 0,
    err: "the rule also reads what the input doesn't have: input.admin, input.tenant\n",
    out: "p/include\n  no document\n",
  });
});

test("or given as UCAST", async () => {
  const { code, out } = await run(
    "-i",
    write("admin.json", '{"admin": true}'),
    "-f",
    "json",
    "-r",
    "data.p.include",
    policy,
  );
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    rule: "p/include",
    condition: { type: "compound", operator: "and", value: [] },
  });
});

test("without an input the filters are listed, with what they read", async () => {
  expect(await run(policy)).toEqual({
    code: 0,
    err: "",
    out: "p/include\n  reads input.admin\n  reads input.groups\n  reads input.tenant\n",
  });
});

test("what is wrong is said, with its place", async () => {
  const input = write("in2.json", "{}");
  const other = await run("-r", "p/other", "-i", input, policy);
  expect(other).toMatchObject({
    code: 2,
    err: expect.stringContaining("p/other is no filter; those are: p/include"),
  });
  const broken = await run("-i", write("no.json", "[1"), policy);
  expect(broken).toMatchObject({ code: 1, err: expect.stringContaining("the input isn't JSON") });
  const unliftable = write(
    "q.rego",
    "package q\n\n# METADATA\n# custom: {filter: {unknown: input.d}}\ninclude if count(input.d.x) > 1\n",
  );
  const refused = await run("-i", input, unliftable);
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringMatching(/q\.rego:5:\d+: bundle_filter: count can't/),
  });
});
