import { afterEach, expect, test } from "@jest/globals";
import { createSystemLookup } from "../../../sidecar/decide/builtins/network/dns.js";
import type { NetworkOutcome } from "../../../sidecar/decide/builtins/network/http-builtin.js";
import type { NetworkParts } from "../../../sidecar/decide/builtins/network/network.js";
import { call, createWorld, scopeAt } from "./http-world.js";

const world = createWorld();
afterEach(() => world.close());

const name = "net.lookup_ip_addr";
const notFound = Object.assign(new Error("none"), { code: "ENOTFOUND" });

const answers: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  "a.test": () => Promise.resolve(["10.0.0.2", "10.0.0.1", "2001:DB8::0:1", "::ffff:10.0.0.1"]),
  "none.test": () => Promise.reject(notFound),
  "empty.test": () => Promise.resolve([]),
  "broken.test": () => Promise.reject(new Error("x")),
  "slow.test": () => new Promise(() => undefined),
};
const lookup: NetworkParts["lookup"] = (host) => answers[host]?.() ?? Promise.reject(notFound);

test.each<[argument: string, given: string]>([
  ["a.test", '{"10.0.0.1","10.0.0.2","2001:db8::1"}'],
  ["A.Test.", '{"10.0.0.1","10.0.0.2","2001:db8::1"}'],
  ["10.0.0.0", '{"10.0.0.0"}'],
  ["::", '{"::"}'],
])("%s is a set of addresses", async (argument, given) => {
  const network = world.network({ hosts: ["*.test:1", "10.0.0.0", "::"], lookup });
  expect(await call(network, name, argument)).toBe(given);
});

test.each<[argument: string | number, code: string, message: string, outcome: NetworkOutcome]>([
  ["none.test", "eval_builtin_error", "lookup none.test: no such host", "failed"],
  ["empty.test", "eval_builtin_error", "lookup empty.test: no such host", "failed"],
  ["broken.test", "eval_builtin_error", "lookup broken.test: server misbehaving", "failed"],
  ["evil.example", "eval_builtin_error", "disallowed host: evil.example", "refused"],
  ["127.0.0.1", "eval_builtin_error", "disallowed host: 127.0.0.1", "refused"],
  ["localhost", "eval_builtin_error", "disallowed host: localhost", "refused"],
  ["a.test/x", "eval_builtin_error", "disallowed host: a.test/x", "refused"],
  ["", "eval_builtin_error", "disallowed host: ", "refused"],
])("%j is an error of the built-in", async (argument, code, message, outcome) => {
  const outcomes: NetworkOutcome[] = [];
  const network = world.network({ hosts: ["*.test"], lookup, count: (_builtin, o) => outcomes.push(o) });
  await expect(call(network, name, argument)).rejects.toMatchObject({ name: "BuiltinFault", code, message });
  expect(outcomes).toEqual([outcome]);
});

test("what is no string has the wrong type", async () => {
  const network = world.network({ hosts: ["*.test"], lookup });
  await expect(call(network, name, 1)).rejects.toMatchObject({
    code: "eval_type_error",
    message: "net.lookup_ip_addr: operand 1 must be string but got number",
  });
});

test("a resolver that doesn't answer ends the evaluation, as in OPA", async () => {
  const network = world.network({ hosts: ["*.test"], lookup, timeoutMs: 20 });
  await expect(call(network, name, "slow.test")).rejects.toMatchObject({ name: "HostBudgetExceeded" });
});

test("a name is asked for once in a decision, and again in the next", async () => {
  let asked = 0;
  const network = world.network({ hosts: ["*.test"], lookup: () => Promise.resolve([`10.0.0.${++asked}`]) });
  const scope = scopeAt(Date.now());
  expect(await call(network, name, "a.test", scope)).toBe('{"10.0.0.1"}');
  expect(await call(network, name, "a.test", scope)).toBe('{"10.0.0.1"}');
  expect(await call(network, name, "a.test")).toBe('{"10.0.0.2"}');
});

test("a resolver that hangs holds its own lane: more wait, and one more ends its decision", async () => {
  let asked = 0;
  const network = world.network({
    hosts: ["slow.test", "a.test"],
    maxConcurrent: 1,
    timeoutMs: 60_000,
    lookup: (host) => {
      asked++;
      return lookup(host);
    },
  });
  const nine = Array.from({ length: 9 }, () =>
    call(network, name, "slow.test").catch((error: unknown) => error),
  );
  await expect(call(network, name, "slow.test")).rejects.toMatchObject({ name: "HostBudgetExceeded" });
  expect(asked).toBe(1);
  expect(await call(network, name, "a.test")).toContain("10.0.0.1");
  await network.close();
  for (const outcome of await Promise.all(nine)) expect(outcome).toHaveProperty("name");
});

test("the system's resolver is asked for two names at once, and once for the same", async () => {
  const asked: string[] = [];
  const done: (() => void)[] = [];
  const system = createSystemLookup((host) => {
    asked.push(host);
    return new Promise((resolve) => done.push(() => resolve([host])));
  });
  const all = Promise.all(["a", "b", "a", "c"].map(system));
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toEqual(["a", "b"]);
  for (let i = 0; i < 3; i++) {
    done[i]?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await all).toEqual([["a"], ["b"], ["a"], ["c"]]);
  expect(asked).toEqual(["a", "b", "c"]);
});

test("the system's resolver knows localhost", async () => {
  expect(["127.0.0.1", "::1"]).toContain((await createSystemLookup()("localhost"))[0]);
});
