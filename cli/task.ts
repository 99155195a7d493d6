import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Json, JsonObject } from "../sidecar/contract.js";
import { Fields, isObject, parseJson, parsePlan, Problems, stringifyJson } from "../sidecar/contract.js";
import type { Command, Io } from "./main.js";
import { UsageError } from "./main.js";

const options = {
  gateway: { type: "string", short: "g" },
  bearer: { type: "string" },
  "api-key": { type: "string" },
  task: { type: "string", short: "t" },
  purpose: { type: "string" },
  scope: { type: "string", multiple: true },
  budget: { type: "string", multiple: true },
  deadline: { type: "string" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

const who = ["gateway", "bearer", "api-key", "task"] as const;
const actions: Readonly<Record<string, { readonly run: typeof create; readonly takes: readonly string[] }>> =
  {
    create: { run: create, takes: [...who, "purpose", "scope", "budget", "deadline"] },
    show: { run: show, takes: who },
    end: { run: end, takes: who },
  };

export const taskCommand: Command = {
  summary: "tasks: begin one, look at it, end it",
  help: `countersign task: begins a task at a gateway, shows what policy sees of it, ends it

Usage: countersign task create --gateway URL (--bearer FILE | --api-key FILE) [--purpose NAME] [--scope SCOPE...]
                               [--budget UNIT=AMOUNT...] [--deadline TIME] [--task FILE]
       countersign task show   --gateway URL (--bearer FILE | --api-key FILE) --task FILE
       countersign task end    --gateway URL (--bearer FILE | --api-key FILE) --task FILE

create prints the task's token alone on standard output. Send it as X-Countersign-Task with each request of the task; a
newer one comes back in the same header before it ends. It is worth nothing to anybody else (docs/tasks.md).

Flags:
  -g, --gateway URL          the gateway, e.g. http://127.0.0.1:8080
      --bearer FILE          a file with your access token
      --api-key FILE         a file with your API key
  -t, --task FILE            a file with the task's token; with create, the task is made under it
      --purpose NAME         what the task is for: a-z, 0-9, _ . : -
      --scope SCOPE          a scope that it may use, of yours; repeatable
      --budget UNIT=AMOUNT   the most that it may use: requests, tokens, input_tokens, output_tokens, tool_calls,
                             distinct_tools, chunks, iterations, or cost=1.50EUR; repeatable
      --deadline TIME        when it ends, at the latest, e.g. 2026-01-31T12:00:00Z

Exit codes: 0 done, 1 refused or failed, 2 wrong usage

Examples:
  countersign task create -g http://127.0.0.1:8080 --api-key key --purpose research --budget tokens=100000 > task
  countersign task show   -g http://127.0.0.1:8080 --api-key key --task task
  countersign task end    -g http://127.0.0.1:8080 --api-key key --task task
`,
  async run(args, io) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [name = "", ...others] = positionals;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined || others.length > 0) throw new UsageError("give one of create, show, end");
    const foreign = Object.keys(values).find((flag) => !action.takes.includes(flag));
    if (foreign !== undefined) throw new UsageError(`${name} doesn't take --${foreign}`);
    return action.run(values, io);
  },
};

async function create(values: Values, io: Io): Promise<number> {
  const { purpose, scope, budget, deadline } = values;
  const plan: JsonObject = {
    ...(purpose === undefined ? {} : { purpose }),
    ...(scope === undefined ? {} : { scopes: scope }),
    ...(budget === undefined ? {} : { budget: readBudget(budget) }),
    ...(deadline === undefined ? {} : { deadline }),
  };
  const problems = new Problems();
  parsePlan(new Fields(plan, "", problems), problems);
  if (problems.list.length > 0) throw new UsageError(problems.list.join("; "));
  const answer = await ask(values, "POST", "/v1/tasks", plan);
  io.err(`task ${String(answer["id"])}, its token ends at ${String(answer["expires_at"])}\n`);
  io.out(`${String(answer["token"])}\n`);
  return 0;
}

async function show(values: Values, io: Io): Promise<number> {
  const answer = await ask(values, "GET", `/v1/tasks/${idIn(values)}`);
  io.out(`${JSON.stringify(JSON.parse(stringifyJson(answer)), undefined, 2)}\n`);
  return 0;
}

async function end(values: Values, io: Io): Promise<number> {
  const id = idIn(values);
  await ask(values, "POST", `/v1/tasks/${id}/end`);
  io.err(`ended ${id}\n`);
  return 0;
}

function readBudget(given: readonly string[]): JsonObject {
  const budget: JsonObject = {};
  for (const one of given) {
    const [unit = "", amount = ""] = one.split("=");
    const money = /^(\d+(?:\.\d+)?)([A-Z]{3})$/.exec(amount);
    if (unit === "cost" && money !== null)
      budget[unit] = { amount: money[1] ?? "", currency: money[2] ?? "" };
    else if (unit !== "cost" && /^\d{1,15}$/.test(amount)) budget[unit] = Number(amount);
    else throw new UsageError(`--budget ${one}: give UNIT=AMOUNT, or cost=1.50EUR`);
  }
  return budget;
}

/** Reads which task a token is of; whether it holds, the gateway says. */
function idIn({ task }: Values): string {
  if (task === undefined) throw new UsageError("give the task's token with --task FILE");
  const text = read(task);
  try {
    const [, payload = ""] = text.split(".");
    const value = parseJson(Buffer.from(payload, "base64url"));
    const context = isObject(value) ? value["tctx"] : undefined;
    const id = isObject(context) ? context["task"] : undefined;
    if (typeof id === "string" && /^[\w-]{1,64}$/.test(id)) return id;
  } catch {
    // said below
  }
  throw new Error(`${task} holds no task token`);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    throw new Error(`${file} can't be read`);
  }
}

async function ask(values: Values, method: "GET" | "POST", path: string, body?: Json): Promise<JsonObject> {
  const { gateway, bearer, "api-key": apiKey, task } = values;
  if (gateway === undefined) throw new UsageError("give the gateway's address with --gateway URL");
  if ((bearer === undefined) === (apiKey === undefined))
    throw new UsageError("give one of --bearer FILE and --api-key FILE");
  const answer = await fetch(new URL(path, gateway), {
    method,
    redirect: "error",
    headers: {
      ...(bearer === undefined ? {} : { authorization: `Bearer ${read(bearer)}` }),
      ...(apiKey === undefined ? {} : { "x-api-key": read(apiKey) }),
      ...(task === undefined ? {} : { "x-countersign-task": read(task) }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: stringifyJson(body) }),
  }).catch((error: unknown) => {
    const cause = (error as { cause?: { code?: unknown } } | null)?.cause?.code;
    throw new Error(
      `the gateway at ${gateway} doesn't answer${typeof cause === "string" ? ` (${cause})` : ""}; is it running there?`,
    );
  });
  const text = await answer.text();
  const value = readAnswer(text);
  if (answer.ok) return value;
  const { code, message, fix } = value;
  throw new Error(
    typeof code === "string"
      ? `${String(message)}; ${String(fix)} (${code})`
      : `the gateway answered with ${answer.status}`,
  );
}

function readAnswer(text: string): JsonObject {
  try {
    const value = parseJson(Buffer.from(text));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
