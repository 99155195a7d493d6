/** A code says who refused: the table's own codes, or those of the shipped policies' rules. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { challengeCodes, errorTable } from "../../sidecar/contract.js";
import { root } from "../world.js";

const folder = join(root, "policies");
const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".rego") && !name.endsWith("_test.rego"))
  .map((name) => readFileSync(join(folder, name), "utf8"));
const reasons = sources.flatMap((source) =>
  [...source.matchAll(/(?:^#\s+code:|"code":)\s*"?(\w+)/gm)].map(([, code = ""]) => code),
);

test("no code of a shipped policy is a code of the table, but those that ask for better tokens", () => {
  expect(reasons.length).toBeGreaterThan(40);
  expect(reasons).toContain("path_not_plain");
  const meant: readonly string[] = challengeCodes;
  expect(reasons.filter((code) => Object.hasOwn(errorTable, code) && !meant.includes(code))).toEqual([]);
});
