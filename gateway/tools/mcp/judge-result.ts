/** What a server gave is decided on before the client gets it. */
import type { Call, Decision, JsonObject, Outcome } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { askAbout } from "../../exchange.js";
import { hooksOf, tell } from "../../models/inspect.js";
import { refusalOf } from "../../models/refuse.js";
import type { Reviewed } from "../definitions/definitions.js";
import type { ToolDuties } from "../results/apply.js";
import { applyToResult, joinToolDuties, readToolDuties, toolObligations } from "../results/apply.js";
import type { ClientError } from "../results/sanitize.js";
import { sanitizeError, scrubError } from "../results/sanitize.js";
import type { ResultOf } from "../results/shape.js";
import type { Heard } from "./converse.js";
import type { Done, Turn } from "./turn.js";
import { failure, refused } from "./turn.js";

export interface Judging {
  readonly turn: Pick<Turn, "parts" | "exchange">;
  /** Of the request. */
  readonly decision: Decision;
  /** What it asks for. */
  readonly duties: ToolDuties;
  readonly of: ResultOf;
  /** Says what is asked about facts of the result; absent: it isn't decided on. */
  readonly ask?: (facts: JsonObject) => Call;
  readonly reviewed?: Reviewed | undefined;
}

interface Heeding extends Judging {
  readonly turn: Turn;
}

/** Gives the reply that an answer of the server comes to. */
export async function judgeHeard(about: Heeding, heard: Heard): Promise<Done> {
  const { decision } = about;
  switch (heard.kind) {
    case "refused":
      return { reply: heard.reply, decision };
    case "asks":
      return { reply: { kind: "result", result: heard.result }, decision };
    case "other": {
      const { answer } = heard;
      if (answer.kind === "aborted") return { reply: { kind: "aborted" }, decision };
      if (answer.kind === "failed") return { reply: failure(answer.code), decision };
      return { reply: { kind: "error", ...inWordsOf(about, sanitizeError(answer)) }, decision };
    }
    case "result":
      return judgeResult(about, heard.result);
  }
}

/** A resource that isn't there has another code in each era; which one it was is the client's own word. */
function inWordsOf({ turn, of }: Heeding, error: ClientError): ClientError {
  const { uri } = turn.request.params;
  const missing = error.code === -32002 || error.code === -32602;
  if (of !== "resources/read" || !missing || typeof uri !== "string") return error;
  return { ...error, code: turn.era === "stateless" ? -32602 : error.code, data: { uri } };
}

/** Decides on a result, and carries out what the decisions ask for. */
export async function judgeResult(about: Judging, result: JsonObject): Promise<Done> {
  const { turn, decision, of, ask, reviewed } = about;
  const { parts, exchange } = turn;
  const check = reviewed?.checkResult;
  const looked = await parts.mcp.results.inspect({
    of,
    result,
    ...(check === undefined ? {} : { checkResult: check }),
  });
  if (looked.kind === "invalid") return { reply: failure("upstream_invalid"), decision };
  const mode = about.duties.inspect ?? parts.config.mcp.results;
  let duties: ToolDuties | undefined = about.duties;
  if (ask !== undefined && mode === "decide") {
    const [second] = await askAbout(parts, exchange, [ask(looked.facts)], toolObligations);
    if (second?.allow !== true) {
      const refusal = second === undefined ? refuse("pdp_unavailable") : refusalOf(second);
      const why = second === undefined ? {} : { decision: second };
      return { reply: { kind: "refused", refusal, outcome: "denied", ...why }, decision };
    }
    const more = readToolDuties(second.obligations, "response", { hasHook: hooksOf(parts) });
    duties = more && joinToolDuties(about.duties, more);
    if (more === undefined || !(await tell(parts, more, second, "response"))) duties = undefined;
  }
  const given = duties && applyToResult(result, duties, check);
  const told: Partial<Outcome> =
    duties === undefined || duties.labels.length === 0 ? {} : { labels: duties.labels };
  if (given === undefined)
    return { reply: refused(refuse("obligation_unsatisfiable"), "obligation_unsatisfiable"), decision };
  const scrubbed = given["isError"] === true ? scrubError(given) : given;
  return { reply: { kind: "result", result: scrubbed }, decision, told };
}
