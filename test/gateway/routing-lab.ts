/** A gateway in front of three upstreams that a test breaks as it likes, on a clock of routing's own. */
import { request } from "node:http";
import type { Call, Decision } from "../../sidecar/contract.js";
import type { Served, World } from "./world.js";
import { callerToken, chatBody, json, post, startUpstream, startWorld, until } from "./world.js";

export type Answer = Served["answer"];

export const completion = (content: string) => ({
  ...{ id: "c", object: "chat.completion", created: 1, model: "m" },
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content } }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
});
export const chunk = (text: string): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content: text } }] })}\n\n`;
export const says =
  (content: string): Answer =>
  (_req, res) => {
    json(res, completion(content));
  };
export const fails =
  (status: number, headers: Record<string, string> = {}, error: object = { message: "no" }): Answer =>
  (_req, res) => {
    res.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify({ error }));
  };
export const drops: Answer = (req) => {
  req.socket.destroy();
};

/** Gives numbers that look random, the same every time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface Lab {
  readonly world: World;
  readonly a: Served;
  readonly b: Served;
  readonly c: Served;
  /** The clock of routing, milliseconds; sleeping moves it. */
  readonly time: { now: number };
  readonly slept: number[];
  /** Attempts, as metrics are told of them. */
  readonly tried: readonly (readonly [string, string])[];
  ask(more?: Record<string, unknown>, headers?: Record<string, string>): Promise<Response>;
}

let lab: Lab | undefined;

/** Ends the lab that was started last, if any. */
export async function stop(): Promise<void> {
  const { world, a, b, c } = lab ?? {};
  lab = undefined;
  await world?.close();
  await Promise.all([a?.close(), b?.close(), c?.close()]);
}

export const place = (region: string, more: object = {}): object => ({
  ...{ provider: "p", region, environment: "prod" },
  ...more,
});

/** Starts three upstreams: a and b are deployments of `group`, c is where `other` runs. */
export async function start(
  group: Record<string, unknown> = {},
  more: {
    a?: object;
    b?: object;
    c?: object;
    models?: object;
    upstreams?: Record<string, object>;
    random?: () => number;
  } = {},
): Promise<Lab> {
  const [a, b, c] = await Promise.all([
    startUpstream(says("a")),
    startUpstream(says("b")),
    startUpstream(says("c")),
  ]);
  const time = { now: 1_000 };
  const slept: number[] = [];
  const tried: [string, string][] = [];
  const world = await startWorld({
    config: {
      upstreams: Object.fromEntries(
        Object.entries({ a, b, c }).map(([name, { url }]) => [name, { url, ...more.upstreams?.[name] }]),
      ),
      models: {
        group: {
          deployments: [
            { upstream: "a", ...place("eu", more.a) },
            { upstream: "b", ...place("us", more.b) },
          ],
          choice: "priority",
          ...group,
        },
        other: { upstream: "c", ...place("eu", more.c) },
        ...more.models,
      },
    },
    routing: {
      tried: (deployment, result) => tried.push([deployment, result]),
      clock: () => time.now,
      random: more.random ?? (() => 0.5),
      sleep: (ms) => {
        slept.push(ms);
        time.now += ms;
        return Promise.resolve();
      },
    },
  });
  const ask: Lab["ask"] = (body = {}, headers = {}) =>
    post(world, "/v1/chat/completions", chatBody({ model: "group", ...body }), headers);
  lab = { world, a, b, c, time, slept, tried, ask };
  return lab;
}

export const contentOf = async (response: Response): Promise<unknown> => {
  const { choices } = (await response.json()) as { choices?: { message: { content: string } }[] };
  return choices?.[0]?.message.content;
};
/** Asks as a client that can be made to go away, by what this gives. */
export function askAndLeave({ world }: Lab): () => void {
  const headers = { authorization: `Bearer ${callerToken}`, "content-type": "application/json" };
  const asked = request(`${world.url}/v1/chat/completions`, { method: "POST", headers, agent: false });
  asked.on("error", () => undefined).end(chatBody({ model: "group" }));
  return () => {
    asked.destroy();
  };
}

export const counts = ({ a, b, c }: Lab): readonly number[] =>
  [a, b, c].map(({ received }) => received.length);
export const obliged =
  (type: string, properties: object): ((call: Call) => Partial<Decision>) =>
  ({ resource }) => ({
    allow: true,
    obligations: resource.id === "group" ? [{ id: "o", type, properties: properties as never }] : [],
  });

/** Waits for what the record is told of every decision so far. */
export async function outcomes({
  world,
}: Lab): Promise<readonly (readonly [string, string, string | undefined])[]> {
  await until(() => world.sidecar.outcomes.length >= world.sidecar.decided());
  return world.sidecar.outcomes
    .map(({ decision_id, outcome, upstream }) => [decision_id, outcome, upstream] as const)
    .sort(([one], [other]) => one.localeCompare(other));
}
