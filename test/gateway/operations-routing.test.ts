/** Operations go the way that chats go: chosen, tried again, narrowed, and decided anew before another model is tried. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Answer, Lab } from "./routing-lab.js";
import { counts, drops, fails, outcomes, place, start, stop } from "./routing-lab.js";
import { callerToken, json, post } from "./world.js";

afterEach(stop);

const vectors: Answer = (_req, res) => {
  json(res, { data: [], usage: { prompt_tokens: 1 } });
};
const response =
  (id: string): Answer =>
  (_req, res) => {
    json(res, { id, object: "response", status: "completed", output: [] });
  };
const embed = (lab: Lab, model = "group"): Promise<Response> =>
  post(lab.world, "/v1/embeddings", JSON.stringify({ model, input: "x" }));
async function lab(
  answer: Answer,
  group: Record<string, unknown> = {},
  more: Parameters<typeof start>[1] = {},
): Promise<Lab> {
  const here = await start({ retries: { max: 1, pause_ms: 0 }, ...group }, more);
  here.a.answer = here.b.answer = here.c.answer = answer;
  return here;
}

describe("an operation", () => {
  const faults: readonly (readonly [string, Answer])[] = [
    ["is down", fails(503)],
    ["breaks off", drops],
    ["is asked too much", fails(429)],
  ];
  test.each(faults)("goes to another deployment where one %s", async (_name, fault) => {
    const here = await lab(vectors);
    here.a.answer = fault;
    expect((await embed(here)).status).toBe(200);
    expect(counts(here)).toEqual([1, 1, 0]);
    expect(here.b.received[0]?.body).toBe(here.a.received[0]?.body);
    expect(await outcomes(here)).toEqual([["d-1", "forwarded", "b"]]);
  });

  test("isn't sent to a deployment whose breaker is open", async () => {
    const here = await lab(vectors, { breaker: { failures: 1, cool_down_ms: 60_000 } });
    here.a.answer = fails(500);
    await embed(here);
    await embed(here);
    expect(counts(here)).toEqual([1, 2, 0]);
  });

  test("is narrowed by policy; nothing left is a deny", async () => {
    const here = await lab(vectors);
    const restrict = (type: string, properties: Record<string, string[]>): void => {
      here.world.sidecar.decide = () => ({ allow: true, obligations: [{ id: "o", type, properties }] });
    };
    restrict("restrict_regions", { regions: ["us"] });
    expect((await embed(here)).status).toBe(200);
    expect(counts(here)).toEqual([0, 1, 0]);
    restrict("restrict_providers", { providers: ["elsewhere"] });
    expect((await embed(here)).status).toBe(403);
    expect(counts(here)).toEqual([0, 1, 0]);
  });

  test("goes to the model that policy selects, which is decided on first", async () => {
    const here = await lab(vectors);
    const select = { id: "o", type: "select_model", properties: { model: "other" } };
    here.world.sidecar.decide = ({ resource }) => ({
      allow: true,
      obligations: resource.id === "group" ? [select] : [],
    });
    expect((await embed(here)).status).toBe(200);
    expect(counts(here)).toEqual([0, 0, 1]);
    expect(JSON.parse(here.c.received[0]?.body ?? "")).toEqual({ model: "other", input: "x" });
    expect(here.world.sidecar.decided()).toBe(2);
  });

  test.each([
    ["that is allowed is tried", true],
    ["that is denied isn't", false],
  ])("a fallback %s", async (_name, allowed) => {
    const here = await lab(fails(500), { fallbacks: { general: ["other"] }, retries: { max: 0 } });
    here.c.answer = vectors;
    here.world.sidecar.decide = ({ resource }) => ({ allow: allowed || resource.id !== "other" });
    expect((await embed(here)).ok).toBe(allowed);
    expect(counts(here)).toEqual([1, 0, allowed ? 1 : 0]);
  });

  test("goes past deployments whose upstream has no such operation", async () => {
    const here = await lab(vectors, {}, { upstreams: { a: { protocol: "anthropic" } } });
    expect((await embed(here)).status).toBe(200);
    expect(counts(here)).toEqual([0, 1, 0]);
  });
});

describe("what an upstream keeps", () => {
  const create = async (here: Lab, more: object = {}): Promise<{ id: string; status: number }> => {
    const got = await post(
      here.world,
      "/v1/responses",
      JSON.stringify({ model: "group", input: "x", ...more }),
    );
    return { ...((await got.json()) as { id: string }), status: got.status };
  };
  const stored = (here: Lab, id: string, method = "GET"): Promise<Response> =>
    fetch(`${here.world.url}/v1/responses/${id}`, {
      method,
      headers: { authorization: `Bearer ${callerToken}` },
    });

  test("is gone on from, read and deleted where it is, whichever deployment would be chosen", async () => {
    const here = await lab(response("resp_b"));
    here.a.answer = fails(500);
    const { id } = await create(here);
    here.a.answer = response("resp_a");
    expect((await create(here, { previous_response_id: id })).status).toBe(200);
    expect((await stored(here, id)).status).toBe(200);
    expect((await stored(here, id, "DELETE")).status).toBe(200);
    expect(counts(here)).toEqual([1, 4, 0]);
    expect(JSON.parse(here.b.received[1]?.body ?? "")).toMatchObject({ previous_response_id: "resp_b" });
    expect(here.b.received[2]).toMatchObject({ method: "GET", path: "/v1/responses/resp_b" });
  });

  test("isn't looked for elsewhere: not where it is down, nor where policy narrows, nor at a fallback", async () => {
    const here = await lab(response("resp_a"), { fallbacks: { general: ["other"] } });
    const { id } = await create(here);
    here.a.answer = fails(500);
    expect((await stored(here, id)).status).toBe(502);
    const us = { id: "o", type: "restrict_regions", properties: { regions: ["us"] } };
    here.world.sidecar.decide = () => ({ allow: true, obligations: [us] });
    expect((await stored(here, id)).status).toBe(404);
    expect(counts(here).slice(1)).toEqual([0, 0]);
  });

  test("of two deployments at one upstream either is asked", async () => {
    const two = ["one", "two"].map((name) => ({ name, upstream: "a", ...place("eu") }));
    const here = await lab(response("resp_a"), { deployments: two, choice: "weighted" });
    const { id } = await create(here);
    expect((await stored(here, id)).status).toBe(200);
  });
});
