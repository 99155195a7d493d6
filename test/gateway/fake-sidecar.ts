/** A sidecar on a Unix socket that says what a test wants. */
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  ActiveFence,
  Call,
  Decision,
  DecisionRequest,
  FenceChange,
  FenceMatch,
  FrameWriter,
  Outcome,
} from "../../sidecar/contract.js";
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
  /** Tells all gateways of fences; what is in force is told to those that connect later, too. */
  fence(...fences: readonly ActiveFence[]): void;
  lift(...ids: readonly string[]): void;
  /** Tells of a change as it is. */
  tell(change: FenceChange): void;
  /** Asks the gateways what a fence would cut; the sum of what they answer. */
  census(match: FenceMatch): Promise<unknown>;
  /** Forgets all fences; nobody is told. */
  forget(): void;
  /** Gateways that are connected, and how often one did. */
  readonly connected: () => number;
  readonly connections: () => number;
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
  const connections = new Map<Duplex, FrameWriter>();
  const fences = new Map<string, ActiveFence>();
  const counted = new Map<number, (live: unknown) => void>();
  let censuses = 0;
  let times = 0;
  // as a sidecar does, so that its silence can be told
  const beat = setInterval(() => {
    if (fences.size > 0) tell({ kind: "added", fences: [] });
  }, 1_000).unref();
  const tell = (change: FenceChange): void => {
    for (const writer of connections.values()) {
      writer.add(frameKinds.fences, 0, JSON.stringify(change));
      writer.flush();
    }
  };
  const server = createServer((_req, res) => res.writeHead(404).end());
  server.on("upgrade", (_req: IncomingMessage, connection: Duplex) => {
    connection.on("end", () => connection.end());
    connection.on("error", () => undefined).on("close", () => connections.delete(connection));
    connection.write(`HTTP/1.1 101 Go on\r\nConnection: Upgrade\r\nUpgrade: ${framesProtocol}\r\n\r\n`);
    const writer = createFrameWriter((bytes) => connection.write(bytes));
    connections.set(connection, writer);
    times++;
    if (fences.size > 0)
      writer.add(frameKinds.fences, 0, JSON.stringify({ kind: "all", fences: [...fences.values()] }));
    const read = createFrameReader(2 ** 30, (kind, id, payload) => {
      if (kind === frameKinds.outcome) {
        outcomes.push(JSON.parse(payload.toString()) as Outcome);
        if (!sidecar.deaf) writer.add(frameKinds.taken, id, "");
        return;
      }
      if (kind === frameKinds.counted) {
        counted.get(id)?.((JSON.parse(payload.toString()) as { live: unknown }).live);
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
    fence(...added) {
      for (const one of added) fences.set(one.id, one);
      tell({ kind: "added", fences: added });
    },
    tell,
    lift(...ids) {
      const lifted = ids.flatMap((id) => fences.get(id) ?? []);
      for (const { id } of lifted) fences.delete(id);
      tell({ kind: "lifted", fences: lifted });
    },
    census(match) {
      return new Promise((resolve) => {
        const id = ++censuses;
        counted.set(id, resolve);
        for (const writer of connections.values())
          writer.add(frameKinds.census, id, JSON.stringify({ match }));
      });
    },
    forget() {
      fences.clear();
    },
    connected: () => connections.size,
    connections: () => times,
    hangUp() {
      for (const one of connections.keys()) one.destroy();
    },
    async close() {
      clearInterval(beat);
      for (const one of connections.keys()) one.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
  return sidecar;
}
