/** Serves `/tools/{server}/…`: operations of an OpenAPI document, decided as calls of tools. */
import type { Call, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { askAbout, conclude } from "../../exchange.js";
import { refusalOf } from "../../models/refuse.js";
import { refusePlainly } from "../../refuse.js";
import { readTarget } from "../../routes/normalise.js";
import type { Reviewed } from "../definitions/definitions.js";
import { speakCall } from "../mcp/describe-call.js";
import type { ServerConfig } from "../server-config.js";
import { buildRequest } from "./build-request.js";
import { describeOperation } from "./describe.js";
import { findOperation } from "./find-operation.js";
import type { Operation } from "./operation.js";
import { readRequest } from "./read-request.js";
import { serveCall } from "./serve-call.js";

/** Serves one request. */
export async function serveOperations(
  parts: GatewayParts,
  exchange: Exchange,
  { server, rest }: { readonly server: string; readonly rest: string },
): Promise<void> {
  const { config, openApis } = parts;
  const { req } = exchange;
  const serverConfig = config.servers.get(server);
  const { upstream, openapi } = serverConfig ?? {};
  const api = openapi === undefined ? undefined : openApis.of(openapi);
  const target = readTarget(rest);
  // a query may hold what no record should
  const here = { ...exchange, path: `/tools/${server}${target.kind === "target" ? target.raw : ""}` };
  /** INVARIANT: what there is, and what is wrong with a request, is told to those only who may know of it. */
  const refuseEarly = async (refusal: Refusal, call: Call): Promise<void> => {
    const [decision] = await askAbout(parts, here, [call], [], { upstream });
    if (decision === undefined) return refusePlainly(here, refuse("pdp_unavailable"));
    const said = decision.allow ? refusal : refusalOf(decision);
    refusePlainly(here, said, decision);
    conclude(parts, here, decision, { kind: "tool", outcome: "denied", status: said.status });
  };
  const speak = speakCall(server);
  if (serverConfig === undefined || upstream === undefined || api === undefined)
    return refuseEarly(refuse("unknown_server"), speak);
  if (target.kind === "refusal") return refuseEarly(target, speak);
  const found = findOperation(api, req.method ?? "", target);
  if (found.kind === "refusal") return refuseEarly(found, speak);
  const { operation, values } = found;
  const reviewed = await review(parts, here, server, serverConfig, operation);
  // one that looks like another server's is as if it weren't there
  if (reviewed === undefined) return refuseEarly(refuse("unknown_tool"), speak);
  const listed = describeOperation("tool.list", server, operation, reviewed.properties);
  const read = await readRequest(config, req, operation, { values, query: target.query });
  if (read.kind === "refusal") return refuseEarly(read, listed);
  const { args } = read;
  const request = buildRequest(api, operation, args);
  if (request.kind === "refusal") return refuseEarly(request, listed);
  const called = { server, config: serverConfig, upstream, api, operation, reviewed, args, request };
  return serveCall(parts, here, called);
}

/** Reviews an operation as any server's tool is. */
async function review(
  parts: GatewayParts,
  exchange: Exchange,
  server: string,
  config: ServerConfig,
  operation: Operation,
): Promise<Reviewed | undefined> {
  const { tools } = await parts.mcp.definitions.review(server, config, [operation.definition], (all) =>
    askAbout(
      parts,
      exchange,
      all.map((one) => describeOperation("tool.approve", server, operation, one.properties)),
      [],
      { passing: true },
    ),
  );
  return tools[0];
}
