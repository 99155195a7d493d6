/** What the suite's condition is in each store's filter language: documents of acme, or of all, public or internal ones. */
export const qdrantPolicy = {
  must: [
    { must: [{ key: "tenant", match: { any: ["*", "acme"] } }, { is_empty: { key: "tenant[]" } }] },
    { must: [{ key: "class", match: { any: ["internal", "public"] } }, { is_empty: { key: "class[]" } }] },
  ],
};

export const searchPolicy = {
  bool: { filter: [{ terms: { tenant: ["*", "acme"] } }, { terms: { class: ["internal", "public"] } }] },
};

export const milvusPolicy = '(tenant in ["*", "acme"]) and (class in ["internal", "public"])';

export const chromaPolicy = {
  $and: [{ tenant: { $in: ["*", "acme"] } }, { class: { $in: ["internal", "public"] } }],
};

const equal = (path: string, value: string): string =>
  `{operator: Equal, path: ["${path}"], valueText: "${value}"}`;
const either = (path: string, ...values: string[]): string =>
  `{operator: Or, operands: [${values.map((value) => equal(path, value)).join(", ")}]}`;

export const weaviatePolicy = `{operator: And, operands: [${either("tenant", "*", "acme")}, ${either("class", "internal", "public")}]}`;
