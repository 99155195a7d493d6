/** Reading base documents: the same from tables of any size, also after changes and faults. */
import { afterAll, expect, test } from "@jest/globals";
import type { Json } from "../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../sidecar/contract.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";

const toolchain = createToolchain({});
afterAll(() => toolchain.close());

const odd = ["", "__proto__", "constructor", "a/b", "ümlaut", "u\u0308mlaut", "😀", "1", "key-7 "];

test.each([3, 100, 128, 129, 5_000])("a table of %i members", async (count) => {
  const keys = [...odd, ...Array.from({ length: count }, (_, n) => `key-${n}`)];
  const table = `{${keys.map((key, n) => `${JSON.stringify(key)}:{"n":${n}}`).join(",")}}`;
  const outcome = await toolchain.build({
    files: {
      "p.rego":
        "package p\n\nloop if {\n\tsome a in numbers.range(1, input.n)\n\tsome b in numbers.range(1, input.n)\n\ta + b < 0\n}\n",
    },
  });
  if (outcome.kind !== "done") throw new Error("not built");
  const policy = loadPolicy({
    wasm: Buffer.from(outcome.result.wasm, "base64"),
    data: `{"t":${table}}`,
    ...{ budget: 20_000, maxPages: 64 },
  });
  const expected = new Map<string, Json>(keys.map((key, n) => [key, { n }]));
  const holds = (): void => {
    for (const key of [...odd, "key-0", "key-2", `key-${count}`, "gone", "new"]) {
      const wanted = expected.get(key);
      expect(stringifyJson(policy.read(["t", key]) ?? null)).toBe(stringifyJson(wanted ?? null));
    }
    expect(policy.read(["t", "key-1", "n"])).toBe(odd.length + 1);
  };
  holds();
  policy.patch([
    { path: ["t", "new"], value: '{"n":-1}' },
    { path: ["t", "key-0"], value: undefined },
    { path: ["t", "ümlaut"], value: '{"n":-2}' },
  ]);
  expected.set("new", { n: -1 });
  expected.delete("key-0");
  expected.set("ümlaut", { n: -2 });
  holds();
  // an instance that is left in the middle of its work is replaced
  expect(policy.evaluate("p/loop", parseJson('{"n":1000}')).kind).toBe("failed");
  holds();
});
