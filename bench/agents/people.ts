/** Whom the agents act for, and what acts for an agent in turn: identities by the demo's issuer, each task's its own. */
import type { DemoIssuer } from "../../demo/issuer.js";
import type { AgentParts } from "./agent.js";
import { Agent } from "./agent.js";
import type { Stage } from "./stage.js";

export interface People {
  /** Opens an agent of a task's user. */
  agent(n: number, more?: Partial<AgentParts>): Promise<Agent>;
  /** Another user's, who works at the same place. */
  mole(n: number): Promise<Agent>;
  /** Does what a planner is told: by the task that it was handed, without it, or by itself. */
  plan(text: string, task: string | undefined): Promise<string>;
}

interface Told {
  readonly marker: string;
  readonly as?: "alone" | "alone-created" | "dropped" | "handed";
  readonly reads?: readonly string[];
  readonly sends?: readonly (readonly [string, string])[];
}

export function createPeople(
  stage: Stage,
  { through, users }: { readonly through: boolean; readonly users: string },
  onRequest: () => void,
): People {
  const { issuer, servers } = stage;
  const doors = through ? stage.through : stage.straight;
  const open = async (
    claims: Readonly<Record<string, unknown>>,
    more: Partial<AgentParts> = {},
    name: Parameters<DemoIssuer["token"]>[0] = "senior",
  ): Promise<Agent> => {
    const bearer = through ? await issuer.token(name, claims) : servers.apiKey;
    return new Agent({ doors, bearer, onRequest, ...more });
  };
  const actor = (n: number): object => ({ sub: `agent:${users}-assistant-${n}`, type: "agent" });
  const user = (n: number): string => `${users}-${n}@acme.example`;
  const planner = (n: number): string => `agent:${users}-planner-${n}`;
  return {
    agent: (n, more) => open({ sub: user(n), act: actor(n) }, more),
    mole: (n) =>
      open({
        sub: `${users}-mole-${n}@acme.example`,
        act: { sub: `agent:${users}-mole-${n}`, type: "agent" },
      }),
    async plan(text, task) {
      const { marker, as = "handed", reads = [], sends = [] } = JSON.parse(text) as Told;
      const n = Number(/\d+/.exec(marker)?.[0]);
      const alone = { sub: planner(n), sub_type: "agent", groups: ["ml-engineering"] };
      const handed = { sub: user(n), act: { sub: planner(n), type: "agent", act: actor(n) } };
      const agent = as.startsWith("alone")
        ? await open(alone, {}, "ci")
        : await open(handed, as === "handed" ? { task } : {});
      try {
        if (as === "alone-created") await agent.begin({});
        const got: string[] = [];
        for (const url of reads) {
          const { allowed, text: page, codes } = await agent.page(url);
          got.push(allowed ? page : `denied: ${codes.join(", ")}`);
        }
        for (const [to, body] of sends) await agent.send(to, marker, body);
        return got.join("\n");
      } finally {
        await agent.close();
      }
    },
  };
}
