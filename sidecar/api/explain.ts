/** The control plane's route that tells what decisions are kept by: `GET` and `POST /v1/cache/explain?path=a/b/c`. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { BundleSet } from "../bundles/active.js";
import { resolvePath } from "../bundles/active.js";
import type { Json } from "../contract.js";
import { isObject, parseJson, refuse, stringifyJson } from "../contract.js";
import type { ExplainOptions } from "../decide/cache/explain.js";
import type { Tally } from "../decide/cache/tally.js";
import { readBody, sendRefusal } from "./http.js";

export interface ExplainDoorParts {
  readonly bundles: () => BundleSet;
  readonly explain: (options: ExplainOptions, input?: Json) => Json;
  readonly tally: (entrypoint: string) => Tally | undefined;
  readonly ttl: number;
  readonly denyTtl: number;
  /** The entrypoint that is meant where none is named. */
  readonly entrypoint: string;
}

/** Bytes of the largest input. */
const largest = 1 << 20;

/**
 * Creates the door. It is for whom the API is for: who may ask for decisions may ask what they are kept by. INVARIANT: it
 * evaluates nothing and looks nothing up, so that it tells nobody what others asked; values of the input come back masked.
 */
export function createExplainDoor(
  parts: ExplainDoorParts,
): (req: IncomingMessage, res: ServerResponse) => boolean {
  const secret = randomBytes(32);
  const answer = async (req: IncomingMessage, res: ServerResponse, query: string): Promise<void> => {
    const asked = new URLSearchParams(query).get("path") ?? parts.entrypoint;
    const segments = asked.replace(/^\/|\/$/g, "").split("/");
    let input: Json | undefined;
    if (req.method === "POST") {
      const body = await readBody(req, largest);
      if (!(body instanceof Uint8Array)) return sendRefusal(res, body);
      try {
        const parsed = parseJson(body);
        input = isObject(parsed) ? parsed["input"] : undefined;
      } catch {
        return sendRefusal(res, refuse("invalid_json"));
      }
      if (input === undefined) return sendRefusal(res, refuse("invalid_request", 'give {"input": …}'));
    }
    const resolved = resolvePath(parts.bundles(), segments);
    const found = resolved?.bundle.entrypoints.get(resolved.entrypoint);
    if (resolved === undefined || found === undefined)
      return sendRefusal(res, refuse("unknown_route", "no bundle answers at this path"));
    const { ttl, denyTtl } = parts;
    const tally = parts.tally(resolved.entrypoint);
    const result = parts.explain(
      {
        facts: found.facts,
        keyed: found.key !== undefined,
        ttl,
        denyTtl,
        secret,
        ...(tally === undefined ? {} : { tally }),
      },
      input,
    );
    res.setHeader("content-type", "application/json");
    res.end(stringifyJson({ result: { bundle: resolved.bundle.name, ...(result as object) } as Json }));
  };
  return (req, res) => {
    const url = req.url ?? "";
    const mark = url.indexOf("?");
    if ((mark < 0 ? url : url.slice(0, mark)) !== "/v1/cache/explain") return false;
    if (req.method !== "GET" && req.method !== "POST") sendRefusal(res, refuse("method_not_allowed"));
    else
      answer(req, res, mark < 0 ? "" : url.slice(mark + 1)).catch(() => {
        sendRefusal(res, refuse("internal_error"));
      });
    return true;
  };
}
