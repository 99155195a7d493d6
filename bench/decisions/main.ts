/**
 * What one decision costs, microseconds of CPU of all threads, by the way it is asked: in the process, by the connection that
 * gateways keep (both of its sides), and as a chat through the gateway (client, gateway, sidecar and provider in one process).
 * Shipped policies, decision log to a file, one token that is verified once: `node --no-warnings dist/bench/decisions/main.js`.
 * Rounds of all are interleaved; the least of the rounds, and their median.
 */
import { Agent, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { createAsk } from "../../gateway/ask.js";
import { createLink } from "../../gateway/link.js";
import type { Decision, DecisionRequest } from "../../sidecar/contract.js";
import { startWorld } from "../../test/world.js";
import { cpuMicros, interleave, type Contestant } from "../engine/rounds.js";
import { chatBody, decisionsBody } from "../requests.js";

const atOnce = 32;
const world = await startWorld();
const uncached = await startWorld({ sets: ["cache.enabled=false"] });
const link = createLink({
  connect: () => connect(join(world.directory, "pdp.sock")),
  onLost: () => undefined,
  onForeign: () => undefined,
});
const ask = createAsk({ link, deadlineMs: 5_000 });

let asked = 0;
/** A question like the one before, but for what nobody reads. */
const questionTo = (
  issuer: typeof world.issuer,
): Promise<(more?: Partial<DecisionRequest>) => DecisionRequest> =>
  issuer.token("senior").then((bearer) => {
    const text = decisionsBody("unread", bearer);
    return (more = {}) => {
      const question = JSON.parse(text) as DecisionRequest;
      const { context } = question;
      const request = { ...context.request, id: `request-${String(asked++)}` };
      return { ...question, context: { ...context, request }, ...more };
    };
  });
const question = await questionTo(world.issuer);
const questionElsewhere = await questionTo(uncached.issuer);
const [first] = await ask(question({ task: { issue: true } }));
const token = first?.task_token?.token ?? "";

/** Lets the decision log write between turns, as it does between requests. */
const many = (name: string, one: () => Promise<unknown>): Contestant => ({
  name,
  async run(times) {
    const from = cpuMicros();
    for (let done = 0; done < times; done += atOnce) {
      await Promise.all(Array.from({ length: Math.min(atOnce, times - done) }, one));
      await new Promise(setImmediate);
    }
    return cpuMicros() - from;
  },
});
const decide = (
  world: { readonly sidecar: { readonly own: { decide(request: DecisionRequest): Promise<Decision[]> } } },
  one: DecisionRequest,
) => world.sidecar.own.decide(one);

const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
const bearer = await world.issuer.token("senior");
const body = chatBody();
const chat = (headers: Readonly<Record<string, string>> = {}): Promise<void> =>
  new Promise((resolve, reject) => {
    const sent = httpRequest(
      `${world.gatewayUrl}/v1/chat/completions`,
      {
        ...{ method: "POST", agent },
        headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json", ...headers },
      },
      (answer) => {
        if (answer.statusCode !== 200) reject(new Error(`answered ${String(answer.statusCode)}`));
        answer.resume().on("end", resolve);
      },
    );
    sent.on("error", reject).end(body);
  });

const results = await interleave(
  [
    many("a question alone", () => Promise.resolve(question())),
    many("in process, memory hit", () => decide(world, question())),
    many("in process, hit, a token is signed", () => decide(world, question({ task: { issue: true } }))),
    many("in process, hit, with a token", () => decide(world, question({ task: { token } }))),
    many("in process, evaluated", () => decide(uncached, questionElsewhere())),
    many("by frames, memory hit", () => ask(question())),
    many("by frames, hit, a token is signed", () => ask(question({ task: { issue: true } }))),
    many("a chat, a token is signed", () => chat()),
    many("a chat, with a token", () => chat({ "x-countersign-task": token })),
  ],
  { rounds: 5, ms: 400, warmMs: 800 },
);
for (const [name, { fastest, median }] of results)
  console.log(name.padEnd(36), fastest.toFixed(1).padStart(8), median.toFixed(1).padStart(8));
link.close();
agent.destroy();
await world.close();
await uncached.close();
