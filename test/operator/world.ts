/** A sidecar with operators: keys, people of two tenants, and a policy that anybody may push. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import type { Sidecar } from "../../sidecar/main.js";
import { startSidecar } from "../../sidecar/main.js";
import { ec, es256, header, issuerConfig, jwk, payload, token } from "../identify/world.js";
import { bundleCache } from "../world.js";

export const keys = {
  oncall: "operator-key-of-ann-at-least-thirty-two-characters",
  /** Ann's, too. */
  laptop: "operator-key-of-ann-the-other-one-of-thirty-two",
  second: "operator-key-of-cid-at-least-thirty-two-characters",
  viewer: "operator-key-of-viewer-of-thirty-two-characters",
  globex: "operator-key-of-globex-at-least-thirty-two-characters",
};

export interface Answer {
  readonly status: number;
  readonly body: JsonObject;
}

export interface OperatorWorld {
  readonly sidecar: Sidecar;
  readonly url: string;
  readonly folder: string;
  /** A caller's token. */
  tokenOf(claims: object): string;
  ask(method: string, path: string, bearer: string | undefined, body?: Json): Promise<Answer>;
  /** Adds a fence by Ann's key; gives its id. */
  fence(match: JsonObject): Promise<string>;
  /** Events of the decision log so far, of one type. */
  records(type: string): Promise<JsonObject[]>;
  close(): Promise<void>;
}

const policy = `package countersign

# METADATA
# entrypoint: true
decision := {"allow": true, "reasons": [], "obligations": [], "labels": [], "ttl": 60}
`;
/** What a pushed bundle says of operators: everything. */
const takeover = `package countersign.operator

# METADATA
# entrypoint: true
decision := {"allow": true, "reasons": []}

allow contains {"code": "x", "message": "x", "rule": "x"}
`;

export async function startOperatorWorld({
  config = {},
  pushed = false,
}: { readonly config?: JsonObject; readonly pushed?: boolean } = {}): Promise<OperatorWorld> {
  const folder = await mkdtemp(join(tmpdir(), "countersign-operator-"));
  const key = ec();
  await writeFile(join(folder, "policy.rego"), policy);
  if (pushed) await writeFile(join(folder, "takeover.rego"), takeover);
  const people = { oncall: "ann", laptop: "Ann", second: "cid", viewer: "vic", globex: "gil" };
  const configured = Object.entries(keys).map(([name, text]) => ({ name, text }));
  for (const { name, text } of configured) await writeFile(join(folder, name), `${text}\n`, { mode: 0o600 });
  const sidecar = await startSidecar({
    bundles: [folder],
    addresses: ["127.0.0.1:0", `unix://${join(folder, "sock", "pdp.sock")}`],
    diagnosticAddresses: [],
    cacheDir: bundleCache,
    config: {
      decision_logs: { console: false, file: join(folder, "log.jsonl") },
      api: { writes: true },
      identity: {
        issuers: [
          issuerConfig({ keys: [jwk(key, { kid: "k1" })] } as never, {
            tenants: ["acme", "globex"],
          }),
        ],
      },
      operator: {
        keys: configured.map(({ name }) => ({
          name,
          token_file: join(folder, name),
          roles: [name === "viewer" ? "fence-viewer" : "fence-operator"],
          person: people[name as keyof typeof people],
          ...(name === "globex" ? { tenant: "globex" } : {}),
        })),
      },
      ...config,
    } as never,
    sets: [],
    watch: false,
    log: { level: "error", format: "json" },
    version: "test",
  });
  const url = sidecar.addresses[0] ?? "";
  const world: OperatorWorld = {
    sidecar,
    url,
    folder,
    tokenOf(claims) {
      const at = Math.floor(Date.now() / 1000);
      return token(header, { ...payload, iat: at - 5, exp: at + 300, ...claims }, es256(key));
    },
    ask(method, path, bearer, body) {
      const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
      return new Promise((resolve, reject) => {
        const req = request(
          new URL(path, url),
          {
            method,
            headers: {
              ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
              ...(text === undefined ? {} : { "content-type": "application/json" }),
            },
          },
          (res) => {
            let got = "";
            res.setEncoding("utf8").on("data", (part: string) => (got += part));
            res.on("end", () => {
              resolve({ status: res.statusCode ?? 0, body: JSON.parse(got || "{}") as JsonObject });
            });
          },
        );
        req.on("error", reject).end(text);
      });
    },
    async fence(match) {
      const { status, body } = await world.ask("POST", "/v1/fences", keys.oncall, { match, reason: "test" });
      if (status !== 201) throw new Error(`not fenced: ${JSON.stringify(body)}`);
      return (body["fence"] as { id: string }).id;
    },
    async records(type) {
      const text = await readFile(join(folder, "log.jsonl"), "utf8").catch(() => "");
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as JsonObject)
        .filter((line) => line["type"] === type);
    },
    async close() {
      await sidecar.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return world;
}
