/** OPA's sections that this sidecar doesn't have, each with what to use instead. */
import type { Fields, Problems } from "../contract.js";

/** Refuses by name what OPA's configuration knows and this one doesn't. */
export function refuseOpas(top: Fields, problems: Problems): void {
  top.refuse({
    default_decision: "ask by path, POST /v1/data/<path>; decision.entrypoint is what /v1/decisions asks",
    default_authorization_decision:
      "operator.bundle says who may operate the sidecar, pep.peers who may ask it",
    caching: "decisions are cached as a whole: section cache",
    distributed_tracing: "spans come from the gateway; the sidecar has /metrics and the decision log",
    metrics_export: "let your collector read /metrics",
    plugins: "there are no plug-ins",
    storage: "data lives in memory and comes with bundles; api.writes lets it be written",
  });
  if (top.boolean("nd_builtin_cache") === true)
    problems.add("nd_builtin_cache", "isn't supported: results of built-ins aren't logged");
}

/** Refuses what stands in OPA's section `server` and not in this one. */
export function refuseOpasServer(server: Fields): void {
  server.refuse({
    metrics: "buckets are fixed; docs/metrics.md lists them",
    encoding: "answers aren't compressed",
    decoding: "give server.max_body_bytes",
    logger_plugin: "there are no plug-ins; give --log-format",
  });
}
