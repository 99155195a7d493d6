/** The headers of tasks: in from clients, and back to them. */
import type { IncomingMessage } from "node:http";
import type { Decision, Refusal, TaskHint } from "../../sidecar/contract.js";
import { refuse } from "../../sidecar/contract.js";
import type { CarriedTask } from "./carried.js";

export const taskHeader = "x-countersign-task";
const idHeader = "x-countersign-task-id";

/** Characters of the longest token, and of the longest hint. */
const longestToken = 8_192;
const longestHint = 256;
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Tells whether a text looks like a token; whose it is, the sidecar says. */
export function isTokenForm(text: string): boolean {
  return text.length <= longestToken && compactForm.test(text);
}

/** Reads a request's token, and what else its requests are grouped by; a token of no known form refuses. */
export function readTask({ headers }: Pick<IncomingMessage, "headers">): CarriedTask | Refusal {
  const token = headers[taskHeader];
  if (token !== undefined && !(typeof token === "string" && isTokenForm(token)))
    return refuse("task_token_invalid");
  return { ...(token === undefined ? {} : { token }), hints: readHints(headers) };
}

function readHints(headers: IncomingMessage["headers"]): TaskHint[] {
  const hints: TaskHint[] = [];
  const trace = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(text(headers["traceparent"]))?.[1];
  if (trace !== undefined && !/^0+$/.test(trace)) hints.push({ kind: "traceparent", id: trace });
  const session = text(headers["mcp-session-id"]);
  if (isHint(session)) hints.push({ kind: "mcp_session", id: session });
  const litellm = text(headers["x-litellm-trace-id"]);
  if (isHint(litellm)) hints.push({ kind: "litellm_trace", id: litellm });
  return hints;
}

function text(value: string | readonly string[] | undefined): string {
  return typeof value === "string" ? value : "";
}

function isHint(id: string): boolean {
  return id.length <= longestHint && /^[\x21-\x7e]+$/.test(id);
}

/** Adds what a body groups requests by: a conversation's id. */
export function hintAt({ hints }: CarriedTask, id: unknown): void {
  if (typeof id !== "string" || !isHint(id) || hints.some(({ kind }) => kind === "conversation")) return;
  hints.push({ kind: "conversation", id });
}

const none: Readonly<Record<string, string>> = {};

/** Gives the headers that tell a client of its task. */
export function taskHeaders({
  task,
  task_token: issued,
}: Pick<Decision, "task" | "task_token">): Readonly<Record<string, string>> {
  if (task === undefined) return none;
  return {
    ...(/^[\w.-]{1,128}$/.test(task.id) ? { [idHeader]: task.id } : {}),
    ...(issued === undefined ? {} : { [taskHeader]: issued.token }),
  };
}

/** Has an answer that hasn't begun tell the client of its task, whichever of its questions brought the token. */
export function tellTask(res: Tells | undefined, { issued }: CarriedTask): void {
  if (issued === undefined || typeof res?.setHeader !== "function" || res.headersSent === true) return;
  res.setHeader(taskHeader, issued.token);
}

interface Tells {
  readonly headersSent?: boolean;
  readonly setHeader?: (name: string, value: string) => unknown;
}
