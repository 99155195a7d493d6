/** Documentation of stores: its configuration is valid, and its tables hold every route as it is treated. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import yaml from "js-yaml";
import type { Adapter } from "../../../../gateway/retrieval/adapter.js";
import { parseGatewayConfig } from "../../../../gateway/config.js";
import { pinecone } from "../../../../gateway/retrieval/stores/pinecone/adapter.js";
import { qdrant } from "../../../../gateway/retrieval/stores/qdrant/adapter.js";
import { root } from "../../../world.js";

const documented: readonly [kind: string, adapter: Pick<Adapter, "routes">, short: string][] = [
  ["qdrant", qdrant, "/collections/{collection_name}"],
  ["pinecone", pinecone, "\0"],
];

describe.each(documented)("docs/gateway-retrieval-%s.md", (kind, { routes }, short) => {
  const text = readFileSync(join(root, `docs/gateway-retrieval-${kind}.md`), "utf8");

  test("shows a configuration that is one", () => {
    const [, source = ""] = /```yaml\n([^]*?)```/.exec(text) ?? [];
    const stores = [
      ...parseGatewayConfig({
        sidecar: { socket: "/run/pdp.sock" },
        ...(yaml.load(source) as object),
      } as never).stores.values(),
    ];
    expect(stores.length).toBeGreaterThan(0);
    expect(stores.every((one) => one.kind === kind)).toBe(true);
  });

  test("lists each route, and why it is denied", () => {
    const rows = text.split("\n").filter((line) => line.startsWith("| `"));
    for (const { method, path, treated, why = "" } of routes) {
      const named = `\`${method} ${path.replace(short, "…")}\``;
      const row = rows.find((line) => line.includes(named));
      expect([named, row === undefined]).toEqual([named, false]);
      if (treated === "denied") expect(row?.endsWith(`| ${why} |`)).toBe(true);
    }
  });
});
