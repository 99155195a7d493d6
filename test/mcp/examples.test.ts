/** The official example servers behind the gateway, by each transport that they have, to official clients of both lines. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { freePort } from "../free-port.js";
import type { World } from "../gateway/world.js";
import { allow, callerToken, deny, startWorld } from "../gateway/world.js";
import { root } from "../world.js";
import { connectV1, connectV2 } from "./clients/sdk.js";

const program = (name: string): string =>
  join(root, "node_modules/@modelcontextprotocol", `server-${name}`, "dist/index.js");
const children: ChildProcess[] = [];

/** Starts the server that has everything, and waits until it listens. */
async function startEverything(transport: "sse" | "streamableHttp", path: string): Promise<string> {
  const port = await freePort();
  const child = spawn(process.execPath, [program("everything"), transport], {
    env: { PATH: process.env["PATH"], PORT: String(port) },
    stdio: "ignore",
  });
  children.push(child);
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/nothing`).catch(() => undefined);
    if (answer !== undefined) return `http://127.0.0.1:${port}${path}`;
    if (child.exitCode !== null) throw new Error("it ended");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

let world: World;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "countersign-examples-"));
  await writeFile(join(folder, "note.txt"), "a note");
  const [http, sse] = await Promise.all([
    startEverything("streamableHttp", "/mcp"),
    startEverything("sse", "/sse"),
  ]);
  const child = (...argv: string[]) => ({ command: [process.execPath, ...argv], definitions: "off" });
  world = await startWorld({
    config: {
      servers: {
        http: { url: http, definitions: "off" },
        sse: { url: sse, transport: "sse", definitions: "off" },
        stdio: child(program("everything"), "stdio"),
        files: child(program("filesystem"), folder),
        memory: {
          ...child(program("memory")),
          env: { MEMORY_FILE_PATH: { value: join(folder, "memory.jsonl") } },
        },
      },
    },
  });
}, 60_000);
afterAll(async () => {
  await world.close();
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  world.sidecar.decide = allow;
});

const clients = [
  { client: "v1", connect: (url: string) => connectV1(url, callerToken) },
  { client: "v2", connect: (url: string) => connectV2(url, { pin: "2026-07-28" }, callerToken) },
];

describe.each(clients)("client $client", ({ connect }) => {
  const at = (server: string) => connect(`${world.url}/mcp/${server}`);

  test.each(["http", "sse", "stdio"])("everything, by %s", async (server) => {
    const client = await at(server);
    expect(await client.tools()).toEqual(expect.arrayContaining(["echo", "get-sum"]));
    expect(await client.call("echo", { message: "hello" })).toMatchObject({
      content: [{ text: "Echo: hello" }],
    });
    const seen: number[] = [];
    await client.call(
      "trigger-long-running-operation",
      { duration: 0.2, steps: 2 },
      { onprogress: ({ progress }) => seen.push(progress) },
    );
    // the client drops progress that comes together with the result; this server says the last just before it
    expect(seen[0]).toBe(1);
    const [resource = ""] = await client.resources();
    expect(await client.read(resource)).toMatchObject({ contents: [{ uri: resource }] });
    expect(await client.prompt("simple-prompt")).toMatchObject({ messages: [{ role: "user" }] });
    world.sidecar.decide = (call) =>
      call.resource.id.endsWith("/echo") ? deny("tool.echo")(call, {} as never) : { allow: true };
    expect(await client.tools()).not.toContain("echo");
    await expect(client.call("echo", { message: "hello" })).rejects.toMatchObject({ code: -32001 });
    await client.close();
  });

  test("files and memory: two children, each with its own", async () => {
    const files = await at("files");
    expect(await files.call("read_text_file", { path: join(folder, "note.txt") })).toMatchObject({
      content: [{ text: "a note" }],
    });
    world.sidecar.decide = (call) =>
      call.resource.id === "files/write_file" ? deny("tool.write")(call, {} as never) : { allow: true };
    await expect(
      files.call("write_file", { path: join(folder, "note.txt"), content: "another" }),
    ).rejects.toMatchObject({ code: -32001 });
    expect(await readFile(join(folder, "note.txt"), "utf8")).toBe("a note");
    const memory = await at("memory");
    const entities = [{ name: "Ada", entityType: "person", observations: ["counts"] }];
    await memory.call("create_entities", { entities });
    expect(JSON.stringify(await memory.call("read_graph"))).toContain("Ada");
    await files.close();
    await memory.close();
  });
});
