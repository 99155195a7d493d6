/** Tool servers that are children, and do what no server should. */
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { JsonObject } from "../../../../sidecar/contract.js";
import type { Link, LinkAnswer, ServerMessage } from "../../../../gateway/tools/links/link.js";
import type { ServerConfig } from "../../../../gateway/tools/server-config.js";
import { until } from "../../world.js";
import type { Heard, Lab } from "./lab.js";
import { call, listener, never, nobody, opened, serverOf, startLab, textOf } from "./lab.js";

const script = fileURLToPath(new URL("child.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "links-"));
let lab: Lab;
beforeEach(() => {
  lab = startLab({ environment: { PATH: process.env["PATH"], HOME: "/nowhere", SECRET_OF_OURS: "x" } });
});
afterEach(() => lab.close());

let files = 0;
const newFile = (): string => join(directory, String(++files));
const childOf = (mode = "", more: JsonObject = {}, file = ""): ServerConfig =>
  serverOf({
    command: [process.execPath, script, mode, file],
    restart: { min_ms: 1, max_ms: 20 },
    stop_ms: 100,
    ...more,
  });
const known: JsonObject = { revision: "2025-11-25" };
const open = (config: ServerConfig, heard: Heard = listener()): Promise<Link> => opened(lab, config, heard);
const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // a zombie is none
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};
const pidOf = async (link: Link): Promise<number> => Number(textOf(await call(link, "pid")));

describe("a child", () => {
  test("has of our environment what it needs, and what it is given", async () => {
    const config = childOf("", { ...known, cwd: "/", env: { TOKEN: { value: "given" } } });
    const link = await open(config);
    const env = JSON.parse(String(textOf(await call(link, "env")))) as Record<string, string>;
    expect(env).toEqual({ PATH: process.env["PATH"], HOME: "/nowhere", TOKEN: "given" });
    expect(textOf(await call(link, "cwd"))).toBe("/");
  });

  test("isn't read by a shell", async () => {
    const config = serverOf({ command: [process.execPath, script, "$(exit 1)", "; exit 1"], ...known });
    expect(textOf(await call(await open(config), "echo", { text: "$HOME" }))).toBe("$HOME");
  });

  test.each([
    ["exits at what it doesn't know", "session"],
    ["old", "session"],
    ["modern", "stateless"],
  ])("that %s is found to speak with a %s", async (mode, era) => {
    const link = await open(childOf(mode));
    expect(link.era).toBe(era);
    expect(textOf(await call(link, "echo", { text: "hi" }))).toBe("hi");
  });

  test.each([
    ["future", "upstream_invalid"],
    ["dies", "upstream_unavailable"],
  ])("that %s can't be linked to", async (mode, code) => {
    expect(await lab.open(childOf(mode, known), listener().holder, nobody, never)).toMatchObject({ code });
  });

  test("that doesn't exist can't be linked to", async () => {
    const config = serverOf({ command: ["/nowhere/at/all"], ...known });
    expect(await lab.open(config, listener().holder, nobody, never)).toMatchObject({
      code: "upstream_unavailable",
    });
  });

  test("is one for each link, also of one caller's", async () => {
    const config = childOf("", known);
    const heard = listener();
    const [one, other] = [await open(config, heard), await open(config, heard)];
    expect(await pidOf(one)).not.toBe(await pidOf(other));
  });

  test("has no more than its share, nor all together more than there may be", async () => {
    const config = childOf("", { ...known, max_children: 8 });
    const links = [await open(config), await open(config)];
    const refused = { kind: "failed", code: "too_many_sessions" };
    expect(await lab.open(config, listener().holder, nobody, never)).toEqual(refused);
    for (const id of ["bob", "carol", "dave"])
      for (let i = 0; i < 2; i++) links.push(await open(config, listener({}, id)));
    expect(await lab.open(config, listener({}, "eve").holder, nobody, never)).toEqual(refused);
    await links[0]?.close();
    await open(config, listener({}, "eve"));
  });

  test("that had nothing to do for a minute makes room for another of the same caller's", async () => {
    let now = Date.now();
    const events: string[] = [];
    const later = startLab({
      environment: { PATH: process.env["PATH"] },
      clock: () => now,
      happened: (_server, event) => events.push(event),
    });
    const config = childOf("", { ...known, max_children: 8 });
    const [first, second] = [listener(), listener()];
    await opened(later, config, first);
    now += 30_000;
    const used = await opened(later, config, second);
    now += 31_000;
    await opened(later, config, listener());
    expect([first.lost, second.lost]).toEqual([1, 0]);
    expect(textOf(await call(used, "echo", { text: "hi" }))).toBe("hi");
    expect(await later.open(config, listener().holder, nobody, never)).toMatchObject({
      code: "too_many_sessions",
    });
    now += 61_000;
    const waiting = call(used, "hang");
    await opened(later, config, listener());
    expect(second.lost).toBe(0);
    const counted = ["started", "started", "stopped", "started", "too_many", "stopped", "started"];
    expect(events).toEqual(counted);
    await later.close();
    await waiting;
  });

  test("and all that it forked is ended with its link", async () => {
    const link = await open(childOf("stays", known));
    const pids = [
      await pidOf(link),
      ...String(textOf(await call(link, "forks")))
        .split(" ")
        .map(Number),
    ];
    expect(pids.every(alive)).toBe(true);
    await link.close();
    await until(() => !pids.some(alive));
  });

  test("that ends leaves nothing that it forked", async () => {
    const file = newFile();
    const heard = listener();
    const link = await open(childOf("", known, file), heard);
    expect(await call(link, "forks, then exit")).toEqual({ kind: "failed", code: "upstream_unavailable" });
    expect(heard.lost).toBe(1);
    const pid = Number(readFileSync(file, "utf8"));
    await until(() => !alive(pid));
  });

  test("that has nothing to do is ended, and its holder told", async () => {
    const heard = listener();
    const link = await open(childOf("", { ...known, idle_ms: 2_000 }), heard);
    const pid = await pidOf(link);
    await until(() => heard.lost === 1);
    expect(alive(pid)).toBe(false);
  });

  test("that quotes a secret that it was given fails the call, and goes on", async () => {
    const env = { TOKEN: { env: "TOKEN_OF_THE_SERVER" }, SETTING: { value: "https://setting.example" } };
    const link = await open(childOf("", { ...known, env }));
    const invalid = { kind: "failed", code: "upstream_invalid" };
    expect(await call(link, "echo", { text: "it is from-TOKEN_OF_THE_SERVER" })).toEqual(invalid);
    expect(textOf(await call(link, "echo", { text: "at https://setting.example" }))).toBe(
      "at https://setting.example",
    );
  });

  test("what it writes to stderr is counted, and kept from the log", async () => {
    const link = await open(childOf("", known));
    expect(textOf(await call(link, "stderr"))).toBe("said");
    await link.close();
    expect(lab.log.join("\n")).toContain('"stderr_bytes":20000');
    expect(lab.log.join("\n")).not.toContain("secret-of-the-child");
  });

  test("an aborted request is cancelled by our id of it", async () => {
    const file = newFile();
    const link = await open(childOf("", known, file));
    const aborts = new AbortController();
    const answer = call(link, "hang", {}, { signal: aborts.signal });
    aborts.abort();
    expect(await answer).toEqual({ kind: "aborted" });
    await until(() => existsSync(file) && readFileSync(file, "utf8") !== "");
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ requestId: 2 });
  });

  test("its request comes to the request under way, and is answered once", async () => {
    const link = await open(childOf("", known), listener({ elicitation: {} }));
    const said: ServerMessage[] = [];
    const answer = call(link, "ask", {}, { onMessage: (message) => said.push(message) });
    await until(() => said.length === 1);
    expect(said).toMatchObject([{ method: "elicitation/create", params: { message: "who?" } }]);
    const [{ id = "" } = {}] = said;
    expect(id).not.toBe("mine");
    expect(await link.respond(id, { result: { action: "accept" } }, nobody)).toBe(true);
    expect(await link.respond(id, { result: { action: "accept" } }, nobody)).toBe(false);
    expect(textOf(await answer)).toBe("accept");
  });
});

const failed = (code: string): unknown => ({ kind: "failed", code });
const said = (text: string): unknown => ({ kind: "result", result: { content: [{ type: "text", text }] } });
/** What a child may do to a call; nothing of it may reach the caller but this. */
const attacks: { name: string; answer: unknown; lost?: true }[] = [
  { name: "wrong id", answer: failed("upstream_timeout") },
  { name: "id as text", answer: failed("upstream_timeout") },
  { name: "no id", answer: failed("upstream_timeout") },
  { name: "both result and error", answer: failed("upstream_timeout") },
  { name: "duplicate keys", answer: failed("upstream_timeout") },
  { name: "a batch", answer: failed("upstream_timeout") },
  { name: "not utf-8", answer: failed("upstream_timeout") },
  { name: "hang", answer: failed("upstream_timeout") },
  { name: "twice", answer: said("first") },
  { name: "some garbage", answer: said("well") },
  { name: "progress of others", answer: said("done") },
  { name: "garbage", answer: failed("upstream_invalid"), lost: true },
  { name: "a huge line", answer: failed("upstream_invalid"), lost: true },
  { name: "endless talk", answer: failed("upstream_invalid"), lost: true },
  { name: "exit", answer: failed("upstream_unavailable"), lost: true },
  { name: "half a line, then exit", answer: failed("upstream_unavailable"), lost: true },
  { name: "endless progress", answer: failed("upstream_invalid") },
];

interface Came {
  readonly given: LinkAnswer;
  readonly lost: number;
  readonly messages: readonly ServerMessage[];
  /** What the next call gets. */
  readonly next: unknown;
}
async function callBy(own: Lab, name: string, request_ms: number): Promise<Came> {
  const heard = listener();
  const config = childOf("", { ...known, max_message_bytes: 65_536, timeouts: { request_ms } });
  const link = await opened(own, config, heard);
  const messages: ServerMessage[] = [];
  const onMessage = (message: ServerMessage): void => void messages.push(message);
  const given = await call(link, name, {}, { _meta: { progressToken: "client" }, onMessage });
  const { lost } = heard;
  const next = lost > 0 ? undefined : textOf(await call(link, "echo", { text: "still here" }));
  return { given, lost, messages, next };
}
/** Those that end by a time that is up: at once, so that it can be more than a busy machine's pause. */
const late = new Map<string, Promise<Came>>();
let waiting: Lab;
beforeAll(() => {
  waiting = startLab({ environment: { PATH: process.env["PATH"] } });
  for (const { name, answer } of attacks)
    if (JSON.stringify(answer).includes("timeout")) late.set(name, callBy(waiting, name, 2_500));
  for (const came of late.values()) came.catch(() => undefined);
});
afterAll(() => waiting.close());

test.each(attacks)("a call is answered by: $name", async ({ name, answer, lost }) => {
  const came = await (late.get(name) ?? callBy(lab, name, 20_000));
  expect(came.given).toEqual(answer);
  if (name !== "endless talk")
    for (const { method } of came.messages) expect(method).toBe("notifications/progress");
  expect(came.messages.length).toBeLessThanOrEqual(10_000);
  if (name === "progress of others") expect(came.messages.length).toBeLessThanOrEqual(1);
  expect([came.lost, came.next]).toEqual(lost ? [1, undefined] : [0, "still here"]);
});

describe.each(["", "modern"])("a child that all share (%s)", (mode) => {
  const more = mode === "modern" ? { revision: "2026-07-28" } : known;
  const shared = { ...more, isolation: "shared" };

  test("is one, and each hears of its own request only", async () => {
    const config = childOf(mode, shared);
    const [alice, bob] = [listener(), listener({}, "bob")];
    const [one, other] = [await open(config, alice), await open(config, bob)];
    expect(await pidOf(one)).toBe(await pidOf(other));
    const heard: ServerMessage[][] = [[], []];
    const answers = await Promise.all(
      [one, other].map((link, i) =>
        call(link, "progress", {}, { _meta: { progressToken: "same" }, onMessage: (m) => heard[i]?.push(m) }),
      ),
    );
    expect(new Set(answers.map(textOf)).size).toBe(2);
    for (const said of heard)
      expect(said.map(({ params }) => params["progressToken"])).toEqual(["same", "same"]);
    await one.close();
    expect(textOf(await call(other, "echo", { text: "goes on" }))).toBe("goes on");
  });

  test("what it logs, or asks, is told to nobody", async () => {
    const config = childOf(mode, { ...shared, timeouts: { request_ms: 2_500 } });
    const [alice, bob] = [listener({ elicitation: {} }), listener({ elicitation: {} }, "bob")];
    const [one, other] = [await open(config, alice), await open(config, bob)];
    for (const link of [one, other]) link.listen({}, nobody);
    const during: ServerMessage[] = [];
    const onMessage = (message: ServerMessage): void => void during.push(message);
    await call(one, "log", {}, { onMessage });
    const answer = await call(one, "ask", {}, { onMessage });
    expect(answer).toEqual(mode === "modern" ? failed("upstream_timeout") : said("refused"));
    expect([during, alice.said, bob.said]).toEqual([[], [], []]);
    expect(one.hello.capabilities).toEqual({ tools: {} });
  });

  test("dies in the middle of calls: all of them fail, and the next one has another", async () => {
    const config = childOf(mode, shared);
    const [alice, bob] = [listener(), listener({}, "bob")];
    const [one, other] = [await open(config, alice), await open(config, bob)];
    const pid = await pidOf(one);
    const answers = await Promise.all([call(one, "hang"), call(other, "exit")]);
    expect(answers).toEqual([failed("upstream_unavailable"), failed("upstream_unavailable")]);
    expect(await pidOf(other)).not.toBe(pid);
    expect([alice.lost, bob.lost]).toEqual([0, 0]);
  });

  test("by tenant is none of another tenant's", async () => {
    const config = childOf(mode, { ...more, isolation: "tenant" });
    const other = listener({}, "carol");
    const { subject } = other.holder;
    const elsewhere = { ...other, holder: { ...other.holder, subject: { ...subject, tenant: "globex" } } };
    const pids = [
      await pidOf(await open(config)),
      await pidOf(await open(config, listener({}, "bob"))),
      await pidOf(await open(config, elsewhere)),
    ];
    expect(new Set(pids).size).toBe(2);
    expect(pids[0]).toBe(pids[1]);
  });
});

test("changes are told to all who listen, and updates to who subscribed", async () => {
  const config = childOf("", { ...known, isolation: "shared" });
  const [alice, bob, carol] = [listener(), listener({}, "bob"), listener({}, "carol")];
  const [one, other] = [await open(config, alice), await open(config, bob)];
  await open(config, carol);
  for (const link of [one, other]) link.listen({}, nobody);
  const subscribe = {
    method: "resources/subscribe",
    params: { uri: "note://a" },
    caller: nobody,
    signal: never,
  };
  await one.request({ ...subscribe, onMessage: () => undefined });
  await call(other, "change");
  const changed = { method: "notifications/tools/list_changed", params: {} };
  expect(alice.said).toEqual([
    changed,
    { method: "notifications/resources/updated", params: { uri: "note://a" } },
  ]);
  expect(bob.said).toEqual([changed]);
  expect(carol.said).toEqual([]);
});

test.each(["caller", "shared"])("a subscription (%s) brings what was asked for", async (isolation) => {
  const heard = listener();
  const link = await open(childOf("modern", { revision: "2026-07-28", isolation }), heard);
  link.listen({ toolsListChanged: true }, nobody);
  await until(() => heard.said.length > 0);
  await call(link, "echo", { text: "" });
  expect(heard.said).toEqual([{ method: "notifications/tools/list_changed", params: {} }]);
});
