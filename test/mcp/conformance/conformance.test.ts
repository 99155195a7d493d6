/** The official conformance tool, against a server and against the same server through the gateway: the same passes. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { World } from "../../gateway/world.js";
import { callerToken, startWorld } from "../../gateway/world.js";
import type { Door } from "../with-token.js";
import { openDoor } from "../with-token.js";
import { across, differences } from "./differences.cases.js";
import type { Serving } from "./servers.js";
import { serveSessions, serveStateless } from "./servers.js";
import type { Outcome } from "./tool.js";
import { runTool } from "./tool.js";

let world: World;
let door: Door;
const servers: Record<string, Serving> = {};

beforeAll(async () => {
  servers["2025-11-25"] = await serveSessions();
  servers["2026-07-28"] = await serveStateless();
  door = await openDoor(() => world.url, callerToken);
  const listed = Object.entries(servers).map(
    ([name, { url }]) => [name, { url, definitions: "off" }] as const,
  );
  // the tool sends the origin of where it was told to go
  world = await startWorld({ config: { servers: Object.fromEntries(listed), allowed_origins: [door.url] } });
});
afterAll(async () => {
  await world.close();
  await door.close();
  for (const server of Object.values(servers)) await server.close();
});

const bad = new Set(["FAILURE", "WARNING"]);

/** What came of checks, as lines that a diff shows well. */
const lines = (outcome: Outcome): string[] =>
  [...outcome].map(([check, { status }]) => `${check} ${status}`).sort();

test.each(Object.entries(differences))(
  "%s: what passes at the server passes through the gateway, and nothing else differs than is written down",
  async (revision, known) => {
    const url = servers[revision]?.url ?? "";
    const [direct, through] = await Promise.all([
      runTool(url, revision),
      runTool(`${door.url}/mcp/${revision}`, revision),
    ]);
    // the tool ran, and found the server to be what it should be
    expect(direct.size).toBeGreaterThan(80);
    const expected = new Map(direct);
    for (const { check, through: status, why } of known) {
      // what is written down differs indeed
      expect(`${check} ${direct.get(check)?.status ?? "not made"}`).not.toBe(
        `${check} ${status ?? "not made"}`,
      );
      if (status === undefined) expected.delete(check);
      else expected.set(check, { status, why });
    }
    expect(lines(through)).toEqual(lines(expected));
  },
  120_000,
);

// these take as long again, and show no door that the two above don't
const all = process.env["MCP_CONFORMANCE"] === undefined ? describe.skip : describe;
all.each(Object.keys(across))("a client of %s", (revision) => {
  const other = revision === "2025-11-25" ? "2026-07-28" : "2025-11-25";
  test(`passes with a server of ${other}, but for what is written down`, async () => {
    const through = await runTool(`${door.url}/mcp/${other}`, revision);
    expect(through.size).toBeGreaterThan(80);
    const known = [...(across[revision] ?? []), ...(differences[revision] ?? [])];
    const written = new Set(known.map(({ check, through: status }) => `${check} ${status ?? ""}`));
    const failed = lines(through).filter((line) => bad.has(line.split(" ")[1] ?? "") && !written.has(line));
    expect(failed).toEqual([]);
  }, 120_000);
});
