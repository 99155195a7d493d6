import {
  checkRegistry,
  readPolling,
  readSigning,
  sizeLimitBytes,
  type Referred,
} from "../bundles/read-config.js";
import type { Fields, Problems } from "../contract.js";
import type { DiscoveryConfig } from "../discovery/config.js";
import { readResource, readService } from "../net/read-service.js";

/** Reads `discovery`. */
export function readDiscovery(fields: Fields, problems: Problems, referred: Referred): DiscoveryConfig {
  fields.refuse({
    name: "OPA has replaced it: give resource and decision",
    prefix: "OPA has replaced it: give resource",
  });
  if (fields.oneOf("trigger", ["periodic", "manual"]) === "manual")
    problems.add(fields.at("trigger"), "isn't supported: nothing here triggers it; leave it out");
  const resource = fields.has("name") ? fields.string("resource") : fields.required("resource");
  const decision = (fields.string("decision") ?? "").replace(/^\/+|\/+$/g, "");
  if (/[\s.]|\/\//.test(decision))
    problems.add(fields.at("decision"), "must be a path below data, e.g. example/discovery");
  const config: DiscoveryConfig = {
    bundle: {
      name: "discovery",
      from: {
        kind: "service",
        service: readService(fields, problems, referred.services),
        resource: resource === undefined ? "" : readResource(resource, fields.at("resource"), problems),
      },
      polling: readPolling(fields, problems),
      trigger: "periodic",
      persist: fields.boolean("persist") ?? false,
      ...readSigning(fields, problems, referred.keys),
      sizeLimitBytes,
      verify: { tests: false, version: false, expires: false },
    },
    decision,
  };
  fields.end();
  checkRegistry(config.bundle, referred.services, fields, problems);
  return config;
}
