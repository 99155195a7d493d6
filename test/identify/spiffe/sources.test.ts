/** Where bundles come from: the Workload API on a real socket, endpoints over real TLS. */
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { createWorkloadApi } from "../../../sidecar/identify/spiffe/workload-api.js";
import { defaultSpiffeLimits, type SpiffeEvent } from "../../../sidecar/identify/spiffe/types.js";
import { ec } from "../world.js";
import { startAgent, svidOf, type Agent, type State } from "./agent.js";
import { createCa, svidLines, type Issued } from "./ca.js";
import { createPki, workload } from "./x509-svid.cases.js";
import {
  base64,
  createWorld,
  document,
  jwtEntry,
  jwtSvid,
  svidPayload,
  until,
  x509Entry,
  type SpiffeWorld,
} from "./world.js";

const ca = createCa();
const pki = createPki(ca);
const { root, otherRoot, intermediate } = pki;
const key = ec();
const opened: { close(): unknown }[] = [];
let count = 0;
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});
afterAll(() => ca.remove());
const closing = <T extends { close(): unknown }>(one: T): T => {
  opened.push(one);
  return one;
};
const agentAt = async (
  state: State,
  socket = join(ca.directory, `agent-${(count += 1)}.sock`),
): Promise<Agent> => {
  const agent = await startAgent(socket, state);
  closing({ close: agent.stop });
  return agent;
};
const acme = ca.issue({ by: root, extensions: svidLines(workload) });
const second = ca.issue({ by: otherRoot, extensions: svidLines(workload) });
const keysOf = (...keys: [ReturnType<typeof ec>, string][]): Buffer =>
  Buffer.from(JSON.stringify({ keys: keys.map(([pair, kid]) => jwtEntry(pair, kid)) }));
const domain = (bundle: object, name = "acme.example"): object => ({ name, tenants: ["acme"], bundle });

describe("the Workload API", () => {
  const over = (agent: Agent, more: object = {}, limits = {}): SpiffeWorld => {
    const bundle = { workload_api: `unix://${agent.socket}` };
    return closing(
      createWorld({ trust_domains: [domain(bundle)], audience: ["countersign"], ...more }, limits),
    );
  };
  const td = "spiffe://acme.example";

  test("gives authorities and keys; what it sends later counts at once", async () => {
    const agent = await agentAt({ x509: { [td]: root.der }, jwt: { [td]: keysOf([key, "j1"]) } });
    const world = over(agent);
    expect(await world.certificates(base64(acme))).toMatchObject({ kind: "verified" });
    expect(await world.token(jwtSvid(key, svidPayload(Date.now())))).toMatchObject({ kind: "verified" });
    expect(await world.certificates(base64(second))).toMatchObject({ code: "certificate_untrusted" });
    agent.set({ x509: { [td]: Buffer.concat([root.der, otherRoot.der]) } });
    await until(async () => (await world.certificates(base64(second))).kind === "verified");
    agent.set({ x509: { [td]: otherRoot.der } });
    await until(async () => (await world.certificates(base64(acme))).kind === "refusal");
    expect(await world.certificates(base64(acme))).toMatchObject({ code: "certificate_untrusted" });
  });

  test("believes no trust domain that isn't listed here, whatever the agent federates with", async () => {
    const federated = "spiffe://other.example";
    const agent = await agentAt({ x509: { [td]: root.der, [federated]: otherRoot.der }, jwt: {} });
    const other = ca.issue({ by: otherRoot, extensions: svidLines("spiffe://other.example/agent") });
    expect(await over(agent).certificates(base64(other))).toMatchObject({ code: "trust_domain_unknown" });
    const bundle = { workload_api: `unix://${agent.socket}` };
    const both = over(agent, { trust_domains: [domain(bundle), domain(bundle, "other.example")] });
    expect(await both.certificates(base64(other))).toMatchObject({ kind: "verified" });
    expect(await both.certificates(base64(second))).toMatchObject({ code: "certificate_untrusted" });
  });

  test("a trust domain that a message leaves out is trusted no longer", async () => {
    const agent = await agentAt({ x509: { [td]: root.der }, jwt: {} });
    const world = over(agent);
    expect(await world.certificates(base64(acme))).toMatchObject({ kind: "verified" });
    agent.set({ x509: { "spiffe://other.example": otherRoot.der } });
    await until(async () => (await world.certificates(base64(acme))).kind === "refusal");
    expect(await world.certificates(base64(acme))).toMatchObject({ code: "trust_bundle_unavailable" });
  });

  test("rotation with an overlap refuses nobody", async () => {
    const agent = await agentAt({ x509: { [td]: root.der }, jwt: {} });
    const world = over(agent);
    const refused: unknown[] = [];
    const check = async (leaf: Issued): Promise<void> => {
      const outcome = await world.certificates(base64(leaf));
      if (outcome.kind === "refusal") refused.push(outcome.code);
    };
    const again = ca.issue({ by: root, extensions: svidLines(workload) });
    await check(acme);
    agent.set({ x509: { [td]: Buffer.concat([root.der, otherRoot.der]) } });
    await until(async () => {
      await Promise.all([check(acme), check(again)]);
      return (await world.certificates(base64(second))).kind === "verified";
    });
    await Promise.all([check(acme), check(again), check(second)]);
    agent.set({ x509: { [td]: otherRoot.der } });
    await until(async () => (await world.certificates(base64(acme))).kind === "refusal");
    for (let i = 0; i < 20; i++) await check(second);
    expect(refused).toEqual([]);
    // a trust domain that is there is never said to be missing
    expect(world.events.filter(({ kind }) => kind === "trust_bundle_failed")).toEqual([]);
  });

  test("what can't be read harms its own trust domain only, which keeps its last good bundle", async () => {
    const agent = await agentAt({ x509: { [td]: root.der }, jwt: {} });
    const world = over(agent);
    expect(await world.certificates(base64(acme))).toMatchObject({ kind: "verified" });
    agent.set({ x509: { [td]: Buffer.from("no DER"), "spiffe://other.example": otherRoot.der } });
    await until(() => world.events.some((event) => event.kind === "trust_bundle_failed"));
    expect(world.events.at(-1)).toMatchObject({ fault: "invalid", trust_domain: "acme.example" });
    expect(await world.certificates(base64(acme))).toMatchObject({ kind: "verified" });
    world.pass(86_401_000);
    expect(await world.certificates(base64(acme))).toMatchObject({ code: "trust_bundle_unavailable" });
  });

  test("an agent that goes away and comes back is followed again; meanwhile the last good bundle serves", async () => {
    const agent = await agentAt({ x509: { [td]: root.der }, jwt: {} });
    const world = over(agent);
    expect(await world.certificates(base64(acme))).toMatchObject({ kind: "verified" });
    agent.stop();
    await until(() => world.events.some((event) => event.kind === "workload_api_failed"));
    expect(await world.certificates(base64(acme))).toMatchObject({ kind: "verified" });
    await agentAt({ x509: { [td]: otherRoot.der }, jwt: {} }, agent.socket);
    await until(async () => (await world.certificates(base64(second))).kind === "verified");
    expect(await world.certificates(base64(acme))).toMatchObject({ code: "certificate_untrusted" });
  });

  test("an agent that stays away is survived for a bounded time", async () => {
    const agent = await agentAt({ x509: { [td]: root.der }, jwt: {} });
    const world = over(agent, { survive_seconds: 60 });
    await world.certificates(base64(acme));
    agent.stop();
    await until(() => world.events.some((event) => event.kind === "workload_api_failed"));
    world.pass(61_000);
    expect(await world.certificates(base64(acme))).toMatchObject({ code: "trust_bundle_unavailable" });
  });

  test("streams that end are opened again", async () => {
    const agent = await agentAt({ x509: { [td]: root.der }, jwt: {} });
    const world = over(agent);
    await world.certificates(base64(acme));
    agent.drop();
    await until(() => agent.opened() >= 4);
    agent.set({ x509: { [td]: otherRoot.der } });
    await until(async () => (await world.certificates(base64(second))).kind === "verified");
  });

  test("nobody there: refused, after no longer than a first wait", async () => {
    const socket = join(ca.directory, "nobody.sock");
    const world = over({ socket } as Agent, {}, { firstWaitMs: 50 });
    expect(await world.certificates(base64(acme))).toMatchObject({ code: "trust_bundle_unavailable" });
  });
});

describe("our own SVID", () => {
  const from = (agent: Agent, spiffeId?: string) => {
    const events: SpiffeEvent[] = [];
    const api = createWorkloadApi({
      socket: agent.socket,
      ...(spiffeId === undefined ? {} : { spiffeId }),
      now: Date.now,
      onEvent: (event) => events.push(event),
      limits: { ...defaultSpiffeLimits, firstPauseMs: 20, firstWaitMs: 20_000 },
    });
    return { source: closing(api).svid(), events };
  };

  test("comes with its chain and key, and is followed as it rotates", async () => {
    const ours = ca.issue({ by: intermediate, extensions: svidLines(workload) });
    const agent = await agentAt({ svids: [svidOf(workload, ours, intermediate)] });
    const { source, events } = from(agent);
    let changes = 0;
    source.onChange(() => (changes += 1));
    await source.ready();
    expect(source.current()).toMatchObject({
      spiffeId: workload,
      cert: ours.pem + intermediate.pem,
      key: ours.keyPem,
    });
    const next = ca.issue({ by: intermediate, extensions: svidLines(workload) });
    agent.set({ svids: [svidOf(workload, next, intermediate)] });
    await until(() => source.current()?.key === next.keyPem);
    expect(changes).toBe(2);
    expect(events.map(({ kind }) => kind)).toEqual(["svid_changed", "svid_changed"]);
  });

  test("the wanted one of several", async () => {
    const other = "spiffe://acme.example/ns/prod/sa/gateway";
    const gateway = ca.issue({ by: root, extensions: svidLines(other) });
    const agent = await agentAt({ svids: [svidOf(workload, acme), svidOf(other, gateway)] });
    const { source } = from(agent, other);
    await source.ready();
    expect(source.current()?.spiffeId).toBe(other);
  });

  test.each<[string, (agent: Issued, other: Issued) => State]>([
    [
      "another one's key",
      (ours, other) => ({ svids: [{ ...svidOf(workload, ours), x509_svid_key: other.keyDer }] }),
    ],
    ["another id", (ours) => ({ svids: [svidOf("spiffe://acme.example/admin", ours)] })],
    ["no certificate", (ours) => ({ svids: [{ ...svidOf(workload, ours), x509_svid: Buffer.alloc(0) }] })],
    ["nothing for us", () => ({})],
  ])("not taken: %s", async (_name, state) => {
    const agent = await agentAt(state(acme, second));
    const { source, events } = from(agent);
    await source.ready();
    expect(source.current()).toBeUndefined();
    expect(events[0]?.kind).toBe("workload_api_failed");
  });
});

describe("bundle endpoints", () => {
  const endpointId = "spiffe://acme.example/endpoint";
  const webCa = ca.issue({
    extensions: ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"],
    subject: "/CN=web",
  });
  const webServer = ca.issue({ by: webCa, extensions: ["subjectAltName=DNS:localhost,IP:127.0.0.1"] });
  const endpoint = ca.issue({ by: root, extensions: svidLines(endpointId) });
  const bootstrap = ca.file("bootstrap.json", document([x509Entry(root)]));
  interface Served {
    body: string;
    status?: number;
    headers?: Record<string, string>;
    asked: number;
  }
  const serve = async ({ pem, keyPem }: Issued, served: Served): Promise<string> => {
    const server: Server = createServer({ cert: pem, key: keyPem }, (_req, res) => {
      served.asked += 1;
      res.writeHead(served.status ?? 200, { "content-type": "application/json", ...served.headers });
      res.end(served.body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing({
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    });
    return `https://localhost:${(server.address() as AddressInfo).port}/bundle`;
  };
  const web = (url: string, more: object = {}): object => {
    return { url, profile: "https_web", ca_file: webCa.certFile, addresses: "loopback", ...more };
  };
  const bySpiffe = (url: string, more: object = {}): object => {
    return {
      url,
      profile: "https_spiffe",
      endpoint_spiffe_id: endpointId,
      bootstrap_file: bootstrap,
      ...more,
    };
  };
  const over = (bundle: object, clock = Date.now): SpiffeWorld =>
    closing(createWorld({ trust_domains: [domain(bundle)] }, { mostPauseMs: 30_000 }, clock));
  const bundleOf = (sequence: number, ...authorities: Issued[]): string =>
    document(authorities.map(x509Entry), { spiffe_sequence: sequence });

  test("https_web: fetched when needed, and again as often as the bundle asks for", async () => {
    const served: Served = { body: bundleOf(1, root), asked: 0 };
    const world = over(web(await serve(webServer, served)));
    expect(await world.certificates(base64(acme))).toMatchObject({ kind: "verified" });
    await world.certificates(base64(acme));
    expect(served.asked).toBe(1);
    served.body = bundleOf(2, otherRoot);
    world.pass(125_000);
    expect(await world.certificates(base64(acme))).toMatchObject({ code: "certificate_untrusted" });
    expect(served.asked).toBe(2);
  });

  test("https_web: a sequence that goes back, or goes away, is not taken", async () => {
    const served: Served = { body: bundleOf(7, otherRoot), asked: 0 };
    const world = over(web(await serve(webServer, served)));
    expect(await world.certificates(base64(second))).toMatchObject({ kind: "verified" });
    for (const body of [bundleOf(6, root), JSON.stringify({ keys: [x509Entry(root)] })]) {
      served.body = body;
      world.pass(200_000);
      expect(await world.certificates(base64(acme))).toMatchObject({ code: "certificate_untrusted" });
      expect(await world.certificates(base64(second))).toMatchObject({ kind: "verified" });
    }
    expect(world.events).toContainEqual({
      kind: "trust_bundle_failed",
      trust_domain: "acme.example",
      fault: "rollback",
    });
  });

  test.each<[string, Partial<Served>, object, string]>([
    ["a redirect", { status: 302, headers: { location: "https://localhost/" } }, {}, "status"],
    ["an error", { status: 500 }, {}, "status"],
    ["HTML", { body: "<html>", headers: { "content-type": "text/html" } }, {}, "content_type"],
    ["no bundle", { body: "{}" }, {}, "invalid"],
    ["too large", { body: `"${"a".repeat(2 ** 20 + 10)}"` }, {}, "too_large"],
    ["an address that isn't allowed", {}, { addresses: "public" }, "address"],
    ["a CA that isn't the configured one", {}, { ca_file: root.certFile }, "network"],
  ])("https_web: %s is no bundle", async (_name, answer, more, fault) => {
    const served: Served = { body: bundleOf(1, root), asked: 0, ...answer };
    const world = over(web(await serve(webServer, served), more));
    expect(await world.certificates(base64(acme))).toMatchObject({ code: "trust_bundle_unavailable" });
    expect(world.events).toEqual([{ kind: "trust_bundle_failed", trust_domain: "acme.example", fault }]);
  });

  test("https_web: an endpoint that fails is asked at growing distances, not by each request", async () => {
    const served: Served = { body: "", status: 503, asked: 0 };
    const start = Date.now();
    const world = over(web(await serve(webServer, served)), () => start);
    for (let i = 0; i < 20; i++) await world.certificates(base64(acme));
    expect(served.asked).toBe(1);
    world.pass(1_500);
    await world.certificates(base64(acme));
    world.pass(1_500);
    await world.certificates(base64(acme));
    expect(served.asked).toBe(2);
  });

  test("https_spiffe: known by its id; the bundle that it gives counts for the next fetch", async () => {
    const served: Served = { body: bundleOf(1, root, otherRoot), asked: 0 };
    const world = over(bySpiffe(await serve(endpoint, served)));
    expect(await world.certificates(base64(acme))).toMatchObject({ kind: "verified" });
    served.body = bundleOf(2, otherRoot);
    world.pass(125_000);
    expect(await world.certificates(base64(acme))).toMatchObject({ code: "certificate_untrusted" });
    // the server's own certificate is by the authority that its bundle gave up
    world.pass(125_000);
    await world.certificates(base64(second));
    expect(world.events.at(-1)).toEqual({
      kind: "trust_bundle_failed",
      trust_domain: "acme.example",
      fault: "untrusted",
    });
  });

  test.each<[string, (id: string) => Issued]>([
    ["another workload", () => acme],
    ["its id by an unknown CA", (id) => ca.issue({ by: pki.strangerRoot, extensions: svidLines(id) })],
    ["a certificate of the web", () => webServer],
    [
      "a client's certificate",
      (id) =>
        ca.issue({ by: root, extensions: svidLines(id).map((line) => line.replace("serverAuth,", "")) }),
    ],
  ])("https_spiffe: %s is not the endpoint, and isn't asked", async (_name, server) => {
    const served: Served = { body: bundleOf(1, root), asked: 0 };
    const world = over(bySpiffe(await serve(server(endpointId), served)));
    expect(await world.certificates(base64(acme))).toMatchObject({ code: "trust_bundle_unavailable" });
    expect(world.events).toEqual([
      { kind: "trust_bundle_failed", trust_domain: "acme.example", fault: "untrusted" },
    ]);
    expect(served.asked).toBe(0);
  });
});
