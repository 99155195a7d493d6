/** Requests that must not reach the API; as bytes on the wire. */
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { allow, callerToken, sendRaw } from "../../world.js";
import { attacks } from "./attacks.cases.js";
import type { Lab } from "./lab.js";
import { startLab } from "./lab.js";

let lab: Lab;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());
beforeEach(() => {
  lab.world.sidecar.decide = allow;
  lab.world.sidecar.asked.length = 0;
  lab.api.received.length = 0;
});

const raw = ({ method = "GET", path, headers = [], body }: (typeof attacks)[number]): string =>
  [
    `${method} ${path} HTTP/1.1`,
    "host: gateway",
    `authorization: Bearer ${callerToken}`,
    ...headers,
    ...(body === undefined ? [] : [`content-length: ${Buffer.byteLength(body)}`]),
    "connection: close",
    "",
    body ?? "",
  ].join("\r\n");

test.each(attacks)("$name is refused", async (attack) => {
  const answer = await sendRaw(lab.world.port, raw(attack));
  const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
  expect(lab.api.received).toEqual([]);
  expect(
    lab.world.sidecar.asked.flatMap(({ calls = [] }) => calls.map(({ action }) => action.name)),
  ).not.toContain("tool.call");
  // what isn't HTTP isn't ours to refuse
  if (attack.code === "") return expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  const said = JSON.parse(body) as { code: string; message: string };
  expect(said.code).toBe(attack.code);
  if (attack.says !== undefined) expect(said.message).toContain(attack.says);
});

test.each([
  ["a line break in a header", "x-request-kind: fast\r\n injected: 1"],
  ["a bare line feed", "x-request-kind: fast\ninjected: 1"],
])("%s leads to nothing", async (_name, header) => {
  const request = `GET /tools/pets/pets HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${callerToken}\r\n${header}\r\nconnection: close\r\n\r\n`;
  await sendRaw(lab.world.port, request);
  for (const { headers } of lab.api.received) expect(headers).not.toHaveProperty("injected");
});
