/** Requests within a batch: each is classified and decided as if it were one of its own, then enforced. */
import { createHash } from "node:crypto";
import type { Call, Decision, Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { maxCalls, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { ModelConfig } from "../../config.js";
import type { Duty, Words } from "../../enforce/duty.js";
import { mask } from "../../enforce/mask.js";
import { enforce } from "../../enforce/enforce.js";
import { modelDuties } from "../../enforce/registry.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude } from "../../exchange.js";
import { estimateOf, sumOfEstimates } from "../../limits/estimate.js";
import type { Deployment } from "../../routing/deployment.js";
import { narrow } from "../../routing/narrow.js";
import { readRoute } from "../../routing/restrict.js";
import { anthropic } from "../anthropic.js";
import { withFetches, wrongUrl } from "../media-urls.js";
import { openai } from "../openai.js";
import { completions } from "../operations/completions.js";
import { embeddings } from "../operations/embeddings.js";
import { moderations } from "../operations/moderations.js";
import { responses } from "../operations/responses.js";
import type { Owed } from "./beside.js";
import { keptObligations, labelsOf, owed, pay } from "./beside.js";
import type { ModelCall } from "../protocol.js";
import { refusalOf } from "../refuse.js";

type Kind = {
  classify(value: Json, bytes: Buffer, models: ReadonlyMap<string, ModelConfig>): ModelCall | Refusal;
  readonly duties: Readonly<Record<string, Duty<Words>>>;
  readonly words: Words;
};
const ofOperation = ({ classify, duties, words }: typeof embeddings): Kind => ({
  classify: (value, bytes, models) => classify(value, bytes, models, ""),
  ...{ duties: { ...duties, mask }, words },
});
const chat = { classify: openai.classify, duties: modelDuties, words: openai.words };

/** INVARIANT: what a batch can ask for is what can be asked for alone. */
export const kinds = {
  "/v1/chat/completions": chat,
  "/v1/completions": ofOperation(completions),
  "/v1/embeddings": ofOperation(embeddings),
  "/v1/moderations": ofOperation(moderations),
  "/v1/responses": ofOperation(responses),
  "/v1/messages": { classify: anthropic.classify, duties: modelDuties, words: anthropic.words },
} as const satisfies Record<string, Kind>;
export type BatchUrl = keyof typeof kinds;

export interface Line {
  readonly kind: "line";
  readonly customId: string;
  readonly asks: ModelCall;
}

/**
 * Classifies one request of a batch.
 * @param spoken the version of its protocol that the client speaks, where there are several
 */
export function readLine(
  url: BatchUrl,
  customId: Json | undefined,
  body: Json | undefined,
  models: ReadonlyMap<string, ModelConfig>,
  spoken: Pick<Kind, "classify"> = kinds[url],
): Line | Refusal {
  if (typeof customId !== "string" || !/^[\x20-\x7e]{1,128}$/.test(customId))
    return refuse("invalid_request", "custom_id");
  if (body === undefined) return refuse("invalid_request", "no request");
  const asks = spoken.classify(body, Buffer.from(stringifyJson(body)), models);
  if (asks.kind === "refusal") return asks;
  if (asks.stream || asks.body["background"] === true) return refuse("invalid_request", "stream, background");
  // what these name was given out to somebody, and nobody is known yet
  if (url === "/v1/responses" && namesResponses(asks.body))
    return refuse("invalid_request", "it names a stored response");
  return { kind: "line", customId, asks: { ...asks, call: withFetches(asks.call, asks.body) } };
}

function namesResponses({ previous_response_id: previous, input }: JsonObject): boolean {
  const items = Array.isArray(input) ? input : [];
  const hasId = (item: Json): boolean => (item as JsonObject)["id"] !== undefined;
  return (previous !== undefined && previous !== null) || items.some(hasId);
}

export interface DecidedLines {
  readonly kind: "decided";
  /** As they may be sent, to any of these deployments. */
  readonly lines: readonly {
    readonly customId: string;
    readonly model: string;
    readonly body: JsonObject;
    readonly candidates: readonly Deployment[];
  }[];
  /** What they may use, all together, by their models. */
  readonly estimates: ReadonlyMap<string, JsonObject>;
  /**
   * Reports what became of all of them.
   * @param upstream where they are carried out from now on: what they hold counts as used
   */
  end(outcome: "forwarded" | "denied" | "upstream_error", status: number, upstream?: string): void;
}

/** How many lines a refusal names. */
const mostNamed = 20;

/** Decides all lines: what is alike in the eyes of policy is asked about once. A denied one refuses all. */
export async function decideLines(
  parts: GatewayParts,
  exchange: Exchange,
  url: BatchUrl,
  lines: readonly Line[],
): Promise<DecidedLines | (Refusal & { readonly decision?: Decision })> {
  const { duties, words }: Kind = kinds[url];
  const questions = new Map<string, Call>();
  const keys = lines.map(({ asks: { call } }) => {
    const { action } = call;
    const one = { ...call, action: { ...action, properties: { ...action.properties, batch: true } } };
    const key = stringifyJson(one as unknown as Json);
    questions.set(key, one);
    return key;
  });
  // what is alike is asked about once, and counts as often as it stands there
  const estimates = new Map<string, JsonObject>();
  const byModel = new Map<string, JsonObject>();
  lines.forEach(({ asks: { call, body, model } }, i) => {
    const one = estimateOf(call.action.name, body, {
      ...{ limits: parts.config.limits, prices: parts.prices, model },
      deployments: parts.config.models.get(model)?.deployments ?? [],
    });
    for (const [sums, name] of [[estimates, keys[i] ?? ""] as const, [byModel, model] as const]) {
      const before = sums.get(name);
      sums.set(name, sumOfEstimates(before === undefined ? [one] : [before, one]));
    }
  });
  const digest = createHash("sha256");
  for (const { asks } of lines) digest.update(stringifyJson(asks.body)).update("\n");
  const prompt = { lines: lines.length, sha256: digest.digest("hex") };
  const content = await parts.describeContent?.({
    messages: lines.map(({ asks }) => ({ role: "user", content: [asks.body] })),
  });
  const obligations = [...Object.keys(duties), "restrict_regions", "restrict_providers", ...keptObligations];
  const asked = [...questions];
  const decisions = new Map<string, Decision>();
  for (let from = 0; from < asked.length; from += maxCalls) {
    const some = asked.slice(from, from + maxCalls);
    const calls = some.map(([key, call]) => {
      const { action } = call;
      const estimate = estimates.get(key) ?? {};
      return { ...call, action: { ...action, properties: { ...action.properties, estimate } } };
    });
    const got = await askAbout(parts, exchange, calls, obligations, { prompt, content });
    some.forEach(([key], i) => {
      const decision = got[i];
      if (decision !== undefined) decisions.set(key, decision);
    });
  }
  const owing = new Map<Decision, Owed>();
  const end: DecidedLines["end"] = (outcome, status, upstream) => {
    const where = upstream === undefined ? {} : { upstream };
    for (const decision of decisions.values()) {
      const labels = labelsOf(decision, owing.get(decision));
      conclude(parts, exchange, decision, { kind: "model", outcome, status, ...where, ...labels });
    }
  };
  const refused: {
    readonly at: number;
    readonly refusal: Refusal;
    readonly decision: Decision | undefined;
  }[] = [];
  const out: DecidedLines["lines"][number][] = [];
  lines.forEach(({ customId, asks }, i) => {
    const decision = decisions.get(keys[i] ?? "");
    const done = carryOut(parts, asks, decision, duties, words, owing);
    if (done.kind === "refusal") refused.push({ at: i + 1, refusal: done, decision });
    else out.push({ customId, model: asks.model, body: done.body, candidates: done.candidates });
  });
  const [first] = refused;
  if (first === undefined) {
    if (await pay(parts, [...owing.values()]))
      return { kind: "decided", lines: out, estimates: byModel, end };
    end("denied", 403);
    return refuse("obligation_unsatisfiable");
  }
  end("denied", first.refusal.status);
  const named = refused.slice(0, mostNamed).map(({ at }) => at);
  const more = refused.length > mostNamed ? ` and ${refused.length - mostNamed} more` : "";
  return {
    ...first.refusal,
    message: `${first.refusal.message} (requests ${named.join(", ")}${more})`,
    ...(first.decision === undefined ? {} : { decision: first.decision }),
  };
}

function carryOut(
  parts: GatewayParts,
  { body, model: name }: ModelCall,
  decision: Decision | undefined,
  duties: Kind["duties"],
  words: Words,
  owing: Map<Decision, Owed>,
): { kind: "done"; body: JsonObject; candidates: readonly Deployment[] } | Refusal {
  if (decision === undefined) return refuse("pdp_unavailable");
  if (wrongUrl(body, parts.config.mediaHosts)) return refuse("invalid_request", "a URL isn't of the web");
  if (!decision.allow) return refusalOf(decision);
  const model = parts.config.models.get(name);
  if (model === undefined) return refuse("unknown_model");
  const read = readRoute(decision.obligations);
  const beside = read && (owing.get(decision) ?? owed(parts, decision, read.others));
  if (beside !== undefined) owing.set(decision, beside);
  const left = beside && enforce(body, beside.others, duties, words);
  const candidates = read === undefined ? [] : narrow(model.deployments, read.route);
  if (left === undefined || candidates.length === 0) return refuse("obligation_unsatisfiable");
  return { kind: "done", body: left, candidates };
}
