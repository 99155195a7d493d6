/** What decisions are kept by, told over HTTP and by the command line, without a value of anybody's. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { main } from "../../cli/main.js";
import type { Sidecar } from "../../sidecar/main.js";
import { startSidecar } from "../../sidecar/main.js";

const rego = `package authz

# METADATA
# entrypoint: true
allow if {
	data.people[input.subject.id].active
	input.resource.id == "ledger"
}

# METADATA
# entrypoint: true
drawn := rand.intn("x", 10)
`;
const secret = "alice-whose-name-is-nobodys-business";
const input = { subject: { id: secret }, resource: { id: "ledger" }, trace: "abc" };

const json = { "content-type": "application/json" };

let folder: string;
let sidecar: Sidecar;
let at: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-explain-"));
  await writeFile(join(folder, "authz.rego"), rego);
  await writeFile(join(folder, "data.json"), JSON.stringify({ people: { [secret]: { active: true } } }));
  await writeFile(join(folder, "question.txt"), JSON.stringify(input));
  sidecar = await startSidecar({
    ...{ bundles: [`authz=${folder}`], addresses: ["127.0.0.1:0"], diagnosticAddresses: [] },
    ...{ config: { decision_logs: { console: false } }, sets: [], watch: false, version: "test" },
    log: { level: "error", format: "json" },
  });
  at = sidecar.addresses[0] ?? "";
  for (const path of ["allow", "allow", "drawn"])
    await fetch(`${at}/v1/data/authz/${path}`, {
      method: "POST",
      headers: json,
      body: JSON.stringify({ input }),
    });
});
afterAll(async () => {
  await sidecar.close();
  await rm(folder, { recursive: true, force: true });
});

describe("explain", () => {
  test("names fields, lookups and figures, and masks values", async () => {
    const answer = await fetch(`${at}/v1/cache/explain?path=authz/allow`, {
      method: "POST",
      headers: json,
      body: JSON.stringify({ input }),
    });
    const text = await answer.text();
    expect(text).not.toContain(secret);
    expect(JSON.parse(text)).toMatchObject({
      result: {
        ...{
          bundle: "authz",
          entrypoint: "authz/allow",
          cached: true,
          scope: "tenant",
          ttl: 60,
          deny_ttl: 10,
        },
        fields: [{ path: "input.resource.id", value: { type: "string", length: 6 } }],
        lookups: [
          { table: "data.people", by: { path: "input.subject.id", value: { length: secret.length } } },
        ],
        figures: { lookups: 2, hits_memory: 1, misses: 1, hit_ratio: 0.5 },
      },
    });
  });

  test("says by name why something isn't kept", async () => {
    const answer = await fetch(`${at}/v1/cache/explain?path=authz/drawn`);
    expect(await answer.json()).toMatchObject({
      result: { cached: false, why_not: expect.stringContaining("rand.intn"), fields: [] },
    });
  });

  test.each<[string, string, RequestInit, number]>([
    ["a path where nothing answers", "?path=nobody", {}, 404],
    ["another method", "", { method: "PUT" }, 405],
    ["a body without an input", "?path=authz/allow", { method: "POST", headers: json, body: "{}" }, 400],
    ["a body that is no JSON", "?path=authz/allow", { method: "POST", headers: json, body: "{" }, 400],
  ])("%s is refused", async (_name, query, request, status) => {
    expect((await fetch(`${at}/v1/cache/explain${query}`, request)).status).toBe(status);
  });

  test("the command line draws it", async () => {
    let out = "";
    const io = { out: (text: string) => (out += text), err: (text: string) => (out += text) };
    const file = join(folder, "question.txt");
    expect(await main(["cache", "explain", "-a", at, "-p", "authz/allow", "-i", file], io)).toBe(0);
    expect(out).toContain("input.resource.id");
    expect(out).not.toContain(secret);
  });

  test("the command line tells of a bundle without a sidecar, and which inputs share a decision", async () => {
    let [out, err] = ["", ""];
    const io = { out: (text: string) => (out += text), err: (text: string) => (err += text) };
    const run = async (...args: string[]): Promise<number> => {
      [out, err] = ["", ""];
      return main(["cache", "explain", "-b", folder, ...args], io);
    };
    const same = join(folder, "same.txt");
    const other = join(folder, "other.txt");
    await writeFile(same, JSON.stringify({ ...input, trace: "def" }));
    await writeFile(other, JSON.stringify({ ...input, resource: { id: "book" } }));
    const inputs = [join(folder, "question.txt"), same, other];
    const given = inputs.flatMap((file) => ["-i", file]);
    expect(await run("-p", "authz/allow", "-f", "json", ...given)).toBe(0);
    expect(out).not.toContain(secret);
    expect(JSON.parse(out)).toMatchObject({
      ...{ entrypoint: "authz/allow", cached: true, ttl: 60, deny_ttl: 10, decisions: 2 },
      inputs: [1, 1, 2].map((decision, i) => ({ input: inputs[i], decision })),
      split_by: [{ path: "input.resource.id", values: 2 }],
    });
    expect(await run("-p", "authz/drawn", "-f", "json", ...given)).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      cached: false,
      why_not: expect.stringContaining("rand.intn"),
    });
    expect([await run(), err]).toEqual([2, expect.stringContaining("authz/allow, authz/drawn")]);
    expect(await run("-a", at, "-p", "authz/allow")).toBe(2);
    expect(await main(["cache", "explain", "-a", at, "-i", same, "-i", other], io)).toBe(2);
  });
});
