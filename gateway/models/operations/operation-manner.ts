/** Says an operation to upstreams of its protocol, in the ids that the one that is asked knows. */
import type { Decision } from "../../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { AnswerForm } from "../../content/answer/words.js";
import { besideObligations } from "../../enforce/beside.js";
import { mask } from "../../enforce/mask.js";
import { asksUsage } from "../../observe/ask-usage.js";
import type { Deployment } from "../../routing/deployment.js";
import { routeObligations } from "../../routing/restrict.js";
import type { Manner } from "../manner.js";
import type { Bound } from "./bind.js";
import type { Operation } from "./operation.js";
import { isRefusal } from "./operation.js";

/** Binds to who asks, and to where it is kept; undefined where the sidecar didn't say who asks. */
export function boundTo(
  { subject }: Decision,
  { upstream }: Pick<Deployment, "upstream">,
  model: string,
  secret: Uint8Array,
): Bound | undefined {
  return subject && { subject, upstream, model, secret };
}

/** How its answers are said: as its protocol's are, unless it says otherwise. */
function answersOf({ answers, protocol, media }: Operation, stream: boolean): AnswerForm | undefined {
  return media !== undefined && !stream ? undefined : (answers ?? protocol);
}

export function operationManner(
  operation: Operation,
  stream: boolean,
  secret: Uint8Array,
): Manner<{ readonly asked: boolean }> {
  const { protocol, bind, duties, words, media } = operation;
  const accept = stream ? "text/event-stream" : media === undefined ? "application/json" : "*/*";
  return {
    obligations: [...Object.keys(duties), "mask", ...besideObligations, ...routeObligations],
    ...{ duties: { ...duties, mask }, words, answers: answersOf(operation, stream), fallsBack: true },
    named: (body, model) => operation.named(body, model),
    speaks: (upstream) => bind === undefined && upstream.protocol === protocol,
    speak(body, { deployment, upstream, name, decision }) {
      if (upstream.protocol !== protocol) return refuse("untranslatable", "the operation");
      // an id is looked at after it is known who asks: whose it is doesn't show before
      const bound = boundTo(decision, deployment, name, secret);
      const sent = bind === undefined ? body : bound && bind.request(body, bound);
      if (sent === undefined) return refuse("pdp_unavailable");
      if (isRefusal(sent)) return sent;
      const { upstreamModel = name } = deployment;
      const named = upstreamModel === name ? sent : operation.named(sent, upstreamModel);
      const asking = stream && asksUsage(deployment, upstream) ? operation.askUsage?.(named) : undefined;
      return {
        ...{ kind: "spoken", method: "POST", said: { asked: asking !== undefined } },
        path: operation.path(upstream.url, upstreamModel, stream),
        headers: { accept, ...operation.headers },
        body: stringifyJson(asking ?? named),
      };
    },
    ...(media === undefined || stream ? {} : { expects: media }),
  };
}
