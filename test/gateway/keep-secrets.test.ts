/** A credential that comes back in an answer, however it is cut, ends the answer before any of it is given. */
import { describe, expect, test } from "@jest/globals";
import type { AnswerBody } from "../../gateway/forward/request.js";
import { keepFromBody, keepFromHeaders } from "../../gateway/forward/keep-secrets.js";

const secret = 'sk-"provider"-key-5f2b-sk-"provider"';
const bodyOf = (pieces: readonly Buffer[], ended: { early: boolean } = { early: false }): AnswerBody => ({
  dump: () => Promise.resolve(),
  async *[Symbol.asyncIterator]() {
    try {
      for (const piece of pieces) yield await Promise.resolve(piece);
    } finally {
      ended.early = true;
    }
  },
});
const cut = (text: string, size: number): Buffer[] => {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
};
const read = async (
  text: string,
  size: number,
  secrets = [secret],
): Promise<{ given: string; failed: boolean }> => {
  const given: Buffer[] = [];
  try {
    for await (const piece of keepFromBody(bodyOf(cut(text, size)), secrets)) given.push(piece);
    return { given: Buffer.concat(given).toString(), failed: false };
  } catch {
    return { given: Buffer.concat(given).toString(), failed: true };
  }
};
const sizes = [1, 2, 3, 7, 16, 35, 36, 37, 64, 1_000];

describe.each(sizes.map((size) => [size]))("in pieces of %d bytes", (size) => {
  test("what holds no secret passes byte for byte", async () => {
    for (const text of [
      "",
      "hello, wörld",
      `${secret.slice(0, -1)} ${secret.slice(1)}`,
      secret.slice(0, 20),
      "sk-".repeat(50),
    ]) {
      expect(await read(text, size)).toEqual({ given: text, failed: false });
    }
  });
  test.each([
    ["as it is", secret],
    ["as JSON writes it", JSON.stringify(secret).slice(1, -1)],
    ["behind its own beginning", secret.slice(0, 30) + secret],
    ["as the second of two", `the other: ${secret}`],
  ])("a secret %s ends it before it begins", async (_name, text) => {
    const { given, failed } = await read(`before ${text} after`, size, ["another-secret-0123", secret]);
    expect(failed).toBe(true);
    expect(`before ${text}`.startsWith(given)).toBe(true);
    expect(given.length).toBeLessThanOrEqual(`before ${text}`.length - secret.length);
  });
});

test("the upstream's body is let go of when it ends early", async () => {
  const ended = { early: false };
  const body = keepFromBody(bodyOf([Buffer.from(secret), Buffer.from("more")], ended), [secret]);
  await expect(body[Symbol.asyncIterator]().next()).rejects.toThrow("quotes a credential");
  expect(ended.early).toBe(true);
});
test("what is as short as a word isn't looked for", async () => {
  expect(await read("openai says openai", 5, ["openai"])).toEqual({
    given: "openai says openai",
    failed: false,
  });
});
test("headers that quote it are left out", () => {
  const headers = { "request-id": `x-${secret}`, "retry-after": "1", "set-cookie": ["a", secret] };
  expect(keepFromHeaders(headers, [secret])).toEqual({ "retry-after": "1" });
  expect(keepFromHeaders({ "retry-after": "1" }, [secret])).toEqual({ "retry-after": "1" });
});
