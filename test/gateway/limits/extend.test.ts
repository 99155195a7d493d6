/** Who may ask for more than a call's allowance, and how: over HTTP, as any enforcement point may. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { DecisionRequest } from "../../../sidecar/contract.js";
import type { Lab } from "./lab.js";
import { startLab } from "./lab.js";

const otherToken = "another-enforcement-points-own-token-that-is-long";
let lab: Lab;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-pep-"));
  const file = join(folder, "token");
  await writeFile(file, otherToken);
  lab = await startLab([{ name: "few", unit: "tokens", amount: 100, window: "1h", per: ["user"] }], {
    pep: { peers: [{ name: "other", token_file: file }] },
  });
});
afterAll(async () => {
  await lab.close();
  await rm(folder, { recursive: true });
});

/** Posts to the sidecar: by its socket, which is an enforcement point's own, or by its port: anybody's, or as another one. */
function ask(
  path: string,
  body: unknown,
  how: "socket" | "port" | "other" = "socket",
): Promise<{ status: number; said: unknown }> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const port = lab.sidecar.addresses.find((one) => !one.startsWith("unix"));
  const to =
    how === "socket"
      ? { socketPath: lab.socket }
      : { host: "127.0.0.1", port: Number(/:(\d+)\/?$/.exec(port ?? "")?.[1]) };
  return new Promise((resolve, reject) => {
    const req = request(
      {
        ...{ ...to, method: "POST", path },
        headers: {
          ...{ host: "localhost", "content-type": "application/json" },
          ...(how === "other" ? { authorization: `Bearer ${otherToken}` } : {}),
        },
      },
      (res) => {
        let out = "";
        res.on("data", (chunk) => (out += String(chunk)));
        res.on("end", () => {
          resolve({ status: res.statusCode ?? 0, said: out === "" ? undefined : JSON.parse(out) });
        });
      },
    );
    req.on("error", reject);
    req.end(text);
  });
}

const question = (user: string): DecisionRequest => ({
  call: {
    kind: "model",
    action: {
      name: "model.invoke",
      properties: { phase: "request", estimate: { input_tokens: 10, output_tokens: 30 } },
    },
    resource: { type: "model", id: "few", properties: {} },
  },
  credentials: { bearer: lab.tokenOf(user) },
  context: { request: { id: "r", method: "POST", path: "/" } },
  obligations: [],
});

interface Decided {
  readonly decision_id: string;
  readonly allow: boolean;
  readonly allowance: unknown;
  readonly retry_after?: number;
  readonly limits: readonly unknown[];
}

describe("an enforcement point over HTTP", () => {
  test("holds, asks for more, and settles", async () => {
    const { said } = await ask("/v1/decisions", question("a"));
    const decision = said as Decided;
    expect(decision).toMatchObject({
      allow: true,
      allowance: { tokens: 40 },
      limits: [{ name: "few", unit: "tokens", limit: 100, remaining: 60 }],
    });
    const { decision_id } = decision;
    const more = (held: number, need: number) =>
      ask("/v1/limits/extend", { decision_id, held: { tokens: held }, need: { tokens: need } });
    expect(await more(40, 70)).toEqual({ status: 200, said: { allowance: { tokens: 70 } } });
    // what is left, where it is less
    expect(await more(70, 400)).toEqual({ status: 200, said: { allowance: { tokens: 100 } } });
    expect(await more(100, 101)).toEqual({ status: 200, said: { code: "rate_limited" } });
    const refused = (await ask("/v1/decisions", question("a"))).said as Decided;
    expect(refused).toMatchObject({ allow: false, reasons: [{ code: "rate_limited" }] });
    expect(refused.retry_after).toBeGreaterThan(0);
    const outcome = {
      ...{ decision_id, outcome: "forwarded", kind: "model", status: 200, duration_ms: 1, upstream: "x" },
      usage: { input_tokens: 10, output_tokens: 20 },
    };
    expect((await ask("/v1/outcomes", outcome)).status).toBe(204);
    // told twice, it is settled once
    await ask("/v1/outcomes", { ...outcome, usage: { input_tokens: 0, output_tokens: 0 } });
    expect((await ask("/v1/decisions", question("a"))).said).toMatchObject({
      allow: true,
      limits: [{ remaining: 30 }],
    });
    // what is over can't be asked for any more
    expect(await more(40, 70)).toEqual({ status: 200, said: { code: "limits_unavailable" } });
  });

  test("neither settles nor stretches what another one holds, though it knows its id", async () => {
    const { decision_id } = (await ask("/v1/decisions", question("b"))).said as Decided;
    const more = { decision_id, held: { tokens: 40 }, need: { tokens: 60 } };
    expect((await ask("/v1/limits/extend", more, "other")).said).toEqual({ code: "limits_unavailable" });
    const outcome = {
      ...{ decision_id, outcome: "forwarded", kind: "model", status: 200, duration_ms: 1, upstream: "x" },
      usage: { input_tokens: 0, output_tokens: 0 },
    };
    expect((await ask("/v1/outcomes", outcome, "other")).status).toBe(204);
    expect((await ask("/v1/decisions", question("b"))).said).toMatchObject({
      allow: true,
      limits: [{ remaining: 20 }],
    });
    // whose it is, still can
    expect((await ask("/v1/limits/extend", more)).said).toEqual({ allowance: { tokens: 60 } });
    await ask("/v1/outcomes", outcome);
    expect((await ask("/v1/decisions", question("b"), "other")).said).toMatchObject({
      allow: true,
      limits: [{ remaining: 20 }],
    });
  });

  const wrong = [
    { name: "no JSON", body: "{", status: 400 },
    {
      name: "a field that nobody knows",
      body: { decision_id: "d", held: { tokens: 1 }, need: {}, x: 1 },
      status: 400,
    },
    { name: "nothing held", body: { decision_id: "d", held: {}, need: { tokens: 1 } }, status: 400 },
  ];
  test.each(wrong)("is refused: $name", async ({ body, status }) => {
    expect((await ask("/v1/limits/extend", body)).status).toBe(status);
  });

  test("nobody else may ask", async () => {
    const body = { decision_id: "d", held: { tokens: 1 }, need: { tokens: 2 } };
    const { said } = await ask("/v1/limits/extend", body, "port");
    expect(said).toMatchObject({ code: "pep_unauthenticated" });
  });
});
