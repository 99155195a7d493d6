/** What is known of a server's tools: approved or not, what policy is told of each, and how its arguments are checked. */
import type { Decision, Json, JsonObject } from "../../../sidecar/contract.js";
import type { ServerConfig } from "../server-config.js";

export interface Reviewed {
  readonly name: string;
  /** The definition as it may be given to a client; numbers lossless. */
  readonly tool: JsonObject;
  /** SHA-256 of the canonical definition, `sha256:` and hexadecimal. */
  readonly digest: string;
  readonly status: "approved" | "new" | "changed";
  /** Whether it must be neither listed nor called: not approved, where the server's definitions are enforced. */
  readonly quarantined: boolean;
  /**
   * For policy, members of `input.resource.properties` beside server, tool and arguments: `definition_digest`,
   * `definition_status`, `definition_flags` (sorted list), `annotations` (claims of the server), `risk`, `effect`, `labels`.
   */
  readonly properties: JsonObject;
  /** Says what is wrong with arguments, by place and never by value; undefined: nothing. */
  readonly checkArguments: (args: JsonObject) => string | undefined;
  /** The same for `structuredContent`; undefined where the tool has no `outputSchema`, too. */
  readonly checkResult: (structured: Json | undefined) => string | undefined;
  /** `x-mcp-header`: header (lower-case, `mcp-param-…`) to the place of the argument (path of member names). */
  readonly paramHeaders: ReadonlyMap<string, readonly string[]>;
}

/** Why a tool of a listing can't be offered at all. */
export interface Dropped {
  readonly name: string;
  readonly why: "invalid" | "name" | "look_alike" | "duplicate" | "schema";
}

export interface Definitions {
  /** Gives what differs whenever anything may have been approved, rejected or revoked; undefined where that can't be read. */
  version(): Promise<object | undefined>;
  /**
   * Reviews all tools that a server listed, in order; what can't be offered is dropped. Look-alikes between servers are
   * found among all that are known. `decide` asks policy whether a new or changed one may be approved without a person
   * (action `tool.approve`); the review remembers what was approved.
   */
  review(
    name: string,
    server: ServerConfig,
    tools: readonly Json[],
    decide: (tools: readonly Reviewed[]) => Promise<readonly Decision[]>,
  ): Promise<{ readonly tools: readonly Reviewed[]; readonly dropped: readonly Dropped[] }>;
}
