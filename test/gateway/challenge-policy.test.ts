/** A policy asks for more, and the client hears it: the example of docs/policies.md, from Rego to the header. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startAssertionWorld, type AssertionWorld } from "../assert/world.js";
import { policies, root } from "../world.js";

let world: AssertionWorld;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "countersign-stepup-"));
  cpSync(policies, directory, { recursive: true });
  const docs = readFileSync(join(root, "docs/policies.md"), "utf8");
  const [, example = ""] = /```rego\n(package countersign\.stepup\n[\s\S]*?)```/.exec(docs) ?? [];
  writeFileSync(join(directory, "stepup.rego"), example);
  const decision = readFileSync(join(directory, "decision.rego"), "utf8")
    .replace(
      "import data.countersign.tool\n",
      "import data.countersign.stepup\nimport data.countersign.tool\n",
    )
    .concat("\ndeny contains refusal if some refusal in stepup.deny\n");
  writeFileSync(join(directory, "decision.rego"), decision);
  world = await startAssertionWorld({ bundle: directory });
});
afterAll(async () => {
  await world.close();
  await rm(directory, { recursive: true, force: true });
});

const cases: readonly (readonly [string, object, number, RegExp | undefined])[] = [
  [
    "both, in one challenge",
    {},
    401,
    /error="insufficient_user_authentication".*scope="models:large", acr_values="phr phrh", max_age="3600"/,
  ],
  ["the scope", { acr: "phr" }, 403, /error="insufficient_scope".*scope="models:large"/],
  [
    "the login",
    { scope: "models:large other" },
    401,
    /error="insufficient_user_authentication".*acr_values="phr phrh", max_age="3600"/,
  ],
  ["nothing", { scope: "models:large", acr: "phrh" }, 200, undefined],
];

test.each(cases)("a token that lacks %s", async (_name, claims, status, challenge) => {
  const response = await world.ask("senior", {}, claims);
  const header = response.headers.get("www-authenticate");
  expect(response.status).toBe(status);
  if (challenge === undefined) expect(header).toBeNull();
  else expect(header).toMatch(challenge);
});

test("what no token can lift is a plain denial", async () => {
  const response = await world.ask("contractor");
  expect(response.status).toBe(403);
  expect(response.headers.get("www-authenticate")).toBeNull();
});
