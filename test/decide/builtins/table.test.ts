import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { main } from "../../../cli/main.js";
import { instead } from "../../../sidecar/decide/builtins/instead/functions.js";
import { nodeBuiltins } from "../../../sidecar/decide/builtins/node/node.js";
import { opaVersion, serveBuiltins } from "../../../sidecar/decide/builtins/serve.js";
import { servedBy } from "../../../sidecar/decide/builtins/table.js";
import { moduleFunctions } from "../../../sidecar/decide/engine/instead.js";

const opa = execFileSync(
  "go",
  ["list", "-m", "-f", "{{.Version}} {{.Dir}}", "github.com/open-policy-agent/opa"],
  {
    cwd: new URL("../../../../sidecar/rego/toolchain", import.meta.url),
    encoding: "utf8",
  },
).trim();
const [version = "", directory = ""] = opa.split(" ");
const names = (by: string): string[] => [...servedBy].filter(([, one]) => one === by).map(([name]) => name);

test("the table names OPA's built-ins, each once", () => {
  const { builtins } = JSON.parse(readFileSync(join(directory, "capabilities.json"), "utf8")) as {
    builtins: { name: string }[];
  };
  expect([...servedBy.keys()].sort()).toEqual(builtins.map(({ name }) => name).sort());
  expect(servedBy.size).toBe(206);
  expect(version).toBe(`v${opaVersion}`);
});

test("who is named serves: Node, the host, and what is left to OPA's code", () => {
  expect(names("node").sort()).toEqual([...nodeBuiltins.keys(), ...instead.keys()].sort());
  const resolve = serveBuiltins();
  const served = names("wasm").concat(names("compiler"), names("network"));
  // what Node serves instead of the module isn't asked for by name
  const asked = [...servedBy.keys()].filter((name) => !served.includes(name) && !instead.has(name));
  expect(asked.filter((name) => resolve(name) === undefined)).toEqual([]);
  expect(names("network").map(resolve)).toEqual([undefined, undefined]);
  expect(resolve("custom.builtin")).toBeUndefined();
  expect(Object.keys(moduleFunctions)).toEqual(
    expect.arrayContaining(names("wasm").filter((name) => mayFail(name))),
  );
});

/** Comparisons and tests of type have no errors: the planner itself knows them. */
function mayFail(name: string): boolean {
  return !/^(is_|internal\.member|equal$|neq$|[gl]te?$|type_name$|walk$|re_match$|set_diff$)/.test(name);
}

test("countersign capabilities prints it", async () => {
  let text = "";
  const io = { out: (part: string) => (text += part), err: () => undefined };
  expect(await main(["capabilities", "--format", "json"], io)).toBe(0);
  const { builtins } = JSON.parse(text) as { builtins: { name: string; by: string }[] };
  expect(new Map(builtins.map(({ name, by }) => [name, by]))).toEqual(new Map(servedBy));
  text = "";
  expect(await main(["capabilities", "--by", "go"], io)).toBe(0);
  expect(text).toContain("io.jwt.decode_verify");
  expect(text).not.toContain("sprintf");
});
