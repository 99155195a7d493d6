import type { JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, parseJson, refuse } from "../../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../../exchange.js";
import { collect, discard } from "../../../forward/forward.js";
import { holds } from "../../../retrieval/conditions/holds.js";
import { documentOf } from "../../../retrieval/serve/describe.js";
import type { Allowed } from "../decide.js";
import type { Bound } from "./prepare.js";

/** Bytes of a file's description. */
const largest = 65_536;

/**
 * Looks up what a file is described by now: what the caller couldn't find isn't his to change, and no rank is lowered.
 * Undefined where he may.
 * @param path the file's, at the upstream
 */
export async function mayAlter(
  { forward }: GatewayParts,
  { signal }: Exchange,
  { decision, upstream }: Allowed,
  { ask, duties, prepared }: Bound,
  path: string,
): Promise<Refusal | undefined> {
  const { conditions, atLeast } = duties;
  if (conditions.length === 0 && Object.keys(atLeast).length === 0) return undefined;
  const answer = await forward({
    ...{ upstream: upstream.config, method: "GET", path, assertion: decision.assertion, signal },
    headers: { accept: "application/json" },
  });
  if (answer.kind === "aborted") return refuse("upstream_unavailable");
  if (answer.kind === "failed") return refuse(answer.code);
  if (answer.status !== 200) {
    discard(answer.body);
    return { ...refuse("upstream_refused"), status: answer.status < 400 ? 502 : answer.status };
  }
  const before = readAttributes(await collect(answer.body, largest));
  if (before === undefined) return refuse("upstream_invalid");
  const [is] = prepared.narrowing.documents ?? [];
  const [old, now] = [documentOf(ask, before), documentOf(ask, is ?? {})];
  const kept = Object.entries(atLeast).every(([name, { order }]) => {
    const rank = (value: unknown): number => order.findIndex((one) => one === value);
    return rank(now[name]) >= rank(old[name]);
  });
  return kept && holds(prepared.narrowing.condition, old) ? undefined : refuse("document_refused");
}

function readAttributes(bytes: Buffer | undefined): JsonObject | undefined {
  try {
    const value = bytes === undefined ? undefined : parseJson(bytes);
    if (!isObject(value)) return undefined;
    const { attributes = {} } = value;
    return attributes === null ? {} : isObject(attributes) ? attributes : undefined;
  } catch {
    return undefined;
  }
}
