/** Status as a service gets it: OPA's shape, one message for many changes, and nothing that grows while it is away. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { BundleStatus } from "../../sidecar/bundles/status.js";
import type { JsonObject } from "../../sidecar/contract.js";
import { createService } from "../../sidecar/net/service/service.js";
import type { Status, StatusParts } from "../../sidecar/status/status.js";
import { createStatus } from "../../sidecar/status/status.js";
import type { Plane } from "./plane.js";
import { startPlane } from "./plane.js";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function controlPlane(answer?: () => number): Promise<Plane> {
  const plane = await startPlane(answer);
  ends.push(plane.close);
  return plane;
}

const serviceAt = (url: string) => {
  const service = createService({
    ...{ name: "plane", url, type: "http", headers: {}, responseHeaderTimeoutMs: 5_000 },
    credentials: { kind: "bearer", scheme: "Bearer", token: "status-token" },
  });
  ends.push(async () => {
    service.close();
  });
  return service;
};

const authz: BundleStatus = {
  name: "authz",
  active_revision: "r1",
  last_successful_activation: "2026-01-01T00:00:00.000Z",
};

function open(parts: Partial<StatusParts> = {}): Status {
  const status = createStatus({
    labels: { id: "one", version: "1.0.0", region: "eu" },
    bundles: () => [authz],
    print: () => undefined,
    onTelling: () => undefined,
    random: () => 0,
    limits: { gapMs: 5, leastRetryMs: 5, closingMs: 200 },
    ...parts,
  });
  ends.push(status.close);
  return status;
}

const told = { service: "plane", resource: "status", console: false } as const;

describe("the document", () => {
  test("has OPA's shape", () => {
    const status = open({
      discovery: () => ({ name: "discovery", active_revision: "d1" }),
      decisionLogs: () => ({ metrics: {} }),
    });
    expect(status.document()).toEqual({
      labels: { id: "one", version: "1.0.0", region: "eu" },
      bundles: { authz },
      discovery: { name: "discovery", active_revision: "d1" },
      decision_logs: { metrics: {} },
      plugins: { bundle: { state: "OK" }, discovery: { state: "OK" }, decision_logs: { state: "OK" } },
    });
  });

  test.each<[string, BundleStatus[], unknown]>([
    [
      "isn't ready while one was never in force",
      [authz, { name: "b" }],
      { state: "NOT_READY", message: "not activated: b" },
    ],
    [
      "warns while the newest of one isn't in force",
      [{ ...authz, code: "signature_invalid", message: "no" }],
      { state: "WARN", message: "the newest isn't in force: authz (signature_invalid)" },
    ],
  ])("%s", (_name, bundles, expected) => {
    expect(open({ bundles: () => bundles }).document()["plugins"]).toEqual({ bundle: expected });
  });

  test("tells some of a bundle's errors where there are many", () => {
    const errors = Array.from({ length: 5_000 }, () => ({ code: "rego_parse_error", message: "no" }));
    const document = open({ bundles: () => [{ ...authz, code: "build_failed", errors }] }).document();
    expect(JSON.stringify(document).length).toBeLessThan(2_000);
  });
});

describe("telling a service", () => {
  test("posts to /status, or to a partition's path, with the service's credentials and metrics", async () => {
    const plane = await controlPlane();
    const status = open({ metrics: async () => ({ prometheus: { up: 1 } }) });
    status.configure({ ...told, resource: "status/eu" }, serviceAt(plane.url));
    const { path, authorization, body } = await plane.next();
    expect({ path, authorization }).toEqual({ path: "/v1/status/eu", authorization: "Bearer status-token" });
    expect(body).toMatchObject({
      labels: { id: "one" },
      bundles: { authz: { active_revision: "r1" } },
      plugins: { bundle: { state: "OK" }, status: { state: "OK" } },
      metrics: { prometheus: { up: 1 } },
    });
  });

  test("makes one message of many changes, and it holds the last", async () => {
    const plane = await controlPlane();
    let revision = 0;
    const status = open({ bundles: () => [{ ...authz, active_revision: `r${revision}` }] });
    status.configure(told, serviceAt(plane.url));
    await plane.next();
    for (revision = 1; revision < 1_000; revision++) status.changed();
    expect((await plane.next()).body["bundles"]).toMatchObject({ authz: { active_revision: "r1000" } });
    status.changed();
    expect((await plane.next()).body["bundles"]).toMatchObject({ authz: { active_revision: "r1000" } });
  });

  test("tries again what a service refused, says so once, and says when it is well again", async () => {
    const codes = [503, 401, 500];
    const plane = await controlPlane(() => codes.shift() ?? 200);
    const faults: (string | undefined)[] = [];
    const status = open({ onTelling: (fault) => faults.push(fault) });
    status.configure(told, serviceAt(plane.url));
    for (let i = 0; i < 3; i++) await plane.next();
    const last = await plane.next();
    expect(last.body["plugins"]).toMatchObject({
      status: { state: "WARN", message: "the service answered 500" },
    });
    await status.close();
    expect(faults).toEqual(["the service answered 503", undefined]);
  });

  test("says what is wrong where nobody listens, without the token, and ends at once", async () => {
    const plane = await controlPlane();
    const faults: (string | undefined)[] = [];
    const fault = new Promise<string>((give) => {
      const status = open({
        onTelling: (one) => {
          faults.push(one);
          give(one ?? "");
        },
      });
      status.configure(told, serviceAt(plane.url.replace(/:\d+/, ":1")));
    });
    expect(await fault).not.toContain("status-token");
    expect(faults).toHaveLength(1);
  });

  test("tells the last change when it ends, and nothing after", async () => {
    const plane = await controlPlane();
    let revision = "r1";
    const status = open({
      bundles: () => [{ ...authz, active_revision: revision }],
      limits: { gapMs: 3_600_000 },
    });
    status.configure(told, serviceAt(plane.url));
    await plane.next();
    revision = "r2";
    status.changed();
    await status.close();
    expect((await plane.next()).body["bundles"]).toMatchObject({ authz: { active_revision: "r2" } });
    status.changed();
  });

  test("prints where the console is asked for, and is silent where nothing is", async () => {
    const printed: JsonObject[] = [];
    const status = open({ print: (document) => printed.push(document) });
    status.changed();
    status.configure({ resource: "status", console: true }, undefined);
    await status.close();
    expect(printed).toHaveLength(1);
    expect(printed[0]).toMatchObject({ bundles: { authz } });
  });

  test("takes another service while one is away", async () => {
    const [one, other] = [await controlPlane(() => 500), await controlPlane()];
    const status = open();
    status.configure(told, serviceAt(one.url));
    await one.next();
    status.configure({ ...told, resource: "status/other" }, serviceAt(other.url));
    expect((await other.next()).path).toBe("/v1/status/other");
  });
});
