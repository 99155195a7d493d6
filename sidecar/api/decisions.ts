import type { IncomingMessage, ServerResponse } from "node:http";
import { createHash, timingSafeEqual } from "node:crypto";
import type { Authorize } from "../authorize.js";
import type { Json, Outcome, Refusal } from "../contract.js";
import {
  JsonRefused,
  parseDecisionRequest,
  parseJson,
  parseOutcome,
  refuse,
  stringifyJson,
} from "../contract.js";
import type { Door } from "./http.js";
import { readBody, sendJson, sendRefusal } from "./http.js";

export interface DecisionsParts {
  readonly authorize: Authorize;
  readonly recordOutcome: (outcome: Outcome, by: string) => void;
  /** SHA-256 digests of the tokens of PEPs that come over TCP. */
  readonly pepTokens: readonly Buffer[];
  /** Bytes. */
  readonly maxBody: number;
}

/** Answers `POST /v1/decisions` and `POST /v1/outcomes`, to enforcement points only. */
export function createDecisionsDoor(parts: DecisionsParts) {
  const { authorize, recordOutcome, pepTokens, maxBody } = parts;

  const read = async (req: IncomingMessage, door: Door) => {
    if (!door.trusted && !isPep(req, pepTokens)) return refuse("pep_unauthenticated");
    const body = await readBody(req, maxBody);
    if ("kind" in body) return body;
    try {
      return { kind: "json", value: parseJson(body), bytes: body.length } as const;
    } catch (error) {
      return refusedJson(error);
    }
  };

  return {
    async decisions(req: IncomingMessage, res: ServerResponse, door: Door): Promise<void> {
      const body = await read(req, door);
      if (body.kind === "refusal") return sendRefusal(res, body);
      const parsed = parseDecisionRequest(body.value);
      if (parsed.kind === "refusal") return sendRefusal(res, parsed);
      const decisions = await authorize(parsed.request, {
        bytes: body.bytes,
        by: req.socket.remoteAddress ?? "unix",
      });
      sendJson(
        res,
        200,
        stringifyJson((parsed.request.call === undefined ? { decisions } : decisions[0]) as unknown as Json),
      );
    },
    async outcomes(req: IncomingMessage, res: ServerResponse, door: Door): Promise<void> {
      const body = await read(req, door);
      if (body.kind === "refusal") return sendRefusal(res, body);
      const parsed = parseOutcome(body.value);
      if (parsed.kind === "refusal") return sendRefusal(res, parsed);
      recordOutcome(parsed.outcome, req.socket.remoteAddress ?? "unix");
      res.writeHead(204).end();
    },
  };
}

/** Turns what parseJson throws into a refusal that names the place. */
export function refusedJson(error: unknown): Refusal {
  return error instanceof JsonRefused
    ? refuse(error.code, error.offset < 0 ? undefined : `offset ${error.offset}`)
    : refuse("invalid_json");
}

function isPep(req: IncomingMessage, tokens: readonly Buffer[]): boolean {
  const [scheme, token] = (req.headers.authorization ?? "").split(" ");
  if (scheme?.toLowerCase() !== "bearer" || token === undefined) return false;
  const digest = createHash("sha256").update(token).digest();
  return tokens.some((known) => timingSafeEqual(known, digest));
}
