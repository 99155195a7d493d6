/** Sends many requests at once, and counts what was accepted. */
import { Pool } from "undici";
import { chatPath } from "../gateway/systems.js";

export interface Burst {
  readonly requests: number;
  readonly accepted: number;
  readonly refused: number;
  /** Neither of both. */
  readonly failed: number;
  /** Answers a second. */
  readonly rate: number;
}

/** A prompt of some 250 tokens, as the provider says that it has. */
const prompt = "What does the handbook say of leave? ".repeat(27);

export async function burst(port: number, bearer: string, requests: number, atOnce: number): Promise<Burst> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: atOnce });
  const body = JSON.stringify({
    model: "gpt-4o",
    max_tokens: 120,
    messages: [{ role: "user", content: prompt }],
  });
  const counts = { accepted: 0, refused: 0, failed: 0 };
  let left = requests;
  const from = performance.now();
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const { statusCode, body: answer } = await pool.request({
        ...{ method: "POST", path: chatPath, body },
        headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
      });
      await answer.dump();
      counts[statusCode === 200 ? "accepted" : statusCode === 429 ? "refused" : "failed"]++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  const seconds = (performance.now() - from) / 1000;
  await pool.close();
  return { requests, ...counts, rate: Math.round(requests / seconds) };
}
