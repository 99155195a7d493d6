/** Sends the scenarios through the running gateway as a client would, and tells what came of each. */
import { randomUUID } from "node:crypto";
import { isObject, parseJson } from "../sidecar/contract.js";
import type { Json, JsonObject } from "../sidecar/contract.js";
import { identities } from "./identities.js";
import type { DemoIssuer } from "./issuer.js";
import type { Scenario } from "./scenario.js";

export interface Step {
  readonly scenario: Scenario;
  readonly allowed: boolean;
  /** Reason code and rule of a denial; the rules that held of an allow are in the decision log. */
  readonly reason: string;
  readonly rule: string;
  readonly cache: string;
  readonly decisionId: string;
  readonly milliseconds: number;
  /** Why this outcome isn't the expected one. */
  readonly unexpected?: string;
}

export interface TourParts {
  readonly gatewayUrl: string;
  readonly issuer: Pick<DemoIssuer, "token">;
  readonly fetch: typeof fetch;
}

/** Takes the tour, one scenario after the other. */
export async function takeTour(scenarios: readonly Scenario[], parts: TourParts): Promise<Step[]> {
  const steps: Step[] = [];
  const stories = new Map<string, Story>();
  for (const scenario of scenarios) steps.push(await take(scenario, storyOf(scenario, stories), parts));
  return steps;
}

/** What the steps of a story have in common; of the others each is for itself. */
interface Story {
  readonly user?: string;
  /** The token of its task. */
  task?: string;
}

function storyOf({ who, story }: Scenario, stories: Map<string, Story>): Story {
  if (story === undefined || who === "nobody") return {};
  const begun = stories.get(story) ?? { user: `${randomUUID().slice(0, 8)}.${identities[who].sub}` };
  stories.set(story, begun);
  return begun;
}

async function take(scenario: Scenario, story: Story, parts: TourParts): Promise<Step> {
  const { gatewayUrl, issuer, fetch } = parts;
  const headers: Record<string, string> = { accept: "application/json, text/event-stream" };
  if (scenario.who !== "nobody") {
    const token = await issuer.token(scenario.who, story.user === undefined ? {} : { sub: story.user });
    headers["authorization"] = `Bearer ${token}`;
  }
  if (story.task !== undefined) headers["x-countersign-task"] = story.task;
  const { method, path, body, more = {} } = wire(scenario.request);
  Object.assign(headers, more);
  if (body !== undefined) headers["content-type"] = "application/json";
  const from = performance.now();
  const response = await fetch(`${gatewayUrl}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const task = response.headers.get("x-countersign-task");
  if (story.user !== undefined && task !== null) story.task = task;
  const milliseconds = performance.now() - from;
  const answer = read(text);
  const refusal = refusalIn(answer);
  const allowed = response.ok && refusal === undefined;
  const reason = firstReason(refusal);
  const step = {
    scenario,
    allowed,
    reason: allowed ? "" : (reason.code ?? `status ${response.status}`),
    rule: response.headers.get("x-countersign-rule") ?? reason.rule ?? "",
    cache: response.headers.get("x-countersign-cache") ?? "",
    decisionId: response.headers.get("x-countersign-decision-id") ?? "",
    milliseconds,
  };
  const unexpected = judge(scenario, step, answer, text) ?? judgeLed(scenario, refusal);
  return unexpected === undefined ? step : { ...step, unexpected };
}

interface Wired {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** Headers beside those of all. */
  readonly more?: Readonly<Record<string, string>>;
}

function wire(request: Scenario["request"]): Wired {
  switch (request.kind) {
    case "chat":
      return {
        method: "POST",
        path: "/v1/chat/completions",
        body: {
          model: request.model,
          messages: [{ role: "user", content: "Which of our documents mention holidays?" }],
          ...(request.stream === true ? { stream: true } : {}),
        },
      };
    case "message":
      return {
        method: "POST",
        path: "/v1/messages",
        body: {
          model: request.model,
          max_tokens: 256,
          messages: [{ role: "user", content: "Which of our documents mention holidays?" }],
        },
      };
    case "function":
      return {
        method: "POST",
        path: "/v1/chat/completions",
        body: {
          model: request.model,
          messages: [{ role: "user", content: `Tidy up. call:${request.calls}` }],
          tools: ["read_file", "delete_file"].map((name) => ({
            type: "function",
            function: { name, parameters: { type: "object", properties: { path: { type: "string" } } } },
          })),
        },
      };
    case "models":
      return { method: "GET", path: "/v1/models" };
    case "task":
      return { method: "POST", path: "/v1/tasks", body: request.plan };
    case "tools":
      return askServer(request.server, "tools/list", {});
    case "tool":
      return askServer(request.server, "tools/call", { name: request.tool, arguments: request.arguments });
    case "query":
      return {
        method: "POST",
        path: `/v1/retrieval/${request.collection}/query`,
        body: { query: request.query, top_k: 5 },
      };
    case "store":
      return {
        method: request.method,
        path: `/stores/${request.path}`,
        ...(request.body === undefined ? {} : { body: request.body }),
      };
  }
}

/** A request of MCP 2026-07-28, which needs no session. */
function askServer(
  server: string,
  method: string,
  params: { readonly name?: string; readonly arguments?: object },
): Wired {
  const version = "2026-07-28";
  const meta = "io.modelcontextprotocol";
  const _meta = {
    [`${meta}/protocolVersion`]: version,
    [`${meta}/clientInfo`]: { name: "countersign-tour", version: "1.0.0" },
    [`${meta}/clientCapabilities`]: {},
  };
  return {
    method: "POST",
    path: `/mcp/${server}`,
    body: { jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } },
    more: {
      ...{ "mcp-protocol-version": version, "mcp-method": method },
      ...(params.name === undefined ? {} : { "mcp-name": params.name }),
    },
  };
}

/** Reads JSON, or the last JSON event of a stream. */
function read(text: string): Json {
  const events = [...text.matchAll(/^data: (\{.*\})\s*$/gm)].map((match) => match[1] ?? "");
  try {
    return parseJson(events.at(-1) ?? text);
  } catch {
    return null;
  }
}

/** Finds the refusal in any of the protocols' forms. */
function refusalIn(answer: Json): JsonObject | undefined {
  if (!isObject(answer)) return undefined;
  const error = answer["error"];
  if (isObject(error)) {
    const told = error["data"] ?? error["countersign"];
    return isObject(told) ? told : error;
  }
  return answer["code"] === undefined ? undefined : answer;
}

function firstReason(refusal: JsonObject | undefined): { code?: string; rule?: string } {
  const reasons = refusal?.["reasons"];
  const first = Array.isArray(reasons) ? reasons[0] : undefined;
  // what an allow could not be done with has a code of its own; the reasons are the allow's then
  const own = refusal?.["code"];
  if (typeof own === "string" && own !== "denied") return { code: own };
  const { code, rule } = isObject(first) ? first : (refusal ?? {});
  return {
    ...(typeof code === "string" ? { code } : {}),
    ...(typeof rule === "string" ? { rule } : {}),
  };
}

function judge(
  { expect }: Scenario,
  step: { allowed: boolean; reason: string },
  answer: Json,
  text: string,
): string | undefined {
  if (expect.says !== undefined && !text.includes(expect.says)) return `expected ${expect.says}`;
  if (expect.lacks !== undefined && text.includes(expect.lacks)) return `expected no ${expect.lacks}`;
  if (step.allowed !== expect.allowed) return `expected ${expect.allowed ? "allowed" : "denied"}`;
  if (expect.reason !== undefined && step.reason !== expect.reason) return `expected reason ${expect.reason}`;
  if (expect.lists !== undefined) {
    const names = listed(answer);
    if (names.sort().join() !== [...expect.lists].sort().join())
      return `expected exactly ${expect.lists.join(", ")}; got ${names.join(", ")}`;
  }
  return undefined;
}

/** Compares what led to a denial with what was expected: labels and what they came by, in order. */
function judgeLed({ expect: { led } }: Scenario, refusal: JsonObject | undefined): string | undefined {
  if (led === undefined) return undefined;
  const reasons = refusal?.["reasons"];
  const [first] = Array.isArray(reasons) ? reasons : [];
  const told = isObject(first) ? first["led_here"] : undefined;
  const steps = (Array.isArray(told) ? told : []).map((step) =>
    isObject(step) ? `${String(step["label"])} by ${String(step["resource"])}` : "",
  );
  const missing = led.find(([label, resource]) => !steps.includes(`${label} by ${resource}`));
  return missing === undefined ? undefined : `expected ${missing.join(" by ")}; got ${steps.join(", ")}`;
}

/** The ids or names in a list answer: of models, of tools, of documents by either door. */
function listed(answer: Json): string[] {
  if (!isObject(answer)) return [];
  const { result, hits, documents, data } = answer;
  const items = isObject(result) ? result["tools"] : isObject(hits) ? hits["hits"] : (documents ?? data);
  if (!Array.isArray(items)) return [];
  return items.map((item) => (isObject(item) ? String(item["id"] ?? item["_id"] ?? item["name"]) : ""));
}

/** Draws the table. */
export function drawTour(steps: readonly Step[]): string {
  const rows = steps.map((step) => [
    step.scenario.who,
    step.scenario.asks,
    step.allowed ? "allowed" : "denied",
    step.reason,
    step.rule,
    step.cache === "none" ? "evaluated" : step.cache === "" ? "" : `cached (${step.cache})`,
    step.milliseconds.toFixed(1),
    step.unexpected === undefined ? "" : `✗ ${step.unexpected}`,
  ]);
  const head = ["who", "asks to", "outcome", "reason", "rule", "decision", "ms", ""];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return `${[head, widths.map((width) => "─".repeat(width)), ...rows].map(line).join("\n")}\n`;
}
