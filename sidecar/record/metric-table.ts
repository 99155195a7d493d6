/**
 * Lists every metric once: registration, docs/metrics.md, the dashboard and the alerts are all held to it.
 *
 * INVARIANT: each label's values are bounded (see label.ts and docs/metrics.md), so that no
 * caller can grow the number of series.
 */
export type MetricType = "counter" | "gauge" | "histogram";

export interface MetricFacts {
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds in seconds; histograms only. */
  readonly buckets?: readonly number[];
}

/** 1 µs to 1 s: a decision's steps. */
const stepBuckets = [
  0.000001, 0.0000025, 0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
] as const;

/** 100 µs to 10 s: what the gateway waits for. */
const askBuckets = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** 1 ms to 2 min: upstream answers. */
const upstreamBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
] as const;

/** Tokens per second. */
const rateBuckets = [1, 2.5, 5, 10, 25, 50, 75, 100, 150, 250, 500, 1_000, 2_500] as const;

export const metricTable = {
  countersign_decisions_total: {
    type: "counter",
    help: "Decisions made, by door, kind of call, action, result, first reason code and entrypoint.",
    labels: ["door", "kind", "action", "result", "reason", "policy"],
  },
  countersign_decision_step_seconds: {
    type: "histogram",
    help: "Time that each step of a decision took.",
    labels: ["step"],
    buckets: stepBuckets,
  },
  countersign_cache_total: {
    type: "counter",
    help: "Decision cache lookups, by level and result.",
    labels: ["level", "result"],
  },
  countersign_cache_l2_total: {
    type: "counter",
    help: "Lookups of decisions in Redis, by what came of them.",
    labels: ["event"],
  },
  countersign_cache_l2_choice: {
    type: "gauge",
    help: "1 where Redis is asked before an entrypoint is evaluated, 0 where evaluating was measured to take less.",
    labels: ["policy"],
  },
  countersign_bundle_info: {
    type: "gauge",
    help: "The active revision of each bundle, as a label; always 1.",
    labels: ["bundle", "revision"],
  },
  countersign_bundle_activated_timestamp_seconds: {
    type: "gauge",
    help: "When each bundle's active revision was activated, in seconds since the epoch.",
    labels: ["bundle"],
  },
  countersign_bundle_activations_total: {
    type: "counter",
    help: "Attempts to activate a bundle; a rejected one leaves the last good revision in force.",
    labels: ["bundle", "result"],
  },
  countersign_bundle_rejected_total: {
    type: "counter",
    help: "Versions of bundles that were not activated, by code (docs/bundles.md).",
    labels: ["bundle", "code"],
  },
  countersign_bundle_requests_total: {
    type: "counter",
    help: "What services answered that were asked for bundles: downloaded, unchanged, or a code (docs/services.md).",
    labels: ["bundle", "result"],
  },
  countersign_bundle_pushes_total: {
    type: "counter",
    help: "Pushes and rollbacks of bundles that this sidecar was asked for, and what came of them.",
    labels: ["action", "result"],
  },
  countersign_bundle_expires_timestamp_seconds: {
    type: "gauge",
    help: "When each bundle in force that says so expires, in seconds since the epoch.",
    labels: ["bundle"],
  },
  countersign_identity_failures_total: {
    type: "counter",
    help: "Calls whose credentials did not verify, by error code.",
    labels: ["code"],
  },
  countersign_evaluation_failures_total: {
    type: "counter",
    help: "Decisions denied because the policy could not be evaluated, by error code.",
    labels: ["code"],
  },
  countersign_rule_held_total: {
    type: "counter",
    help: "Times that each annotated rule held in a decision.",
    labels: ["rule"],
  },
  countersign_outcomes_total: {
    type: "counter",
    help: "What became of decided calls, as enforcement points reported.",
    labels: ["kind", "outcome"],
  },
  countersign_upstream_seconds: {
    type: "histogram",
    help: "Duration of calls as enforcement points reported them.",
    labels: ["kind"],
    buckets: upstreamBuckets,
  },
  countersign_decision_log_events_total: {
    type: "counter",
    help: "Decision log events written, dropped because the buffer was full, not written because of an error, or excluded by a policy.",
    labels: ["result"],
  },
  countersign_decision_log_upload_total: {
    type: "counter",
    help: "What became of decision log events that a service is to get: uploaded, dropped by reason, sent without a part; failed counts uploads.",
    labels: ["event"],
  },
  countersign_decision_log_waiting_bytes: {
    type: "gauge",
    help: "Compressed bytes of decision log events that wait for their service, in memory and on the disk.",
    labels: ["place"],
  },
  countersign_signals_total: {
    type: "counter",
    help: "Shared signals, by transmitter, event and what became of them.",
    labels: ["transmitter", "event", "result"],
  },
  countersign_signals_sent_total: {
    type: "counter",
    help: "Shared signals told to others, by receiver, event and what became of them.",
    labels: ["receiver", "event", "result"],
  },
  countersign_http_requests_total: {
    type: "counter",
    help: "HTTP requests answered by the sidecar, by door and status.",
    labels: ["door", "code"],
  },
  countersign_limits_total: {
    type: "counter",
    help: "Calls counted against limits, by the limit's name and what came of it: held, warned, exceeded (it only warns), refused.",
    labels: ["limit", "unit", "result"],
  },
  countersign_fences: {
    type: "gauge",
    help: "Fences in force, and those of them that wait for a second person to agree to lift them.",
    labels: ["state"],
  },
  countersign_fences_stale: {
    type: "gauge",
    help: "1 while it can't be known what is fenced off: Redis doesn't answer, or the file of fences is damaged.",
    labels: [],
  },
  countersign_fence_changes_total: {
    type: "counter",
    help: "Changes of fences asked for at this sidecar, by what came of it and who asked: people, or what fences by itself.",
    labels: ["change", "by"],
  },
  countersign_fence_events_total: {
    type: "counter",
    help: "What happened to records of fences: not authentic, written again, too many, not written.",
    labels: ["event"],
  },
  countersign_epochs: {
    type: "gauge",
    help: "Bumps of epochs that are still told apart.",
    labels: [],
  },
  countersign_epochs_listening: {
    type: "gauge",
    help: "1 while this sidecar hears of each bump as it happens; 0: what METADATA lets be kept isn't reused.",
    labels: [],
  },
  countersign_epoch_bumps_total: {
    type: "counter",
    help: "Bumps of epochs asked for at this sidecar, by what came of it and who asked: people, signals, ends of tasks.",
    labels: ["result", "by"],
  },
  countersign_epoch_events_total: {
    type: "counter",
    help: "What happened to records of epochs: not authentic, written again, too many; missed: what was kept was dropped.",
    labels: ["event"],
  },
  countersign_state_events_total: {
    type: "counter",
    help: "What happened to what is remembered of tasks and limits: full, lapsed, unsettled, dropped, unauthentic, restored.",
    labels: ["event"],
  },
  countersign_gateway_requests_total: {
    type: "counter",
    help: "Requests answered by the gateway, by kind of call and status class.",
    labels: ["kind", "status"],
  },
  countersign_gateway_ask_seconds: {
    type: "histogram",
    help: "Time that the gateway waited for the sidecar's decision.",
    labels: [],
    buckets: askBuckets,
  },
  countersign_gateway_first_byte_seconds: {
    type: "histogram",
    help: "Time from the gateway's receiving a request to the first byte of its answer.",
    labels: [],
    buckets: upstreamBuckets,
  },
  countersign_gateway_reuse_total: {
    type: "counter",
    help: "Questions that a decision which was given before may answer, by what became of them (sidecar.reuse).",
    labels: ["result"],
  },
  countersign_gateway_attempts_total: {
    type: "counter",
    help: "Attempts at deployments of models, by the name in the record and what came of them.",
    labels: ["upstream", "result"],
  },
  countersign_gateway_tokens_total: {
    type: "counter",
    help: "Tokens of models' requests and answers; cached, cache_write and reasoning are parts of input and output.",
    labels: ["model", "type", "source"],
  },
  countersign_gateway_cost_total: {
    type: "counter",
    help: "What calls of models cost, in units of the currency.",
    labels: ["currency", "model"],
  },
  countersign_gateway_first_token_seconds: {
    type: "histogram",
    help: "Time from the gateway's receiving a request to the first token of its streamed answer.",
    labels: ["model"],
    buckets: upstreamBuckets,
  },
  countersign_gateway_between_tokens_seconds: {
    type: "histogram",
    help: "Time between two pieces of a streamed answer, without the time that the client took.",
    labels: [],
    buckets: upstreamBuckets,
  },
  countersign_gateway_tokens_per_second: {
    type: "histogram",
    help: "Tokens per second of streamed answers, from the first to the last.",
    labels: ["model"],
    buckets: rateBuckets,
  },
  countersign_gateway_config_reloads_total: {
    type: "counter",
    help: "Reloads of the gateway's configuration, by result; a rejected one changes nothing.",
    labels: ["result"],
  },
  countersign_gateway_config_last_success_timestamp_seconds: {
    type: "gauge",
    help: "When a configuration of the gateway last came into force, in seconds since the epoch.",
    labels: [],
  },
  countersign_gateway_notified_total: {
    type: "counter",
    help: "What became of telling hooks of decisions, by the hook's name.",
    labels: ["hook", "result"],
  },
  countersign_gateway_credential_events_total: {
    type: "counter",
    help: "What happened to the gateway's own credentials, by their id: changes, failures to read them, use of the one before.",
    labels: ["credential", "event"],
  },
  countersign_gateway_tool_calls_total: {
    type: "counter",
    help: "Calls of tools, by MCP and as operations of APIs, by server, the risk that the configuration gives the tool, and what came of them.",
    labels: ["server", "risk", "result"],
  },
  countersign_gateway_documents_total: {
    type: "counter",
    help: "Documents that stores gave, by store and what became of them: given, masked, removed by policy, filtered by its condition.",
    labels: ["store", "result"],
  },
  countersign_gateway_tool_server_events_total: {
    type: "counter",
    help: "Starts and ends of tool servers' processes, definitions of tools that wait for approval, and tools that aren't offered.",
    labels: ["server", "event"],
  },
} as const satisfies Record<string, MetricFacts>;

export type MetricName = keyof typeof metricTable;
