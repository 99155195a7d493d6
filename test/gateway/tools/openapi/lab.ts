/** A gateway before a small API that is described by OpenAPI documents. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import yaml from "js-yaml";
import type { Served, World } from "../../world.js";
import { callerToken, json, startUpstream, startWorld } from "../../world.js";
import { document30, document31 } from "./documents.js";

export interface Lab {
  readonly world: World;
  readonly api: Served;
  /** The file of the first document, JSON. */
  readonly file: string;
  ask(
    method: string,
    path: string,
    init?: { readonly headers?: Record<string, string>; readonly body?: string },
  ): Promise<Response>;
  close(): Promise<void>;
}

export const defaultAnswer: Served["answer"] = (_req, res) => {
  json(res, { id: 7, name: "Rex", amount: 1 });
};

export async function startLab(more: Record<string, unknown> = {}): Promise<Lab> {
  const directory = mkdtempSync(join(tmpdir(), "countersign-openapi-"));
  const file = join(directory, "pets.json");
  writeFileSync(file, JSON.stringify(document30));
  writeFileSync(join(directory, "orders.yaml"), yaml.dump(document31));
  const api = await startUpstream(defaultAnswer);
  const world = await startWorld({
    config: {
      servers: {
        pets: {
          url: `${api.url}/v1`,
          api_key: { value: "api-key-of-the-pets-9d1f" },
          openapi: { file },
          operations: [
            "listPets",
            "createPet",
            "getPet",
            "replacePet",
            "deletePet",
            "files.*",
            "sell",
            "up*",
          ],
        },
        orders: { url: api.url, openapi: { file: join(directory, "orders.yaml") }, operations: ["*"] },
        ...more,
      },
    },
  });
  return {
    world,
    api,
    file,
    ask: (method, path, { headers = {}, body } = {}) =>
      fetch(`${world.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${callerToken}`, ...headers },
        redirect: "manual",
        ...(body === undefined ? {} : { body }),
      }),
    async close() {
      await world.close();
      await api.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
