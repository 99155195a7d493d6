/**
 * Estimates tokens where a provider doesn't tell: a token for each four characters of ASCII, for each 1.3 of the scripts
 * of East Asia, for each 2.8 of any other. How far that is from tokenizers stands in docs/gateway-usage.md.
 */
import type { Json } from "../../sidecar/contract.js";
import { isObject } from "../../sidecar/contract.js";

const asciiPerToken = 4;
const eastAsianPerToken = 1.3;
const othersPerToken = 2.8;
/** Where the scripts of East Asia begin; what is written in two units (pictures, mostly) stands behind, too. */
const eastAsian = 0x2e80;

/** Counts characters (UTF-16 code units) as they come, and says how many tokens they may be. */
export class TextCount {
  private ascii = 0;
  private east = 0;
  private others = 0;

  add(text: string): void {
    for (let i = 0; i < text.length; i++) this.addUnit(text.charCodeAt(i));
  }

  /** Counts what stands in a JSON string from `from` on: to its closing quote, whose offset it gives. */
  addJsonString(text: string, from: number): number {
    let i = from;
    for (; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c === 0x22) break;
      if (c === 0x5c) {
        i++;
        // \u4e00 is one character; the first of its digits tells which script
        if (text.charCodeAt(i) === 0x75) {
          if (text.charCodeAt(i + 1) > 0x32) this.east++;
          else this.others++;
          i += 4;
        } else this.ascii++;
      } else this.addUnit(c);
    }
    return i;
  }

  tokens(): number {
    const { ascii, east, others } = this;
    return Math.ceil(ascii / asciiPerToken + east / eastAsianPerToken + others / othersPerToken);
  }

  private addUnit(c: number): void {
    if (c < 0x80) this.ascii++;
    else if (c >= eastAsian) this.east++;
    else this.others++;
  }
}

/** What isn't read as text: media, and what signs or hides a thought. */
const notText: ReadonlySet<string> = new Set([
  ...["data", "url", "image_url", "file_data", "signature", "encrypted_content", "thoughtSignature"],
  ...["id", "call_id", "tool_call_id", "tool_use_id", "type", "role", "model", "sha256"],
]);

/** Estimates the tokens of a request's, or an answer's, texts. What is no text (images, audio, files) counts nothing. */
export function estimateTokens(value: Json | undefined): number {
  const count = new TextCount();
  const walk = (inner: Json): void => {
    if (typeof inner === "string") count.add(inner);
    else if (Array.isArray(inner)) for (const item of inner) walk(item);
    else if (isObject(inner)) {
      for (const [name, member] of Object.entries(inner)) if (!notText.has(name)) walk(member);
    }
  };
  if (value !== undefined) walk(value);
  return count.tokens();
}

/** The members of a request that a model reads. */
const read = ["messages", "system", "tools", "functions", "input", "instructions", "prompt", "contents"];

/** Estimates what a request puts into the model. */
export function estimateInput(body: Readonly<Record<string, Json>>): number {
  const parts: Record<string, Json> = {};
  for (const name of [...read, "systemInstruction"]) {
    const value = body[name];
    if (value !== undefined) parts[name] = value;
  }
  return estimateTokens(parts) + tokensIn(body["prompt"]) + tokensIn(body["input"]);
}

/** Counts what stands there as tokens already: lists of numbers. */
function tokensIn(value: Json | undefined): number {
  if (!Array.isArray(value)) return 0;
  return value.reduce<number>((sum, one) => sum + (typeof one === "number" ? 1 : tokensIn(one)), 0);
}

/** A request is asked about more than once: for each model that it may go to, and while its answer comes. */
const inputs = new WeakMap<object, number>();

/** Gives the estimate of what a request puts into the model, once made. */
export function inputOf(body: Readonly<Record<string, Json>>): number {
  let tokens = inputs.get(body);
  if (tokens === undefined) inputs.set(body, (tokens = estimateInput(body)));
  return tokens;
}
