/** OpenAI's stores of vectors: each belongs to a tenant. Source: OpenAI API reference, "Vector stores". */
import type { ActionName, Call, Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { bringsBody, readJson } from "../../http.js";
import { wrongField } from "../fields.js";
import { openai } from "../openai.js";
import { isRefusal, readBody } from "../operations/operation.js";
import { refuseIn } from "../refuse.js";
import { decide, storageCall } from "./decide.js";
import { accountOf, pathOf } from "./files.js";
import type { Known } from "./ids.js";
import { giveId, ownId, takeId } from "./ids.js";
import { ask } from "./send.js";
import { requestObligations } from "../../retrieval/serve/duties.js";
import { attributesIn, withAttributes } from "./search/attributes.js";
import { mayAlter } from "./search/may-alter.js";
import { describeFiles, prepareIn, refuseOwed } from "./search/prepare.js";
import { serveSearch } from "./search/serve.js";
import type { StoreAction, StoreOperation } from "./store-operations.js";
import { attach, storeOperations } from "./store-operations.js";
import { tenantOf } from "./tenant.js";

const say = refuseIn(openai);

/** Serves what is done with a store of vectors. */
export async function serveStore(
  parts: GatewayParts,
  exchange: Exchange,
  what: StoreAction,
  sealed: string,
  sealedSecond = "",
): Promise<void> {
  const operation: StoreOperation = storeOperations[what];
  const { action, method, fields, gives, second } = operation;
  const upstream = accountOf(parts);
  if ("kind" in upstream) return say(exchange, upstream);
  const body = await readStoreBody(parts, exchange, operation);
  if (isRefusal(body)) return say(exchange, body);
  const store = sealed === "" ? undefined : takeId(sealed, "store");
  if (store === undefined && sealed !== "") return say(exchange, refuse("unknown_store"));
  if (operation.gives === "found" && store !== undefined) return serveSearch(parts, exchange, store, body);
  const named = filesIn(body);
  const other =
    second === undefined ? undefined : takeId(sealedSecond, second === "file" ? "file" : "stored");
  if (named === undefined || (second !== undefined && other === undefined))
    return say(exchange, refuse("unknown_file"));
  const attributes = attributesIn(what, body);
  if (attributes !== undefined && "kind" in attributes) return say(exchange, attributes);
  const { vectorStores } = parts.config.storage ?? {};
  const call = askAbout(parts, action, named.length, store);
  if (attributes !== undefined && vectorStores !== undefined)
    call.resource.properties["documents"] = [...describeFiles(vectorStores, attributes)];
  const content = fields === undefined ? undefined : await parts.describeContent?.(textsOf(body));
  const allowed = await decide(parts, exchange, {
    ...{ speaker: openai, calls: [call], upstream, content },
    more: attributes === undefined ? [] : requestObligations,
  });
  if (allowed === undefined) return;
  const { bound } = allowed;
  const tenant = tenantOf(bound);
  const storeId = store === undefined ? "" : ownId(store, tenant);
  if (storeId === undefined) return allowed.refuse(refuse("unknown_store"), "denied");
  const isFiles = other?.about.what === "stored";
  const mine = other === undefined ? "" : ownId(other, isFiles ? tenant : bound);
  const own = named.map((one) => ownId(one, bound));
  if (mine === undefined || own.includes(undefined) || (isFiles && other.about.store !== storeId))
    return allowed.refuse(refuse("unknown_file"), "denied");
  let sent = body;
  if (attributes !== undefined && vectorStores !== undefined) {
    const prepared = prepareIn(vectorStores, allowed, { store: storeId, documents: attributes });
    if (isRefusal(prepared)) return refuseOwed(allowed, prepared);
    const stamped = withAttributes(what, body, prepared.prepared.narrowing.documents ?? attributes);
    if (isRefusal(stamped)) return allowed.refuse(stamped, "denied");
    if (what === "alterFile") {
      const file = pathOf(upstream.config, `vector_stores/${storeId}/files/${mine}`);
      const refusal = await mayAlter(parts, exchange, allowed, prepared, file);
      if (refusal !== undefined) return allowed.refuse(refusal, "denied");
    }
    sent = stamped;
  }
  const path = `vector_stores${storeId === "" ? "" : `/${storeId}`}${operation.behind.replace("{}", mine)}`;
  return ask(
    parts,
    exchange,
    allowed,
    {
      ...{ method, path: pathOf(upstream.config, path) },
      ...(fields === undefined ? {} : { body: stringifyJson(withOwn(sent)) }),
    },
    {
      kind: "object",
      bind(said) {
        const [file = other] = named;
        const storeOf: JsonObject =
          said["vector_store_id"] === undefined
            ? {}
            : { vector_store_id: giveStore(said["vector_store_id"]) };
        switch (gives) {
          case "store":
            return { ...said, id: giveStore(said["id"]) };
          case "file":
            if (file === undefined) throw new Error("a file that nobody named");
            return { ...said, ...storeOf, id: giveId(said["id"], file.about, bound) };
          case "files":
            return { ...said, ...storeOf, id: giveFiles(said["id"]) };
          case "found":
            throw new Error("a search that wasn't looked at");
          case "content":
            return said["file_id"] === undefined || file === undefined
              ? said
              : { ...said, file_id: giveId(said["file_id"], file.about, bound) };
        }
      },
    },
  );
  function giveStore(id: Json | undefined): string {
    return giveId(id, { what: "store" }, tenant);
  }
  function giveFiles(id: Json | undefined): string {
    return giveId(id, { what: "stored", store: storeId ?? "" }, tenant);
  }
}

async function readStoreBody(
  { config }: GatewayParts,
  { req }: Exchange,
  { fields, required = [] }: StoreOperation,
): Promise<JsonObject | Refusal> {
  if (fields === undefined) return bringsBody(req) ? refuse("invalid_request", "it takes no body") : {};
  const read = await readJson(req, config.maxBody);
  const body = read.kind === "refusal" ? read : readBody(read.value, fields, required);
  if (isRefusal(body)) return body;
  const { files, query } = body;
  const parts = Array.isArray(files) ? files : [];
  if (parts.some((item) => !isObject(item) || wrongField(item, attach, ["file_id"]) !== undefined))
    return refuse("invalid_request", "files");
  if (Array.isArray(query) && !query.every((one) => typeof one === "string"))
    return refuse("invalid_request", "query");
  return body;
}

/** All files that a body names; undefined where one isn't a sealed id. */
function filesIn({ file_id: one, file_ids: several, files }: JsonObject): readonly Known[] | undefined {
  const items = Array.isArray(files)
    ? files.map((item) => (isObject(item) ? item["file_id"] : undefined))
    : [];
  const all = [...(one === undefined ? [] : [one]), ...(Array.isArray(several) ? several : []), ...items];
  const known = all.map((id) => takeId(id, "file"));
  const whole = known.filter((id) => id !== undefined);
  return whole.length === known.length ? whole : undefined;
}

/** Puts the upstream's ids where the sealed ones were. */
function withOwn(body: JsonObject): JsonObject {
  const own = (id: Json | undefined): string => takeId(id, "file")?.named.id ?? "";
  const { file_id: one, file_ids: several, files } = body;
  return {
    ...body,
    ...(one === undefined ? {} : { file_id: own(one) }),
    ...(Array.isArray(several) ? { file_ids: several.map(own) } : {}),
    ...(Array.isArray(files)
      ? { files: files.map((item) => (isObject(item) ? { ...item, file_id: own(item["file_id"]) } : item)) }
      : {}),
  };
}

function askAbout(parts: GatewayParts, action: ActionName, files: number, store: Known | undefined): Call {
  // the upstream's own id, so that policy can tell stores apart
  return storageCall(parts, action, { ...(store === undefined ? {} : { store: store.named.id }), files });
}

/** Leaves out ids, which look like secrets. */
function textsOf({ file_id: _one, file_ids: _several, files: _files, ...body }: JsonObject): JsonObject {
  return body;
}
