/** Tasks that a client begins, looks at and ends: `POST /v1/tasks`, `GET /v1/tasks/{id}`, `POST /v1/tasks/{id}/end`. */
import type { Call, Json, JsonObject, Refusal, TaskPlan } from "../../sidecar/contract.js";
import { Fields, parsePlan, Problems, refuse, stringifyJson } from "../../sidecar/contract.js";
import type { Exchange, GatewayParts } from "../exchange.js";
import { askAbout, conclude, decisionHeaders } from "../exchange.js";
import { readJson, send } from "../http.js";
import { refusalOf } from "../models/refuse.js";
import { refusePlainly } from "../refuse.js";
import type { TaskAbout } from "./carried.js";

export type TaskAction = "create" | "read" | "end";

interface Wanted {
  readonly call: Call;
  readonly task?: TaskAbout;
}

/** Serves one of the routes of tasks. */
export async function serveTask(
  parts: GatewayParts,
  exchange: Exchange,
  action: TaskAction,
  id: string,
): Promise<void> {
  const wanted = action === "create" ? await readCreate(parts, exchange) : aboutOne(action, id);
  if ("kind" in wanted) return refusePlainly(exchange, wanted);
  const { call, task } = wanted;
  const [decision] = await askAbout(parts, exchange, [call], [], { task });
  if (decision === undefined) return refusePlainly(exchange, refuse("pdp_unavailable"));
  const refuseAs = (refusal: Refusal): void => {
    refusePlainly(exchange, refusal, decision);
    conclude(parts, exchange, decision, { kind: "task", outcome: "denied", status: refusal.status });
  };
  if (!decision.allow) return refuseAs(refusalOf(decision));
  const { task_token: issued, task_facts: facts, task: named } = decision;
  const give = (status: number, body: JsonObject): void => {
    const headers = { ...decisionHeaders(decision), "cache-control": "private, no-store" };
    const bytes = send(exchange.res, status, stringifyJson(body), headers);
    conclude(parts, exchange, decision, { kind: "task", outcome: "forwarded", status, bytes });
  };
  if (action === "create") {
    if (named === undefined || issued === undefined) return refuseAs(refuse("state_unavailable"));
    const { token, expires_at } = issued;
    return give(201, { id: named.id, token, expires_at, ...(facts === undefined ? {} : { task: facts }) });
  }
  // whose it is was found by its token: another's, and none, look the same
  if (named?.proven !== true || named.id !== id) return refuseAs(refuse("unknown_task"));
  if (action === "end") return give(200, { id, ended: true });
  return give(200, { id, ...(facts === undefined ? {} : { task: facts }) });
}

async function readCreate(parts: GatewayParts, exchange: Exchange): Promise<Wanted | Refusal> {
  const read = await readJson(exchange.req, parts.config.maxBody);
  if (read.kind === "refusal") return read;
  const problems = new Problems();
  const plan: TaskPlan = parsePlan(new Fields(read.value, "", problems), problems);
  const [problem] = problems.list;
  if (problem !== undefined) return refuse("invalid_request", problem);
  return {
    call: {
      kind: "task",
      action: { name: "task.create", properties: { phase: "request" } },
      resource: { type: "task", id: "new", properties: plan as unknown as Record<string, Json> },
    },
    task: { create: plan },
  };
}

function aboutOne(action: "read" | "end", id: string): Wanted {
  const call: Call = {
    kind: "task",
    action: { name: action === "read" ? "task.read" : "task.end", properties: { phase: "request" } },
    resource: { type: "task", id, properties: {} },
  };
  return action === "end" ? { call, task: { end: true } } : { call };
}
