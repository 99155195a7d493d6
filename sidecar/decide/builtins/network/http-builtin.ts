import type { RegoValue } from "../../engine/value.js";
import type { Scope, Served } from "../host.js";
import type { HttpCache } from "./http-cache.js";
import { errorResponse, HttpFault, HttpTimeout, raised } from "./http-fault.js";
import { fetchReply } from "./http-fetch.js";
import type { Outcome, ServeKept } from "./http-kept.js";
import { Overloaded } from "./http-lane.js";
import { keyOf, openRequest, readRequest } from "./http-request.js";
import type { YamlToJson } from "./http-response.js";
import { responseText } from "./http-response.js";
import type { Send } from "./http-send.js";

/** What a call came to, for a metric. `refused`: the host isn't listed, or the request can't be made. */
export type NetworkOutcome = "answered" | "cached" | "refused" | "failed" | "timeout" | "overloaded";

export interface HttpBuiltinParts {
  readonly send: Send;
  readonly serve: ServeKept;
  readonly cache: HttpCache;
  readonly yaml: YamlToJson;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  readonly count: (outcome: NetworkOutcome) => void;
}

const name = "http.send";

/** Creates `http.send`. */
export function createHttpBuiltin(parts: HttpBuiltinParts) {
  const { send, serve, cache, yaml, signal, count } = parts;

  return (scope: Scope, [operand]: readonly RegoValue[]): Served => {
    const { request, raise } = openRequest(operand);
    const failed = (error: unknown): Outcome => {
      if (!(error instanceof HttpFault)) {
        count(error instanceof Overloaded ? "overloaded" : "failed");
        return { kind: "halt" };
      }
      count(error instanceof HttpTimeout ? "timeout" : error.kind === "network" ? "failed" : "refused");
      return raise ? { kind: "fault", fault: raised(error) } : { kind: "text", text: errorResponse(error) };
    };
    const start = (key: string): Outcome | Promise<Outcome> => {
      const read = readRequest(request);
      const answered = (outcome: NetworkOutcome, reply: Parameters<typeof responseText>[0]): Outcome => {
        count(outcome);
        return { kind: "text", text: responseText(reply, read.decode, yaml) };
      };
      const nowMs = Number(scope.nowNs / 1_000_000n);
      const held = read.keepFor === undefined ? undefined : cache.get(key);
      if (held !== undefined && nowMs < held.expiresAt) return answered("cached", held.reply);
      const wanted = { request: read, key, held: held?.reply, nowMs };
      return fetchReply(wanted, { cache, send, signal })
        .then((reply) => answered("answered", reply))
        .catch(failed);
    };
    let key: string;
    try {
      key = keyOf(request);
    } catch (error) {
      // it can't be named, and nothing is asked
      return serve(scope, name, "", () => failed(error));
    }
    return serve(scope, name, key, () => {
      try {
        return start(key);
      } catch (error) {
        return failed(error);
      }
    });
  };
}
