/** Has what a model answers looked at: by configuration, and by the obligations of the decision that let it be asked. */
import type { Call, Decision, JsonObject, Obligation, Outcome } from "../../sidecar/contract.js";
import { refuse, stringifyJson } from "../../sidecar/contract.js";
import type { AnswerMode, Denial, Inspector } from "../content/answer/inspect.js";
import { createInspector } from "../content/answer/inspect.js";
import type { AnswerForm } from "../content/answer/words.js";
import type { Beside } from "../enforce/beside.js";
import { answerObligations, takeBeside } from "../enforce/beside.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude } from "../exchange.js";
import type { Notice } from "../notify/notifier.js";
import { modelProperties } from "./classify.js";
import type { Target } from "./open.js";
import type { ModelCall } from "./protocol.js";
import { refusalOf } from "./refuse.js";

export interface Inspection {
  /** Absent where nothing is looked for or changed. */
  readonly inspector: Inspector | undefined;
  /** What the outcome says of the answer. */
  readonly outcome: () => Pick<Outcome, "content" | "labels">;
}

/** Prepares to look at the answer of a model that was allowed to be asked. */
export function inspectAnswer(
  parts: GatewayParts,
  exchange: Exchange,
  asks: ModelCall,
  { name, model, decision, beside }: Target,
  form: AnswerForm | undefined,
): Inspection {
  const { answers } = parts;
  const labels = new Set([...decision.labels, ...beside.labels]);
  const mode = stricter(answers?.mode, beside.answers);
  const scan = mode === undefined || answers === undefined ? undefined : { mode, content: answers.content };
  const properties = name === asks.model ? asks.call.resource.properties : modelProperties(model);
  const decide = async (content: JsonObject): Promise<Denial | undefined> => {
    const call: Call = {
      ...asks.call,
      resource: { ...asks.call.resource, id: name, properties },
      action: {
        ...asks.call.action,
        properties: { ...asks.call.action.properties, phase: "response", labels: [...labels] },
      },
    };
    const about = { prompt: asks.prompt, content };
    const able = [...new Set([...answerObligations, ...decision.obligations.map(({ type }) => type)])];
    const [said] = await askAbout(parts, exchange, [call], able, about);
    if (said === undefined) return { refusal: refuse("pdp_unavailable"), decision };
    if (!said.allow) return deny(parts, exchange, said);
    const left = said.obligations.filter((one) => !isDone(one, decision.obligations));
    const taken = takeBeside(left, { ...nothing, hasHook: hooksOf(parts) });
    const done = taken?.others.length === 0 && (await tell(parts, taken.beside, said, "response"));
    if (!done) return deny(parts, exchange, said, "obligation_unsatisfiable");
    for (const label of [...said.labels, ...(taken?.beside.labels ?? [])]) labels.add(label);
    return undefined;
  };
  const inspector =
    scan === undefined && beside.masks.length === 0
      ? undefined
      : createInspector({ form, masks: beside.masks, scan, decide });
  return {
    inspector,
    outcome() {
      const content = inspector?.facts();
      return {
        ...(content === undefined ? {} : { content }),
        ...(labels.size === 0 ? {} : { labels: [...labels].sort() }),
      };
    },
  };
}

/** Tells of an obligation on an answer that it was carried out with the request: a policy may not tell phases apart. */
function isDone({ type, properties }: Obligation, before: readonly Obligation[]): boolean {
  if (answerObligations.some((one) => one === type)) return false;
  const said = stringifyJson(properties);
  return before.some((one) => one.type === type && stringifyJson(one.properties) === said);
}

/** On answers there is nothing to narrow, and nothing to look at again. */
const nothing = { answer: undefined, scans: false } as const;

export const hooksOf =
  ({ notifier }: GatewayParts) =>
  (name: string): boolean =>
    notifier?.has(name) === true;

/** Tells hooks of a decision; false where one that had to be told wasn't. */
export async function tell(
  { notifier }: GatewayParts,
  { notices }: Pick<Beside, "notices">,
  decision: Decision,
  phase: "request" | "response",
): Promise<boolean> {
  if (notices.length === 0) return true;
  const told = await Promise.all(
    notices.map((notice: Notice) => notifier?.notify(notice, decision, phase) ?? !notice.required),
  );
  return told.every((one) => one);
}

function deny(
  parts: GatewayParts,
  exchange: Exchange,
  decision: Decision,
  code?: "obligation_unsatisfiable",
): Denial {
  const refusal = code === undefined ? refusalOf(decision) : refuse(code);
  const outcome = code ?? "denied";
  conclude(parts, exchange, decision, { kind: "model", outcome, status: refusal.status });
  return { refusal, decision };
}

function stricter(one: AnswerMode | undefined, other: AnswerMode | undefined): AnswerMode | undefined {
  return one === "decide" || other === "decide" ? "decide" : (one ?? other);
}
