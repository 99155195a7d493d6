/** docs/gateway-retrieval-search.md against the code. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { load } from "js-yaml";
import { parseGatewayConfig } from "../../../../../gateway/config.js";
import { elasticsearch, opensearch } from "../../../../../gateway/retrieval/stores/search/adapter.js";
import { root } from "../../../../world.js";

const text = readFileSync(join(root, "docs/gateway-retrieval-search.md"), "utf8");

test("its example is a valid configuration", () => {
  const yaml = /```yaml\n([^]*?)```/.exec(text)?.[1] ?? "";
  const config = parseGatewayConfig({
    sidecar: { socket: "/run/pdp.sock" },
    ...(load(yaml) as object),
  } as never);
  expect(config.stores.get("search")?.collections.get("handbook")?.settings).toMatchObject({
    mapping: {
      tenant: { type: "keyword", field: "tenant.keyword", uniform: false },
      level: { uniform: true },
    },
    vectors: ["embedding"],
  });
});

test("it tells of every route, and why one is denied", () => {
  const missing = [...elasticsearch.routes, ...opensearch.routes].filter(
    ({ path, treated, why = "" }) =>
      !text.includes(path.replace("/{+rest}", treated === "denied" ? "/…" : "")) || !text.includes(why),
  );
  expect(missing).toEqual([]);
});
