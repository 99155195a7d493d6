/** A model as the gateway's configuration knows it: one deployment, or several that stand for each other. */
import type { JsonObject } from "../../sidecar/contract.js";
import type { Price } from "../observe/price.js";

export const choices = ["weighted", "priority", "latency", "least_busy", "cost"] as const;
/** How one of several deployments is chosen, among those of the best priority. */
export type Choice = (typeof choices)[number];

export const fallbackKinds = ["general", "context_window", "content_policy"] as const;
/** Why another model is tried: the deployments failed, the request is too long, or its content was refused. */
export type FallbackKind = (typeof fallbackKinds)[number];

/** What a million tokens cost, when, and who says so. */
export interface Cost {
  readonly input: number;
  readonly output: number;
  /** ISO 4217. */
  readonly currency: string;
  /** RFC 3339 full-date. */
  readonly asOf: string;
  readonly source: string;
}

/** All in milliseconds; absent: what the upstream is configured with. */
export interface DeploymentTimeouts {
  /** To the first piece of the answer's body. */
  readonly firstTokenMs?: number;
  readonly betweenTokensMs?: number;
  /** To the answer's end. */
  readonly totalMs?: number;
}

/** Where a model runs. */
export interface Place {
  /** The name of its upstream. */
  readonly upstream: string;
  readonly provider: string;
  readonly region: string;
  readonly environment: string;
  /** The name that the upstream knows, where it differs. */
  readonly upstreamModel?: string;
  /** What it may write at most where a protocol must be told, and the request doesn't say; tokens. */
  readonly maxOutputTokens?: number;
}

/** One place where a model runs, and what policy may ask of it. An attribute that isn't stated isn't assumed. */
export interface Deployment extends Place {
  /** What the record calls it. */
  readonly name: string;
  /** Its share beside others; 0: none. */
  readonly weight: number;
  /** The lowest that is available is used. */
  readonly priority: number;
  readonly cost?: Cost;
  /** The same in exact numbers, with what {@link cost} has no words for. */
  readonly price?: Price;
  /** Whether the gateway asks for the usage of streams; it does unless told not to. */
  readonly askUsage?: boolean;
  readonly contextTokens?: number;
  readonly capabilities?: readonly string[];
  readonly residency?: string;
  readonly dataRetentionDays?: number;
  readonly zeroRetention?: boolean;
  readonly trainingUse?: boolean;
  readonly certifications?: readonly string[];
  readonly timeouts: DeploymentTimeouts;
}

export interface Retries {
  /** Attempts after the first. */
  readonly most: number;
  /** How much of the traffic may be retries, percent; beside a reserve of {@link reserve}. */
  readonly budgetPercent: number;
  readonly reserve: number;
  /** The first pause is up to this; each further one up to twice as long. Milliseconds. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
  /** The longest `retry-after` that is waited for, milliseconds. */
  readonly longestRetryAfterMs: number;
}

export interface BreakerConfig {
  /** Failures in a row that open it; 0: never. */
  readonly failures: number;
  /** From its opening to the one probe, milliseconds. */
  readonly coolDownMs: number;
}

/** Its own fields are the first deployment's: where operations go that aren't routed. */
export interface ModelConfig extends Place {
  /** At least one. */
  readonly deployments: readonly Deployment[];
  readonly choice: Choice;
  /** What keeps its deployment: a caller, or what a caller says in a header (lower-case). */
  readonly sticky?: { readonly by: "user" } | { readonly by: "header"; readonly header: string };
  readonly retries: Retries;
  readonly breaker: BreakerConfig;
  /** The models to try instead, in order. */
  readonly fallbacks: Readonly<Record<FallbackKind, readonly string[]>>;
  /** What policy sees as the properties of the resource. */
  readonly facts: JsonObject;
}
