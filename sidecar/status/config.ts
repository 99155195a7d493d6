/** What the configuration says of status, in OPA's words. Source: OPA, "Configuration", status. */
import type { ServiceConfig } from "../bundles/config.js";
import type { Fields, Problems } from "../contract.js";
import { readResource, readService } from "../net/read-service.js";

/** `status`: who is told how bundles, discovery and the decision log are. */
export interface StatusConfig {
  /** One of `services`; absent: none is told. */
  readonly service?: string;
  /** Path at the service: `status`, or `status/<partition_name>`. */
  readonly resource: string;
  /** Whether it is written to the log, too. */
  readonly console: boolean;
}

/** Reads `status`. As with OPA, the only service is told unless `console` or `prometheus` is asked for. */
export function readStatus(
  fields: Fields,
  problems: Problems,
  services: ReadonlyMap<string, ServiceConfig>,
): StatusConfig {
  const partition = fields.string("partition_name") ?? "";
  const console = fields.boolean("console") ?? false;
  // metrics of bundles stand in /metrics in any case
  const prometheus = fields.boolean("prometheus") ?? false;
  fields.refuse({
    plugin: "there are no plug-ins; give service or console",
    prometheus_config: "buckets are fixed; docs/metrics.md lists them",
  });
  const trigger = fields.oneOf("trigger", ["periodic", "manual"]);
  if (trigger === "manual")
    problems.add(fields.at("trigger"), "isn't supported: status is sent when it changes");
  const asked = fields.has("service") || !(console || prometheus);
  const service = asked ? readService(fields, problems, services) : undefined;
  fields.raw("service");
  fields.end();
  return {
    ...(service === undefined ? {} : { service }),
    resource: readResource(
      partition === "" ? "status" : `status/${partition}`,
      fields.at("partition_name"),
      problems,
    ),
    console,
  };
}
