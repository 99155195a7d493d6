/** A control plane for tests: a real server that status is posted to. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { JsonObject } from "../../sidecar/contract.js";

export interface Got {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: JsonObject;
}

export interface Plane {
  /** With a path, without a slash at its end. */
  readonly url: string;
  /** Gives the next message that it gets, or the first that it got and nobody took. */
  next(): Promise<Got>;
  close(): Promise<void>;
}

/** @param answer the status of each answer */
export async function startPlane(answer: () => number = () => 200): Promise<Plane> {
  const got: Got[] = [];
  const waiting: ((one: Got) => void)[] = [];
  const server = createServer((req, res) => {
    let text = "";
    req.on("data", (piece: Buffer) => (text += piece.toString()));
    req.on("end", () => {
      res.writeHead(answer()).end();
      const { authorization } = req.headers;
      const one = { path: req.url ?? "", authorization, body: JSON.parse(text) as JsonObject };
      const take = waiting.shift();
      if (take === undefined) got.push(one);
      else take(one);
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    next: () => {
      const one = got.shift();
      return one === undefined ? new Promise((take) => waiting.push(take)) : Promise.resolve(one);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
