/** Who may ask for more than a call's allowance, and how: over HTTP, as any enforcement point may. */
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { DecisionRequest } from "../../../sidecar/contract.js";
import type { Lab } from "./lab.js";
import { startLab } from "./lab.js";

let lab: Lab;
beforeAll(async () => {
  lab = await startLab([{ name: "few", unit: "tokens", amount: 100, window: "1h", per: ["user"] }]);
});
afterAll(() => lab.close());

/** Posts to the sidecar: by its socket, which is an enforcement point's own, or by its port, which is anybody's. */
function ask(
  path: string,
  body: unknown,
  how: "socket" | "port" = "socket",
): Promise<{ status: number; said: unknown }> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const port = lab.sidecar.addresses.find((one) => !one.startsWith("unix"));
  const to =
    how === "socket"
      ? { socketPath: lab.socket }
      : { host: "127.0.0.1", port: Number(/:(\d+)\/?$/.exec(port ?? "")?.[1]) };
  return new Promise((resolve, reject) => {
    const req = request(
      { ...to, method: "POST", path, headers: { host: "localhost", "content-type": "application/json" } },
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
