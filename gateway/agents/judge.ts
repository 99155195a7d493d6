/** Has decided what an agent answers, before the client sees any of it, and carries out the duties about it. */
import type { Call, Decision, JsonObject, Outcome, Refusal } from "../../sidecar/contract.js";
import { isObject, refuse } from "../../sidecar/contract.js";
import { describeAnswer } from "../content/describe.js";
import type { Masking } from "../content/mask-text.js";
import type { Beside } from "../enforce/beside.js";
import { answerObligations, takeBeside } from "../enforce/beside.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude } from "../exchange.js";
import { hooksOf, tell } from "../models/inspect.js";
import { refusalOf } from "../models/refuse.js";
import { contentOf, metadataNames, partsFacts, partsOf } from "./facts.js";
import { maskEvent } from "./mask.js";
import { made } from "./wire/v1.js";

/** Obligations that decisions on requests, and on answers, may bring. */
export const requestDuties = ["mask", "add_label", "notify"] as const;
const answerDuties = ["mask", ...answerObligations] as const;

export type Judged =
  | { readonly kind: "event"; readonly event: JsonObject }
  | { readonly kind: "denied"; readonly refusal: Refusal; readonly decision: Decision | undefined };

export interface Judge {
  /** Decides on an event, or a whole answer; gives it as it may be given. */
  event(event: JsonObject): Promise<Judged>;
  /** What the outcome says of the answer. */
  outcome(): Pick<Outcome, "labels" | "content">;
}

/** @param call the request's; @param decision the one that allowed it */
export function createJudge(
  parts: GatewayParts,
  exchange: Exchange,
  call: Call,
  { decision, beside }: { readonly decision: Decision; readonly beside: Beside },
): Judge {
  const labels = new Set([...decision.labels, ...beside.labels]);
  let content: JsonObject | undefined;
  const deny = (said: Decision | undefined, refusal: Refusal): Judged => {
    if (said !== undefined)
      conclude(parts, exchange, said, {
        ...{ kind: "agent", status: refusal.status },
        outcome: refusal.code === "obligation_unsatisfiable" ? refusal.code : "denied",
      });
    return { kind: "denied", refusal, decision: said };
  };
  return {
    async event(event) {
      const result = resultFacts(event, parts.config.mediaHosts);
      if (parts.answers !== undefined) {
        const { body } = contentOf(partsOf(event), ...metadataIn(event));
        content = await describeAnswer(parts.answers.content, body);
      }
      const about: Call = {
        ...call,
        action: {
          ...call.action,
          properties: { ...call.action.properties, phase: "response", labels: [...labels] },
        },
        resource: { ...call.resource, properties: { ...call.resource.properties, result } },
      };
      const [said] = await askAbout(parts, exchange, [about], answerDuties, { content });
      if (said === undefined) return deny(said, refuse("pdp_unavailable"));
      if (!said.allow) return deny(said, refusalOf(said));
      const able = { answer: [], scans: false, hasHook: hooksOf(parts) };
      const taken = takeBeside(said.obligations, able);
      const done = taken?.others.length === 0 && (await tell(parts, taken.beside, said, "response"));
      if (taken === undefined || !done) return deny(said, refuse("obligation_unsatisfiable"));
      for (const label of [...said.labels, ...taken.beside.labels]) labels.add(label);
      const masks: readonly Masking[] = [...beside.masks, ...taken.beside.masks];
      const masked = maskEvent(event, masks);
      if (masked === undefined) return deny(said, refuse("obligation_unsatisfiable"));
      return { kind: "event", event: masked };
    },
    outcome: () => ({
      ...(labels.size === 0 ? {} : { labels: [...labels].sort() }),
      ...(content === undefined ? {} : { content }),
    }),
  };
}

/** Tells policy what an agent answers: `{kind, state?, append?, last?, parts, parts_count, bytes, kinds, metadata}`. */
function resultFacts(event: JsonObject, hosts: readonly string[]): JsonObject {
  const [[kind, of] = ["none", null]] = Object.entries(event);
  const one = isObject(of) ? of : {};
  const status = isObject(one["status"]) ? one["status"] : {};
  const { count, ...rest } = partsFacts(partsOf(event), hosts);
  return made({
    kind: kind.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    state: status["state"],
    append: one["append"],
    last: one["lastChunk"],
    parts_count: count,
    ...rest,
    metadata: metadataNames(...metadataIn(event)),
  });
}

const metadataIn = (event: JsonObject): (JsonObject[string] | undefined)[] =>
  Object.values(event).flatMap((one) => {
    if (!isObject(one)) return [];
    const { metadata, status, artifact, artifacts, history } = one;
    const said = isObject(status) && isObject(status["message"]) ? [status["message"]] : [];
    const others = [artifact, artifacts, history].flat().filter((other) => isObject(other));
    return [metadata, ...[...said, ...others].map((other) => other["metadata"])].filter(
      (value) => value !== undefined,
    );
  });
