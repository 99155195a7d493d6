import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { connect } from "node:net";
import pg from "pg";
import { callerToken } from "../../world.js";
import type { PostgresLab } from "./lab.js";
import { startPostgresLab } from "./lab.js";
import { ofAcme, setUp, store } from "./world.js";

const start = (parameters: Record<string, string>, version = 196_608): Buffer => {
  const body = Buffer.from(
    Object.entries(parameters)
      .flatMap(([key, value]) => [key, value, ""].join("\0").slice(0, -1) + "\0")
      .join("") + "\0",
  );
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8);
  head.writeInt32BE(version, 4);
  return Buffer.concat([head, body]);
};

describe("the beginning of a connection", () => {
  let lab: PostgresLab;
  beforeAll(async () => {
    lab = await startPostgresLab(setUp, store);
    lab.narrow(ofAcme);
  }, 60_000);
  afterAll(() => lab.close());

  const raw = (bytes: Buffer): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(lab.port, "127.0.0.1");
      let heard = "";
      socket.on("data", (chunk) => (heard += chunk.toString("latin1")));
      socket.on("close", () => resolve(heard)).on("error", () => undefined);
      socket.write(bytes);
      setTimeout(() => socket.end(), 500);
    });

  const refused: readonly { readonly name: string; readonly bytes: Buffer; readonly says: string }[] = [
    {
      name: "options",
      bytes: start({ user: "u", database: "lab", options: "-c role=owner" }),
      says: "42501",
    },
    {
      name: "replication",
      bytes: start({ user: "u", database: "lab", replication: "database" }),
      says: "42501",
    },
    { name: "a setting", bytes: start({ user: "u", database: "lab", search_path: "evil" }), says: "42501" },
    { name: "another database", bytes: start({ user: "u", database: "template1" }), says: "3D000" },
    { name: "version 2", bytes: start({ user: "u", database: "lab" }, 131_072), says: "0A000" },
    {
      name: "bytes behind a request for TLS",
      bytes: Buffer.concat([Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]), start({ user: "u" })]),
      says: "08P01",
    },
    { name: "a size beyond all", bytes: Buffer.from([127, 255, 255, 255, 0, 3, 0, 0]), says: "08P01" },
    {
      name: "a query before the password",
      bytes: Buffer.concat([
        start({ user: "u", database: "lab" }),
        Buffer.from("Q\0\0\0\x0dSELECT 1\0", "latin1"),
      ]),
      says: "08P01",
    },
  ];
  test.each(refused)("is refused with $name", async ({ bytes, says }) => {
    expect(await raw(bytes)).toContain(`C${says}`);
  });

  test("who isn't known doesn't get in, and the password is in no log", async () => {
    const decide = lab.world.sidecar.decide;
    lab.world.sidecar.decide = () => ({ allow: false });
    const secret = "wrong-password-7c1d";
    const client = new pg.Client({
      host: "127.0.0.1",
      port: lab.port,
      user: "u",
      password: secret,
      database: "lab",
    });
    await expect(client.connect()).rejects.toMatchObject({
      code: "28P01",
      message: expect.not.stringContaining(secret),
    });
    lab.world.sidecar.decide = decide;
    expect(JSON.stringify(lab.world.sidecar.outcomes)).not.toContain(secret);
  });

  test("a cancel request with a guessed key stops nothing", async () => {
    const client = await lab.client();
    const { processID } = client as unknown as { processID: number };
    const guess = Buffer.alloc(16);
    guess.writeInt32BE(16);
    guess.writeInt32BE(80_877_102, 4);
    guess.writeInt32BE(processID, 8);
    expect(await raw(guess)).toBe("");
    expect((await client.query("SELECT count(*)::int AS n FROM documents")).rows).toEqual([{ n: 2 }]);
    expect(callerToken).not.toBe("");
  });
});
