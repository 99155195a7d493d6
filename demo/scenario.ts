import type { IdentityName } from "./identities.js";

/** A case of the tour: who asks for what, and what must come of it. */
export interface Scenario {
  readonly who: IdentityName | "nobody";
  /**
   * Steps of one story are one task's: they carry its token on. Each story has a user of its own, so that what one picks up
   * doesn't stand against another, nor against the next tour.
   */
  readonly story?: string;
  readonly asks: string;
  readonly request:
    | { readonly kind: "chat"; readonly model: string; readonly stream?: boolean }
    /** Anthropic's protocol, whatever the model speaks. */
    | { readonly kind: "message"; readonly model: string }
    /** Offers functions, one of which the demo's model wants to call. */
    | { readonly kind: "function"; readonly model: string; readonly calls: string }
    | { readonly kind: "models" }
    | {
        readonly kind: "tool";
        readonly server: string;
        readonly tool: string;
        readonly arguments: Readonly<Record<string, string>>;
      }
    | { readonly kind: "tools"; readonly server: string }
    /** Makes a task, under the story's where there is one; the steps that follow are its own. */
    | {
        readonly kind: "task";
        readonly plan: Readonly<Record<string, unknown>>;
      }
    | { readonly kind: "query"; readonly collection: string; readonly query: string }
    /** By the store's own API. */
    | {
        readonly kind: "store";
        readonly method: "GET" | "POST" | "PUT" | "DELETE";
        readonly path: string;
        readonly body?: unknown;
      };
  readonly expect: {
    readonly allowed: boolean;
    /** Code of the first reason of a denial. */
    readonly reason?: string;
    /** Of such a denial: labels that led there, and by what each came. */
    readonly led?: readonly (readonly [label: string, resource: string])[];
    /** What the answer must hold somewhere. */
    readonly says?: string;
    /** What the answer must hold nowhere. */
    readonly lacks?: string;
    /** What the answer's list must hold, in any order. */
    readonly lists?: readonly string[];
  };
}
