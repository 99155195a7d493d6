/** A real Keycloak on this machine, from `deploy/keycloak.sh`, with keys that can be rotated. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../free-port.js";
import { password, realm, secrets } from "./keycloak-realm.js";

export interface Keycloak {
  readonly issuer: string;
  readonly origin: string;
  /** Asks the token endpoint as a client; gives its answer's tokens. */
  grant(client: keyof typeof secrets, form: Record<string, string>): Promise<Record<string, string>>;
  /** Ann's tokens by the client `assistant`. */
  signIn(): Promise<Record<string, string>>;
  /** Adds a key of higher priority; drops the others where told to. */
  rotate(options?: { drop?: boolean; alg?: "RS256" | "ES256" }): Promise<void>;
  close(): Promise<void>;
}

const bootstrap = { username: "admin", password: "admin-of-the-test" };

/** @param home where Keycloak is unpacked and built */
export async function startKeycloak(home: string): Promise<Keycloak> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  mkdirSync(join(home, "data", "import"), { recursive: true });
  writeFileSync(join(home, "data", "import", "acme-realm.json"), JSON.stringify(realm));
  const started = spawn(
    join(home, "bin", "kc.sh"),
    [
      ...["start", "--optimized", "--import-realm", "--http-enabled=true", `--http-port=${port}`],
      ...["--http-host=127.0.0.1", `--hostname=${origin}`, "--log-level=warn"],
    ],
    {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        JAVA_OPTS_KC_HEAP: "-Xms128m -Xmx512m",
        KC_BOOTSTRAP_ADMIN_USERNAME: bootstrap.username,
        KC_BOOTSTRAP_ADMIN_PASSWORD: bootstrap.password,
      },
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
    // the script's whole group: the server is its child
    if (!gone && started.pid !== undefined) process.kill(-started.pid, "SIGTERM");
    await exited;
  };
  const issuer = `${origin}/realms/acme`;
  const until = Date.now() + 240_000;
  while (
    !(await fetch(issuer).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (gone || Date.now() > until) {
      await close();
      throw new Error(`Keycloak doesn't start: ${said.slice(-4_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }

  async function post(url: string, form: Record<string, string>): Promise<Record<string, string>> {
    const response = await fetch(url, { method: "POST", body: new URLSearchParams(form) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
    return JSON.parse(text) as Record<string, string>;
  }
  const endpoint = "protocol/openid-connect/token";
  const grant: Keycloak["grant"] = (client, form) =>
    post(`${issuer}/${endpoint}`, { client_id: client, client_secret: secrets[client], ...form });

  async function admin(path: string, method = "GET", body?: unknown): Promise<unknown> {
    const form = { grant_type: "password", client_id: "admin-cli", ...bootstrap };
    const { access_token: token } = await post(`${origin}/realms/master/${endpoint}`, form);
    const response = await fetch(`${origin}/admin/realms/acme${path}`, {
      method,
      headers: { authorization: `Bearer ${token ?? ""}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  let priority = 200;
  return {
    issuer,
    origin,
    grant,
    signIn: () => grant("assistant", { grant_type: "password", username: "ann", password, scope: "openid" }),
    async rotate({ drop = false, alg = "RS256" } = {}) {
      const type = "org.keycloak.keys.KeyProvider";
      const old = (await admin(`/components?type=${type}`)) as { id: string; providerId: string }[];
      priority += 1;
      await admin("/components", "POST", {
        name: `key-${priority}`,
        providerId: alg === "RS256" ? "rsa-generated" : "ecdsa-generated",
        providerType: type,
        config: {
          priority: [String(priority)],
          enabled: ["true"],
          active: ["true"],
          ...(alg === "RS256"
            ? { keySize: ["2048"], algorithm: ["RS256"] }
            : { ecdsaEllipticCurveKey: ["P-256"] }),
        },
      });
      if (!drop) return;
      for (const { id, providerId } of old) {
        if (/^(?:rsa|ecdsa)-generated$/.test(providerId)) await admin(`/components/${id}`, "DELETE");
      }
    },
    close,
  };
}
