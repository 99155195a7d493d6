/** A sidecar on a Unix socket that says what a test wants. */
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Call, Decision, DecisionRequest, Outcome } from "../../sidecar/contract.js";
import {
  createFrameReader,
  createFrameWriter,
  errorTable,
  frameKinds,
  framesProtocol,
} from "../../sidecar/contract.js";

/** What a sidecar may do instead of deciding. */
export interface Say {
  /** Sends a frame, an answer unless told otherwise. */
  text(text: string, kind?: number): void;
  /** Sends what needn't be a frame. */
  bytes(bytes: Buffer): void;
  destroy(): void;
}

/** What the sidecar answers to one call. */
export type Decide = (call: Call, request: DecisionRequest) => Partial<Decision>;
export const allow: Decide = () => ({ allow: true });
/** As a rule denies; by one of the sidecar's own codes, as the sidecar does before any rule is asked. */
export const deny =
  (code = "model.tier", message = "the model is of a tier that you may not use"): Decide =>
  () => ({
    allow: false,
    reasons: [Object.hasOwn(errorTable, code) ? { code, message } : { code, message, rule: "model.tier" }],
  });

export const subject = { type: "agent", id: "agent-1", tenant: "acme" };

export interface FakeSidecar {
  readonly socket: string;
  readonly asked: DecisionRequest[];
  readonly outcomes: Outcome[];
  /** Decisions made so far; the last one's id is `d-` and this. */
  readonly decided: () => number;
  decide: Decide;
  /** Answers instead of deciding, where set: for everything that a sidecar must not do. */
  raw: ((say: Say) => void) | undefined;
  /** Takes outcomes without saying so, where true. */
  deaf: boolean;
  /** Ends every connection. */
  hangUp(): void;
  close(): Promise<void>;
}

/** Starts a sidecar in a directory of its own. */
export async function startFakeSidecar(): Promise<FakeSidecar> {
  const directory = await mkdtemp(join(tmpdir(), "countersign-gateway-"));
  const socket = join(directory, "pdp.sock");
  const asked: DecisionRequest[] = [];
  const outcomes: Outcome[] = [];
  let count = 0;
  const decision = (call: Call, request: DecisionRequest): Decision => {
    count++;
    const made = sidecar.decide(call, request);
    return {
      decision_id: `d-${count}`,
      allow: false,
      reasons: [],
      obligations: [],
      labels: [],
      ttl: 0,
      rules: [],
      cache: "none",
      expires_at: new Date(0).toISOString(),
      bundles: {},
      subject,
      ...made,
    };
  };
  const answer = (payload: Buffer): unknown => {
    const request = JSON.parse(payload.toString()) as DecisionRequest;
    asked.push(request);
    const { call, calls } = request;
    return call === undefined
      ? { decisions: (calls ?? []).map((one) => decision(one, request)) }
      : decision(call, request);
  };
  const connections = new Set<Duplex>();
  const server = createServer((_req, res) => res.writeHead(404).end());
  server.on("upgrade", (_req: IncomingMessage, connection: Duplex) => {
    connections.add(connection);
    connection.on("error", () => undefined).on("close", () => connections.delete(connection));
    connection.write(`HTTP/1.1 101 Go on\r\nConnection: Upgrade\r\nUpgrade: ${framesProtocol}\r\n\r\n`);
    const writer = createFrameWriter((bytes) => connection.write(bytes));
    const read = createFrameReader(2 ** 30, (kind, id, payload) => {
      if (kind === frameKinds.outcome) {
        outcomes.push(JSON.parse(payload.toString()) as Outcome);
        if (!sidecar.deaf) writer.add(frameKinds.taken, id, "");
        return;
      }
      if (sidecar.raw !== undefined) {
        sidecar.raw({
          text: (text, as = frameKinds.answer) => {
            writer.add(as, id, text);
          },
          bytes: (bytes) => connection.write(bytes),
          destroy: () => connection.destroy(),
        });
        return;
      }
      try {
        writer.add(frameKinds.answer, id, JSON.stringify(answer(payload)));
      } catch {
        // a test's sidecar that breaks down
        connection.destroy();
      }
    });
    connection.on("data", read);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const sidecar: FakeSidecar = {
    socket,
    asked,
    outcomes,
    decided: () => count,
    decide: allow,
    raw: undefined,
    deaf: false,
    hangUp() {
      for (const one of connections) one.destroy();
    },
    async close() {
      for (const one of connections) one.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
  return sidecar;
}
