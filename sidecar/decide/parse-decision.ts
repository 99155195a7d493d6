import type { Obligation, Reason } from "../contract.js";
import type { JsonObject } from "../contract.js";
import { readChallenge } from "../contract.js";

/** What a policy decided, before the sidecar adds what belongs to one request. */
export interface PolicyDecision {
  readonly allow: boolean;
  readonly reasons: readonly Reason[];
  readonly obligations: readonly Obligation[];
  readonly labels: readonly string[];
  /** Seconds; 0: not to be reused. */
  readonly ttl: number;
}

/** Of one decision. */
const mostLabels = 64;
/** Characters. */
const longestLabel = 128;

type Loose = Record<string, unknown>;

/**
 * Reads the result of a decision entrypoint: `{allow, reasons, obligations, labels, ttl}`, or a bare
 * boolean. Gives undefined where the shape is wrong, which is a deny: only literal `true` allows.
 */
export function parseDecision(value: unknown): PolicyDecision | undefined {
  if (typeof value === "boolean") return { allow: value, reasons: [], obligations: [], labels: [], ttl: 0 };
  if (!isRecord(value) || typeof value["allow"] !== "boolean") return undefined;
  const { allow, reasons = [], obligations = [], labels = [], ttl = 0 } = value;
  if (!Array.isArray(reasons) || !reasons.every(isReason)) return undefined;
  if (!Array.isArray(obligations) || !obligations.every(isObligation)) return undefined;
  if (!isLabels(labels)) return undefined;
  if (typeof ttl !== "number" || !(ttl >= 0) || ttl > 86_400) return undefined;
  return { allow: allow as boolean, reasons, obligations, labels, ttl };
}

function isReason(value: unknown): value is Reason {
  return (
    isRecord(value) &&
    typeof value["code"] === "string" &&
    typeof value["message"] === "string" &&
    (value["rule"] === undefined || typeof value["rule"] === "string") &&
    // where labels come from is the sidecar's to say
    value["led_here"] === undefined &&
    (value["labels"] === undefined || isLabels(value["labels"])) &&
    readChallenge(value["code"], value["properties"]) !== undefined
  );
}

/** Labels are kept, so they are bounded. */
function isLabels(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= mostLabels &&
    value.every((label) => typeof label === "string" && label.length > 0 && label.length <= longestLabel)
  );
}

function isObligation(value: unknown): value is Obligation {
  return (
    isRecord(value) &&
    typeof value["id"] === "string" &&
    typeof value["type"] === "string" &&
    isRecord(value["properties"] as JsonObject)
  );
}

function isRecord(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
