/** A real OpenSearch on this machine, from `deploy/opensearch.sh`. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../../free-port.js";

export interface OpenSearchNode {
  readonly url: string;
  /** Asks it itself. @throws Error where it refuses */
  ask(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** @param home where the jars are */
export async function startOpenSearch(home: string): Promise<OpenSearchNode> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const directory = mkdtempSync(join(tmpdir(), "opensearch-"));
  const started = spawn(
    "java",
    ["-Xmx512m", "-cp", `${home}/lib/*:${home}`, "Main", String(port), directory],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let said = "";
  started.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  started.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  let gone = false;
  const exited = new Promise<void>((resolve) =>
    started.on("exit", () => {
      gone = true;
      resolve();
    }),
  );
  const close = async (): Promise<void> => {
    if (!gone) started.kill("SIGTERM");
    await exited;
    rmSync(directory, { recursive: true, force: true });
  };
  const until = Date.now() + 120_000;
  while (
    !(await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (gone || Date.now() > until) {
      await close();
      throw new Error(`OpenSearch doesn't start: ${said.slice(-4_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return {
    url,
    close,
    async ask(method, path, body) {
      const type = typeof body === "string" ? "application/x-ndjson" : "application/json";
      const response = await fetch(url + path, {
        method,
        headers: body === undefined ? {} : { "content-type": type },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 2_000)}`);
      return JSON.parse(text) as Record<string, unknown>;
    },
  };
}
