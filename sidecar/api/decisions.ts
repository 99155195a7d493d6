import type { IncomingMessage, ServerResponse } from "node:http";
import type { Authorize } from "../pipeline/authorize.js";
import type { Extended, Extension, Json, Outcome, Refusal } from "../contract.js";
import {
  credentialHeaders,
  isObject,
  JsonRefused,
  parseDecisionRequest,
  parseExtension,
  parseJson,
  parseOutcome,
  peerCertificates,
  readCredentials,
  refuse,
} from "../contract.js";
import type { Door } from "./http.js";
import { readBody, sendJson, sendRefusal } from "./http.js";
import { ownRequest } from "./own-request.js";
import type { FindPeer } from "./peers.js";
import { writeAnswer } from "./write-decision.js";

export interface DecisionsParts {
  readonly authorize: Authorize;
  readonly recordOutcome: (outcome: Outcome, by: string) => void;
  /** Gives a call under way more than its allowance; without it, every call ends at what it has. */
  readonly extend?: (extension: Extension, by: string) => Promise<Extended>;
  readonly findPeer: FindPeer;
  /** Where clients reach this door, without a slash at its end: what a proof of possession names. */
  readonly publicUrl?: string;
  readonly newId: () => string;
  /** Bytes. */
  readonly maxBody: number;
}

/** Answers `POST /v1/decisions`; `POST /v1/outcomes` and `POST /v1/limits/extend` to enforcement points only. */
export function createDecisionsDoor(parts: DecisionsParts) {
  const { authorize, recordOutcome, findPeer, maxBody } = parts;

  const read = async (req: IncomingMessage) => {
    const body = await readBody(req, maxBody);
    if ("kind" in body) return body;
    try {
      return { kind: "json", value: parseJson(body), bytes: body.length } as const;
    } catch (error) {
      return refusedJson(error);
    }
  };

  /** INVARIANT: only an enforcement point presents others' credentials, states context or gets assertions. */
  const asked = (req: IncomingMessage, value: Json, peer: string | undefined) => {
    const parsed = parseDecisionRequest(value);
    if (peer !== undefined) return parsed;
    if (isObject(value) && (value["credentials"] ?? value["assertion"]) !== undefined) {
      return refuse("pep_unauthenticated");
    }
    const certificates = peerCertificates(req.socket);
    const own = readCredentials(req, {
      publicUrl: parts.publicUrl,
      ...(certificates === undefined ? {} : { certificates }),
    });
    if (own.kind === "refusal" || parsed.kind === "refusal") return own.kind === "refusal" ? own : parsed;
    const seen = { ip: req.socket.remoteAddress, requestId: parts.newId() };
    return { kind: "request", request: ownRequest(parsed.request, own.credentials, seen) } as const;
  };

  return {
    async decisions(req: IncomingMessage, res: ServerResponse, door: Door): Promise<void> {
      const peer = await findPeer(req, door);
      // who brings nothing at all need not be read
      if (peer === undefined && !presents(req)) return sendRefusal(res, refuse("pep_unauthenticated"));
      const body = await read(req);
      if (body.kind === "refusal") return sendRefusal(res, body);
      const parsed = asked(req, body.value, peer);
      if (parsed.kind === "refusal") return sendRefusal(res, parsed);
      const { request } = parsed;
      const by = peer ?? req.socket.remoteAddress ?? "unix";
      const own = peer === undefined ? { untold: true } : {};
      const decisions = await authorize(request, { bytes: body.bytes, by, ...own });
      sendJson(res, 200, writeAnswer(request, decisions));
    },
    async outcomes(req: IncomingMessage, res: ServerResponse, door: Door): Promise<void> {
      const peer = await findPeer(req, door);
      if (peer === undefined) return sendRefusal(res, refuse("pep_unauthenticated"));
      const body = await read(req);
      if (body.kind === "refusal") return sendRefusal(res, body);
      const parsed = parseOutcome(body.value);
      if (parsed.kind === "refusal") return sendRefusal(res, parsed);
      recordOutcome(parsed.outcome, peer);
      res.writeHead(204).end();
    },
    async extensions(req: IncomingMessage, res: ServerResponse, door: Door): Promise<void> {
      const peer = await findPeer(req, door);
      if (peer === undefined) return sendRefusal(res, refuse("pep_unauthenticated"));
      const body = await read(req);
      if (body.kind === "refusal") return sendRefusal(res, body);
      const parsed = parseExtension(body.value);
      if (parsed.kind === "refusal") return sendRefusal(res, parsed);
      const extended = (await parts.extend?.(parsed.extension, peer)) ?? { code: "limits_unavailable" };
      sendJson(res, 200, JSON.stringify(extended));
    },
  };
}

function presents(req: IncomingMessage): boolean {
  return (
    credentialHeaders.some((name) => req.headers[name] !== undefined) ||
    peerCertificates(req.socket) !== undefined
  );
}

/** Turns what parseJson throws into a refusal that names the place. */
export function refusedJson(error: unknown): Refusal {
  return error instanceof JsonRefused
    ? refuse(error.code, error.offset < 0 ? undefined : `offset ${error.offset}`)
    : refuse("invalid_json");
}
