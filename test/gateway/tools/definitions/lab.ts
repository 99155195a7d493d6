/** Reviews of tools as servers list them, by the parts that the gateway uses. */
import type { Approvals } from "../../../../gateway/tools/definitions/approvals/approvals.js";
import { createMemoryApprovals } from "../../../../gateway/tools/definitions/approvals/memory.js";
import { createDefinitions } from "../../../../gateway/tools/definitions/create.js";
import type { Definitions, Reviewed } from "../../../../gateway/tools/definitions/definitions.js";
import type { DefinitionsConfig } from "../../../../gateway/tools/definitions/read-config.js";
import type { Decision, Json, JsonObject } from "../../../../sidecar/contract.js";
import { denied, parseJson } from "../../../../sidecar/contract.js";

export interface Lab {
  readonly definitions: Definitions;
  readonly approvals: Approvals;
  /** What operators were told. */
  readonly log: string[];
  /** What policy was asked to approve, `server/tool digest`. */
  readonly asked: string[];
  /** Reviews what a server lists, as text or as values. */
  review(
    server: string,
    tools: readonly unknown[] | string,
    options?: Partial<DefinitionsConfig> & { readonly approve?: (tool: Reviewed) => unknown },
  ): ReturnType<Definitions["review"]>;
}

const yes = (allow: unknown): Decision => ({
  ...denied("decision-1", { code: "denied", message: "no" }, new Date(0)),
  allow: allow as boolean,
  rules: ["tools.auto"],
});

export function createLab(approvals: Approvals = createMemoryApprovals()): Lab {
  const log: string[] = [];
  const warn = (message: string, fields: unknown): number => log.push(`${message} ${JSON.stringify(fields)}`);
  const definitions = createDefinitions({ approvals, now: () => 1_000, log: { warn } });
  const asked: string[] = [];
  return {
    definitions,
    approvals,
    asked,
    log,
    review(server, tools, { approve = () => false, ...config } = {}) {
      const listed = parseJson(typeof tools === "string" ? tools : JSON.stringify(tools)) as Json[];
      return definitions.review(
        server,
        { definitions: { mode: "enforce", rules: [], ...config } },
        listed,
        (waiting) => {
          asked.push(...waiting.map(({ name }) => `${server}/${name}`));
          return Promise.resolve(waiting.map((tool) => yes(approve(tool))));
        },
      );
    },
  };
}

export const plain = { type: "object" };

export function tool(name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { name, description: `${name} does what it says`, inputSchema: plain, ...more };
}

/** Reviews one tool whose schema is given as text, and approves it. */
export async function withSchema(inputSchema: string, more = ""): Promise<Reviewed | undefined> {
  const { tools } = await createLab().review("s", `[{"name":"t","inputSchema":${inputSchema}${more}}]`, {
    approve: () => true,
  });
  return tools[0];
}

export const parsed = (text: string): JsonObject => parseJson(text) as JsonObject;
