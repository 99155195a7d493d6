/** A task: one agent's job, of many requests. What a PEP says of it, and what it is told. */

/** What groups requests where no token does. INVARIANT: it proves nothing; it only ever adds to what is held against a caller. */
export interface TaskHint {
  readonly kind: (typeof taskHintKinds)[number];
  readonly id: string;
}

export const taskHintKinds = ["traceparent", "mcp_session", "litellm_trace", "conversation"] as const;

/** What a request says of its task. */
export interface TaskRequest {
  /** The task token that the caller presented. INVARIANT: neither cached nor recorded. */
  readonly token?: string;
  readonly hints?: readonly TaskHint[];
  /** An allow is to bring a token where the caller brought none, or one that is due for another. */
  readonly issue?: boolean;
  /** With `task.create` only: what the new task is for. */
  readonly create?: TaskPlan;
  /** With one call only: an allow is to bring a token of a task under this one, for the agent that the call goes to. */
  readonly exchange?: TaskExchange;
  /** With `task.end` only: this task, and all under it, ends. */
  readonly end?: boolean;
}

/** What a task is for. Of a task under another, each can only be less than its parent's. */
export interface TaskPlan {
  /** `[a-z0-9][a-z0-9_.:-]*`, at most 64 characters. */
  readonly purpose?: string;
  /** RFC 6749 scope tokens. */
  readonly scopes?: readonly string[];
  readonly budget?: TaskBudget;
  /** RFC 3339. */
  readonly deadline?: string;
}

/** The most that a task, and all under it, may use: whole numbers. */
export interface TaskBudget {
  readonly requests?: number;
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly tokens?: number;
  readonly tool_calls?: number;
  readonly distinct_tools?: number;
  readonly chunks?: number;
  /** Calls of models. */
  readonly iterations?: number;
  readonly cost?: { readonly amount: string; readonly currency: string };
}

export interface TaskExchange extends TaskPlan {
  /** Whom the token is for: the agent's name in the gateway's configuration. */
  readonly audience: string;
  /** Identities that may hold it (their `id`s); absent: whoever acts for the same user in the same tenant. */
  readonly holders?: readonly string[];
}

/** What a decision says of its task. */
export interface DecisionTask {
  readonly id: string;
  /** Ids from the first task down to this one. */
  readonly lineage: readonly string[];
  /** Whether a token proved it; a hint, or nothing, didn't. */
  readonly proven: boolean;
}

/** A signed task token. INVARIANT: of this request alone; neither cached nor recorded. */
export interface IssuedTask {
  readonly token: string;
  /** RFC 3339. */
  readonly expires_at: string;
}

/** Where a label comes from. */
export interface LabelOrigin {
  readonly decision_id: string;
  /** Ids of the rules that held as it was given. */
  readonly rules: readonly string[];
  readonly action: string;
  /** `type:id` of what was asked for. */
  readonly resource: string;
  /** RFC 3339. */
  readonly at: string;
  /** The task that picked it up: another one than the asking one, where it sticks to who holds both. */
  readonly task: string;
}

/** A step that led to a denial: a label, and where it comes from; of another task of who holds both, no more than which. */
export interface LedHere
  extends
    Pick<LabelOrigin, "decision_id" | "at" | "task">,
    Partial<Pick<LabelOrigin, "rules" | "action" | "resource">> {
  readonly label: string;
}
