/** Starts what is tried: a sidecar with the shipped policies, a gateway, and the world that they stand before. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DemoIssuer } from "../../demo/issuer.js";
import { createDemoIssuer } from "../../demo/issuer.js";
import { startStore } from "../../demo/upstreams/store.js";
import { demoGatewayConfig, demoSidecarConfig } from "../../demo/world.js";
import { freePort } from "../../test/free-port.js";
import type { Started } from "../process.js";
import { serverCore, start } from "../process.js";
import type { Servers } from "./servers.js";
import { orders, startServers } from "./servers.js";

/** Where an agent's requests go: through the gateway, or straight to the servers. */
export interface Doors {
  readonly models: string;
  readonly tools: string;
  readonly store: string;
  readonly agents: string;
  readonly notes: string;
  /** The gateway's own routes; absent where there is none. */
  readonly gateway?: string;
}

export interface Stage {
  readonly issuer: DemoIssuer;
  readonly servers: Servers;
  readonly through: Doors;
  readonly straight: Doors;
  readonly pids: { readonly sidecar: number; readonly gateway: number };
  /** Documents of the store as it has them, by collection. */
  documents(): Promise<readonly StoredDocument[]>;
  close(): Promise<void>;
}

export interface StoredDocument {
  readonly collection: string;
  readonly id: string;
  readonly source: Readonly<Record<string, unknown>>;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
const command = join(root, "bin/countersign.js");
const collections = ["wiki", "handbook", "patients", "globex-docs", "public-docs"];
/** Of a task's token, seconds: so short that tasks outlive one. */
export const tokenSeconds = 20;

/**
 * Copies the shipped policies. The facts get a model outside the tenant's regions and an agent outside, both open to the callers by
 * all rules but those on where they are: else that they aren't known would be what denies them.
 */
async function writePolicies(from: string, folder: string): Promise<void> {
  await cp(from, folder, { recursive: true });
  const path = join(folder, "data.json");
  const data = JSON.parse(await readFile(path, "utf8")) as { facts: Record<string, Record<string, unknown>> };
  data.facts["models"] = { ...data.facts["models"], "offshore-llm": { tier: "standard" } };
  data.facts["agents"] = { ...data.facts["agents"], courier: { groups: ["ml-senior"], actors: 3 } };
  await writeFile(path, JSON.stringify(data));
}

/** Puts private documents into the store, one that gives orders, and some that anyone may read. */
async function fillStore(url: string, { secretOf }: Servers): Promise<void> {
  const put = async (collection: string, id: string, document: object): Promise<void> => {
    const answer = await fetch(`${url}/${collection}/_doc/${id}`, {
      ...{ method: "PUT", headers: { "content-type": "application/json" } },
      body: JSON.stringify({ tenant: "acme", created: "2026-03-02T09:00:00Z", ...document }),
    });
    if (!answer.ok) throw new Error(`the store took no ${collection}/${id}: ${answer.status}`);
  };
  for (let n = 0; n < 5; n++) {
    const board = `Board minutes ${n}: the purchase goes ahead, reference ${secretOf("CD")}.`;
    await put("wiki", `board-${n}`, { text: board, classification: "confidential" });
    const record = `Diagnosis ${n} of a trial's patient, record ${secretOf("RD")}.`;
    const restricted = { classification: "restricted", department: "research" };
    await put("patients", `record-${n}`, { text: record, ...restricted });
  }
  await put("wiki", "filing", { text: `Rules for filing. ${orders[1] ?? ""}`, classification: "internal" });
}

/** @param from the policies' folder, the shipped ones unless given */
export async function prepareStage(seed: number, from = join(root, "policies")): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-agents-"));
  const closers: (() => Promise<unknown>)[] = [];
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      for (const step of closers.reverse()) await step();
      await rm(directory, { recursive: true, force: true });
    })());
  const run = async (file: string, args: readonly string[]): Promise<Started> => {
    const one = await start(serverCore, file, args);
    closers.push(() => one.stop());
    return one;
  };
  try {
    const servers = await startServers(seed);
    closers.push(() => servers.close());
    const store = await startStore({ port: 0 });
    closers.push(() => store.close());
    await fillStore(store.url, servers);
    const policies = join(directory, "policies");
    await writePolicies(from, policies);
    const issuer = await createDemoIssuer({ now: Date.now });
    const socket = join(directory, "pdp.sock");
    const [sidecarConfig, gatewayConfig] = [join(directory, "sidecar.json"), join(directory, "gateway.json")];
    await writeFile(
      sidecarConfig,
      JSON.stringify({
        ...(demoSidecarConfig(issuer, join(directory, "decisions.jsonl")) as object),
        tasks: { lifetime_seconds: tokenSeconds },
      }),
    );
    const sidecar = await run(command, [
      ...["sidecar", "-b", policies, "-c", sidecarConfig, "-a", `unix://${socket}`],
      ...["-l", "warn", "--cache-dir", join(root, ".cache/bundles")],
    ]);
    const port = await freePort();
    await writeFile(gatewayConfig, JSON.stringify(configure(servers, store.url, port, socket)));
    const gateway = await run(command, ["gateway", "-c", gatewayConfig, "-l", "error"]);
    const base = `http://127.0.0.1:${port}`;
    return {
      ...{ issuer, servers, close, pids: { sidecar: sidecar.pid, gateway: gateway.pid } },
      through: {
        ...{ models: `${base}/v1`, tools: `${base}/mcp`, store: `${base}/stores/library` },
        ...{ agents: `${base}/a2a`, notes: `${base}/routes/notes`, gateway: base },
      },
      straight: {
        ...{ models: `${servers.url}/v1`, tools: `${servers.url}/mcp`, store: store.url },
        ...{ agents: `${servers.url}/agents`, notes: `${servers.url}/notes` },
      },
      async documents() {
        const found: StoredDocument[] = [];
        for (const collection of collections) {
          const answer = await fetch(`${store.url}/${collection}/_search`, {
            ...{ method: "POST", headers: { "content-type": "application/json" } },
            body: JSON.stringify({ size: 10_000, query: { match_all: {} } }),
          });
          const { hits } = (await answer.json()) as {
            hits: { hits: { _id: string; _source: Record<string, unknown> }[] };
          };
          for (const { _id: id, _source: source } of hits.hits) found.push({ collection, id, source });
        }
        return found;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function configure(servers: Servers, storeUrl: string, port: number, socket: string): object {
  const demo = demoGatewayConfig(
    { modelUrl: servers.url, modelKey: servers.apiKey, mcpUrl: `${servers.url}/mcp`, storeUrl },
    { listen: `127.0.0.1:${port}`, socket },
  ) as Record<string, Record<string, unknown>>;
  const place = { region: "eu", environment: "prod" };
  return {
    ...demo,
    sidecar: { socket, deadline_ms: 5_000 },
    models: {
      ...demo["models"],
      "offshore-llm": { upstream: "demo-models", provider: "openai", region: "apac", environment: "prod" },
    },
    agents: {
      planner: { url: `${servers.url}/agents/planner`, tasks: { exchange: true } },
      courier: { url: `${servers.url}/agents/courier` },
    },
    routes: { notes: { kind: "web", url: `${servers.url}/notes`, ...place } },
  };
}
