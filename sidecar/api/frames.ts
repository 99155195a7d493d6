/** The same door as `POST /v1/decisions` and `POST /v1/outcomes`, on one connection that stays (docs/api.md). */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Authorize } from "../pipeline/authorize.js";
import type {
  EpochChange,
  Decision,
  Extended,
  Extension,
  FencePoint,
  Json,
  Outcome,
  Refusal,
} from "../contract.js";
import {
  createFrameReader,
  createFrameWriter,
  frameKinds,
  framesProtocol,
  parseDecisionRequest,
  parseExtension,
  parseJson,
  parseOutcome,
  refuse,
} from "../contract.js";
import { tellFences } from "./fence-frames.js";
import { refusedJson } from "./decisions.js";
import type { Door } from "./http.js";
import { writeAnswer } from "./write-decision.js";

export interface FramesParts {
  readonly authorize: Authorize;
  readonly recordOutcome: (outcome: Outcome, by: string) => void;
  /** Gives a call under way more than its allowance; without it, every call ends at what it has. */
  readonly extend?: (extension: Extension, by: string) => Promise<Extended>;
  /** Largest payload, bytes. */
  readonly maxBody: number;
  readonly observe: (door: string, status: number) => void;
  /** Told that a connection is gone, and with it who would have told outcomes. */
  readonly gone?: (holder: string) => void;
  /** Takes each connection in as an enforcement point that is told of fences. */
  readonly attach?: (point: FencePoint) => () => void;
  /** Tells of what ends the reuse of decisions, those who ask for it. */
  readonly news?: (listener: (change: EpochChange) => void) => () => void;
  /** Told of a question that a bug answered. */
  readonly onFault: (error: unknown) => void;
}

export interface FramesDoor {
  /** Makes what takes over connections whose client asks for it. INVARIANT: only at a door that is an enforcement point's own. */
  upgradeAt(door: Door): (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Ends every connection when what was asked there is answered. */
  close(): void;
}

/** Questions of one connection that may be under way; until some are answered, no more are read. */
const mostUnderWay = 4_096;
/** Answers that may wait for a client that doesn't read, bytes. */
const mostUnread = 64 * 2 ** 20;

export function createFramesDoor(parts: FramesParts): FramesDoor {
  const connections = new Set<() => void>();
  return {
    upgradeAt: (door) => (req, socket, head) => {
      socket.on("error", () => socket.destroy());
      const wrong = refusalOf(req, door);
      if (wrong !== undefined) {
        refuseUpgrade(socket, wrong);
        return;
      }
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${framesProtocol}\r\n\r\n`,
      );
      const holder = randomUUID();
      const finish = serve(parts, socket, door.peer ?? "unix", holder);
      connections.add(finish);
      socket.on("close", () => {
        connections.delete(finish);
        parts.gone?.(holder);
      });
      // what came right behind the request
      if (head.length > 0) socket.unshift(head);
    },
    close() {
      for (const finish of connections) finish();
    },
  };
}

function refusalOf(req: IncomingMessage, door: Door): Refusal | undefined {
  if (!door.trusted) return refuse("pep_unauthenticated");
  if (req.url !== "/v1/decisions" || req.headers.upgrade !== framesProtocol) {
    return refuse("invalid_request", `the only upgrade here is ${framesProtocol}, at /v1/decisions`);
  }
  return req.method === "GET" ? undefined : refuse("method_not_allowed");
}

function refuseUpgrade(socket: Duplex, { status, code, message, fix }: Refusal): void {
  const body = JSON.stringify({ code, message, fix });
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Serves one connection; gives what ends it in peace. */
function serve(parts: FramesParts, socket: Duplex, by: string, holder: string): () => void {
  const { authorize, recordOutcome, maxBody, observe } = parts;
  const writer = createFrameWriter((bytes) => {
    if (socket.destroyed) return;
    socket.write(bytes);
    if (socket.writableLength > mostUnread) socket.destroy();
  });
  const fences = parts.attach === undefined ? undefined : tellFences(parts.attach, writer);
  let unsubscribe: (() => void) | undefined;
  const tellEpochs = (): void => {
    unsubscribe ??= parts.news?.((change) => {
      writer.add(frameKinds.epochs, 0, JSON.stringify(change));
    });
  };
  socket.on("close", () => {
    fences?.end();
    unsubscribe?.();
  });
  let underWay = 0;
  let taken = 0;
  let ending = false;
  const said = (door: string, id: number, refusal: Refusal): void => {
    const { code, message, fix, status } = refusal;
    writer.add(frameKinds.refusal, id, JSON.stringify({ code, message, fix }));
    observe(door, status);
  };
  const end = (): void => {
    if (!ending || underWay > 0) return;
    writer.flush();
    socket.end();
  };
  const finished = (): void => {
    underWay--;
    if (underWay < mostUnderWay / 2 && socket.isPaused() && !ending) socket.resume();
    end();
  };
  const question = (id: number, payload: Buffer): void => {
    const value = read(payload);
    if (value.kind === "refusal") return said("decisions", id, value);
    const parsed = parseDecisionRequest(value.value);
    if (parsed.kind === "refusal") return said("decisions", id, parsed);
    const { request } = parsed;
    underWay++;
    if (underWay > mostUnderWay) socket.pause();
    const answer = (decisions: readonly Decision[]): void => {
      writer.add(frameKinds.answer, id, writeAnswer(request, decisions));
      observe("decisions", 200);
    };
    const fault = (error: unknown): void => {
      parts.onFault(error);
      said("decisions", id, refuse("internal_error"));
    };
    try {
      const decided = authorize(request, { bytes: payload.length, by, holder });
      if (decided instanceof Promise) {
        decided.then(answer).catch(fault).finally(finished);
        return;
      }
      answer(decided);
    } catch (error) {
      fault(error);
    }
    finished();
  };
  const extension = (id: number, payload: Buffer): void => {
    const value = read(payload);
    if (value.kind === "refusal") return said("limits", id, value);
    const parsed = parseExtension(value.value);
    if (parsed.kind === "refusal") return said("limits", id, parsed);
    underWay++;
    const asked =
      parts.extend?.(parsed.extension, by) ?? Promise.resolve<Extended>({ code: "limits_unavailable" });
    asked
      .then(
        (extended) => {
          writer.add(frameKinds.extend, id, JSON.stringify(extended));
          observe("limits", 200);
        },
        (error: unknown) => {
          parts.onFault(error);
          said("limits", id, refuse("internal_error"));
        },
      )
      .finally(finished);
  };
  const outcome = (id: number, payload: Buffer): void => {
    taken = id;
    const value = read(payload);
    if (value.kind === "refusal") return said("outcomes", id, value);
    const parsed = parseOutcome(value.value);
    if (parsed.kind === "refusal") return said("outcomes", id, parsed);
    recordOutcome(parsed.outcome, by);
    observe("outcomes", 204);
  };
  const reader = createFrameReader(maxBody, (kind, id, payload) => {
    if (kind === frameKinds.question) question(id, payload);
    else if (kind === frameKinds.outcome) outcome(id, payload);
    else if (kind === frameKinds.counted && fences !== undefined) {
      const value = read(payload);
      if (value.kind === "json") fences.counted(id, value.value);
    } else if (kind === frameKinds.extend) extension(id, payload);
    else if (kind === frameKinds.epochs && parts.news !== undefined) tellEpochs();
    else said("decisions", id, refuse("invalid_request", "a frame of this kind isn't for the sidecar"));
  });
  socket.on("data", (chunk: Buffer) => {
    if (ending) return;
    if (!reader(chunk)) {
      said("decisions", 0, refuse("body_too_large", `at most ${maxBody} bytes`));
      ending = true;
      socket.pause();
      end();
      return;
    }
    if (taken === 0) return;
    writer.add(frameKinds.taken, taken, "");
    taken = 0;
  });
  socket.on("end", () => {
    ending = true;
    end();
  });
  return () => {
    ending = true;
    end();
  };
}

function read(payload: Buffer): { readonly kind: "json"; readonly value: Json } | Refusal {
  try {
    return { kind: "json", value: parseJson(payload) };
  } catch (error) {
    return refusedJson(error);
  }
}
