/** A bug behind the quick way through the data door is a failure of one request, not the end of the process. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import type { PlainDataParts } from "../../sidecar/api/plain-data.js";
import { createPlainData } from "../../sidecar/api/plain-data.js";
import type { Evaluated } from "../../sidecar/decide/evaluate.js";
import type { ActiveBundle } from "../../sidecar/bundles/active.js";

let close = (): void => undefined;
afterEach(() => {
  close();
});
const bug = (): never => {
  throw new Error("a bug");
};
const facts = {
  ...{ path: "app/allow", input: [["a"]], data: [], deterministic: true, nondeterministic: [] },
};
const outcome = { result: { allow: true }, rules: [] };
const evaluated: Evaluated = {
  ...{ kind: "evaluated", ...outcome, outcome },
  ...{ cache: "l1", lookups: {}, micros: {} },
};

async function ask(broken: Partial<PlainDataParts>): Promise<{ status: number; body: unknown }> {
  const bundle: ActiveBundle = {
    ...{ name: "b", revision: "r", digest: "d", roots: ["app"], rules: [], activatedAt: 0 },
    policy: {
      ...{ entrypoints: ["app/allow"], evaluate: bug, read: bug, kind: bug, patch: bug },
      memoryBytes: () => 0,
    },
    entrypoints: new Map([["app/allow", { facts, key: () => "k" }]]),
    dataVersion: () => 0,
  };
  const set = { bundles: [bundle] };
  const plain = createPlainData({
    bundles: () => set,
    evaluate: () => evaluated,
    prepare: (make) => (one) => make(one).value,
    recordAt: () => () => undefined,
    ...{ fileName: (file) => file, strict: false, observe: () => undefined, maxBody: 1_000 },
    ...{ newId: () => "00000000-0000-0000-0000-000000000000", micros: () => 0 },
    ...broken,
  });
  const server = createServer((req, res) => {
    if (!plain(req, res, { name: "tcp", trusted: false, loopback: false }, () => res.writeHead(418).end()))
      res.writeHead(418).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  close = () => server.close();
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/v1/data/app/allow`, {
    method: "POST",
    body: '{"input":{"a":1}}',
  });
  return { status: response.status, body: await response.json() };
}

test("it answers", async () => {
  expect(await ask({})).toMatchObject({ status: 200, body: { result: { allow: true } } });
});

const broken: { name: string; parts: Partial<PlainDataParts> }[] = [
  { name: "the evaluation", parts: { evaluate: bug } },
  { name: "an evaluation that is waited for", parts: { evaluate: () => Promise.resolve().then(bug) } },
  { name: "the epoch", parts: { epoch: bug } },
  { name: "the id", parts: { newId: bug } },
  { name: "what is prepared", parts: { prepare: () => bug } },
];
test.each(broken)("a fault of $name is no answer", async ({ parts }) => {
  const { status, body } = await ask(parts);
  expect(status).toBe(500);
  expect(JSON.stringify(body)).not.toContain("allow");
});
