/** An agent on the official A2A SDK that works with the task token that it was handed. */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Role } from "@a2a-js/sdk";
import type { AgentExecutor } from "@a2a-js/sdk/server";
import { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import { jsonRpcHandler, UserBuilder } from "@a2a-js/sdk/server/express";
import express from "express";
import { cardOf } from "../gateway/agents/agent-server.js";

export interface SubAgent {
  readonly url: string;
  /** What it does with a message; its answer says what this gives. */
  work: (handed: string | undefined) => Promise<void>;
  close(): Promise<void>;
}

export async function startSubAgent(): Promise<SubAgent> {
  const tokens = new AsyncLocalStorage<string | undefined>();
  const executor: AgentExecutor = {
    async execute({ contextId }, bus) {
      await agent.work(tokens.getStore());
      bus.publish(
        AgentEvent.message({
          ...{ messageId: randomUUID(), contextId, taskId: "", role: Role.ROLE_AGENT, metadata: undefined },
          ...{ extensions: [], referenceTaskIds: [] },
          parts: [
            {
              content: { $case: "text", value: "done" },
              ...{ metadata: undefined, filename: "", mediaType: "text/plain" },
            },
          ],
        }),
      );
      bus.finished();
    },
    cancelTask: () => Promise.resolve(),
  };
  const app = express();
  const http = createServer((req, res) => {
    const token = req.headers["x-countersign-task"];
    tokens.run(typeof token === "string" ? token : undefined, () => {
      app(req, res);
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const requestHandler = new DefaultRequestHandler(cardOf(url), new InMemoryTaskStore(), executor);
  app.use("/rpc", jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
  const agent: SubAgent = {
    url,
    work: () => Promise.resolve(),
    close: () =>
      new Promise((resolve) => {
        http.close(() => {
          resolve();
        });
        http.closeAllConnections();
      }),
  };
  return agent;
}
