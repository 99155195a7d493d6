/** A real Keycloak; in `make test-all` (KEYCLOAK=1), as it takes Java, a download of 160 MB and half a minute. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { startKeycloak, type Keycloak } from "./keycloak-world.js";
import { createWorld, type Members, type World } from "./world.js";

let keycloak: Keycloak;
let world: World | undefined;
const minutes = 60_000;

const exchange = {
  grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
  subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
};
const text = (tokens: Record<string, string>, name = "access_token"): string => tokens[name] ?? "";

function open(more: Members = {}): World {
  const issuer = { name: "keycloak", preset: "keycloak", issuer: keycloak.issuer, audience: "countersign" };
  world = createWorld(
    [{ ...issuer, tenants: ["acme"], ...more } as never],
    { unknownKeyIntervalMs: 1_000 },
    { now: Date.now },
  );
  return world;
}
async function identityOf(identifier: World, bearer: string): Promise<unknown> {
  const outcome = await identifier.identify({ bearer });
  return outcome.kind === "refusal" ? outcome.code : outcome.identity;
}

(process.env["KEYCLOAK"] === "1" ? describe : describe.skip)("Keycloak", () => {
  beforeAll(async () => {
    const said = execFileSync(join(process.cwd(), "deploy", "keycloak.sh"), { encoding: "utf8" });
    keycloak = await startKeycloak(said.trim().split("\n").at(-1) ?? "");
  }, 15 * minutes);
  afterEach(() => world?.close());
  afterAll(() => keycloak.close(), minutes);

  test("a person's token: groups, roles, scopes, authentication", async () => {
    expect(await identityOf(open(), text(await keycloak.signIn()))).toMatchObject({
      ...{ type: "user", tenant: "acme", issuer: keycloak.issuer, method: "jwt", assurance: "bearer" },
      groups: ["/research/nlp"],
      roles: ["ml-engineer"],
      scopes: expect.arrayContaining(["openid", "profile"]) as unknown,
      authentication: { context: "1" },
      claims: { azp: "assistant" },
    });
  });

  test("a service account's token is a workload's", async () => {
    const tokens = await keycloak.grant("batch", { grant_type: "client_credentials" });
    expect(await identityOf(open(), text(tokens))).toMatchObject({
      type: "workload",
      groups: ["/research"],
      roles: ["ml-engineer"],
    });
  });

  test("an exchanged token: the agent acts for the person", async () => {
    const person = text(await keycloak.signIn());
    const subject = (await identityOf(open(), person)) as { id: string };
    const exchanged = await keycloak.grant("agent", { ...exchange, subject_token: person });
    expect(await identityOf(open(), text(exchanged))).toMatchObject({
      type: "agent",
      id: "agent",
      groups: ["/research/nlp"],
      chain: [
        { type: "user", id: subject.id },
        { type: "agent", id: "agent" },
      ],
    });
    expect(await identityOf(open({ actor_depth: 0 }), text(exchanged))).toBe("token_claims");
  });

  test("its other tokens are refused", async () => {
    const tokens = await keycloak.signIn();
    const identifier = open({ audience: ["countersign", "assistant", keycloak.issuer] });
    expect(await identityOf(identifier, text(tokens, "id_token"))).toBe("token_type");
    // by a secret of Keycloak's own
    expect(await identityOf(identifier, text(tokens, "refresh_token"))).toBe("token_algorithm");
    expect(await identityOf(open({ audience: "other" }), text(tokens))).toBe("token_audience");
    const master = open({ issuer: `${keycloak.origin}/realms/master` });
    expect(await identityOf(master, text(tokens))).toBe("token_issuer");
  });

  test("another realm's metadata doesn't stand in for ours", async () => {
    const identifier = open({
      discovery: `${keycloak.origin}/realms/master/.well-known/openid-configuration`,
    });
    expect(await identityOf(identifier, text(await keycloak.signIn()))).toBe("issuer_unavailable");
    expect(identifier.events).toMatchObject([{ kind: "keys_failed", fault: "issuer_mismatch" }]);
  });

  test(
    "keys rotate under load with not one wrong refusal; what a dropped key signed is refused",
    async () => {
      const identifier = open();
      const refused: unknown[] = [];
      const keys = new Set<string>();
      let identified = 0;
      let going = true;
      let last = "";
      const worker = async (): Promise<void> => {
        while (going) {
          last = text(await keycloak.grant("batch", { grant_type: "client_credentials" }));
          keys.add(last.split(".")[0] ?? "");
          for (const bearer of [last, last]) {
            const outcome = await identifier.identify({ bearer });
            if (outcome.kind === "refusal") refused.push(outcome.code);
            else identified += 1;
          }
        }
      };
      const workers = Array.from({ length: 6 }, worker);
      for (const alg of ["RS256", "RS256", "ES256", "RS256"] as const) {
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        await keycloak.rotate({ alg });
      }
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      going = false;
      await Promise.all(workers);
      expect(refused).toEqual([]);
      expect(identified).toBeGreaterThan(100);
      // an algorithm is the client's setting, so the EC key signs nothing
      expect(keys.size).toBeGreaterThanOrEqual(4);

      const old = last;
      await keycloak.rotate({ drop: true });
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      const fresh = text(await keycloak.grant("batch", { grant_type: "client_credentials" }));
      expect(await identityOf(identifier, fresh)).toMatchObject({ type: "workload" });
      expect(await identityOf(identifier, old)).toBe("token_key_unknown");
    },
    2 * minutes,
  );
});
