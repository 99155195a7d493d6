/** Who may state context and present others' credentials: enforcement points; anybody else speaks for itself. */
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Sidecar } from "../../sidecar/main.js";
import { startSidecar } from "../../sidecar/main.js";
import { ec, es256, header, issuerConfig, jwk, payload, token } from "../identify/world.js";

const edgeToken = "a-token-of-at-least-thirty-two-characters";
const key = ec();
const callers = token(header, { ...payload, iat: nowSeconds() - 5, exp: nowSeconds() + 300 }, es256(key));

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** Gives back what it sees, as messages of reasons: `context` and `subject` as JSON. */
const echo = `package countersign

# METADATA
# entrypoint: true
decision := {"allow": true, "reasons": seen, "obligations": duties, "labels": [], "ttl": 0}

seen := [{"code": "seen", "message": json.marshal(one)} | some one in [input.context, input.subject]]

duties := [{"id": "strong", "type": "require_assurance", "properties": input.resource.properties.wants}] if input.resource.properties.wants

else := []
`;

let folder: string;
let sidecar: Sidecar;
let url: string;
const log = (): string => join(folder, "log.jsonl");
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-peers-"));
  await mkdir(join(folder, "policy"));
  await writeFile(join(folder, "policy", "echo.rego"), echo);
  await writeFile(join(folder, "edge"), edgeToken, { mode: 0o600 });
  sidecar = await startSidecar({
    bundles: [join(folder, "policy")],
    addresses: ["127.0.0.1:0"],
    diagnosticAddresses: [],
    config: {
      decision_logs: { console: false, file: log() },
      identity: {
        issuers: [issuerConfig({ keys: [jwk(key, { kid: "k1" })] } as never)],
      },
      pep: {
        peers: [
          { name: "edge", token_file: join(folder, "edge") },
          { name: "mesh", socket: join(folder, "mesh", "pdp.sock") },
        ],
      },
    } as never,
    sets: [],
    watch: false,
    log: { level: "error", format: "json" },
    version: "test",
  });
  url = sidecar.addresses[0] ?? "";
});
afterAll(async () => {
  await sidecar.close();
  await rm(folder, { recursive: true, force: true });
});

const body = (more: object = {}) => ({
  call: {
    kind: "model",
    action: { name: "model.invoke", properties: {} },
    resource: { type: "model", id: "m", properties: {} },
  },
  context: {
    source: { ip: "10.9.9.9" },
    environment: "prod",
    request: { id: "r-stated", method: "POST", path: "/v1/chat/completions" },
  },
  obligations: [],
  ...more,
});

interface Answer {
  status: number;
  body: { allow?: boolean; code?: string; reasons?: { code: string; message: string }[] };
}
function ask(
  sent: object,
  { headers = {}, socket }: { headers?: object; socket?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const target = socket === undefined ? new URL(url) : undefined;
    const req = httpRequest(
      {
        ...(target === undefined ? { socketPath: socket } : { host: target.hostname, port: target.port }),
        path: "/v1/decisions",
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
      },
      (res) => {
        let text = "";
        res.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        res.on("end", () => {
          resolve({ status: res.statusCode ?? 0, body: JSON.parse(text) as Answer["body"] });
        });
      },
    );
    req.on("error", reject).end(JSON.stringify(sent));
  });
}
const context = ({ body: { reasons } }: Answer) =>
  JSON.parse(reasons?.[0]?.message ?? "null") as Record<string, unknown>;

describe("an enforcement point states context and presents its callers' credentials", () => {
  const presented = () => body({ credentials: { bearer: callers } });
  test("by its token", async () => {
    const answer = await ask(presented(), { headers: { authorization: `Bearer ${edgeToken}` } });
    expect(context(answer)).toMatchObject({ source: { ip: "10.9.9.9" }, environment: "prod" });
    expect(context(answer)).not.toHaveProperty("claimed");
  });

  test("by its own socket, which nobody else may open", async () => {
    const socket = join(folder, "mesh", "pdp.sock");
    expect(context(await ask(presented(), { socket }))).toMatchObject({ source: { ip: "10.9.9.9" } });
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, "mesh"))).mode & 0o777).toBe(0o700);
  });

  test("and what its caller merely says stands apart", async () => {
    const said = { ...body().context, claimed: { purpose: "support" } };
    const sent = { ...presented(), context: said };
    const answer = await ask(sent, { headers: { authorization: `Bearer ${edgeToken}` } });
    expect(context(answer)).toMatchObject({ claimed: { purpose: "support" }, environment: "prod" });
  });
});

describe("anybody else", () => {
  test("gets a decision on its own credentials, and all that it states is a claim", async () => {
    const answer = await ask(body(), { headers: { authorization: `Bearer ${callers}` } });
    expect(JSON.parse(answer.body.reasons?.[1]?.message ?? "")).toMatchObject({ id: payload["sub"] });
    const seen = context(answer);
    expect(seen).toMatchObject({
      source: { ip: "127.0.0.1", network: "internal" },
      claimed: {
        source: { ip: "10.9.9.9" },
        environment: "prod",
        request: { id: "r-stated" },
      },
    });
    expect(seen).not.toHaveProperty("environment");
    expect(seen["task"]).toMatchObject({ proven: false, labels: [], counts: { requests: 0 } });
    expect((seen["request"] as { id: string }).id).not.toBe("r-stated");
  });

  const cases: readonly (readonly [string, object, Record<string, string>, string])[] = [
    [
      "with somebody's credentials in the body",
      { credentials: { bearer: callers } },
      {},
      "pep_unauthenticated",
    ],
    [
      "with its own token, and somebody's credentials in the body",
      { credentials: { bearer: callers } },
      { authorization: `Bearer ${callers}` },
      "pep_unauthenticated",
    ],
    [
      "with empty credentials in the body",
      { credentials: {} },
      { authorization: `Bearer ${callers}` },
      "pep_unauthenticated",
    ],
    ["with nothing", {}, {}, "pep_unauthenticated"],
    ["with a wrong token", {}, { authorization: `Bearer ${edgeToken}x` }, "token_malformed"],
    ["with the token and more", {}, { authorization: `Bearer ${edgeToken} x` }, "credential_unsupported"],
    [
      "with a forwarded certificate over TCP",
      {},
      { authorization: `Bearer ${callers}`, "x-forwarded-client-cert": "Hash=00;URI=spiffe://a/b" },
      "forwarded_certificate_untrusted",
    ],
    ["with basic credentials", {}, { authorization: "Basic YTpi" }, "credential_unsupported"],
    ["with a proof but no token", {}, { dpop: "x.y.z" }, "token_binding"],
    ["with a workload's token but no proof", {}, { "workload-identity-token": "x.y.z" }, "token_binding"],
  ];
  test.each(cases)("%s is refused", async (_name, more, headers, code) => {
    const { body: answer } = await ask(body(more), { headers });
    expect(answer.allow ?? false).toBe(false);
    expect(answer.code ?? answer.reasons?.[0]?.code).toBe(code);
  });

  test("reports no outcomes", async () => {
    const answer = await fetch(`${url}/v1/outcomes`, {
      method: "POST",
      headers: { authorization: `Bearer ${callers}`, "content-type": "application/json" },
      body: "{}",
    });
    expect(answer.status).toBe(401);
  });
});

describe("an obligation on how the caller proved itself", () => {
  const cases: readonly (readonly [wants: unknown, outcome: string])[] = [
    [{ assurance: "bearer" }, "allowed"],
    [{ assurance: "api_key" }, "allowed"],
    [{ assurance: "dpop" }, "insufficient_assurance"],
    [{ assurance: "attested" }, "insufficient_assurance"],
    [{ assurance: "strong" }, "obligation_unsatisfiable"],
    [{ assurance: "bearer", more: 1 }, "obligation_unsatisfiable"],
    [{}, "obligation_unsatisfiable"],
  ];
  test.each(cases)("%j is carried out by the sidecar itself: %s", async (wants, outcome) => {
    const { call } = body();
    const sent = body({ call: { ...call, resource: { ...call.resource, properties: { wants } } } });
    const { body: answer } = await ask(sent, { headers: { authorization: `Bearer ${callers}` } });
    expect(answer.allow).toBe(outcome === "allowed");
    if (outcome !== "allowed") expect(answer.reasons?.[0]?.code).toBe(outcome);
    else expect(answer).toMatchObject({ obligations: [] });
  });
});
