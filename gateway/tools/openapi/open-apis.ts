/** Holds the OpenAPI documents that are configured, as they are served. */
import type { GatewayLog } from "../../exchange.js";
import type { ServerConfig } from "../server-config.js";
import type { OpenApiConfig } from "./config.js";
import type { Api } from "./operation.js";
import type { ReadApi } from "./read-api.js";

export interface OpenApis {
  /** Reads the documents of all servers that weren't read before. @throws Error with all that is wrong, by the servers' names */
  load(servers: ReadonlyMap<string, ServerConfig>): Promise<void>;
  of(config: OpenApiConfig): Api | undefined;
}

/** Creates the holder. What reads documents is loaded with the first of them: it takes memory. */
export function createOpenApis({ log }: { readonly log: GatewayLog }): OpenApis {
  const apis = new WeakMap<OpenApiConfig, Api>();
  return {
    async load(servers) {
      const problems: string[] = [];
      let readApi: ReadApi | undefined;
      for (const [name, { openapi: config, upstream }] of servers) {
        if (config === undefined || apis.has(config)) continue;
        readApi ??= (await import("./read-api.js")).createReadApi();
        try {
          // a query of the address's own could be taken for an argument
          if (upstream?.url.search !== "") throw new Error("the url must have no query");
          const api = await readApi(config);
          apis.set(config, api);
          for (const one of api.leftOut)
            log.warn("operation left out", { server: name, operation: one.operation, why: one.why });
        } catch (error) {
          problems.push(
            `servers.${name}.openapi: ${String((error as { message?: unknown } | null)?.message)}`,
          );
        }
      }
      if (problems.length > 0) throw new Error(problems.join("\n"));
    },
    of: (config) => apis.get(config),
  };
}
