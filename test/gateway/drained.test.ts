/** A client that doesn't read: waited for, and not for ever. */
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { drained } from "../../gateway/forward/drained.js";

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A response to a client that has asked, and reads nothing. */
async function unread(): Promise<{ res: ServerResponse; client: Socket; signal: AbortSignal }> {
  const gone = new AbortController();
  const asked = new Promise<ServerResponse>((resolve) => {
    const server = createServer((_req, res) => {
      res.on("close", () => {
        gone.abort();
      });
      resolve(res);
    });
    closing.push(() => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    });
    server.listen(0, "127.0.0.1", () => {
      client = connect((server.address() as AddressInfo).port, "127.0.0.1");
      client.on("error", () => undefined);
      client.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      client.pause();
    });
  });
  let client: Socket | undefined;
  const res = await asked;
  if (client === undefined) throw new Error("nobody asked");
  return { res, client, signal: gone.signal };
}

const fill = (res: ServerResponse): void => {
  while (res.write(Buffer.alloc(1 << 20)));
  res.write(Buffer.alloc(16 << 20));
};

test("one that takes nothing is dropped", async () => {
  const { res, signal } = await unread();
  fill(res);
  await expect(drained(res, signal, 40)).rejects.toMatchObject({ name: "AbortError" });
  expect(res.destroyed).toBe(true);
});

test("one that takes it is waited for", async () => {
  const { res, client, signal } = await unread();
  fill(res);
  const waiting = drained(res, signal, 5_000);
  client.resume();
  await waiting;
  expect(res.destroyed).toBe(false);
});
