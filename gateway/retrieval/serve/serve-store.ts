import { refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { decisionHeaders } from "../../exchange.js";
import { send } from "../../http.js";
import { adapters } from "../stores/registry.js";
import { concludeAll } from "./conclude.js";
import { readStoreRequest } from "./read-request.js";
import { refuseAs } from "./refuse.js";
import { runOperation } from "./run.js";
import { openCursors } from "./seal-cursor.js";

/** Serves a store's own API; `rest` is path and query, as they came. */
export async function serveStore(
  parts: GatewayParts,
  exchange: Exchange,
  { name, rest }: { readonly name: string; readonly rest: string },
): Promise<void> {
  const store = parts.config.stores.get(name);
  const adapter = store === undefined ? undefined : adapters[store.kind];
  if (store === undefined || adapter === undefined)
    return refuseAs(undefined, exchange, refuse("unknown_store"));
  const request = await readStoreRequest(exchange, rest, parts.config.maxBody, adapter);
  if (request.kind === "refusal") return refuseAs(adapter, exchange, request);
  // what a query string holds isn't recorded
  const here = { ...exchange, path: `/stores/${name}${rest.replace(/\?[^]*$/, "")}` };
  const cursors = openCursors(parts.sessionSecret, name);
  const operation = adapter.classify(request, store, cursors);
  if (operation.kind === "refusal") return refuseAs(adapter, exchange, operation);
  const ran = await runOperation({ parts, exchange: here, store, operation }, adapter, cursors);
  if (ran.kind === "aborted") return concludeAll(parts, exchange, store, ran, { status: 499 });
  if (ran.kind === "refused") {
    refuseAs(adapter, exchange, ran.refusal, ran.decision);
    return concludeAll(parts, exchange, store, ran, { status: ran.refusal.status });
  }
  const [decision] = ran.decisions;
  const headers = {
    ...adapter.headers,
    ...(decision === undefined ? {} : decisionHeaders(decision)),
    "cache-control": "private, no-store",
  };
  let bytes = 0;
  if (ran.value === undefined) exchange.res.writeHead(ran.status, { ...headers, "content-length": 0 }).end();
  else bytes = send(exchange.res, ran.status, stringifyJson(ran.value), headers);
  concludeAll(parts, exchange, store, ran, { status: ran.status, bytes });
}
