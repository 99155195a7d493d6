import type { Call, Decision } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude } from "../../exchange.js";
import type { DecideCalls, ToolCall } from "./guard.js";

/** What the model was asked. */
export interface Asked {
  readonly model: string;
  /** The names of the tools that it may call. */
  readonly offered: readonly string[];
}

/** Most calls that one answer may hold; what is beyond is refused. */
const mostCalls = 128;

/**
 * Creates the decision on what a model wants to call: `tool.call` in the phase `response`, on a resource of the type
 * `function` that carries name, arguments, the model, and whether the request offered it.
 */
export function createDecideCalls(parts: GatewayParts, exchange: Exchange, asks: Asked): DecideCalls {
  let left = mostCalls;
  return async (calls) => {
    const known = calls.map((call) =>
      call.arguments === undefined || left-- <= 0 ? undefined : describe(call, asks),
    );
    const asked = known.filter((call) => call !== undefined);
    const decisions = asked.length === 0 ? [] : await askAbout(parts, exchange, asked, [], { passing: true });
    let at = 0;
    return calls.map((call, i) => {
      if (known[i] === undefined) return refusal(call.name, "its arguments can't be decided on");
      const decision = decisions[at++];
      if (decision === undefined) return refusal(call.name, "pdp_unavailable");
      if (decision.allow) return undefined;
      conclude(parts, exchange, decision, { kind: "tool", outcome: "denied", status: 200 });
      return refusal(call.name, reasonOf(decision), decision.decision_id);
    });
  };
}

function describe({ name, arguments: given = {} }: ToolCall, asks: Asked): Call {
  return {
    kind: "tool",
    action: { name: "tool.call", properties: { phase: "response" } },
    resource: {
      type: "function",
      id: name,
      properties: { tool: name, arguments: given, model: asks.model, offered: asks.offered.includes(name) },
    },
  };
}

function reasonOf({ reasons }: Decision): string {
  const [first] = reasons;
  return first !== undefined && /^[\w.:-]{1,128}$/.test(first.code) ? first.code : "denied";
}

/** Says it to the model that will read it, and to people; a name that a model chose is shown only in a plain form. */
function refusal(name: string, why: string, decisionId?: string): string {
  const shown = /^[\w.:/-]{1,128}$/.test(name) ? ` of ${name}` : "";
  const decision = decisionId === undefined ? "" : ` (decision ${decisionId})`;
  return `[The call${shown} was refused: ${why}${decision}]`;
}
