/** Passes on the stream of an agent's events, each decided before the client sees it. */
import type { JsonObject, Outcome } from "../../sidecar/contract.js";
import { isObject, refuse } from "../../sidecar/contract.js";
import { readEvents } from "../events.js";
import type { Exchange } from "../exchange.js";
import { drained } from "../forward/drained.js";
import type { AnswerBody } from "../forward/request.js";
import { sealIds } from "./asked.js";
import type { Talk, Wanted } from "./converse.js";
import { fits } from "./converse.js";
import { privately } from "./door.js";
import { sealId } from "./ids.js";
import type { Judge } from "./judge.js";
import type { Got } from "./upstream.js";
import { readWhole } from "./upstream.js";

export interface Streaming {
  readonly body: AnswerBody;
  /** Of our request. */
  readonly id: string;
  readonly judge: Judge;
  readonly wanted: Wanted;
}

interface Ended {
  readonly outcome: Outcome["outcome"];
  readonly status: number;
}

/** Passes events on until the agent ends the stream, one is denied, or it is cut. */
export async function streamEvents(exchange: Exchange, talk: Talk, streaming: Streaming): Promise<void> {
  const { res } = exchange;
  exchange.alive.become("stream", `a2a/${talk.name}`);
  const sent = { bytes: 0 };
  const { outcome, status } = await passEvents(exchange, talk, streaming, sent);
  const cut = exchange.wasCut();
  if (cut !== undefined && res.headersSent && !res.writableEnded)
    res.write(talk.door.lastRefusal(cut, talk.decision));
  if (!res.destroyed && res.headersSent) res.end();
  talk.end(outcome, status, { ...streaming.judge.outcome(), bytes: sent.bytes });
}

async function passEvents(
  exchange: Exchange,
  talk: Talk,
  { body, id, judge, wanted }: Streaming,
  sent: { bytes: number },
): Promise<Ended> {
  const { res, signal } = exchange;
  const { agent, asked, decision, door, bound } = talk;
  const put = async (bytes: Buffer): Promise<void> => {
    if (!res.headersSent) res.writeHead(200, { "content-type": "text/event-stream", ...privately(decision) });
    sent.bytes += bytes.length;
    if (!res.write(bytes)) await drained(res, signal);
  };
  let about = wanted;
  try {
    for await (const { data } of readEvents(body, agent.maxAnswer)) {
      if (signal.aborted) break;
      if (data === undefined || data === "") {
        if (res.headersSent) await put(Buffer.from(":\n\n"));
        continue;
      }
      const got: Got = readWhole(agent, asked.operation, data, id);
      if (got.kind === "fault") {
        if (!res.headersSent)
          return { outcome: "forwarded", status: door.fault(exchange, got.fault, decision) };
        await put(door.lastFault(got.fault));
        return { outcome: "forwarded", status: 200 };
      }
      if (got.kind !== "event" || !fits(got, about)) return await stop("upstream_invalid", "upstream_error");
      about = aboutOf(got.event, about);
      const judged = await judge.event(got.event);
      if (judged.kind === "denied") {
        const { refusal, decision: by } = judged;
        if (!res.headersSent) return { outcome: "denied", status: door.refuse(exchange, refusal, by) };
        await put(door.lastRefusal(refusal, by));
        return { outcome: "denied", status: 200 };
      }
      // while it was decided on, the connection may have been ended
      if (signal.aborted) break;
      await put(door.event(sealIds(judged.event, (kind, one) => sealId(kind, one, bound))));
    }
  } catch {
    if (!signal.aborted) return stop("upstream_invalid", "upstream_error");
  }
  if (signal.aborted) return { outcome: "client_disconnected", status: 499 };
  return res.headersSent ? { outcome: "forwarded", status: 200 } : stop("upstream_invalid", "upstream_error");

  async function stop(code: "upstream_invalid", outcome: Outcome["outcome"]): Promise<Ended> {
    const refusal = refuse(code);
    if (!res.headersSent) return { outcome, status: door.refuse(exchange, refusal, decision) };
    await put(door.lastRefusal(refusal, decision)).catch(() => undefined);
    return { outcome, status: 200 };
  }
}

/** A stream is about one task: the first that it names. */
function aboutOf(event: JsonObject, before: Wanted): Wanted {
  if (before.task !== undefined) return before;
  const { task, message, statusUpdate, artifactUpdate } = event;
  const id = isObject(task) ? task["id"] : [message, statusUpdate, artifactUpdate].find(isObject)?.["taskId"];
  return typeof id === "string" ? { task: id } : before;
}
