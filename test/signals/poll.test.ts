/** Polling a real server that speaks RFC 8936, well or badly. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Members } from "../identify/world.js";
import { ec, es256 } from "../identify/world.js";
import { until } from "../redis.js";
import { open } from "../state/fences/world.js";
import type { Receiver, Served, Transmitter } from "./world.js";
import { bearer, issuer, serve, startReceiver, startTransmitter, uris } from "./world.js";

let from: Transmitter;
beforeAll(async () => {
  from = await startTransmitter();
});
afterAll(() => from.close());

interface Poll {
  readonly ack?: string[];
  readonly setErrs?: Record<string, { err: string; description: string }>;
  readonly maxEvents: number;
  readonly returnImmediately: boolean;
}

interface Poller extends Served {
  readonly polls: Poll[];
  /** What waits to be fetched, by jti. */
  readonly waiting: Map<string, string>;
  /** Answers the next polls itself. */
  answer: ((res: ServerResponse, poll: Poll) => boolean) | undefined;
}

/** A transmitter's polling end: gives what waits until it is acknowledged. */
async function startPoller(): Promise<Poller> {
  const polls: Poll[] = [];
  const waiting = new Map<string, string>();
  const poller: { answer: Poller["answer"] } = { answer: undefined };
  const server = await serve((req, res) => {
    void readBody(req).then((text) => {
      const poll = JSON.parse(text) as Poll;
      if (req.headers.authorization !== `Bearer ${bearer}`) return res.writeHead(401).end();
      polls.push(poll);
      if (poller.answer?.(res, poll) === true) return;
      for (const jti of [...(poll.ack ?? []), ...Object.keys(poll.setErrs ?? {})]) waiting.delete(jti);
      const sets = Object.fromEntries([...waiting].slice(0, poll.maxEvents));
      const give = () => sendJson(res, { sets, moreAvailable: waiting.size > poll.maxEvents });
      // a long poll is held for as long as there is nothing
      if (poll.returnImmediately || waiting.size > 0) give();
      else {
        const timer = setInterval(() => {
          if (waiting.size === 0) return;
          clearInterval(timer);
          sendJson(res, { sets: Object.fromEntries(waiting) });
        }, 5);
        res.on("close", () => clearInterval(timer));
      }
    });
  });
  return Object.assign(poller, { ...server, polls, waiting });
}

async function readBody(req: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of req as AsyncIterable<Buffer>) text += chunk.toString();
  return text;
}

function sendJson(res: ServerResponse, body: unknown): void {
  res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

const receiverOf = (poller: Poller, more: Members = {}, parts = {}): Promise<Receiver> =>
  startReceiver(from, {
    transmitter: {
      push: undefined,
      poll: { url: `${poller.url}/poll`, token_file: from.tokenFile, interval: 1, ...more },
    },
    parts,
  });

const put = (poller: Poller, sub: string, sign = from.sign): string => {
  const claims = from.claims(`${uris.caep}session-revoked`, { format: "iss_sub", iss: issuer, sub });
  poller.waiting.set(String(claims["jti"]), sign(claims));
  return String(claims["jti"]);
};

describe("polling", () => {
  test("takes what there is, acknowledges it in the next poll, and waits for more", async () => {
    const poller = await startPoller();
    const first = put(poller, "ann");
    const receiver = await receiverOf(poller, { max_events: 2 });
    await until(() => poller.waiting.size === 0);
    expect(receiver.inForce()).toEqual(["chain:ann tenant:acme"]);
    expect(poller.polls[0]).toEqual({ maxEvents: 2, returnImmediately: true });
    expect(poller.polls[1]?.ack).toEqual([first]);
    await until(() => poller.polls.some(({ returnImmediately }) => !returnImmediately));
    const more = ["b", "c", "d", "e", "f"].map((sub) => put(poller, sub));
    await until(() => poller.waiting.size === 0);
    expect(receiver.inForce()).toHaveLength(6);
    const acks = poller.polls.flatMap(({ ack = [] }) => ack);
    expect(acks).toEqual([first, ...more]);
    await receiver.close();
    await poller.close();
  });

  test("tells by setErrs what is refused, and takes the others", async () => {
    const poller = await startPoller();
    const forged = put(poller, "eve", (claims) => from.sign(claims, {}, es256(ec())));
    put(poller, "ann");
    poller.waiting.set("garbage", "not a SET");
    poller.waiting.set("number", 7 as unknown as string);
    const receiver = await receiverOf(poller);
    await until(() => poller.waiting.size === 0);
    expect(receiver.inForce()).toEqual(["chain:ann tenant:acme"]);
    const told = Object.assign({}, ...poller.polls.map(({ setErrs }) => setErrs)) as NonNullable<
      Poll["setErrs"]
    >;
    expect(Object.entries(told).map(([jti, { err }]) => [jti, err])).toEqual([
      [forged, "invalid_key"],
      ["garbage", "invalid_request"],
      ["number", "invalid_request"],
    ]);
    await receiver.close();
    await poller.close();
  });

  test("doesn't mention what can't take effect now, and takes it when it comes again", async () => {
    const poller = await startPoller();
    const jti = put(poller, "ann");
    const fences = await open();
    let full = true;
    const add: typeof fences.add = (fence) =>
      full ? Promise.resolve({ kind: "refused", code: "fences_full" }) : fences.add(fence);
    const receiver = await receiverOf(poller, {}, { fences: { ...fences, add } });
    await until(() => poller.polls.length > 1);
    expect(poller.polls.flatMap(({ ack = [], setErrs = {} }) => [...ack, ...Object.keys(setErrs)])).toEqual(
      [],
    );
    full = false;
    await until(() => poller.waiting.size === 0);
    expect(poller.polls.flatMap(({ ack = [] }) => ack)).toEqual([jti]);
    expect(fences.list()).toHaveLength(1);
    await receiver.close();
    await fences.close();
    await poller.close();
  });

  test("tells again, after a poll that failed, what it had taken; and after a restart takes it once more without harm", async () => {
    const poller = await startPoller();
    const jti = put(poller, "ann");
    let failed = 0;
    poller.answer = (res, poll) => {
      if (poll.ack === undefined || failed > 0) return false;
      failed++;
      res.writeHead(502).end();
      return true;
    };
    const receiver = await receiverOf(poller);
    await until(() => poller.waiting.size === 0);
    expect(poller.polls.filter(({ ack }) => ack?.[0] === jti)).toHaveLength(2);
    await receiver.close();

    const again = put(poller, "bob");
    poller.answer = (res, poll) => poll.ack !== undefined && (res.destroy(), true);
    const crashed = await startReceiver(from, {
      transmitter: {
        push: undefined,
        poll: { url: `${poller.url}/poll`, token_file: from.tokenFile, interval: 1 },
      },
      fences: receiver.fences,
    });
    await until(() => crashed.told.length > 0);
    await crashed.close();
    poller.answer = undefined;
    const restarted = await receiverOf(poller, {}, { fences: receiver.fences });
    await until(() => poller.waiting.size === 0);
    expect(poller.polls.at(-1)?.ack ?? poller.polls.at(-2)?.ack).toEqual([again]);
    expect(receiver.fences.list().filter(({ match }) => match.chain === "bob")).toHaveLength(1);
    await restarted.close();
    await poller.close();
  });
});

describe("a server that misbehaves", () => {
  const bad: readonly { name: string; answer: NonNullable<Poller["answer"]> }[] = [
    {
      name: "answers garbage",
      answer: (res) => (res.writeHead(200, { "content-type": "application/json" }).end("{"), true),
    },
    { name: "answers a list", answer: (res) => (sendJson(res, []), true) },
    { name: "answers sets that are a list", answer: (res) => (sendJson(res, { sets: ["x"] }), true) },
    {
      name: "answers HTML",
      answer: (res) => (res.writeHead(200, { "content-type": "text/html" }).end("<p>"), true),
    },
    {
      name: "redirects",
      answer: (res) => (res.writeHead(302, { location: "http://169.254.169.254/" }).end(), true),
    },
    {
      name: "answers more than is read",
      answer: (res) => (sendJson(res, { sets: { x: "x".repeat(5_000_000) } }), true),
    },
    {
      name: "always has more, and never any",
      answer: (res) => (sendJson(res, { sets: {}, moreAvailable: true }), true),
    },
    { name: "doesn't hold long polls", answer: (res) => (sendJson(res, { sets: {} }), true) },
    {
      name: "goes on giving what is not a SET",
      answer: (res) => (sendJson(res, { sets: { x: "y" }, moreAvailable: true }), true),
    },
  ];
  test.each(bad)("$name: is asked at the interval, and takes no effect", async ({ answer }) => {
    const poller = await startPoller();
    poller.answer = answer;
    const receiver = await receiverOf(poller);
    await until(() => poller.polls.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 120));
    // the first, and one that may be held
    expect(poller.polls.length).toBeLessThanOrEqual(2);
    expect(receiver.inForce()).toEqual([]);
    await receiver.close();
    await poller.close();
  });

  test("the same SET again and again is acknowledged at the interval", async () => {
    const poller = await startPoller();
    const claims = from.claims(`${uris.caep}session-revoked`, { format: "iss_sub", iss: issuer, sub: "ann" });
    const set = from.sign(claims);
    poller.answer = (res) => (sendJson(res, { sets: { one: set }, moreAvailable: true }), true);
    const receiver = await receiverOf(poller);
    await until(() => receiver.told.length > 1);
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(poller.polls.length).toBe(2);
    expect(receiver.inForce()).toEqual(["chain:ann tenant:acme"]);
    await receiver.close();
    await poller.close();
  });

  test("one that never answers is let go at the end", async () => {
    const poller = await startPoller();
    poller.answer = () => true;
    const receiver = await receiverOf(poller);
    await until(() => poller.polls.length > 0);
    await receiver.close();
    await poller.close();
  });

  test("asks no address that isn't allowed", async () => {
    const poller = await startPoller();
    const receiver = await startReceiver(from, {
      transmitter: {
        push: undefined,
        fetch: { http: true, addresses: "public" },
        poll: { url: "http://localtest.invalid/poll", token_file: from.tokenFile, interval: 1 },
      },
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(poller.polls).toEqual([]);
    await receiver.close();
    await poller.close();
  });
});

describe("verification", () => {
  test("is asked for; the event that comes is known by its state, any other state is refused", async () => {
    const poller = await startPoller();
    const asked: { stream_id: string; state: string }[] = [];
    const verifier = await serve((req, res) => {
      void readBody(req).then((text) => {
        asked.push(JSON.parse(text) as (typeof asked)[number]);
        res.writeHead(204).end();
      });
    });
    const receiver = await startReceiver(from, {
      transmitter: {
        verification: { url: verifier.url, stream_id: "stream-1", token_file: from.tokenFile, interval: 10 },
      },
    });
    await until(() => asked.length > 0);
    expect(asked[0]?.stream_id).toBe("stream-1");
    const event = (id: string, state?: string) =>
      from.sign(
        from.claims(
          `${uris.ssf}verification`,
          { format: "opaque", id },
          state === undefined ? {} : { state },
        ),
      );
    expect(await receiver.push(event("stream-1", asked[0]?.state))).toEqual({ status: 202, err: undefined });
    expect(await receiver.push(event("stream-1"))).toEqual({ status: 202, err: undefined });
    expect(await receiver.push(event("stream-1", "made-up"))).toEqual({ status: 400, err: "invalid_state" });
    expect(await receiver.push(event("stream-2", asked[0]?.state))).toEqual({
      status: 400,
      err: "invalid_request",
    });
    await receiver.close();
    await verifier.close();
    await poller.close();
  });
});
