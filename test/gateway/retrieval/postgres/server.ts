/** A real PostgreSQL for tests: a cluster of its own in a folder of its own, at a free port of this machine. */
import { spawn, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "../../../free-port.js";

export interface PostgresServer {
  /** `postgres://127.0.0.1:port/postgres` */
  readonly url: string;
  /** Of the superuser; for setting up. */
  readonly owner: pg.Pool;
  close(): Promise<void>;
}

const root = "/usr/lib/postgresql";

/** Gives the folder of the newest PostgreSQL's programs. @throws Error where there is none */
function programs(): string {
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  const [newest] = versions;
  if (newest === undefined) throw new Error("no PostgreSQL: make prerequisites installs it");
  return join(root, newest, "bin");
}

/** PostgreSQL refuses to run as root: there it runs as `postgres`, which its package makes. */
function unprivileged(): { uid: number; gid: number } | Record<string, never> {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number =>
    Number(spawnSync("id", [flag, "postgres"], { encoding: "utf8" }).stdout);
  return { uid: id("-u"), gid: id("-g") };
}

export async function startPostgres(): Promise<PostgresServer> {
  const bin = programs();
  const who = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), "cs-pg-"));
  if (who.uid !== undefined) chownSync(folder, who.uid, who.gid ?? 0);
  const data = join(folder, "data");
  const made = spawnSync(
    join(bin, "initdb"),
    [
      "-D",
      data,
      "-U",
      "owner",
      "-A",
      "trust",
      "-E",
      "UTF8",
      "--locale=C.UTF-8",
      "--no-sync",
      "--no-instructions",
    ],
    { ...who, cwd: folder, encoding: "utf8" },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = await freePort();
  const settings = {
    listen_addresses: "127.0.0.1",
    fsync: "off",
    unix_socket_directories: "",
    port: String(port),
  };
  const child = spawn(
    join(bin, "postgres"),
    [
      "-D",
      data,
      ...Object.entries({ ...settings, shared_buffers: "16MB" }).flatMap(([k, v]) => ["-c", `${k}=${v}`]),
    ],
    { ...who, cwd: folder, stdio: "ignore" },
  );
  const url = `postgres://127.0.0.1:${port}/postgres`;
  const owner = new pg.Pool({ host: "127.0.0.1", port, user: "owner", database: "postgres", max: 4 });
  owner.on("error", () => undefined);
  for (let tries = 0; ; tries++) {
    try {
      await owner.query("SELECT 1");
      break;
    } catch (error) {
      if (tries > 200 || child.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return {
    url,
    owner,
    async close() {
      await owner.end();
      const ended = new Promise((resolve) => child.once("exit", resolve));
      // immediate: nothing of it is kept
      child.kill("SIGQUIT");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
