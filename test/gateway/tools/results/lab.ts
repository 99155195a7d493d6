import type { Inspected, Looked } from "../../../../gateway/tools/results/inspect.js";
import { createResults } from "../../../../gateway/tools/results/inspect.js";
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import { parseJson, stringifyJson } from "../../../../sidecar/contract.js";

/** As it comes from the wire. */
export const json = (value: unknown): JsonObject => parseJson(JSON.stringify(value)) as JsonObject;
export const plain = (value: Json | undefined): unknown =>
  value === undefined ? undefined : JSON.parse(stringifyJson(value));

// no time passes: what is looked at doesn't depend on the machine
const results = createResults({ clock: () => 0 });
export const inspect = (
  result: unknown,
  of: Looked["of"] = "tools/call",
  more: Partial<Looked> = {},
): Promise<Inspected> => results.inspect({ of, result: json(result), ...more });
export const factsOf = async (...given: Parameters<typeof inspect>): Promise<JsonObject> => {
  const looked = await inspect(...given);
  if (looked.kind === "invalid") throw new Error(`invalid at ${looked.at}`);
  return looked.facts;
};

export const text = (said: string) => ({ type: "text", text: said });
/** Forms that detectors know, put together so that no scanner takes this file for a leak. */
export const secrets = {
  aws: `AK${"IA"}QWERTYUIOPASDFGH`,
  github: `gh${"p"}_${"a1B2c3D4e5F6".repeat(3)}`,
  shopify: `shp${"at"}_${"0a1b2c3d".repeat(4)}`,
  linear: `lin_${"api"}_${"0a1b2c3D".repeat(5)}`,
  mysql: `mysql://app:${"hunter2hunter2"}@db.example.com/x`,
};
