import type { ServiceConfig } from "../bundles/config.js";
import type { Service } from "../net/service/service.js";
import { createService } from "../net/service/service.js";

export interface SharedService {
  readonly service: Service;
  readonly config: ServiceConfig;
  /** Ends it where nobody else uses it. Once. */
  release(): void;
}

/** Gives the bundles of one service one client, and so one access token and the same connections. */
export function createSharedServices(): { take(config: ServiceConfig): SharedService } {
  const taken = new Map<string, { readonly service: Service; users: number }>();
  return {
    take(config) {
      const key = JSON.stringify(config);
      const one = taken.get(key) ?? { service: createService(config), users: 0 };
      taken.set(key, one);
      one.users += 1;
      return {
        ...{ service: one.service, config },
        release() {
          one.users -= 1;
          if (one.users > 0) return;
          taken.delete(key);
          one.service.close();
        },
      };
    },
  };
}
