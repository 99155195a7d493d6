/** A few documents of several tenants in a real Chroma server, behind the real gateway. */
import { clientId } from "../../../../../gateway/retrieval/stores/chroma/address.js";
import type { Condition } from "../../../../../sidecar/contract.js";
import type { StoreLab } from "../../lab.js";
import { startStoreLab } from "../../lab.js";
import type { ChromaServer } from "./server.js";
import { home, startChroma } from "./server.js";

export const handbook = [
  {
    id: "a1",
    embedding: [1, 0],
    metadata: { tenant: "acme", class: "public", level: 1 },
    text: "acme public",
  },
  {
    id: "a2",
    embedding: [0.9, 0],
    metadata: { tenant: "acme", class: "secret", level: 5 },
    text: "acme secret",
  },
  {
    id: "b1",
    embedding: [1, 0.1],
    metadata: { tenant: "beta", class: "public", level: 1 },
    text: "beta public",
  },
  { id: "n1", embedding: [1, 0.2], metadata: { class: "public" }, text: "nobody's" },
  { id: "z1", embedding: [1, 0.3], text: "without metadata" },
  { id: "l1", embedding: [1, 0.4], metadata: { tenant: ["acme"], level: "5" }, text: "a list for a tenant" },
];
const config = {
  kind: "chroma",
  collections: {
    manual: {
      name: "handbook",
      fields: { tenant: "tenant", classification: "class", level: { path: "level", type: "number" } },
    },
    spare: { name: "spare-one" },
    secrets: { hidden: ["class", "#document"], fields: { tenant: "tenant" } },
  },
};
export const field = (operator: string, name: string, value: unknown): Condition =>
  ({ type: "field", operator, field: name, value }) as Condition;
export const acme = field("eq", "tenant", "acme");
export const at = (name: string, route = ""): string =>
  `${home}/collections/${clientId({ store: "lab", name })}${route}`;

export interface ChromaLab {
  readonly chroma: ChromaServer;
  readonly lab: StoreLab;
  /** The store's own ids, by names. */
  readonly uuids: Readonly<Record<string, string>>;
  /** The last that the store got, as JSON. */
  last(): { readonly path: string; readonly body: unknown };
  close(): Promise<void>;
}

export async function startChromaLab(): Promise<ChromaLab> {
  const chroma = await startChroma();
  const uuids: Record<string, string> = {};
  for (const name of ["handbook", "secrets", "others"]) uuids[name] = await chroma.fill(name, handbook);
  const lab = await startStoreLab(chroma.url, config).catch(async (error: unknown) => {
    await chroma.close();
    throw error;
  });
  return {
    ...{ chroma, lab, uuids },
    last() {
      const one = lab.received.at(-1);
      return {
        path: one?.path ?? "",
        body: one === undefined || one.body === "" ? undefined : JSON.parse(one.body),
      };
    },
    async close() {
      await lab.close();
      await chroma.close();
    },
  };
}
