/** An agent on the official A2A SDK, of 1.0 and 0.3, over both bindings, that remembers what it gets. */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { AgentCard, Message, Part, Task } from "@a2a-js/sdk";
import { Role, TaskState } from "@a2a-js/sdk";
import type { AgentExecutor, ExecutionEventBus, RequestContext } from "@a2a-js/sdk/server";
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import { agentCardHandler, jsonRpcHandler, restHandler, UserBuilder } from "@a2a-js/sdk/server/express";
import express from "express";

export interface AgentServer {
  readonly url: string;
  readonly received: {
    readonly path: string;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }[];
  /** The agent's own ids of its tasks. */
  readonly tasks: string[];
  /** Lets tasks go on that were told to wait. */
  goOn(): void;
  close(): Promise<void>;
}

const textPart = (value: string): Part => ({
  content: { $case: "text", value },
  metadata: undefined,
  filename: "",
  mediaType: "text/plain",
});

const said = (text: string, contextId: string, taskId: string): Message => ({
  messageId: randomUUID(),
  contextId,
  taskId,
  role: Role.ROLE_AGENT,
  parts: [textPart(text)],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
});

/** Words of the message tell what to do: `say`, `task`, `wait`. */
function createExecutor(tasks: string[], waiting: Set<() => void>): AgentExecutor {
  const canceled = new Set<string>();
  return {
    async execute({ userMessage, taskId, contextId, task }: RequestContext, bus: ExecutionEventBus) {
      const [first] = userMessage.parts;
      const text = first?.content?.$case === "text" ? first.content.value : "";
      if (text.startsWith("say")) {
        bus.publish(AgentEvent.message(said(`you said ${text}`, contextId, "")));
        bus.finished();
        return;
      }
      const status = (state: TaskState, message?: Message) => ({
        state,
        message,
        timestamp: new Date(0).toISOString(),
      });
      if (task === undefined) tasks.push(taskId);
      const made: Task = task ?? {
        ...{ id: taskId, contextId, artifacts: [], history: [userMessage], metadata: undefined },
        status: status(TaskState.TASK_STATE_SUBMITTED),
      };
      bus.publish(AgentEvent.task(made));
      const update = (state: TaskState, message?: Message): void => {
        const one = { taskId, contextId, status: status(state, message), metadata: undefined };
        bus.publish(AgentEvent.statusUpdate(one));
      };
      update(TaskState.TASK_STATE_WORKING, said("I begin", contextId, taskId));
      if (text.startsWith("wait")) await new Promise<void>((resolve) => waiting.add(resolve));
      if (canceled.has(taskId)) {
        update(TaskState.TASK_STATE_CANCELED);
        bus.finished();
        return;
      }
      bus.publish(
        AgentEvent.artifactUpdate({
          ...{ taskId, contextId, append: false, lastChunk: true, metadata: undefined },
          artifact: {
            ...{ artifactId: "a-1", name: "result", description: "", extensions: [], metadata: undefined },
            parts: [textPart(`done: ${text}`)],
          },
        }),
      );
      update(TaskState.TASK_STATE_COMPLETED);
      bus.finished();
    },
    cancelTask(taskId) {
      canceled.add(taskId);
      for (const resolve of waiting) resolve();
      return Promise.resolve();
    },
  };
}

export function cardOf(url: string): AgentCard {
  const at = (protocolBinding: string, path: string, protocolVersion: string) => ({
    ...{ url: `${url}${path}`, protocolBinding, protocolVersion, tenant: "" },
  });
  const skill = (id: string, tags: string[]) => ({
    ...{ id, name: id, description: `does ${id}`, tags, examples: [], inputModes: [], outputModes: [] },
    securityRequirements: [],
  });
  return {
    name: "helper",
    description: "helps",
    supportedInterfaces: [
      at("JSONRPC", "/rpc", "1.0"),
      at("HTTP+JSON", "/rest", "1.0"),
      at("JSONRPC", "/rpc", "0.3"),
    ],
    provider: { url: "https://example.com", organization: "Example" },
    version: "1",
    documentationUrl: "http://127.0.0.1/secret",
    capabilities: {
      streaming: true,
      pushNotifications: true,
      extendedAgentCard: true,
      extensions: [
        { uri: "https://example.com/ext/one", description: "", required: false, params: undefined },
        { uri: "https://example.com/ext/two", description: "", required: false, params: undefined },
      ],
    },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: ["text/plain"],
    defaultOutputModes: ["text/plain"],
    skills: [skill("greet", ["talk"]), skill("delete", ["danger"]), skill("internal.debug", [])],
    signatures: [],
  } as unknown as AgentCard;
}

export async function startAgent(): Promise<AgentServer> {
  const received: AgentServer["received"] = [];
  const tasks: string[] = [];
  const waiting = new Set<() => void>();
  const app = express();
  const http = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      received.push({
        path: req.url ?? "",
        headers: req.headers,
        body: Buffer.concat(chunks).toString(),
      });
    });
    app(req, res);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const card = cardOf(url);
  const extended = { ...card, skills: [...card.skills, { ...card.skills[0], id: "extra", name: "extra" }] };
  const requestHandler = new DefaultRequestHandler(
    card,
    new InMemoryTaskStore(),
    createExecutor(tasks, waiting),
    undefined,
    undefined,
    undefined,
    extended as AgentCard,
  );
  const userBuilder = UserBuilder.noAuthentication;
  const compat = { legacyCompat: { enabled: true } };
  app.use("/rpc", jsonRpcHandler({ requestHandler, userBuilder, ...compat }));
  app.use("/rest", restHandler({ requestHandler, userBuilder }));
  app.use("/.well-known/agent-card.json", agentCardHandler({ agentCardProvider: requestHandler }));
  return {
    url,
    received,
    tasks,
    goOn() {
      for (const resolve of waiting) resolve();
      waiting.clear();
    },
    close: () =>
      new Promise((resolve) => {
        http.close(() => {
          resolve();
        });
        http.closeAllConnections();
      }),
  };
}
