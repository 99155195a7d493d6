/** OpenAI's batches, over files whose lines were decided for who asks. Source: OpenAI API reference, "Batch". */
import type { ActionName, JsonObject } from "../../../sidecar/contract.js";
import { isObject, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { bringsBody, readJson } from "../../http.js";
import { object, text } from "../fields.js";
import { openai } from "../openai.js";
import type { Bound } from "../operations/bind.js";
import { isRefusal, readBody } from "../operations/operation.js";
import { refuseIn } from "../refuse.js";
import { batchCall, decide } from "./decide.js";
import { accountOf, pathOf } from "./files.js";
import type { About } from "./ids.js";
import { giveId, ownId, takeId } from "./ids.js";
import { ask } from "./send.js";

type Batch = Extract<About, { what: "batch" }>;

const fields = {
  input_file_id: text,
  endpoint: text,
  completion_window: text,
  metadata: object,
  output_expires_after: object,
};
const say = refuseIn(openai);

/** Serves `POST /v1/batches`. */
export async function createBatch(parts: GatewayParts, exchange: Exchange): Promise<void> {
  const upstream = accountOf(parts);
  if ("kind" in upstream) return say(exchange, upstream);
  const read = await readJson(exchange.req, parts.config.maxBody);
  if (read.kind === "refusal") return say(exchange, read);
  const body = readBody(read.value, fields, ["input_file_id", "endpoint", "completion_window"]);
  if (isRefusal(body)) return say(exchange, body);
  // INVARIANT: only a file whose lines were decided has an id of this kind
  const known = takeId(body["input_file_id"], "input");
  if (known === undefined) return say(exchange, refuse("unknown_file"));
  const { url, model, digest, estimate } = known.about;
  if (body["endpoint"] !== url) return say(exchange, refuse("invalid_request", "endpoint isn't the file's"));
  const uses = isObject(estimate) ? { estimate } : {};
  const call = batchCall(parts, "batch.create", model, { url, ...uses });
  const allowed = await decide(parts, exchange, { speaker: openai, calls: [call], upstream });
  if (allowed === undefined) return;
  const id = ownId(known, allowed.bound);
  if (id === undefined) return allowed.refuse(refuse("unknown_file"), "denied");
  return ask(
    parts,
    exchange,
    allowed,
    {
      ...{ method: "POST", path: pathOf(upstream.config, "batches") },
      body: stringifyJson({ ...body, input_file_id: known.named.id }),
    },
    {
      kind: "object",
      bind: (said) => bindBatch(said, { what: "batch", url, model, digest, ...uses }, allowed.bound),
    },
  );
}

export const batchActions = {
  read: { action: "batch.read", method: "GET", behind: "" },
  cancel: { action: "batch.cancel", method: "POST", behind: "/cancel" },
} as const satisfies Record<string, { action: ActionName; method: string; behind: string }>;
export type BatchAction = keyof typeof batchActions;

/** Serves `GET /v1/batches/{id}`, `POST /v1/batches/{id}/cancel`. */
export async function serveBatch(
  parts: GatewayParts,
  exchange: Exchange,
  what: BatchAction,
  sealed: string,
): Promise<void> {
  const { action, method, behind } = batchActions[what];
  const upstream = accountOf(parts);
  if ("kind" in upstream) return say(exchange, upstream);
  if (bringsBody(exchange.req)) return say(exchange, refuse("invalid_request", "it takes no body"));
  const known = takeId(sealed, "batch");
  if (known === undefined) return say(exchange, refuse("unknown_batch"));
  const { about } = known;
  const call = batchCall(parts, action, about.model, { url: about.url });
  const allowed = await decide(parts, exchange, { speaker: openai, calls: [call], upstream });
  if (allowed === undefined) return;
  const id = ownId(known, allowed.bound);
  if (id === undefined) return allowed.refuse(refuse("unknown_batch"), "denied");
  return ask(
    parts,
    exchange,
    allowed,
    { method, path: pathOf(upstream.config, `batches/${id}${behind}`) },
    { kind: "object", bind: (said) => bindBatch(said, about, allowed.bound) },
  );
}

function bindBatch(said: JsonObject, about: Batch, bound: Omit<Bound, "model">): JsonObject {
  const { url, model, digest, estimate } = about;
  const uses = estimate === undefined ? {} : { estimate };
  const file = (name: string, as: About): JsonObject => {
    const id = said[name];
    return id === undefined || id === null ? {} : { [name]: giveId(id, as, bound) };
  };
  return {
    ...said,
    id: giveId(said["id"], about, bound),
    ...file("input_file_id", { what: "input", url, model, digest, ...uses }),
    ...file("output_file_id", { what: "output", url, model }),
    ...file("error_file_id", { what: "output", url, model }),
  };
}
