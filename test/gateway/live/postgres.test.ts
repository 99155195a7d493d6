/** Sessions and statements of PostgreSQL that are cut. */
import { afterAll, beforeAll, afterEach, expect, test } from "@jest/globals";
import type { PostgresLab } from "../retrieval/postgres/lab.js";
import { startPostgresLab } from "../retrieval/postgres/lab.js";
import { ofAcme, setUp, store } from "../retrieval/postgres/world.js";
import { subject, until } from "../world.js";

let lab: PostgresLab;
beforeAll(async () => {
  lab = await startPostgresLab(setUp, store);
  lab.narrow(ofAcme);
  await until(() => lab.world.sidecar.connected() === 1);
}, 60_000);
afterAll(() => lab.close());
afterEach(() => {
  lab.world.sidecar.lift("f");
});

const sql = "SELECT id FROM documents ORDER BY id";
/** Makes statements wait, until what it gives is called. */
async function lock(): Promise<() => Promise<unknown>> {
  await lab.server.owner.query("BEGIN; LOCK TABLE documents IN ACCESS EXCLUSIVE MODE");
  return () => lab.server.owner.query("ROLLBACK");
}

test("a session is ended as an administrator would", async () => {
  const client = await lab.client();
  const ended = new Promise<unknown>((resolve) => client.once("error", resolve));
  expect(await lab.world.sidecar.census({ subject: subject.id })).toEqual({ database: 1 });
  lab.world.sidecar.fence({ id: "f", match: { store: "lab" } });
  expect(await ended).toMatchObject({
    code: "57P01",
    severity: "FATAL",
    detail: expect.stringContaining("fenced"),
  });
  await until(() => lab.world.gateway.live.size === 0);
});

test("a statement that waits is stopped at the database; its session goes on where that isn't fenced", async () => {
  const client = await lab.client();
  const release = await lock();
  const asked = lab.world.sidecar.outcomes.length;
  const pending = client.query(sql);
  await until(() => (lab.world.gateway.live.census({ collection: "documents" })["call"] ?? 0) > 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  lab.world.sidecar.fence({ id: "f", match: { collection: "documents" } });
  await expect(pending).rejects.toMatchObject({ code: "42501", detail: expect.stringContaining("fenced") });
  await until(() => lab.world.sidecar.outcomes.slice(asked).some(({ outcome }) => outcome === "denied"));
  await release();
  await expect(client.query(sql)).rejects.toMatchObject({ detail: expect.stringContaining("fenced") });
  lab.world.sidecar.lift("f");
  expect((await client.query(sql)).rows).toEqual([{ id: "a1" }, { id: "a2" }]);
  await client.end();
  await until(() => lab.world.gateway.live.size === 0);
});
