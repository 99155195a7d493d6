/** The official server of examples by each of its transports. By HTTP under `make test-all` only: it takes its time to start. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { freePort } from "../../../free-port.js";
import type { JsonObject } from "../../../../sidecar/contract.js";
import type { Link, ServerMessage } from "../../../../gateway/tools/links/link.js";
import { until } from "../../world.js";
import type { Heard, Lab } from "./lab.js";
import { call, listener, nobody, opened, serverOf, startLab, textOf } from "./lab.js";

const everything = fileURLToPath(
  new URL("dist/index.js", import.meta.resolve("@modelcontextprotocol/server-everything/package.json")),
);
const slow = process.env["MCP_CONFORMANCE"] === "1" ? test : test.skip;
let lab: Lab;
beforeAll(() => {
  lab = startLab();
});
afterAll(() => lab.close());

async function goThrough(link: Link, { said }: Heard): Promise<void> {
  expect(link.hello).toMatchObject({
    serverInfo: { name: expect.stringContaining("everything") as unknown },
  });
  expect(textOf(await call(link, "echo", { message: "hi" }))).toBe("Echo: hi");
  const during: ServerMessage[] = [];
  const long = await call(
    link,
    "trigger-long-running-operation",
    { duration: 1, steps: 2 },
    {
      _meta: { progressToken: "p" },
      onMessage: (message) => during.push(message),
    },
  );
  expect(textOf(long)).toContain("completed");
  const progress = during.filter(({ method }) => method === "notifications/progress");
  expect(progress.map(({ params }) => params["progressToken"])).toEqual(["p", "p"]);
  // what it may ask depends on what the client can do; the question comes with the call, or beside it
  const asked = (): ServerMessage | undefined =>
    [...during, ...said].find(({ method }) => method === "elicitation/create");
  const answer = call(
    link,
    "trigger-elicitation-request",
    {},
    { onMessage: (message) => during.push(message) },
  );
  await until(() => asked() !== undefined);
  expect(await link.respond(asked()?.id ?? "", { result: { action: "decline" } }, nobody)).toBe(true);
  expect(JSON.stringify(await answer)).toContain("decline");
  await link.close();
}

const open = async (config: JsonObject): Promise<[Link, Heard]> => {
  const heard = listener({ elicitation: {} });
  const link = await opened(lab, serverOf(config), heard);
  link.listen({}, nobody);
  return [link, heard];
};

test("stdio", async () => {
  await goThrough(...(await open({ command: [process.execPath, everything, "stdio"] })));
});

slow.each([
  ["streamableHttp", "/mcp", "http"],
  ["sse", "/sse", "sse"],
])("%s", async (name, path, transport) => {
  const port = await freePort();
  const env = { PATH: process.env["PATH"], PORT: String(port) };
  const child = spawn(process.execPath, [everything, name], { env, stdio: ["ignore", "ignore", "pipe"] });
  try {
    let started = "";
    child.stderr.on("data", (piece: Buffer) => (started += piece.toString()));
    await until(() => started.includes("port"));
    await goThrough(...(await open({ url: `http://127.0.0.1:${port}${path}`, transport })));
  } finally {
    child.kill("SIGKILL");
  }
});

slow("a child that is silent at what it doesn't know is greeted as one of the older revisions", async () => {
  const child = fileURLToPath(new URL("child.js", import.meta.url));
  const command = [process.execPath, child, "silent at what it doesn't know"];
  const [link] = await open({ command });
  expect(link.era).toBe("session");
  await link.close();
});
