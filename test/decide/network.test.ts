/** A policy that asks the network: other decisions go on, and its own sees one moment. */
import type { AddressInfo } from "node:net";
import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createNetwork } from "../../sidecar/decide/builtins/network/network.js";
import { serveBuiltins } from "../../sidecar/decide/builtins/serve.js";
import type { Policy } from "../../sidecar/decide/policy.js";
import { loadPolicy } from "../../sidecar/decide/policy.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";

const toolchain = createToolchain({});
const waiting: (() => void)[] = [];
let asked = 0;
const server = createServer((req, res) => {
  asked++;
  waiting.push(() =>
    res.setHeader("content-type", "application/json").end(JSON.stringify({ path: req.url })),
  );
});
const lines: string[] = [];
let network: ReturnType<typeof createNetwork>;
let policy: Policy;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  network = createNetwork({ hosts: [`127.0.0.1:${port}`] });
  const rego = `package p

r := {"a": a.body.path, "b": b.body.path, "same": [t, time.now_ns(), rand.intn("k", 1000000)]} if {
	t := time.now_ns()
	print("asking for", input.name)
	a := http.send({"method": "get", "url": sprintf("http://127.0.0.1:${port}/%s", [input.name])})
	b := http.send({"method": "get", "url": sprintf("http://127.0.0.1:${port}/%s/more", [a.body.path])})
	print("got", b.body.path)
}

quick := input.n + 1

elsewhere := http.send({"method": "get", "url": "http://127.0.0.2:${port}/", "raise_error": true}).status_code
`;
  const built = await toolchain.build({
    files: { "p.rego": rego },
    entrypoints: ["p/r", "p/quick", "p/elsewhere"],
  });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  policy = loadPolicy({
    wasm: new Uint8Array(Buffer.from(built.result.wasm, "base64")),
    data: "{}",
    budget: 1_000_000,
    maxPages: 256,
    builtins: serveBuiltins({ print: (line) => lines.push(line), network: network.builtins }),
  });
});
afterAll(async () => {
  await network.close();
  await toolchain.close();
  server.close();
});

async function answerNext(): Promise<void> {
  while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  waiting.shift()?.();
}

test("others are answered while it waits; it sees one time, asks each thing once and prints once", async () => {
  const outcome = policy.evaluate("p/r", { name: "ann" });
  if (outcome.kind !== "pending") throw new Error(outcome.kind);
  for (let n = 0; n < 50; n++) expect(policy.evaluate("p/quick", { n })).toMatchObject({ value: n + 1 });
  await answerNext();
  for (let n = 0; n < 50; n++) expect(policy.evaluate("p/quick", { n })).toMatchObject({ value: n + 1 });
  await answerNext();
  const answer = await outcome.settled;
  if (answer.kind !== "value") throw new Error(JSON.stringify(answer));
  const { a, b, same } = answer.value as unknown as { a: string; b: string; same: { text: string }[] };
  expect([a, b]).toEqual(["/ann", "//ann/more"]);
  expect(same[0]).toEqual(same[1]);
  expect(asked).toBe(2);
  expect(lines).toEqual(["asking for ann", "got //ann/more"]);
});

test("a host that isn't listed is never asked", async () => {
  const outcome = policy.evaluate("p/elsewhere", {});
  const answer = outcome.kind === "pending" ? await outcome.settled : outcome;
  expect(answer.kind).toBe("undefined");
  expect(asked).toBe(2);
});
