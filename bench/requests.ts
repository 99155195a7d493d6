/** What is asked: a chat call of about 1.5 KB, as policy input and as the gateway's question. */
import { counter } from "./load.js";

/** Which field of two requests differs. */
export type Varied = "unread" | "read";

const inputBytes = 1_500;

/**
 * Body of `POST /v1/data/countersign/decision`: what `describe` builds out of a chat call, within working hours.
 * @param varied `unread`: `context.request.id`, which the shipped policies don't read; `read`: a parameter of the call, which they do
 */
export function dataBody(varied: Varied): string {
  const text = JSON.stringify({ input: input(varied, "") });
  return JSON.stringify({ input: input(varied, "x".repeat(Math.max(0, inputBytes - text.length))) });
}

/** Body of `POST /v1/decisions`: the same call with a token that has to be verified. */
export function decisionsBody(varied: Varied, bearer: string): string {
  const { action, resource, context } = input(varied, "");
  return JSON.stringify({
    call: { kind: "model", action, resource },
    credentials: { bearer },
    context: {
      source: { ip: "127.0.0.1" },
      environment: "prod",
      request: context.request,
      prompt: context.prompt,
    },
    obligations: ["limit_parameter", "strip_parameter", "redact", "limit_results", "filter"],
  });
}

/** Body of `POST /v1/chat/completions`. */
export function chatBody(): string {
  return JSON.stringify({
    model: "gpt-4o",
    max_tokens: 64,
    messages: [
      { role: "system", content: "You are a careful assistant. ".repeat(30) },
      { role: "user", content: "Summarise the handbook's chapter on leave. ".repeat(12) },
    ],
  });
}

function input(varied: Varied, padding: string) {
  const [id, argument] = varied === "unread" ? [counter, "0"] : ["0", counter];
  return {
    subject: {
      type: "agent",
      id: "agent:senior-assistant",
      properties: {
        tenant: "acme",
        issuer: "https://issuer.countersign.demo",
        method: "jwt",
        assurance: "bearer",
        groups: ["ml-engineering", "ml-senior"],
        roles: ["engineer"],
        claims: {},
        chain: [
          { type: "user", id: "sam@acme.example", issuer: "https://issuer.countersign.demo" },
          { type: "agent", id: "agent:senior-assistant", issuer: "https://issuer.countersign.demo" },
        ],
        department: "research",
      },
    },
    action: {
      name: "model.invoke",
      properties: {
        phase: "request",
        stream: false,
        parameters: { max_tokens: 64, temperature: 0.2, user: argument },
      },
    },
    resource: {
      type: "model",
      id: "gpt-4o-mini",
      properties: {
        provider: "openai",
        region: "eu",
        environment: "prod",
      },
    },
    context: {
      request: { id: `request-${id}`, method: "POST", path: "/v1/chat/completions" },
      time: { hour: 10, weekday: "wednesday", zone: "UTC" },
      source: { ip: "127.0.0.1", network: "internal", region: "eu" },
      device: { id: "acme-laptop-17", managed: true, compliant: true },
      environment: "prod",
      prompt: {
        messages: 2,
        roles: { system: 1, user: 1 },
        bytes: 1_480,
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        note: padding,
      },
    },
  };
}
